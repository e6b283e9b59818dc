//! What the models take from shuttle.

pub(crate) use shuttle::sync::atomic::{AtomicU64, fence};
pub(crate) use shuttle::sync::{Condvar, Mutex, mpsc};
pub(crate) use shuttle::{thread, thread_local};
use std::sync::atomic::Ordering;

/// A byte of ring data. Atomic, so that other threads run between two bytes of a copy.
#[derive(Debug)]
pub(crate) struct Byte(shuttle::sync::atomic::AtomicU8);

impl Byte {
    pub(crate) fn new(value: u8) -> Self {
        Self(shuttle::sync::atomic::AtomicU8::new(value))
    }

    pub(crate) fn set(&self, value: u8) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}
