//! What is done to the shared header words, and with which ordering.

use super::atomics::{AtomicU64, Ordering, fence};
use super::layout::Word;
use super::mapping::{OwnMapping, PeerMapping};

impl OwnMapping {
    /// Stores a header word after everything written before it.
    pub(crate) fn publish(&self, word: Word, value: u64) {
        // SYNC: release; pairs with the acquire fence in `PeerMapping::observe` in the other process.
        self.word(word).store(value, Ordering::Release);
    }

    /// Stores a header word without ordering; the caller fences.
    pub(crate) fn store_relaxed(&self, word: Word, value: u64) {
        self.word(word).store(value, Ordering::Relaxed);
    }
}

impl PeerMapping {
    /// Loads a header word before everything read after it.
    pub(crate) fn observe(&self, word: Word) -> u64 {
        let value = self.load_relaxed(word);
        // SYNC: acquire; pairs with the release store in `OwnMapping::publish` in the other process. A
        // relaxed load and a fence instead of an acquire load, because on read-only memory Rust guarantees
        // only relaxed loads (std::sync::atomic, "Atomic accesses to read-only memory").
        fence(Ordering::Acquire);
        value
    }

    /// Loads a header word without ordering; the caller fences.
    pub(crate) fn load_relaxed(&self, word: Word) -> u64 {
        self.word(word).0.load(Ordering::Relaxed)
    }
}

/// A header word in memory that is read-only for us: only loaded from, and only relaxed.
#[derive(Debug)]
pub(crate) struct PeerWord<'a>(&'a AtomicU64);

impl<'a> PeerWord<'a> {
    pub(crate) fn new(word: &'a AtomicU64) -> Self {
        Self(word)
    }
}
