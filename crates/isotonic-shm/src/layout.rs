//! What a segment looks like in memory: see `MEMORY.md`, which draws it.

use crate::CapacityError;

/// The smallest ring, in bytes: one page of data.
pub const MIN_CAPACITY: usize = 4 * 1024;

/// The largest ring that is ever mapped, in bytes: the hard cap on what a peer can make us map.
pub const MAX_CAPACITY: usize = 256 * 1024 * 1024;

/// Where the ring data begins, in bytes from the start of the segment.
pub(crate) const DATA_OFFSET: usize = 4096;

/// A shared word of the header; the discriminant is its offset in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Word {
    Produced = 128,
    Consumed = 256,
    ReaderSleep = 384,
    WriterSleep = 512,
}

// An 8-byte load from read-only memory is only guaranteed on 64-bit targets.
const _: () = assert!(usize::BITS == 64, "isotonic-shm needs a 64-bit target");

const _: () = {
    assert!(Word::WriterSleep as usize + size_of::<u64>() <= DATA_OFFSET);
    assert!((Word::Produced as usize).is_multiple_of(align_of::<u64>()));
    assert!((Word::Consumed as usize).is_multiple_of(align_of::<u64>()));
    assert!((Word::ReaderSleep as usize).is_multiple_of(align_of::<u64>()));
    assert!((Word::WriterSleep as usize).is_multiple_of(align_of::<u64>()));
    assert!(MIN_CAPACITY.is_power_of_two() && MAX_CAPACITY.is_power_of_two());
};

/// The capacity of a ring in bytes: a power of two from [`MIN_CAPACITY`] to [`MAX_CAPACITY`].
///
/// ```
/// # use isotonic_shm::RingCapacity;
/// assert_eq!(RingCapacity::new(65536)?.bytes(), 65536);
/// assert!(RingCapacity::new(65537).is_err());
/// # Ok::<(), isotonic_shm::CapacityError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RingCapacity(usize);

impl RingCapacity {
    /// Checks a capacity in bytes.
    ///
    /// # Errors
    /// [`CapacityError`] if it is not a power of two within the limits.
    pub const fn new(bytes: u64) -> Result<Self, CapacityError> {
        if bytes.is_power_of_two() && bytes >= MIN_CAPACITY as u64 && bytes <= MAX_CAPACITY as u64 {
            Ok(Self(bytes as usize))
        } else {
            Err(CapacityError { bytes })
        }
    }

    /// The capacity in bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }

    /// The size of a whole segment with this ring in bytes, a multiple of `page` (a power of two).
    pub(crate) const fn segment_len(self, page: usize) -> usize {
        (DATA_OFFSET + self.0).next_multiple_of(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_outside_the_limits_are_refused() {
        for bytes in [0, 1, 4095, 4097, 1 << 29, u64::MAX] {
            assert_eq!(RingCapacity::new(bytes), Err(CapacityError { bytes }));
        }
        for bytes in [MIN_CAPACITY, 8192, MAX_CAPACITY] {
            assert_eq!(RingCapacity::new(bytes as u64).unwrap().bytes(), bytes);
        }
    }

    #[test]
    fn a_segment_is_whole_pages() {
        let capacity = RingCapacity::new(65536).unwrap();
        assert_eq!(capacity.segment_len(4096), 69632);
        assert_eq!(capacity.segment_len(65536), 131072);
    }
}
