#![no_main]
#![forbid(unsafe_code)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    isotonic_link::fuzzing::records(input);
    closing_threads_are_gone();
});

/// The search for leaks after an input takes what a thread frees as its very last act for lost, if it comes
/// in between: descriptors are closed on threads, so wait until the kernel knows these no more.
fn closing_threads_are_gone() {
    let given_up = Instant::now() + Duration::from_secs(10);
    while is_closing() {
        assert!(
            Instant::now() < given_up,
            "a thread that closes descriptors does not end"
        );
        thread::yield_now();
    }
}

fn is_closing() -> bool {
    let tasks = fs::read_dir("/proc/self/task").expect("the threads");
    tasks.flatten().any(|task| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "isotonic-close\n")
    })
}
