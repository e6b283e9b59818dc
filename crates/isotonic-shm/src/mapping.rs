//! Two views of a segment: ours, which we write and nobody else can, and the peer's, which we can
//! only read and which may change at any moment.
//!
//! The types keep the two apart: there is no way to store through a [`PeerMapping`] (it would fault)
//! and none to read ring data back through an [`OwnMapping`] (there is no use for it). Together with
//! `copy` this is the only module with `unsafe` (and `hostile` and `fuzzing`, for tests).

use crate::copy::copy_from_peer;
use crate::layout::{DATA_OFFSET, RingCapacity, Word};
use bytes::buf::UninitSlice;
use memmap2::{MmapOptions, MmapRaw};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicU64, Ordering, fence};

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

    /// Stores a header word after everything written before it.
    pub(crate) fn publish(&self, word: Word, value: u64) {
        // SYNC: release; pairs with the acquire fence in `PeerMapping::observe` in the other process.
        self.word(word).store(value, Ordering::Release);
    }

    /// Stores a header word without ordering; the caller fences.
    pub(crate) fn store_relaxed(&self, word: Word, value: u64) {
        self.word(word).store(value, Ordering::Relaxed);
    }

    fn word(&self, word: Word) -> &AtomicU64 {
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
    pub(crate) fn write_data(&self, position: u64, bytes: &[u8]) {
        let capacity = self.capacity.bytes();
        assert!(bytes.len() <= capacity, "longer than the ring");
        let start = ring_offset(position, capacity);
        let (first, rest) = bytes.split_at(bytes.len().min(capacity - start));
        self.write_at(start, first);
        self.write_at(0, rest);
    }

    fn write_at(&self, offset: usize, bytes: &[u8]) {
        debug_assert!(offset + bytes.len() <= self.capacity.bytes());
        // SAFETY: `offset` is within the ring, which the mapping covers.
        let target = unsafe { self.map.as_mut_ptr().add(DATA_OFFSET + offset) };
        // SAFETY: `target` is valid for `bytes.len()` bytes (`write_data` split at the end of the ring).
        // Only the single owner of the producer writes here and nothing in this process reads it, so
        // there is no race on our side; `bytes` is a reference and cannot overlap the raw mapping.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
    }
}

/// The peer's segment, mapped read-only. Its contents may change at any time, its size cannot.
#[derive(Debug)]
pub(crate) struct PeerMapping {
    map: MmapRaw,
    capacity: RingCapacity,
}

impl PeerMapping {
    /// Maps `len` bytes of `file` shared and read-only, with its pages already present.
    pub(crate) fn new(file: impl AsFd, len: usize, capacity: RingCapacity) -> io::Result<Self> {
        let map = MmapOptions::new()
            .len(len)
            .populate()
            .map_raw_read_only(file.as_fd().as_raw_fd())?;
        debug_assert!(map.len() >= DATA_OFFSET + capacity.bytes());
        Ok(Self { map, capacity })
    }

    /// The capacity of the ring in this segment, as agreed, not as read.
    pub(crate) fn capacity(&self) -> RingCapacity {
        self.capacity
    }

    /// Loads a header word before everything read after it.
    pub(crate) fn observe(&self, word: Word) -> u64 {
        let value = self.load_relaxed(word);
        // SYNC: pairs with the release store in `OwnMapping::publish` in the other process. A relaxed
        // load and a fence instead of an acquire load, because on read-only memory Rust guarantees only
        // relaxed loads (std::sync::atomic, "Atomic accesses to read-only memory").
        fence(Ordering::Acquire);
        value
    }

    /// Loads a header word without ordering; the caller fences.
    pub(crate) fn load_relaxed(&self, word: Word) -> u64 {
        // SAFETY: the offset is below DATA_OFFSET, which the mapping covers.
        let pointer = unsafe { self.map.as_ptr().add(word as usize) };
        // SAFETY: aligned to 8 as in `OwnMapping::word` and valid for reads as long as `self`. The pages are
        // read-only for us, so this must not be `AtomicU64::from_ptr`, which asks for writable memory; only
        // a relaxed load of 8 bytes is done, which is allowed there on 64-bit targets (std::sync::atomic).
        let word = unsafe { &*pointer.cast::<AtomicU64>() };
        word.load(Ordering::Relaxed)
    }

    /// Copies ring data from ring position `position` into the whole of `target`, wrapping at the end.
    /// `target` must not be longer than the ring.
    pub(crate) fn read_data(&self, position: u64, target: &mut UninitSlice) {
        let capacity = self.capacity.bytes();
        assert!(target.len() <= capacity, "longer than the ring");
        let start = ring_offset(position, capacity);
        let first = target.len().min(capacity - start);
        self.read_at(start, &mut target[..first]);
        self.read_at(0, &mut target[first..]);
    }

    fn read_at(&self, offset: usize, target: &mut UninitSlice) {
        debug_assert!(offset + target.len() <= self.capacity.bytes());
        // SAFETY: `offset` is within the ring, which the mapping covers.
        let source = unsafe { self.map.as_ptr().add(DATA_OFFSET + offset) };
        // SAFETY: `source` is valid for `target.len()` bytes (`read_data` split at the end of the ring)
        // and stays so: the size is sealed and the pages were allocated when the segment was accepted.
        // `target` is exclusively ours.
        unsafe { copy_from_peer(source, target.as_mut_ptr(), target.len()) };
    }
}

/// The offset in a ring of `capacity` (a power of two) bytes that belongs to a running position.
fn ring_offset(position: u64, capacity: usize) -> usize {
    (position & (capacity as u64 - 1)) as usize
}
