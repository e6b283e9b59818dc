//! Tests that count the descriptors of the process run one at a time, and open none outside.

use crate::patience::PATIENCE;
use std::future::Future;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;

static ALONE: Mutex<()> = Mutex::new(());

/// Several waits of one test may each take their time.
const PATIENCE_WITH_A_TEST: Duration = PATIENCE.saturating_mul(4);

/// Runs `test` on a runtime of its own, while no other test has one. The test's own task may block: the
/// tasks that it spawns run on other threads.
pub(crate) fn alone<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _watched = watched();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test());
}

/// Ends this process with a message unless what is returned is dropped in time. A thread of the runtime that
/// hangs in a system call may hold up its timers, and with them the message of whoever waits.
fn watched() -> Sender<()> {
    let (done, watch) = channel();
    let name = thread::current().name().unwrap_or("a test").to_owned();
    thread::spawn(move || {
        if watch.recv_timeout(PATIENCE_WITH_A_TEST) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln`, which is captured.
            let what = format!("{name} hangs: not done after {PATIENCE_WITH_A_TEST:?}\n");
            let _ = std::io::stderr().write_all(what.as_bytes());
            std::process::abort();
        }
    });
    done
}
