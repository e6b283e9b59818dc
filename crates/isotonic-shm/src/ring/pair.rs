//! Two sides of a connection in one process.

use super::{Consumer, Producer, rings};
use crate::layout::RingCapacity;
use crate::segment::{OwnSegment, PeerSegment};

pub(super) struct Side {
    pub(super) producer: Producer,
    pub(super) consumer: Consumer,
}

/// Two sides whose rings have the same capacity.
pub(super) fn connected(capacity: usize) -> (Side, Side) {
    let [a, b] = connected_with([capacity, capacity]);
    (a, b)
}

/// Two sides with the capacity of the ring that each sends through.
pub(super) fn connected_with(capacities: [usize; 2]) -> [Side; 2] {
    let [of_a, of_b] = capacities.map(|bytes| RingCapacity::new(bytes as u64).unwrap());
    let (a, a_file) = OwnSegment::create(of_a).unwrap();
    let (b, b_file) = OwnSegment::create(of_b).unwrap();
    let side = |own, peer| {
        let (producer, consumer) = rings(own, peer);
        Side { producer, consumer }
    };
    [
        side(a, PeerSegment::map(b_file, of_b).unwrap()),
        side(b, PeerSegment::map(a_file, of_a).unwrap()),
    ]
}
