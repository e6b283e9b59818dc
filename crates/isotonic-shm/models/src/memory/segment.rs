//! The two ends of a connection, as a handshake would leave them.

use super::layout::RingCapacity;
use super::mapping::{OwnMapping, PeerMapping, mapped_by_both};
use super::product::ring::{Consumer, Producer, rings};

/// Our own segment.
#[derive(Debug)]
pub struct OwnSegment(pub(crate) OwnMapping);

/// The peer's segment.
#[derive(Debug)]
pub struct PeerSegment(pub(crate) PeerMapping);

/// One side's halves.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) producer: Producer,
    pub(crate) consumer: Consumer,
}

/// Two sides whose rings hold `capacity` bytes each.
pub(crate) fn connected(capacity: usize) -> (Side, Side) {
    let (a_own, a_seen_by_b) = mapped_by_both(RingCapacity::new(capacity));
    let (b_own, b_seen_by_a) = mapped_by_both(RingCapacity::new(capacity));
    let side = |own, peer| {
        let (producer, consumer) = rings(OwnSegment(own), PeerSegment(peer));
        Side { producer, consumer }
    };
    (side(a_own, b_seen_by_a), side(b_own, a_seen_by_b))
}
