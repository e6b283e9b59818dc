//! What the models take from loom.

pub(crate) use loom::sync::atomic::{AtomicU64, fence};
pub(crate) use loom::sync::{Condvar, Mutex, mpsc};
pub(crate) use loom::{thread, thread_local};

/// A byte of ring data. Not atomic: loom reports it if two threads use it without an order between them.
pub(crate) type Byte = loom::cell::Cell<u8>;
