//! The two owning halves of a connection's rings. `MEMORY.md` draws which of them writes and reads what,
//! and argues the orderings.
//!
//! Positions run from 0 upwards and are never reduced modulo the capacity, so that "full" and "empty"
//! differ; 2^64 bytes take 29 years at 20 GB/s, and the arithmetic wraps correctly all the same.
//! Each half keeps its own position and its last look at the peer's in private memory, and looks
//! again only when the ring seems too full or too empty for what is asked.

#[cfg(any(test, fuzzing))]
pub mod fuzzing;

use super::error::RingViolation;
use super::layout::{RingCapacity, Word};
use super::mapping::{OwnMapping, PeerMapping};
use super::segment::{OwnSegment, PeerSegment};
use super::sleep::{PeerSleepWord, SleepWord};
use bytes::BufMut;
use std::io::IoSlice;
use std::sync::Arc;

/// Joins our segment and the peer's into the two halves of a connection.
///
/// The halves are independent: each may live on its own thread. Both keep the two segments mapped.
pub fn rings(own: OwnSegment, peer: PeerSegment) -> (Producer, Consumer) {
    let own = Arc::new(own.0);
    let peer = Arc::new(peer.0);
    let producer = Producer {
        produced: 0,
        consumed: 0,
        sleep: SleepWord::new(Word::WriterSleep),
        reader: PeerSleepWord::new(Word::ReaderSleep),
        own: Arc::clone(&own),
        peer: Arc::clone(&peer),
    };
    let consumer = Consumer {
        consumed: 0,
        produced: 0,
        sleep: SleepWord::new(Word::ReaderSleep),
        writer: PeerSleepWord::new(Word::WriterSleep),
        own,
        peer,
    };
    (producer, consumer)
}

/// The sending half: puts bytes into our ring. For an example see the [crate's](crate).
///
/// Invariant: `0 <= produced - consumed <= capacity`.
#[derive(Debug)]
pub struct Producer {
    produced: u64,
    /// The peer's position, as last looked at and checked.
    consumed: u64,
    sleep: SleepWord,
    reader: PeerSleepWord,
    own: Arc<OwnMapping>,
    peer: Arc<PeerMapping>,
}

impl Producer {
    /// Copies as many bytes of `buffers`, in order, as there is space for, makes them visible to the
    /// peer, and returns their number: 0 means that the ring is full (or `buffers` empty).
    ///
    /// # Errors
    /// [`RingViolation`] if the peer's consumer index is impossible; the connection must be closed.
    pub fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> Result<usize, RingViolation> {
        let wanted: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        if self.space() < wanted {
            self.look()?;
        }
        let mut left = wanted.min(self.space());
        let mut position = self.produced;
        for buffer in buffers {
            let part = &buffer[..left.min(buffer.len())];
            self.own.write_data(position, part);
            position = position.wrapping_add(part.len() as u64);
            left -= part.len();
        }
        let written = position.wrapping_sub(self.produced) as usize;
        if written > 0 {
            self.produced = position;
            // SYNC: release store after the data; the peer's `Consumer::look` observes it.
            self.own.publish(Word::Produced, position);
        }
        Ok(written)
    }

    /// Whether the peer's reader sleeps and must be woken for what was written. To be asked after each
    /// successful [`write_vectored`](Self::write_vectored); each `true` obliges the caller to wake the
    /// peer once.
    pub fn must_wake_reader(&mut self) -> bool {
        self.reader.must_ring(&self.peer)
    }

    /// Announces to the peer that we are about to sleep until there is space, and looks once more.
    /// Returns whether there is still none: only then may the caller sleep.
    ///
    /// # Errors
    /// As for [`write_vectored`](Self::write_vectored).
    pub fn announce_sleep(&mut self) -> Result<bool, RingViolation> {
        self.sleep.announce(&self.own);
        self.look()?;
        Ok(self.space() == 0)
    }

    /// Takes back [`announce_sleep`](Self::announce_sleep); without effect when awake.
    pub fn awake(&mut self) {
        self.sleep.awake(&self.own);
    }

    /// How many bytes were ever put into the ring.
    pub fn produced(&self) -> u64 {
        self.produced
    }

    /// The capacity of the ring in bytes.
    pub fn capacity(&self) -> RingCapacity {
        self.own.capacity()
    }

    /// Free space in bytes, as of the last look.
    fn space(&self) -> usize {
        let used = self.produced.wrapping_sub(self.consumed) as usize;
        debug_assert!(used <= self.own.capacity().bytes());
        self.own.capacity().bytes() - used
    }

    /// Reads the peer's position once, and believes it only if it is possible.
    fn look(&mut self) -> Result<(), RingViolation> {
        // SYNC: acquire; pairs with the release store in `Consumer::read`. What the peer has read
        // before it published this position may be overwritten after this load.
        let claimed = self.peer.observe(Word::Consumed);
        let unread = self.produced.wrapping_sub(self.consumed);
        if claimed.wrapping_sub(self.consumed) > unread {
            return Err(RingViolation::Consumed {
                claimed,
                least: self.consumed,
                most: self.produced,
            });
        }
        self.consumed = claimed;
        Ok(())
    }
}

