//! Descriptors that a peer sent are closed by threads. What such a thread frees as its very last act looks
//! lost to the search for leaks that follows an input, if it comes in between: so the threads are waited for.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Runs `target` until the threads that it started are gone.
pub fn run(target: impl FnOnce()) {
    let before = threads();
    target();
    let given_up = Instant::now() + Duration::from_secs(10);
    while threads() > before {
        assert!(Instant::now() < given_up, "a thread does not end");
        thread::yield_now();
    }
}

/// How many threads the kernel knows of this process. Not by counting those in `/proc/self/task`: the list ends early
/// if one of them ends while it is read.
fn threads() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("the process's status");
    let count = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    count.expect("a count").trim().parse().expect("a number")
}
