//! The layout of a model's segment: the words as in the product, a ring of a few bytes.

/// A shared word of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The writer's index.
    Produced,
    /// The reader's index.
    Consumed,
    /// Whether the reader sleeps.
    ReaderSleep,
    /// Whether the writer sleeps.
    WriterSleep,
}

/// The capacity of a ring in bytes: a power of two, of any size.
#[derive(Debug, Clone, Copy)]
pub struct RingCapacity(usize);

impl RingCapacity {
    pub(crate) fn new(bytes: usize) -> Self {
        assert!(bytes.is_power_of_two());
        Self(bytes)
    }

    pub(crate) fn bytes(self) -> usize {
        self.0
    }
}
