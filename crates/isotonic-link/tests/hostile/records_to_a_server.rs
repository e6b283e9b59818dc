//! Clients that greet well and misbehave afterwards.

use crate::alone::alone;
use crate::echo_server::{survives, survives_with};
use crate::raw_peer::{
    ATTACH, ATTACHED, CLOSE, DATA, DOORBELL, HELLO_LEN, MOVED, REFUSED, RawPeer, attachment, close,
    header, hello, record, welcome,
};
use crate::segments::{CAPACITY, CONSUMED, PRODUCED, good_segment, segment_with};
use isotonic_link::limits::HANDSHAKE_TIMEOUT;
use isotonic_link::{Incident, Listener, ShmMode};
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// The connection is closed, and the server sees that the peer broke the protocol.
fn is_closed(offend: impl Fn(&RawPeer)) {
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            offend(&client);
            client.is_closed_by_the_other_side();
            server.next_end_is(ErrorKind::InvalidData).await;
        })
    });
}

pub(crate) fn attach(client: &RawPeer, segment: &OwnedFd) {
    client.send_with(&attachment(ATTACH, CAPACITY), &[segment.as_fd()]);
    assert_eq!(client.receive_step().kind, ATTACHED);
}

/// Goes all the way into shared memory.
pub(crate) fn move_over(client: &RawPeer, segment: &OwnedFd) {
    attach(client, segment);
    client.send(&record(MOVED, &[]));
    assert_eq!(client.receive_step().kind, MOVED);
}

#[test]
fn an_unknown_record_closes_the_connection() {
    for kind in [0, 8, b'P', u8::MAX] {
        is_closed(|client| client.send(&record(kind, &[])));
    }
}

#[test]
fn a_wrong_length_closes_the_connection() {
    for (kind, len) in [
        (DATA, 0),
        (DATA, isotonic_link::limits::MAX_DATA_RECORD as u32 + 1),
        (DATA, u32::MAX),
        (ATTACH, u32::MAX),
        (CLOSE, 7),
        (DOORBELL, 1),
    ] {
        is_closed(|client| client.send(&header(kind, len)));
    }
}

#[test]
fn a_descriptor_with_a_record_that_declares_none_closes_the_connection() {
    for bytes in [record(DATA, b"x"), record(DOORBELL, &[])] {
        is_closed(|client| client.send_with(&bytes, &[good_segment().as_fd()]));
    }
}

#[test]
fn a_step_that_is_not_the_next_closes_the_connection() {
    is_closed(|client| client.send(&record(MOVED, &[])));
    is_closed(|client| client.send(&record(REFUSED, &[1, 0, 0, 0, 0, 0, 0, 0])));
    is_closed(|client| {
        client.send_with(&attachment(ATTACHED, CAPACITY), &[good_segment().as_fd()]);
    });
    is_closed(|client| {
        attach(client, &good_segment());
        client.send_with(&attachment(ATTACH, CAPACITY), &[good_segment().as_fd()]);
    });
    is_closed(|client| {
        move_over(client, &good_segment());
        client.send(&record(MOVED, &[]));
    });
}

#[test]
fn stream_bytes_on_the_socket_after_the_move_close_the_connection() {
    is_closed(|client| {
        move_over(client, &good_segment());
        client.send(&record(DATA, b"too late"));
    });
}

#[test]
fn an_impossible_position_of_the_producer_closes_the_connection() {
    for produced in [CAPACITY + 1, u64::MAX, 1 << 63] {
        is_closed(|client| {
            attach(client, &segment_with(&[(PRODUCED, produced)]));
            client.send(&record(MOVED, &[]));
        });
    }
}

#[test]
fn an_impossible_position_of_the_consumer_closes_the_connection() {
    alone(async || {
        // Noticed when the server's ring is full: it has more to send back than fits in.
        let small = Listener::builder().ring_capacity(4096).unwrap();
        survives_with(small, async |server, client| {
            client.shake_hands();
            let words = [(PRODUCED, CAPACITY), (CONSUMED, 1 << 40)];
            attach(&client, &segment_with(&words));
            client.send(&record(MOVED, &[]));
            client.is_closed_by_the_other_side();
            server.next_end_is(ErrorKind::InvalidData).await;
        })
        .await;
    });
}

#[test]
fn a_close_that_counts_wrongly_closes_the_connection() {
    is_closed(|client| client.send(&close(1)));
    is_closed(|client| {
        move_over(client, &good_segment());
        client.send(&close(u64::MAX));
    });
}

#[test]
fn a_close_in_place_of_an_offer_is_no_reason_to_wait() {
    const WELL_BEFORE_THE_DEADLINE: Duration =
        HANDSHAKE_TIMEOUT.saturating_sub(Duration::from_secs(1));
    alone(async || {
        let require = Listener::builder().shm_mode(ShmMode::Require);
        survives_with(require, async |server, client| {
            client.send(&hello(1, 1, 1));
            assert_eq!(client.receive(HELLO_LEN), welcome(1, 0, 3));
            client.send(&close(0));
            assert!(
                client.is_closed_within(WELL_BEFORE_THE_DEADLINE),
                "the server goes on waiting for an offer"
            );
            server.counts(&[(Incident::LeftEarly, 1)]).await;
        })
        .await;
    });
}

#[test]
fn doorbells_without_number_change_nothing() {
    const DOORBELLS: usize = 100_000;
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            client.echoes(b"before");
            client.send(&record(DOORBELL, &[]).repeat(DOORBELLS));
            client.echoes(b"after");
            client.send(&close(0));
            client.is_closed_by_the_other_side();
            let ended = server.next_end().await;
            ended.result.unwrap();
            assert_eq!(ended.link.counters().doorbells_received, DOORBELLS as u64);
        })
    });
}

#[test]
fn an_offence_in_a_handshake_that_needs_shared_memory_is_counted_once() {
    alone(|| {
        survives(async |server, client| {
            client.send(&hello(1, 1, 3));
            assert_eq!(client.receive(HELLO_LEN), welcome(1, 0, 3));
            client.send(&record(0xEE, &[]));
            client.is_closed_by_the_other_side();
            server.counts(&[(Incident::BrokenRecords, 1)]).await;
        })
    });
}
