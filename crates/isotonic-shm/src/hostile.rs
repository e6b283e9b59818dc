//! A peer that keeps no rule, for tests and fuzzing: a segment that is as correct as ours when it is
//! mapped, and of which every word can be written at any time afterwards.

use crate::layout::{RingCapacity, Word};
use crate::{CreateError, OwnSegment};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

/// Where the producer's index is, in bytes from the start of the segment.
pub const PRODUCED: usize = Word::Produced as usize;
/// Where the consumer's index is, in bytes from the start of the segment.
pub const CONSUMED: usize = Word::Consumed as usize;
/// Where the reader's sleep word is, in bytes from the start of the segment.
pub const READER_SLEEP: usize = Word::ReaderSleep as usize;
/// Where the writer's sleep word is, in bytes from the start of the segment.
pub const WRITER_SLEEP: usize = Word::WriterSleep as usize;
/// Where the ring's data begins, in bytes from the start of the segment.
pub const DATA: usize = crate::layout::DATA_OFFSET;

/// A segment that its owner scribbles over.
///
/// ```
/// # use isotonic_shm::{OwnSegment, PeerSegment, RingCapacity, hostile, rings};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let capacity = RingCapacity::new(4096)?;
/// let (theirs, fd) = hostile::HostileSegment::create(capacity)?;
/// let (own, _) = OwnSegment::create(capacity)?;
/// let (_, mut consumer) = rings(own, PeerSegment::map(fd, capacity)?);
/// theirs.store(hostile::PRODUCED, u64::MAX);
/// assert!(consumer.read(&mut Vec::new()).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct HostileSegment(OwnSegment);

impl HostileSegment {
    /// Creates a segment that passes every check, and its descriptor.
    ///
    /// # Errors
    /// As for [`OwnSegment::create`].
    pub fn create(capacity: RingCapacity) -> Result<(Self, OwnedFd), CreateError> {
        let (segment, file) = OwnSegment::create(capacity)?;
        Ok((Self(segment), file))
    }

    /// The bytes that can be written: header and ring data.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        DATA + self.0.0.capacity().bytes()
    }

    /// Writes one word, whatever it means.
    ///
    /// # Panics
    /// If `offset` is not a multiple of 8 within [`len`](Self::len).
    pub fn store(&self, offset: usize, value: u64) {
        assert!(offset.is_multiple_of(8) && offset < self.len());
        // SAFETY: just checked; the length is a multiple of 8 and the mapping covers it.
        let word = unsafe { self.0.0.word_at(offset) };
        word.store(value, Ordering::Relaxed);
    }
}
