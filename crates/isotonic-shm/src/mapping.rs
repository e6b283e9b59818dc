//! Two views of a segment: ours, which we write and nobody else can, and the peer's, which we can
//! only read and which may change at any moment.
//!
//! The types keep the two apart: there is no way to store through a [`PeerMapping`] (it would fault)
//! and none to read ring data back through an [`OwnMapping`] (there is no use for it). What is done to
//! the header words, and in which order, is in `words`. Together with `copy` and `streaming` this is the only
//! module with `unsafe` (and `hostile` and `fuzzing`, for tests).

use crate::atomics::AtomicU64;
use crate::copy::copy_from_peer;
use crate::layout::{DATA_OFFSET, RingCapacity, Word};
use crate::stores::{StoreChoice, Stores};
use crate::streaming::copy_streaming;
use crate::words::PeerWord;
use bytes::BufMut;
use bytes::buf::UninitSlice;
use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::param::page_size;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Our own segment, mapped for writing. Invariant: the mapping is `capacity.segment_len()` bytes long,
/// page-aligned, and its file cannot shrink.
#[derive(Debug)]
pub(crate) struct OwnMapping {
    map: MmapRaw,
    capacity: RingCapacity,
}

impl OwnMapping {
    /// Maps `len` bytes of `file` shared and writable, with its pages already present.
    pub(crate) fn new(file: impl AsFd, len: usize, capacity: RingCapacity) -> io::Result<Self> {
        let map = MmapOptions::new()
            .len(len)
            .populate()
            .map_raw(file.as_fd().as_raw_fd())?;
        debug_assert!(map.len() >= DATA_OFFSET + capacity.bytes());
        Ok(Self { map, capacity })
    }

    /// The capacity of the ring in this segment.
    pub(crate) fn capacity(&self) -> RingCapacity {
        self.capacity
    }

    /// A header word, for `words`.
    pub(crate) fn word(&self, word: Word) -> &AtomicU64 {
        // SAFETY: the offset is below DATA_OFFSET, which the mapping covers, and a multiple of 8 (asserted in
        // `layout`).
        unsafe { self.word_at(word as usize) }
    }

    /// # Safety
    /// `offset` is a multiple of 8, and `offset + 8` is within the mapping.
    pub(crate) unsafe fn word_at(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: within the mapping, says the caller.
        let pointer = unsafe { self.map.as_mut_ptr().add(offset) };
        // SAFETY: aligned to 8 (the mapping is page-aligned, the offset a multiple of 8), valid for reads and
        // writes as long as `self`, and accessed in this process only through such atomics. The peer's
        // process cannot write it.
        unsafe { AtomicU64::from_ptr(pointer.cast()) }
    }

    /// Copies `bytes` into the ring so that the first lands at ring position `position`, wrapping at
    /// the end. `bytes` must not be longer than the ring.
    pub(crate) fn write_data(&self, position: u64, bytes: &[u8], choice: &mut StoreChoice) {
        let capacity = self.capacity.bytes();
        assert!(bytes.len() <= capacity, "longer than the ring");
        let start = ring_offset(position, capacity);
        let (first, rest) = bytes.split_at(bytes.len().min(capacity - start));
        choice.copy(first.len(), |stores| self.write_at(start, first, stores));
        choice.copy(rest.len(), |stores| self.write_at(0, rest, stores));
    }

    fn write_at(&self, offset: usize, bytes: &[u8], stores: Stores) {
        debug_assert!(offset + bytes.len() <= self.capacity.bytes());
        // SAFETY: `offset` is within the ring, which the mapping covers.
        let target = unsafe { self.map.as_mut_ptr().add(DATA_OFFSET + offset) };
        let copy = match stores {
            Stores::Ordinary => std::ptr::copy_nonoverlapping,
            Stores::Streaming => copy_streaming,
        };
        // SAFETY: `target` is valid for `bytes.len()` bytes (`write_data` split at the end of the ring).
        // Only the single owner of the producer writes here and nothing in this process reads it, so
        // there is no race on our side; `bytes` is a reference and cannot overlap the raw mapping.
        unsafe { copy(bytes.as_ptr(), target, bytes.len()) };
    }
}

