//! Tests that count the descriptors of the process run one at a time, and open none outside.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Builder;

static ALONE: Mutex<()> = Mutex::new(());

/// Runs `test` on a runtime of its own, while no other test has one. The test's own task may block: the
/// tasks that it spawns run on other threads.
pub(crate) fn alone<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test());
}
