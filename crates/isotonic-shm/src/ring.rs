//! The two owning halves of a connection's rings. `MEMORY.md` draws which of them writes and reads what,
//! and argues the orderings.
//!
//! Positions run from 0 upwards and are never reduced modulo the capacity, so that "full" and "empty"
//! differ; 2^64 bytes take 29 years at 20 GB/s, and the arithmetic wraps correctly all the same.
//! Each half keeps its own position and its last look at the peer's in private memory, and looks
//! again only when the ring seems too full or too empty for what is asked.

#[cfg(any(test, fuzzing))]
#[allow(unsafe_code, reason = "`BufMut` is an unsafe trait")]
pub mod fuzzing;

use super::error::RingViolation;
use super::layout::{RingCapacity, Word};
use super::mapping::{OwnMapping, PeerMapping};
use super::segment::{OwnSegment, PeerSegment};
use super::sleep::{PeerSleepWord, SleepWord};
use super::stores::StoreChoice;
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
        stores: StoreChoice::new(own.capacity().bytes()),
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
    stores: StoreChoice,
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
            self.own.write_data(position, part, &mut self.stores);
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

    /// How many bytes there are to read. A [`read`](Self::read) of no more does not look for others.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn readable(&mut self) -> Result<usize, RingViolation> {
        self.look()?;
        Ok(self.available())
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
mod against_a_queue;
#[cfg(test)]
mod pair;
#[cfg(test)]
mod scribbled;
#[cfg(test)]
mod tests;
