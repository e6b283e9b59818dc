//! Servers that greet well and misbehave afterwards.

use crate::alone::alone;
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::patience::within;
use crate::raw_peer::{
    ATTACH, ATTACHED, DATA, HELLO_LEN, MOST_DESCRIPTORS, MOVED, REFUSED, REFUSED_SEGMENT,
    REFUSED_SIZE, REFUSED_VERSION, RawPeer, attachment, close, hello, record, welcome,
};
use crate::segments::{CAPACITY, PRODUCED, SEGMENT_LEN, good_segment, segment_of, segment_with};
use isotonic_link::{
    Address, ConnectError, Connector, Link, LinkKind, Reason, Refusal, SegmentRefused, ShmMode,
};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::thread;
use tokio::io::AsyncReadExt;

/// Connects to a server that does with its one connection what `serve` says. Returns the client's
/// link, or why there is none, and hands it to `then` while the server still runs.
pub(crate) fn against<T: Send + 'static>(
    mode: ShmMode,
    serve: impl FnOnce(RawPeer) -> T + Send + 'static,
    then: impl AsyncFnOnce(Result<Link, ConnectError>),
) {
    alone(async || {
        let folder = tempfile::tempdir().unwrap();
        let before = open_descriptors();
        let path = folder.path().join("hostile");
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let peer = RawPeer::over(stream);
            // Shared memory, and at once where it is required.
            let features = if mode == ShmMode::Require { 3 } else { 1 };
            assert_eq!(peer.receive(HELLO_LEN), hello(1, 1, features));
            serve(peer)
        });
        let connector = Connector::default().shm_mode(mode);
        let address = Address::Unix(path);
        let link = within("the connector", connector.connect(&address)).await;
        then(link).await;
        drop(server.join().unwrap());
        closed_down_to(before).await;
    });
}

/// Answers the hello, and the client's offer with `answer`. Returns the connection, so that it stays
/// open until the client is done with it.
pub(crate) fn answering(
    answer: impl FnOnce(&RawPeer) + Send + 'static,
) -> impl FnOnce(RawPeer) -> RawPeer {
    move |peer| {
        peer.send(&welcome(1, 0, 1));
        let offer = peer.receive_step();
        assert_eq!((offer.kind, offer.descriptors.len()), (ATTACH, 1));
        answer(&peer);
        peer
    }
}

pub(crate) fn reason_of(link: Result<Link, ConnectError>) -> Reason {
    match link {
        Err(ConnectError::ShmRequired { reason, .. }) => reason,
        other => panic!(
            "shared memory was required, but: {:?}",
            other.map(|link| link.info())
        ),
    }
}

/// The client, which requires shared memory, gets this answer to its offer and fails. Returns why.
fn fails(answer: impl FnOnce(&RawPeer) + Send + 'static) -> Reason {
    let mut reason = None;
    against(ShmMode::Require, answering(answer), async |link| {
        reason = Some(reason_of(link));
    });
    reason.unwrap()
}

/// Like [`fails`], for an answer with a segment, after which the client tells the server why it refuses.
pub(crate) fn refuses(
    capacity: u64,
    segment: impl Fn() -> OwnedFd + Send + 'static,
    refusal: u16,
) -> Reason {
    fails(move |peer| {
        peer.send_with(&attachment(ATTACHED, capacity), &[segment().as_fd()]);
        assert_eq!(peer.receive_step().refusal(), Some(refusal));
    })
}

pub(crate) fn assert_not_attached(reason: &Reason) {
    assert!(matches!(reason, Reason::NotAttached { .. }), "{reason}");
}

#[test]
fn a_welcome_with_another_version_is_plain_and_no_shared_memory() {
    let serve = |peer: RawPeer| {
        peer.send(&welcome(0, REFUSED_VERSION, 0));
        peer
    };
    against(ShmMode::Prefer, serve, async |link| {
        let info = link.unwrap().info();
        assert_eq!(info.kind(), LinkKind::Uds);
        let reason = info.reason();
        assert!(
            matches!(reason, Some(Reason::PeerRefused(Refusal::Version))),
            "{reason:?}"
        );
    });
    against(ShmMode::Require, serve, async |link| {
        let reason = reason_of(link);
        assert!(
            matches!(reason, Reason::PeerRefused(Refusal::Version)),
            "{reason}"
        );
    });
}

#[test]
fn a_refusal_is_told_with_its_code() {
    let reason = fails(|peer| peer.send(&record(REFUSED, &[77, 0, 0, 0, 0, 0, 0, 0])));
    assert_eq!(reason, Reason::PeerRefused(Refusal::Other(77)));
}

