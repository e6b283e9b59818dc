//! Faults that can be switched on in a model, to show that it finds them.

pub use crate::layout::Word;
use std::cell::Cell;

/// A fault, in the memory or in the use that a link makes of the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The release store that publishes an index is relaxed.
    PublishedRelaxed(Word),
    /// The acquire fence after the load of an index is left out.
    AcquireFenceLeftOut(Word),
    /// The full fence after the store of a word is left out: the sleeper's after a sleep word, the
    /// waker's after an index.
    FullFenceLeftOut(Word),
    /// The writer's index is published before its bytes are written.
    PublishedBeforeWritten,
    /// The writer takes one byte more for read than the reader's index says.
    OneByteTooMany,
    /// The sleeper does not look again after it has announced its sleep.
    SecondLookLeftOut,
    /// The closing writer sends its `Close` before its last byte is in the ring.
    ClosedBeforeWritten,
    /// The reader ends at the `Close` without looking for what came before it.
    EndedWithoutLooking,
    /// The end of the link is taken for a doorbell and forgotten.
    EndForgotten,
    /// Of two tasks that share a socket, a record wakes only the one that looked at it last, and that
    /// one does not wake the other.
    OneTaskWoken,
}

thread_local! {
    // A model runs on the thread of its test, whatever threads it simulates.
    static SWITCHED_ON: Cell<Option<Mutation>> = const { Cell::new(None) };
}

/// Switches a fault on for every model that runs on this thread, or the last one off.
pub fn switch_on(mutation: Option<Mutation>) {
    SWITCHED_ON.set(mutation);
}

pub(crate) fn is_on(mutation: Mutation) -> bool {
    SWITCHED_ON.get() == Some(mutation)
}
