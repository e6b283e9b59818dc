//! Every system call of a link's set-up fails, with every errno that it may be given and some that it may
//! not: the link stays on the socket, or there is an error that says what happened. After each failure the
//! process has as many descriptors as before, and the next client is served by the same server.
//!
//! The system calls fail in the kernel (`injection`), so the code under test knows nothing of it.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod accepting;
mod any_errno;
mod calls;
mod connecting;
mod injection;
mod listening;
mod numbers;
mod our_segment;
mod panics;
#[path = "../patience/mod.rs"]
mod patience;
mod records;
mod stage;
mod the_peers_segment;
mod warnings;
