//! Tests that hang where no timeout of theirs can end them.

use crate::patience::PATIENCE;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Several waits of one test may each take their time.
const PATIENCE_WITH_A_TEST: Duration = PATIENCE.saturating_mul(4);

/// Ends this process with a message unless what is returned is dropped in time. A thread of the runtime that
/// hangs in a system call may hold up its timers, and with them the message of whoever waits.
pub(crate) fn watched(test: &str) -> Sender<()> {
    let (done, watch) = channel();
    let what = format!("{test} hangs: not done after {PATIENCE_WITH_A_TEST:?}\n");
    thread::spawn(move || {
        if watch.recv_timeout(PATIENCE_WITH_A_TEST) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln`, which is captured.
            let _ = std::io::stderr().write_all(what.as_bytes());
            std::process::abort();
        }
    });
    done
}