#[test]
fn a_segment_of_another_size_than_declared_is_refused() {
    let reason = refuses(CAPACITY, || segment_of(SEGMENT_LEN * 2), REFUSED_SEGMENT);
    let wrong_size = SegmentRefused::WrongSize {
        seen: SEGMENT_LEN * 2,
        expected: SEGMENT_LEN,
    };
    assert_eq!(reason, Reason::SegmentRefused(wrong_size));
}

#[test]
fn a_capacity_that_no_ring_has_is_refused() {
    let largest = isotonic_link::limits::MAX_RING_CAPACITY;
    for declared in [0, CAPACITY + 1, largest * 2, u64::MAX] {
        let reason = refuses(declared, good_segment, REFUSED_SIZE);
        assert_eq!(reason, Reason::PeerRingSize { declared, largest });
    }
}

#[test]
fn a_wrong_number_of_descriptors_ends_the_connection() {
    for count in [0, 2, MOST_DESCRIPTORS] {
        let reason = fails(move |peer| {
            let segment = good_segment();
            peer.send_with(
                &attachment(ATTACHED, CAPACITY),
                &vec![segment.as_fd(); count],
            );
            peer.is_closed_by_the_other_side();
        });
        assert_not_attached(&reason);
    }
}

#[test]
fn an_unexpected_answer_ends_the_connection() {
    for answer in [record(MOVED, &[]), record(200, &[])] {
        let reason = fails(move |peer| {
            peer.send(&answer);
            peer.is_closed_by_the_other_side();
        });
        assert_not_attached(&reason);
    }
}

#[test]
fn no_answer_at_all_fails_in_time() {
    assert_not_attached(&fails(|peer| peer.is_closed_by_the_other_side()));
}

/// The server goes on holding the connection, so that only the record can tell.
#[test]
fn a_close_in_place_of_an_answer_is_no_reason_to_wait() {
    match fails(|peer| peer.send(&close(0))) {
        Reason::NotAttached { seen } => assert_eq!(seen, "the peer closed the link"),
        other => panic!("{other}"),
    }
}

#[test]
fn a_server_that_vanishes_before_its_answer_fails_the_connect() {
    let serve = |peer: RawPeer| {
        peer.send(&welcome(1, 0, 1));
        peer.receive_step();
    };
    against(ShmMode::Require, serve, async |link| {
        assert_not_attached(&reason_of(link))
    });
}

/// Reads to the end of a link that is in shared memory.
pub(crate) async fn read_to_end(link: Result<Link, ConnectError>) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    let mut link = link.unwrap();
    within("the link to end", link.read_to_end(&mut received)).await?;
    Ok(received)
}

/// Follows the client into shared memory with this segment.
pub(crate) fn move_over(peer: &RawPeer, segment: &OwnedFd) {
    peer.send_with(&attachment(ATTACHED, CAPACITY), &[segment.as_fd()]);
    assert_eq!(peer.receive_step().kind, MOVED);
    peer.send(&record(MOVED, &[]));
}

#[test]
fn stream_bytes_on_the_socket_after_the_move_end_the_connection() {
    let serve = answering(|peer| {
        move_over(peer, &good_segment());
        peer.send(&record(DATA, b"too late"));
        peer.is_closed_by_the_other_side();
    });
    against(ShmMode::Require, serve, async |link| {
        assert_eq!(
            read_to_end(link).await.unwrap_err().kind(),
            ErrorKind::InvalidData
        );
    });
}

#[test]
fn an_impossible_position_in_the_ring_ends_the_connection() {
    let serve = answering(|peer| {
        move_over(peer, &segment_with(&[(PRODUCED, CAPACITY + 1)]));
        peer.is_closed_by_the_other_side();
    });
    against(ShmMode::Require, serve, async |link| {
        assert_eq!(
            read_to_end(link).await.unwrap_err().kind(),
            ErrorKind::InvalidData
        );
    });
}

#[test]
fn a_server_that_vanishes_in_shared_memory_is_a_reset_after_its_last_bytes() {
    let serve = |peer: RawPeer| {
        let peer = answering(|peer| move_over(peer, &segment_with(&[(PRODUCED, 1000)])))(peer);
        drop(peer);
    };
    against(ShmMode::Require, serve, async |link| {
        let mut link = link.unwrap();
        let mut received = [1; 1000];
        within("the last bytes", link.read_exact(&mut received))
            .await
            .unwrap();
        assert_eq!(received, [0; 1000]);
        let ended = within("the end", link.read(&mut received)).await;
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_server_that_vanishes_before_the_move_is_a_reset() {
    let serve =
        |peer: RawPeer| peer.send(&[welcome(1, 0, 1), record(DATA, b"last words")].concat());
    against(ShmMode::Prefer, serve, async |link| {
        let mut link = link.unwrap();
        let mut received = [0; 10];
        within("the last words", link.read_exact(&mut received))
            .await
            .unwrap();
        assert_eq!(&received, b"last words");
        let ended = within("the end", link.read(&mut received)).await;
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}
