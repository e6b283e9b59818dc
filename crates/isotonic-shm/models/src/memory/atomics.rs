//! The atomic operations that the ring finds in this place: the checker's, and, where a mutation says
//! so, weaker ones.

use super::runtime;
use crate::layout::Word;
use crate::mutation::{Mutation, is_on};
use std::cell::Cell;

pub(crate) use std::sync::atomic::Ordering;

/// A header word that knows its name.
#[derive(Debug)]
pub(crate) struct AtomicU64 {
    name: Word,
    value: runtime::AtomicU64,
}

runtime::thread_local! {
    /// The word that this simulated thread used last: it tells one fence from another.
    static LAST_USED: Cell<Option<Word>> = Cell::new(None)
}

impl AtomicU64 {
    pub(crate) fn new(name: Word) -> Self {
        Self {
            name,
            value: runtime::AtomicU64::new(0),
        }
    }

    pub(crate) fn store(&self, value: u64, ordering: Ordering) {
        let weakened = is_on(Mutation::PublishedRelaxed(self.name));
        let ordering = if weakened {
            Ordering::Relaxed
        } else {
            ordering
        };
        self.value.store(value, ordering);
        LAST_USED.with(|word| word.set(Some(self.name)));
    }

    pub(crate) fn load(&self, ordering: Ordering) -> u64 {
        let mut value = self.value.load(ordering);
        LAST_USED.with(|word| word.set(Some(self.name)));
        if self.name == Word::Consumed && is_on(Mutation::OneByteTooMany) {
            value += 1;
        }
        value
    }
}

pub(crate) fn fence(ordering: Ordering) {
    let left_out = LAST_USED.with(Cell::get).is_some_and(|word| {
        is_on(match ordering {
            Ordering::Acquire => Mutation::AcquireFenceLeftOut(word),
            _ => Mutation::FullFenceLeftOut(word),
        })
    });
    if !left_out {
        runtime::fence(ordering);
    }
}
