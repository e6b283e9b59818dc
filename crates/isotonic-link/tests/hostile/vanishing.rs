//! Clients that go without a word, at each point of a connection's life.

use crate::alone::alone;
use crate::echo_server::survives;
use crate::raw_peer::{ATTACH, ATTACHED, DATA, MOVED, RawPeer, attachment, close, header, record};
use crate::segments::{CAPACITY, PRODUCED, good_segment, segment_with};
use std::io::ErrorKind;
use std::os::fd::AsFd;

/// What was sent before arrives, and then the server sees a reset.
fn is_a_reset(live: impl Fn(&RawPeer)) {
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            live(&client);
            drop(client);
            server.next_end_is(ErrorKind::ConnectionReset).await;
        })
    });
}

fn attach(client: &RawPeer) {
    client.send_with(&attachment(ATTACH, CAPACITY), &[good_segment().as_fd()]);
}

#[test]
fn after_the_welcome() {
    is_a_reset(|_| {});
}

#[test]
fn after_some_bytes() {
    is_a_reset(|client| client.echoes(b"hello"));
}

#[test]
fn within_a_record() {
    is_a_reset(|client| client.send(&header(DATA, 5)));
    is_a_reset(|client| client.send(&header(DATA, 5)[..3]));
    is_a_reset(|client| client.send(&close(0)[..9]));
    is_a_reset(|client| {
        let segment = good_segment();
        client.send_with(&attachment(ATTACH, CAPACITY)[..11], &[segment.as_fd()]);
    });
}

#[test]
fn after_its_offer() {
    is_a_reset(attach);
}

#[test]
fn after_the_answer_to_its_offer() {
    is_a_reset(|client| {
        attach(client);
        assert_eq!(client.receive_step().kind, ATTACHED);
    });
}

#[test]
fn after_its_own_move() {
    is_a_reset(|client| {
        attach(client);
        assert_eq!(client.receive_step().kind, ATTACHED);
        client.send(&record(MOVED, &[]));
    });
}

#[test]
fn in_shared_memory_with_bytes_in_its_ring() {
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            let segment = segment_with(&[(PRODUCED, 1000)]);
            client.send_with(&attachment(ATTACH, CAPACITY), &[segment.as_fd()]);
            assert_eq!(client.receive_step().kind, ATTACHED);
            client.send(&record(MOVED, &[]));
            assert_eq!(client.receive_step().kind, MOVED);
            drop(client);
            let ended = server.next_end().await;
            assert_eq!(ended.link.counters().memory_bytes_received, 1000);
            let error = ended.result.unwrap_err();
            // The server notices while it reads, or while it sends the bytes back.
            let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(kinds.contains(&error.kind()), "{error}");
        })
    });
}
