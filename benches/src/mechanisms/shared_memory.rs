//! Memory that both processes write. Unlike isotonic's segments it needs two sides that trust each other: this is
//! how such memory is shared elsewhere.

use super::mechanism::Prepared;
use crate::Result;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU32;
use vm_memory::{Bytes, FileOffset, MmapRegion, VolatileMemory};

/// Bytes of the first page, for words; data follows.
const WORDS: usize = 4096;

/// Words are this far apart, so that two never share a cache line, nor the pair that a CPU fetches at once.
const APART: usize = 128;

#[derive(Debug)]
pub(super) struct SharedMemory(MmapRegion);

impl SharedMemory {
    /// An anonymous file for `len` bytes of data.
    pub(super) fn anonymous_file(len: usize) -> Result<OwnedFd> {
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        let file = rustix::fs::memfd_create(c"isotonic-bench", flags)?;
        Ok(Self::sized(file.into(), len)?.into())
    }

    /// What two ends need that have nothing but such a file between them.
    pub(super) fn for_both(len: usize) -> Result<Prepared> {
        let file = Self::anonymous_file(len)?;
        Ok(Prepared::descriptors(vec![file.try_clone()?], vec![file]))
    }

    /// `file` with room for `len` bytes of data, all zero.
    pub(super) fn sized(file: File, len: usize) -> Result<File> {
        file.set_len((WORDS + len) as u64)?;
        Ok(file)
    }

    /// Maps what [`sized`](Self::sized) made, for reading and writing.
    pub(super) fn map(file: OwnedFd, len: usize) -> Result<Self> {
        let file = FileOffset::new(file.into(), 0);
        Ok(Self(MmapRegion::from_file(file, WORDS + len)?))
    }

    /// The word with this index: 0 at first.
    pub(super) fn word(&self, index: usize) -> &AtomicU32 {
        let offset = index * APART;
        assert!(offset < WORDS, "too many words");
        self.0
            .get_atomic_ref(offset)
            .expect("aligned, and within the mapping")
    }

    /// Copies into the data. That nobody else uses these bytes meanwhile is what the words are for.
    pub(super) fn write(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        Ok(self
            .0
            .as_volatile_slice()
            .write_slice(bytes, WORDS + offset)?)
    }

    /// Copies out of the data.
    pub(super) fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<()> {
        Ok(self
            .0
            .as_volatile_slice()
            .read_slice(bytes, WORDS + offset)?)
    }
}
