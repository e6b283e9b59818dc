//! Tests that count the descriptors of the process run one at a time, and open none outside.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::{Builder, Runtime};

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
    OwnRuntime(Some(runtime)).block_on(test());
}

/// Dropping a runtime waits for its threads. After a test that failed, one of them may hang for good, and
/// nobody would hear of the failure.
struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    fn block_on(self, test: impl Future<Output = ()>) {
        self.0.as_ref().unwrap().block_on(test);
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take()
            && std::thread::panicking()
        {
            runtime.shutdown_background();
        }
    }
}
