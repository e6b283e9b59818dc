//! Segments made by hand: what a correct peer sends, and what one byte beside it would be.

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, memfd_create};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

pub(crate) const CAPACITY: u64 = 64 * 1024;

/// The size that belongs to [`CAPACITY`].
pub(crate) const SEGMENT_LEN: u64 = 4096 + CAPACITY;

/// Where a segment's words are (`isotonic_shm`, `layout.rs`).
pub(crate) const PRODUCED: u64 = 128;
pub(crate) const CONSUMED: u64 = 256;

/// What a segment has to be sealed with.
pub(crate) const SEALS: SealFlags = SealFlags::SHRINK
    .union(SealFlags::GROW)
    .union(SealFlags::FUTURE_WRITE)
    .union(SealFlags::SEAL);

/// A segment that is accepted.
pub(crate) fn good_segment() -> OwnedFd {
    segment_with(&[])
}

/// A segment that is accepted, with these words in its header.
pub(crate) fn segment_with(words: &[(u64, u64)]) -> OwnedFd {
    let file = File::from(unsealed(SEGMENT_LEN));
    for &(offset, value) in words {
        file.write_all_at(&value.to_ne_bytes(), offset).unwrap();
    }
    seal(file.into())
}

/// A sealed and allocated segment of this size.
pub(crate) fn segment_of(len: u64) -> OwnedFd {
    seal(unsealed(len))
}

pub(crate) fn unsealed(len: u64) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create(c"hostile", flags).unwrap();
    fallocate(&file, FallocateFlags::empty(), 0, len).unwrap();
    // A page that was allocated but never written counts as a hole.
    let zeros = vec![0; len as usize];
    let file = File::from(file);
    file.write_all_at(&zeros, 0).unwrap();
    file.into()
}

/// Gives a file the seals of a segment.
pub(crate) fn seal(file: OwnedFd) -> OwnedFd {
    seal_with(file, SEALS)
}

pub(crate) fn seal_with(file: OwnedFd, seals: SealFlags) -> OwnedFd {
    fcntl_add_seals(&file, seals).unwrap();
    file
}