/// The receiving half: takes bytes out of the peer's ring. For an example see the [crate's](crate).
///
/// Invariant: `0 <= produced - consumed <= capacity`.
#[derive(Debug)]
pub struct Consumer {
    consumed: u64,
    /// The peer's position, as last looked at and checked.
    produced: u64,
    sleep: SleepWord,
    writer: PeerSleepWord,
    own: Arc<OwnMapping>,
    peer: Arc<PeerMapping>,
}

impl Consumer {
    /// Copies as many bytes as there are and as `target` has room for into it, gives their space back
    /// to the peer, and returns their number: 0 means that the ring is empty (or `target` full).
    ///
    /// # Errors
    /// [`RingViolation`] if the peer's producer index is impossible; the connection must be closed.
    pub fn read(&mut self, target: &mut impl BufMut) -> Result<usize, RingViolation> {
        if self.available() < target.remaining_mut() {
            self.look()?;
        }
        let wanted = self.available().min(target.remaining_mut());
        if wanted > 0 {
            self.peer.read_data(self.consumed, target, wanted);
            self.consumed = self.consumed.wrapping_add(wanted as u64);
            // SYNC: release store after the copy; the peer's `Producer::look` observes it before it
            // overwrites these bytes.
            self.own.publish(Word::Consumed, self.consumed);
        }
        Ok(wanted)
    }

    /// Whether the peer's writer sleeps and there is now enough space to wake it for: half of the
    /// ring, so that it does not wake for every few bytes. To be asked after each successful
    /// [`read`](Self::read); each `true` obliges the caller to wake the peer once.
    pub fn must_wake_writer(&mut self) -> bool {
        // A writer sleeps only when the ring is full, so this line is crossed after it fell asleep.
        self.available() <= self.peer.capacity().bytes() / 2 && self.writer.must_ring(&self.peer)
    }

