//! Descriptors of unknown make from a peer, and closing them without waiting for it.
//!
//! Closing can take as long as a peer likes: a lingering TCP socket with unsent bytes (`SO_LINGER`,
//! socket(7)), a file whose file system is a process of the peer's (FUSE asks it to flush at each
//! close), a terminal that waits to be drained (termios(3)). None of it may hold up one of our threads
//! that has other work.

use crate::quota::Place;
use rustix::fs::fcntl_get_seals;
use rustix::net::sockopt::set_socket_linger;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

/// Whom to charge for what a peer makes us hold; nobody where we went to the peer ourselves.
pub(crate) type Charge = Option<Arc<Place>>;

/// A descriptor from a peer.
///
/// While it cannot be closed its peer's place stays taken: such descriptors, and the threads that wait
/// for them, are as many as its user's connections at most.
#[derive(Debug)]
pub(crate) struct ForeignDescriptor {
    /// `Some` until it is dropped.
    descriptor: Option<OwnedFd>,
    charge: Charge,
}

impl ForeignDescriptor {
    pub(crate) fn new(descriptor: OwnedFd, charge: Charge) -> Self {
        Self {
            descriptor: Some(descriptor),
            charge,
        }
    }

    /// `None` only while it is dropped.
    pub(crate) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(AsFd::as_fd)
    }
}

impl Drop for ForeignDescriptor {
    fn drop(&mut self) {
        match self.descriptor.take() {
            Some(descriptor) if !closes_at_once(&descriptor) => {
                close_elsewhere((descriptor, self.charge.take()));
            }
            Some(_) | None => {}
        }
    }
}

/// Whether closing it cannot block: what can be sealed is memory, and a socket blocks only if it lingers.
/// Neither question is passed on to whoever is behind the descriptor.
fn closes_at_once(descriptor: &OwnedFd) -> bool {
    fcntl_get_seals(descriptor).is_ok() || set_socket_linger(descriptor, None).is_ok()
}

/// Drops what is held on a thread of its own. Should there be none to be had, it is held for good.
fn close_elsewhere(held: (OwnedFd, Charge)) {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name("isotonic-close".to_owned())
        .spawn(move || drop(receiver.recv()));
    match thread {
        Ok(_) => drop(sender.send(held)),
        Err(error) => {
            tracing::warn!(%error, "no thread to close a peer's descriptor; it stays open");
            std::mem::forget(held);
        }
    }
}
