//! Numbers at the edges of their type, where a length that is believed would be allocated, waited for or
//! overflow: each is refused at the first look at it, with nothing of what it promises at hand.

use crate::attach_to_a_server::stays_on_the_socket;
use crate::raw_peer::{
    ATTACH, ATTACHED, CLOSE, DATA, DOORBELL, MOVED, REFUSED, REFUSED_SIZE, close, header,
};
use crate::records_to_a_client::refuses;
use crate::segments::{CAPACITY, good_segment};
use crate::stages::{ClientStage, ServerStage, a_client_closes, a_server_closes};
use isotonic_link::Reason;
use isotonic_link::limits::{MAX_DATA_RECORD, MAX_RING_CAPACITY};

/// Every kind of record, and some that do not exist, with the lengths that a body of it may have.
const KINDS: [(u8, std::ops::RangeInclusive<u32>); 10] = [
    (0, NONE),
    (DATA, 1..=MAX_DATA_RECORD as u32),
    (ATTACH, 16..=16),
    (ATTACHED, 16..=16),
    (REFUSED, 8..=8),
    (MOVED, 0..=0),
    (DOORBELL, 0..=0),
    (CLOSE, 8..=8),
    (8, NONE),
    (u8::MAX, NONE),
];

#[expect(clippy::reversed_empty_ranges, reason = "it is empty on purpose")]
const NONE: std::ops::RangeInclusive<u32> = 1..=0;

const LENGTHS: [u32; 11] = [
    0,
    1,
    7,
    9,
    15,
    17,
    MAX_DATA_RECORD as u32 + 1,
    (1 << 31) - 1,
    1 << 31,
    (1 << 31) + 8,
    u32::MAX,
];

/// The headers of all records whose length is wrong, and nothing more of them.
fn wrong_headers() -> impl Iterator<Item = Vec<u8>> {
    KINDS.into_iter().flat_map(|(kind, right)| {
        let wrong = LENGTHS.into_iter().filter(move |len| !right.contains(len));
        wrong.map(move |len| header(kind, len))
    })
}

#[test]
fn a_server_closes_at_each_wrong_length_of_a_record() {
    for stage in ClientStage::ALL {
        for header in wrong_headers() {
            println!("{stage:?}: {header:?}");
            a_server_closes(stage, |client| client.send(&header));
        }
    }
}

#[test]
fn a_client_closes_at_each_wrong_length_of_a_record() {
    for stage in ServerStage::ALL {
        for header in wrong_headers() {
            println!("{stage:?}: {header:?}");
            a_client_closes(stage, move |server| server.send(&header));
        }
    }
}

/// Nothing was ever put into the ring.
const WRONG_TOTALS: [u64; 6] = [
    1,
    CAPACITY,
    u32::MAX as u64,
    1 << 63,
    (1 << 63) - 1,
    u64::MAX,
];

#[test]
fn a_server_closes_at_each_wrong_total_of_a_close() {
    for stage in ClientStage::ALL {
        for total in WRONG_TOTALS {
            println!("{stage:?}: {total}");
            a_server_closes(stage, |client| client.send(&close(total)));
        }
    }
}

#[test]
fn a_client_closes_at_each_wrong_total_of_a_close() {
    for stage in ServerStage::ALL {
        for total in WRONG_TOTALS {
            println!("{stage:?}: {total}");
            a_client_closes(stage, move |server| server.send(&close(total)));
        }
    }
}

/// Every capacity that no ring has, or that is more than we map.
fn wrong_capacities() -> impl Iterator<Item = u64> {
    let edges = [
        0,
        1,
        2,
        CAPACITY - 1,
        CAPACITY + 1,
        u64::MAX - 4095,
        u64::MAX,
    ];
    let too_small = (0..12).map(|bit| 1 << bit);
    let too_large = (0..64)
        .map(|bit| 1 << bit)
        .filter(|&capacity| capacity > MAX_RING_CAPACITY);
    edges.into_iter().chain(too_small).chain(too_large)
}

#[test]
fn a_server_refuses_each_capacity_that_it_does_not_map() {
    for declared in wrong_capacities() {
        println!("{declared}");
        let reason = stays_on_the_socket(declared, good_segment, REFUSED_SIZE);
        let largest = MAX_RING_CAPACITY;
        assert_eq!(reason, Reason::PeerRingSize { declared, largest });
    }
}

#[test]
fn a_client_refuses_each_capacity_that_it_does_not_map() {
    for declared in wrong_capacities() {
        println!("{declared}");
        let reason = refuses(declared, good_segment, REFUSED_SIZE);
        let largest = MAX_RING_CAPACITY;
        assert_eq!(reason, Reason::PeerRingSize { declared, largest });
    }
}
