//! A segment, and the two views of it: the owner's and the peer's.

use super::atomics::{AtomicU64, Ordering};
use super::layout::{RingCapacity, Word};
use super::product::stores::StoreChoice;
use super::product::words::PeerWord;
use super::runtime::Byte;
use crate::mutation::{Mutation, is_on};
use bytes::BufMut;
use std::sync::Arc;

#[derive(Debug)]
struct Memory {
    produced: AtomicU64,
    consumed: AtomicU64,
    reader_sleep: AtomicU64,
    writer_sleep: AtomicU64,
    data: Vec<Byte>,
}

impl Memory {
    fn new(capacity: RingCapacity) -> Self {
        Self {
            produced: AtomicU64::new(Word::Produced),
            consumed: AtomicU64::new(Word::Consumed),
            reader_sleep: AtomicU64::new(Word::ReaderSleep),
            writer_sleep: AtomicU64::new(Word::WriterSleep),
            data: (0..capacity.bytes()).map(|_| Byte::new(0)).collect(),
        }
    }

    fn word(&self, word: Word) -> &AtomicU64 {
        match word {
            Word::Produced => &self.produced,
            Word::Consumed => &self.consumed,
            Word::ReaderSleep => &self.reader_sleep,
            Word::WriterSleep => &self.writer_sleep,
        }
    }

    /// The byte of the ring at a running position.
    fn byte(&self, position: u64) -> &Byte {
        &self.data[(position % self.data.len() as u64) as usize]
    }

    fn capacity(&self) -> RingCapacity {
        RingCapacity::new(self.data.len())
    }
}

#[derive(Debug)]
pub(crate) struct OwnMapping(Arc<Memory>);

#[derive(Debug)]
pub(crate) struct PeerMapping(Arc<Memory>);

/// A segment as its owner and as the peer sees it.
pub(crate) fn mapped_by_both(capacity: RingCapacity) -> (OwnMapping, PeerMapping) {
    let memory = Arc::new(Memory::new(capacity));
    (OwnMapping(Arc::clone(&memory)), PeerMapping(memory))
}

impl OwnMapping {
    pub(crate) fn capacity(&self) -> RingCapacity {
        self.0.capacity()
    }

    pub(crate) fn word(&self, word: Word) -> &AtomicU64 {
        self.0.word(word)
    }

    /// Memory is all that there is here: which stores are chosen makes no difference.
    pub(crate) fn write_data(&self, position: u64, bytes: &[u8], _: &mut StoreChoice) {
        assert!(bytes.len() <= self.capacity().bytes());
        if is_on(Mutation::PublishedBeforeWritten) {
            let end = position + bytes.len() as u64;
            self.word(Word::Produced).store(end, Ordering::Release);
        }
        for (position, byte) in (position..).zip(bytes) {
            self.0.byte(position).set(*byte);
        }
    }
}

impl PeerMapping {
    pub(crate) fn capacity(&self) -> RingCapacity {
        self.0.capacity()
    }

    pub(crate) fn word(&self, word: Word) -> PeerWord<'_> {
        PeerWord::new(self.0.word(word))
    }

    pub(crate) fn read_data(&self, position: u64, target: &mut impl BufMut, len: usize) {
        assert!(len <= self.capacity().bytes());
        for position in (position..).take(len) {
            target.put_u8(self.0.byte(position).get());
        }
    }
}
