//! Descriptors of unknown make from a peer, and closing them without waiting for it.
//!
//! Closing can take as long as a peer likes: a lingering TCP socket with unsent bytes (`SO_LINGER`,
//! socket(7)), a file whose file system is a process of the peer's (FUSE asks it to flush at each
//! close), a terminal that waits to be drained (termios(3)), a socket that has one of these in its
//! queue. Even asking a descriptor what it is may wait for a lock that the peer holds. So nothing is
//! asked but whether it is memory, and whatever is not is closed by a thread that has no other work.

use crate::limits::{MAX_FREED_AT_ONCE, MAX_UNCHARGED_CLOSING};
use crate::quota::Place;
use rustix::fs::{fcntl_get_seals, fstat};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Whom to charge for what a peer makes us hold: nobody where we went to the peer ourselves, or where it has
/// no place yet.
pub(crate) type Charge = Option<Arc<Place>>;

/// A descriptor from a peer.
///
/// While it cannot be closed its peer's place stays taken: the threads that wait for such descriptors are a
/// few for each of its user's connections at most.
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
                close_elsewhere(descriptor, self.charge.take());
            }
            Some(_) | None => {}
        }
    }
}

/// Whether closing it cannot block: what can be sealed is memory (`memfd_create`), and freeing it takes time
/// only if it is large. For memory these questions need no lock that the peer could hold.
fn closes_at_once(descriptor: &OwnedFd) -> bool {
    fcntl_get_seals(descriptor).is_ok()
        && fstat(descriptor).is_ok_and(|stat| {
            let bytes = stat.st_blocks.cast_unsigned().saturating_mul(512);
            bytes <= MAX_FREED_AT_ONCE
        })
}

/// How much is being closed that nobody is charged for. A statistic that others act on later: relaxed.
static UNCHARGED: AtomicUsize = AtomicUsize::new(0);

/// Whether so much cannot be closed that nobody is charged for that no more should be let in.
pub(crate) fn too_much_cannot_be_closed() -> bool {
    UNCHARGED.load(Ordering::Relaxed) >= MAX_UNCHARGED_CLOSING
}

/// One of those that nobody is charged for.
struct Uncharged;

impl Uncharged {
    fn new() -> Self {
        UNCHARGED.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Uncharged {
    fn drop(&mut self) {
        UNCHARGED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Drops what a peer gave us on a thread of its own. Should there be no thread to be had, it is held for
/// good, and stays charged.
pub(crate) fn close_elsewhere<T: Send + 'static>(held: T, charge: Charge) {
    let uncharged = charge.is_none().then(Uncharged::new);
    let (sender, receiver) = mpsc::sync_channel::<(T, Charge, Option<Uncharged>)>(1);
    let thread = thread::Builder::new()
        .name("isotonic-close".to_owned())
        .spawn(move || {
            if let Ok((held, charge, uncharged)) = receiver.recv() {
                drop(held);
                drop((charge, uncharged));
            }
        });
    let held = (held, charge, uncharged);
    match thread {
        Ok(_) => drop(sender.send(held)),
        Err(error) => {
            tracing::warn!(%error, "no thread to close a peer's descriptor; it stays open");
            std::mem::forget(held);
        }
    }
}
