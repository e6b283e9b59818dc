//! Descriptors that nobody receives: behind what ends a connection, or more than a message may carry. The
//! kernel closes those together with the socket, and one that lingers would hold up whoever does it.

use crate::alone::alone;
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::echo_server::{EchoServer, survives};
use crate::lingering_socket::{let_go, lingering};
use crate::patience::within;
use crate::raw_peer::{ATTACH, HELLO_LEN, RawPeer, attachment, hello, record, welcome};
use crate::segments::CAPACITY;
use isotonic_link::{Address, Connector, Listener, PeerPolicy};
use std::fs::File;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

/// Sends a lingering socket with a byte, and keeps nothing but the other end of it. The other side may
/// close meanwhile.
fn leave_behind(peer: &RawPeer) -> TcpStream {
    let (socket, never_reads) = lingering();
    let _ = peer.try_send_with(b"x", &[socket.as_fd()]);
    let_go(socket);
    never_reads
}

#[test]
fn behind_the_bytes_of_another_protocol() {
    alone(|| {
        survives(async |_, client| {
            let (socket, _never_reads) = lingering();
            client.send_with(b"GET / HTTP/1.1", &[socket.as_fd()]);
            let_go(socket);
            client.is_closed_by_the_other_side();
        })
    });
}

#[test]
fn behind_a_broken_record() {
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            // As much as the server receives at a time, and more.
            client.send(&record(0xEE, &[0; 16 * 1024]));
            let _never_reads = leave_behind(&client);
            drop(client);
            server.next_end_is(ErrorKind::InvalidData).await;
        })
    });
}

#[test]
fn as_the_last_of_too_many_in_one_message() {
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            let (socket, _never_reads) = lingering();
            let nothing = File::open("/dev/null").unwrap();
            let mut descriptors = vec![nothing.as_fd(); 100];
            descriptors.push(socket.as_fd());
            client.send_with(&attachment(ATTACH, CAPACITY), &descriptors);
            drop(descriptors);
            let_go(socket);
            client.is_closed_by_the_other_side();
            server.next_end_is(ErrorKind::InvalidData).await;
        })
    });
}

#[test]
fn in_the_queue_of_a_socket_that_is_sent_itself() {
    alone(|| {
        survives(async |server, client| {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let _never_reads = leave_behind(&RawPeer::over(ours));
            client.shake_hands();
            client.send_with(&attachment(ATTACH, CAPACITY), &[theirs.as_fd()]);
            let_go(theirs);
            client.receive_step();
            client.echoes(b"not held up");
            drop(client);
            server.next_end().await;
        })
    });
}

#[test]
fn by_a_client_that_is_not_admitted() {
    alone(async || {
        let own = rustix::process::geteuid().as_raw();
        let nobody = PeerPolicy::Users(vec![own ^ 1]);
        let server = EchoServer::with(Listener::builder().peer_policy(nobody)).await;
        RawPeer::connect(&server.address).is_closed_by_the_other_side();
        let before = open_descriptors();
        // Sometimes the server is faster.
        for _ in 0..50 {
            let client = RawPeer::connect(&server.address);
            let _never_reads = leave_behind(&client);
            client.is_closed_by_the_other_side();
        }
        closed_down_to(before).await;
    });
}

#[test]
fn in_the_queue_of_a_listener_that_is_closed() {
    alone(async || {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Unix(folder.path().join("s"));
        let listener = Listener::bind([address.clone()]).await.unwrap();
        let clients: Vec<_> = (0..10)
            .map(|_| {
                let client = RawPeer::connect(&address);
                let never_reads = leave_behind(&client);
                (client, never_reads)
            })
            .collect();
        within("the listener to be closed", listener.close()).await;
        drop(clients);
    });
}

#[test]
fn by_a_server_that_answers_with_something_else() {
    alone(async || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hostile");
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || {
            let peer = RawPeer::over(listener.accept().unwrap().0);
            assert_eq!(peer.receive(HELLO_LEN), hello(1, 1, 1));
            let mut other = welcome(1, 0, 1);
            other[0] = b'Z';
            peer.send(&other);
            let never_reads = leave_behind(&peer);
            // The client comes again, without a hello.
            let again = listener.accept().unwrap();
            drop((again, peer));
            never_reads
        });
        let (connector, address) = (Connector::default(), Address::Unix(path));
        within("the connector", connector.connect(&address))
            .await
            .unwrap();
        drop(server.join().unwrap());
    });
}