    /// Announces to the peer that we are about to sleep until there are bytes, and looks once more.
    /// Returns whether there are still none: only then may the caller sleep.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn announce_sleep(&mut self) -> Result<bool, RingViolation> {
        self.sleep.announce(&self.own);
        self.look()?;
        Ok(self.available() == 0)
    }

    /// Takes back [`announce_sleep`](Self::announce_sleep); without effect when awake.
    pub fn awake(&mut self) {
        self.sleep.awake(&self.own);
    }

    /// How many bytes were ever taken out of the ring.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Bytes to read, as of the last look.
    fn available(&self) -> usize {
        let available = self.produced.wrapping_sub(self.consumed) as usize;
        debug_assert!(available <= self.peer.capacity().bytes());
        available
    }

    /// Reads the peer's position once, and believes it only if it is possible.
    fn look(&mut self) -> Result<(), RingViolation> {
        // SYNC: acquire; pairs with the release store in `Producer::write_vectored`. The bytes up to
        // this position were written before it was published.
        let claimed = self.peer.observe(Word::Produced);
        let most = self
            .consumed
            .wrapping_add(self.peer.capacity().bytes() as u64);
        if claimed.wrapping_sub(self.produced) > most.wrapping_sub(self.produced) {
            return Err(RingViolation::Produced {
                claimed,
                least: self.produced,
                most,
            });
        }
        self.produced = claimed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sides of a connection in one process.
    struct Side {
        producer: Producer,
        consumer: Consumer,
    }

    fn connected(capacity: usize) -> (Side, Side) {
        let capacity = RingCapacity::new(capacity as u64).unwrap();
        let (a, a_file) = OwnSegment::create(capacity).unwrap();
        let (b, b_file) = OwnSegment::create(capacity).unwrap();
        let side = |own, peer_file| {
            let (producer, consumer) = rings(own, PeerSegment::map(peer_file, capacity).unwrap());
            Side { producer, consumer }
        };
        (side(a, b_file), side(b, a_file))
    }

    fn write(producer: &mut Producer, bytes: &[u8]) -> usize {
        producer.write_vectored(&[IoSlice::new(bytes)]).unwrap()
    }

    fn read(consumer: &mut Consumer, most: usize) -> Vec<u8> {
        let mut target = Vec::new().limit(most);
        consumer.read(&mut target).unwrap();
        target.into_inner()
    }

    #[test]
    fn bytes_come_out_as_they_went_in_across_the_wrap() {
        let (mut a, mut b) = connected(4096);
        let mut sent = 0u32;
        let mut received = 0u32;
        for round in 0..2000 {
            let bytes: Vec<u8> = (0..round % 97).map(|i| (sent + i) as u8).collect();
            let (first, second) = bytes.split_at(bytes.len() / 3);
            let slices = [IoSlice::new(first), IoSlice::new(&[]), IoSlice::new(second)];
            assert_eq!(a.producer.write_vectored(&slices).unwrap(), bytes.len());
            sent += bytes.len() as u32;
            while received < sent {
                for byte in read(&mut b.consumer, 31) {
                    assert_eq!(byte, received as u8);
                    received += 1;
                }
            }
        }
        assert_eq!(a.producer.produced(), u64::from(sent));
        assert_eq!(b.consumer.consumed(), u64::from(received));
        assert!(sent > 4 * 4096, "the ring did not wrap");
    }

    #[test]
    fn a_full_ring_takes_no_more_and_a_partial_write_says_how_much() {
        let (mut a, mut b) = connected(4096);
        assert_eq!(write(&mut a.producer, &[1; 4000]), 4000);
        assert_eq!(write(&mut a.producer, &[2; 4000]), 96);
        assert_eq!(write(&mut a.producer, &[3; 1]), 0);
        assert_eq!(read(&mut b.consumer, 4000), [1; 4000]);
        assert_eq!(write(&mut a.producer, &[4; 5000]), 4000);
        let rest = read(&mut b.consumer, 10_000);
        assert_eq!(rest, [[2; 96].as_slice(), [4; 4000].as_slice()].concat());
        assert_eq!(read(&mut b.consumer, 1), []);
    }

    #[test]
    fn a_sleeping_reader_is_rung_once_per_sleep() {
        let (mut a, mut b) = connected(4096);
        write(&mut a.producer, b"x");
        assert!(!a.producer.must_wake_reader(), "the reader is awake");
        assert!(
            !b.consumer.announce_sleep().unwrap(),
            "there is a byte to read"
        );
        b.consumer.awake();
        read(&mut b.consumer, 1);
        for _ in 0..3 {
            assert!(b.consumer.announce_sleep().unwrap());
            write(&mut a.producer, b"y");
            assert!(a.producer.must_wake_reader());
            write(&mut a.producer, b"z");
            assert!(!a.producer.must_wake_reader(), "rung already");
            b.consumer.awake();
            assert_eq!(read(&mut b.consumer, 9), b"yz");
        }
    }

    #[test]
    fn announcing_again_without_waking_counts_as_a_new_sleep() {
        let (mut a, mut b) = connected(4096);
        assert!(b.consumer.announce_sleep().unwrap());
        write(&mut a.producer, b"x");
        assert!(a.producer.must_wake_reader());
        assert_eq!(read(&mut b.consumer, 1), b"x");
        assert!(b.consumer.announce_sleep().unwrap());
        write(&mut a.producer, b"y");
        assert!(a.producer.must_wake_reader());
    }

    #[test]
    fn a_sleeping_writer_is_rung_when_half_of_the_ring_is_free() {
        let (mut a, mut b) = connected(4096);
        write(&mut a.producer, &[0; 4096]);
        assert!(a.producer.announce_sleep().unwrap());
        read(&mut b.consumer, 2047);
        assert!(!b.consumer.must_wake_writer());
        read(&mut b.consumer, 1);
        assert!(b.consumer.must_wake_writer());
        read(&mut b.consumer, 1);
        assert!(!b.consumer.must_wake_writer(), "rung already");
        a.producer.awake();
        assert_eq!(write(&mut a.producer, &[0; 4096]), 2049);
    }

    #[test]
    fn impossible_indices_are_refused() {
        // The peer is `b`; it writes into its own header what no correct peer would.
        for claimed in [4097, u64::MAX, 1 << 63, 99u64.wrapping_neg()] {
            let (mut a, b) = connected(4096);
            b.producer.own.publish(Word::Produced, claimed);
            let violation = RingViolation::Produced {
                claimed,
                least: 0,
                most: 4096,
            };
            assert_eq!(a.consumer.read(&mut Vec::new()), Err(violation));
            assert_eq!(a.consumer.announce_sleep(), Err(violation));
        }
        for claimed in [11, u64::MAX] {
            let (mut a, b) = connected(4096);
            write(&mut a.producer, &[0; 10]);
            b.consumer.own.publish(Word::Consumed, claimed);
            let violation = RingViolation::Consumed {
                claimed,
                least: 0,
                most: 10,
            };
            assert_eq!(
                a.producer.write_vectored(&[IoSlice::new(&[0; 4096])]),
                Err(violation)
            );
        }
    }

    #[test]
    fn an_index_that_goes_backwards_is_refused() {
        let (mut a, mut b) = connected(4096);
        write(&mut b.producer, &[0; 100]);
        assert_eq!(read(&mut a.consumer, 50).len(), 50);
        b.producer.own.publish(Word::Produced, 99);
        let violation = RingViolation::Produced {
            claimed: 99,
            least: 100,
            most: 4146,
        };
        assert_eq!(a.consumer.read(&mut Vec::new()), Err(violation));
    }
}
