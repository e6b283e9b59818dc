//! Tests that count the descriptors of the process run one at a time, and open none outside.

use crate::watched::watched;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;
use tokio::runtime::Builder;

static ALONE: Mutex<()> = Mutex::new(());

/// Runs `test` on a runtime of its own, while no other test has one. The test's own task may block: the
/// tasks that it spawns run on other threads.
pub(crate) fn alone<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _watched = watched(thread::current().name().unwrap_or("a test"));
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test())));
    if let Err(failure) = result {
        // Its message should not wait for threads that hang.
        runtime.shutdown_background();
        resume_unwind(failure);
    }
}