/// The peer's segment, mapped read-only. Its contents may change at any time, its size cannot.
#[derive(Debug)]
pub(crate) struct PeerMapping {
    map: MmapRaw,
    capacity: RingCapacity,
}

impl PeerMapping {
    /// Maps `len` bytes of `file` shared and read-only.
    pub(crate) fn new(file: impl AsFd, len: usize, capacity: RingCapacity) -> io::Result<Self> {
        let map = MmapOptions::new()
            .len(len)
            .map_raw_read_only(file.as_fd().as_raw_fd())?;
        debug_assert!(map.len() >= DATA_OFFSET + capacity.bytes());
        Ok(Self { map, capacity })
    }

    /// The offset of the first page that has no memory yet, or was never written, if there is one. To be asked
    /// before anything is read.
    ///
    /// The kernel tells this only to those who may write the file (mincore(2)); to others it says that all
    /// is there. `lseek(SEEK_HOLE)` would tell everybody, but waits for the lock of the descriptor's offset,
    /// which a peer can hold.
    pub(crate) fn first_hole(&self) -> io::Result<Option<usize>> {
        let page = page_size();
        let mut present = vec![0u8; self.map.len().div_ceil(page)];
        let start = self.map.as_ptr().cast_mut().cast();
        // SAFETY: `start` is page-aligned and mapped for as many bytes as are asked about; `present` has a byte
        // for each of their pages.
        if unsafe { libc::mincore(start, self.map.len(), present.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let hole = present.iter().position(|present| present & 1 == 0);
        Ok(hole.map(|index| index * page))
    }

    /// Has the kernel enter all pages into the page table now, so that reading them does not fault one by one.
    pub(crate) fn populate(&self) {
        // Before Linux 5.14 they fault one by one.
        let _ = self.map.advise(Advice::PopulateRead);
    }

    /// The capacity of the ring in this segment, as agreed, not as read.
    pub(crate) fn capacity(&self) -> RingCapacity {
        self.capacity
    }

    /// A header word, for `words`.
    pub(crate) fn word(&self, word: Word) -> PeerWord<'_> {
        // SAFETY: the offset is below DATA_OFFSET, which the mapping covers.
        let pointer = unsafe { self.map.as_ptr().add(word as usize) };
        // SAFETY: aligned to 8 as in `OwnMapping::word_at` and valid for reads as long as `self`. The pages are
        // read-only for us, so this must not be `AtomicU64::from_ptr`, which asks for writable memory; all
        // that a `PeerWord` does is a relaxed load of 8 bytes, which is allowed there on 64-bit targets
        // (std::sync::atomic).
        PeerWord::new(unsafe { &*pointer.cast::<AtomicU64>() })
    }

    /// Copies `len` bytes of ring data from ring position `position` into `target`, wrapping at the end.
    /// `len` must not be more than the ring has, nor more than `target` has room for.
    pub(crate) fn read_data(&self, position: u64, target: &mut impl BufMut, len: usize) {
        let capacity = self.capacity.bytes();
        assert!(len <= capacity, "longer than the ring");
        let mut position = position;
        let mut left = len;
        while left > 0 {
            let chunk = target.chunk_mut();
            let offset = ring_offset(position, capacity);
            let part = left.min(chunk.len()).min(capacity - offset);
            self.read_at(offset, &mut chunk[..part]);
            // SAFETY: `read_at` has just initialised the first `part` bytes of the chunk.
            unsafe { target.advance_mut(part) };
            position = position.wrapping_add(part as u64);
            left -= part;
        }
    }

    fn read_at(&self, offset: usize, target: &mut UninitSlice) {
        debug_assert!(offset + target.len() <= self.capacity.bytes());
        // SAFETY: `offset` is within the ring, which the mapping covers.
        let source = unsafe { self.map.as_ptr().add(DATA_OFFSET + offset) };
        // SAFETY: `source` is valid for `target.len()` bytes (`read_data` stops at the end of the ring)
        // and stays so: the size is sealed and the pages were allocated when the segment was accepted.
        // `target` is exclusively ours.
        unsafe { copy_from_peer(source, target.as_mut_ptr(), target.len()) };
    }
}

/// The offset in a ring of `capacity` (a power of two) bytes that belongs to a running position.
fn ring_offset(position: u64, capacity: usize) -> usize {
    (position & (capacity as u64 - 1)) as usize
}
