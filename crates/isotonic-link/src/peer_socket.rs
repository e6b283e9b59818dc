//! A Unix socket that a peer is connected to.
//!
//! What was sent and not received is thrown away when a socket is closed, descriptors included: the kernel
//! closes those too, in the thread that closes the socket, for however long that takes.

use crate::ancillary;
use crate::foreign_descriptor::{Charge, close_elsewhere};
use rustix::io::ioctl_fionread;
use rustix::net::{Shutdown, SocketFlags, accept_with, shutdown};
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::net::{UnixListener, UnixStream};

/// Closes itself elsewhere if there is anything left in it.
#[derive(Debug)]
pub(crate) struct PeerSocket {
    /// `Some` until it is dropped.
    stream: Option<UnixStream>,
    charge: Charge,
}

impl PeerSocket {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self {
            stream: Some(stream),
            charge: None,
        }
    }

    /// From now on its user is charged for what comes with it.
    pub(crate) fn charged_to(mut self, charge: Charge) -> Self {
        self.charge = charge;
        self
    }

    pub(crate) fn charge(&self) -> &Charge {
        &self.charge
    }
}

impl AsFd for PeerSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        (**self).as_fd()
    }
}

impl Deref for PeerSocket {
    type Target = UnixStream;

    fn deref(&self) -> &UnixStream {
        self.stream.as_ref().expect("it is there until the drop")
    }
}

impl DerefMut for PeerSocket {
    fn deref_mut(&mut self) -> &mut UnixStream {
        self.stream.as_mut().expect("it is there until the drop")
    }
}

impl Drop for PeerSocket {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        // Nothing more can be sent to it from here on; it may be gone already.
        let _ = shutdown(&stream, Shutdown::Read);
        // Most often there is nothing, or the end of a conversation.
        let mut rest = [0; 4096];
        let _ = ancillary::receive(&stream, &mut rest, &self.charge);
        // A descriptor comes with a byte at least.
        if matches!(ioctl_fionread(&stream), Ok(0)) {
            return;
        }
        // An error of the runtime's closes it here.
        if let Ok(stream) = stream.into_std() {
            close_elsewhere(OwnedFd::from(stream), self.charge.take());
        }
    }
}

/// A listening socket that closes what waits in its queue as carefully.
#[derive(Debug)]
pub(crate) struct ListeningSocket(pub(crate) UnixListener);

impl Drop for ListeningSocket {
    fn drop(&mut self) {
        // Nobody can join the queue from here on.
        if shutdown(&self.0, Shutdown::Read).is_err() {
            return;
        }
        while let Ok(socket) = accept_with(&self.0, SocketFlags::CLOEXEC) {
            let _ = shutdown(&socket, Shutdown::Read);
            if !matches!(ioctl_fionread(&socket), Ok(0)) {
                close_elsewhere(socket, None);
            }
        }
    }
}
