//! Descriptors that the runtime watches for something to read, and for nothing else.

use std::io;
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Gives it to the runtime that this runs on.
#[expect(
    deprecated,
    reason = "its successor is unsafe, for types that lie about their descriptor; ours own theirs"
)]
pub(crate) fn watch<T: AsRawFd>(descriptor: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}
