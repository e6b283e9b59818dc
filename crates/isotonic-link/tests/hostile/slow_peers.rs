//! Peers that are on time with every byte and never with the whole: one byte a second. A limit on the
//! silence between two bytes would let them hold a place for ever; the limit is on the whole handshake.

use crate::alone::alone;
use crate::echo_server::survives;
use crate::raw_peer::{ATTACH, ATTACHED, HELLO_LEN, RawPeer, attachment, hello, welcome};
use crate::records_to_a_client::{assert_not_attached, reason_of};
use crate::segments::{CAPACITY, good_segment};
use isotonic_link::{Address, Connector, Reason, ShmMode};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The pause that such a peer makes. The handshake takes longer by far than its limit then.
const A_BYTE_EACH: Duration = Duration::from_secs(1);

/// Sends one byte at a time, the first with the descriptor, until the other side has had enough. Returns
/// the number of bytes that it took.
fn dawdle(peer: &RawPeer, bytes: &[u8], segment: Option<OwnedFd>) -> usize {
    for (number, byte) in bytes.iter().enumerate() {
        let first = segment.as_ref().filter(|_| number == 0);
        let descriptors = Vec::from_iter(first.map(AsFd::as_fd));
        if peer.try_send_with(&[*byte], &descriptors).is_err() || peer.is_closed_within(A_BYTE_EACH)
        {
            return number;
        }
    }
    panic!(
        "everything was taken, after {:?}",
        A_BYTE_EACH * bytes.len() as u32
    );
}

/// A server on a socket of its own that does with its one connection what `serve` says.
fn slow_server(
    serve: impl FnOnce(RawPeer) + Send + 'static,
) -> (Address, JoinHandle<()>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let peer = RawPeer::over(listener.accept().unwrap().0);
        assert_eq!(peer.receive(HELLO_LEN), hello(1, 1, 3));
        serve(peer);
    });
    (Address::Unix(path), server, folder)
}

/// All at once, because each lasts as long as a handshake may.
#[test]
fn one_byte_a_second_is_too_slow_for_a_handshake_while_others_are_served() {
    alone(|| {
        survives(async |server, slow_hello| {
            let slow_offer = RawPeer::connect(&server.address);
            let slow_clients = [
                thread::spawn(move || dawdle(&slow_hello, &hello(1, 1, 1), None)),
                thread::spawn(move || {
                    slow_offer.send(&hello(1, 1, 3));
                    assert_eq!(slow_offer.receive(HELLO_LEN), welcome(1, 0, 3));
                    dawdle(
                        &slow_offer,
                        &attachment(ATTACH, CAPACITY),
                        Some(good_segment()),
                    )
                }),
            ];
            let slow_welcome = slow_server(|peer| {
                dawdle(&peer, &welcome(1, 0, 1), None);
            });
            let slow_answer = slow_server(|peer| {
                peer.send(&welcome(1, 0, 1));
                assert_eq!(peer.receive_step().kind, ATTACH);
                dawdle(&peer, &attachment(ATTACHED, CAPACITY), Some(good_segment()));
            });
            let connector = Connector::default().shm_mode(ShmMode::Require);
            let (first, second, ()) = tokio::join!(
                connector.connect(&slow_welcome.0),
                connector.connect(&slow_answer.0),
                async {
                    while slow_clients.iter().any(|slow| !slow.is_finished()) {
                        server.serves_a_good_client().await;
                    }
                }
            );
            assert_eq!(reason_of(first), Reason::NoAnswer);
            assert_not_attached(&reason_of(second));
            for slow in slow_clients {
                assert!(slow.join().unwrap() > 0, "there was no patience at all");
            }
            for (_, server, _) in [slow_welcome, slow_answer] {
                server.join().unwrap();
            }
        })
    });
}
