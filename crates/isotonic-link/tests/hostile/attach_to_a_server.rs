//! Clients whose offer is not what it says it is. What is no segment at all: `impostors.rs`.

use crate::alone::alone;
use crate::echo_server::survives;
use crate::raw_peer::{
    ATTACH, ATTACHED, MOST_DESCRIPTORS, REFUSED_SEGMENT, REFUSED_SIZE, RawPeer, attachment, record,
};
use crate::segments::{CAPACITY, SEGMENT_LEN, good_segment, segment_of};
use isotonic_link::{LinkKind, Reason, SegmentRefused};
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};

/// The offer is refused with `refusal`, and the connection goes on without shared memory. Returns the
/// server's reason.
pub(crate) fn stays_on_the_socket(
    capacity: u64,
    segment: impl Fn() -> OwnedFd,
    refusal: u16,
) -> Reason {
    let mut reason = None;
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            client.send_with(&attachment(ATTACH, capacity), &[segment().as_fd()]);
            assert_eq!(client.receive_step().refusal(), Some(refusal));
            client.echoes(b"still there");
            drop(client);
            let link = server.next_end().await.link;
            assert_eq!(link.kind(), LinkKind::Uds);
            reason = link.reason();
        })
    });
    reason.expect("a link on the socket has a reason")
}

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

#[test]
fn a_good_segment_is_accepted() {
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            client.send_with(&attachment(ATTACH, CAPACITY), &[good_segment().as_fd()]);
            let attached = client.receive_step();
            assert_eq!((attached.kind, attached.descriptors.len()), (ATTACHED, 1));
            drop((client, attached));
            server.next_end().await;
        })
    });
}

#[test]
fn no_descriptor_closes_the_connection() {
    is_closed(|client| client.send(&attachment(ATTACH, CAPACITY)));
}

#[test]
fn too_many_descriptors_close_the_connection() {
    for count in [2, 3, MOST_DESCRIPTORS] {
        is_closed(|client| {
            let segment = good_segment();
            let descriptors = vec![segment.as_fd(); count];
            client.send_with(&attachment(ATTACH, CAPACITY), &descriptors);
        });
    }
}

#[test]
fn another_number_of_descriptors_than_one_cannot_be_declared() {
    for declared in [0u32, 2, u32::MAX] {
        is_closed(|client| {
            let mut body = CAPACITY.to_le_bytes().to_vec();
            body.extend(declared.to_le_bytes());
            body.extend([0; 4]);
            client.send_with(&record(ATTACH, &body), &[good_segment().as_fd()]);
        });
    }
}

#[test]
fn a_segment_of_another_size_than_declared_is_refused() {
    for len in [SEGMENT_LEN - 4096, SEGMENT_LEN + 4096, 4096] {
        let reason = stays_on_the_socket(CAPACITY, || segment_of(len), REFUSED_SEGMENT);
        let wrong_size = SegmentRefused::WrongSize {
            seen: len,
            expected: SEGMENT_LEN,
        };
        assert_eq!(reason, Reason::SegmentRefused(wrong_size));
    }
}

#[test]
fn a_capacity_that_no_ring_has_is_refused() {
    let largest = isotonic_link::limits::MAX_RING_CAPACITY;
    for declared in [
        0,
        1,
        2048,
        CAPACITY - 1,
        CAPACITY + 1,
        largest * 2,
        1 << 63,
        u64::MAX,
    ] {
        let reason = stays_on_the_socket(declared, good_segment, REFUSED_SIZE);
        assert_eq!(reason, Reason::PeerRingSize { declared, largest });
    }
}
