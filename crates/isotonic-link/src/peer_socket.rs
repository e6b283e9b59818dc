//! A Unix socket that a peer is connected to.
//!
//! What was sent and not received is thrown away when a socket is closed, descriptors included: the kernel
//! closes those too, in the thread that closes the socket, for however long that takes.

use crate::ancillary::{self, Received};
use crate::foreign_descriptor::{Charge, close_elsewhere};
use rustix::io::ioctl_fionread;
use rustix::net::{Shutdown, SocketFlags, accept_with, shutdown};
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};

/// A peer's socket as a stream of tokio's.
#[derive(Debug)]
pub(crate) struct PeerSocket {
    /// `Some` until it is dropped or taken apart.
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

    /// See [`receive_all`].
    pub(crate) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        receive_all(self.as_fd(), buffer, &self.charge, |receive| {
            self.try_io(Interest::READABLE, receive)
        })
    }

    /// Takes it away from the runtime.
    #[cfg(target_os = "linux")]
    pub(crate) fn into_bare(mut self) -> io::Result<BareSocket> {
        self.take_bare()
    }

    fn take_bare(&mut self) -> io::Result<BareSocket> {
        let stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        // An error of the runtime's closes it here.
        let descriptor = OwnedFd::from(stream.into_std()?);
        Ok(BareSocket {
            descriptor: Some(descriptor),
            charge: self.charge.take(),
        })
    }
}

/// Receives what is there through `try_io`, which a runtime said is readable. `WouldBlock` if that is nothing.
///
/// Less than the buffer has room for means that there is no more, and the next event comes with the next
/// bytes (epoll(7), question 9), so that nobody needs to ask the kernel again before sleeping. Not so
/// after descriptors, which end what one call receives, nor at the end of the stream.
pub(crate) fn receive_all(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    charge: &Charge,
    try_io: impl FnOnce(&mut dyn FnMut() -> io::Result<Received>) -> io::Result<Received>,
) -> io::Result<Received> {
    let mut last = None;
    let received = try_io(&mut || {
        let received = ancillary::receive(socket, buffer, charge)?;
        if received.len == 0 || received.len == buffer.len() || received.has_descriptors() {
            return Ok(received);
        }
        last = Some(received);
        // This is how tokio is told that it is readable no more.
        Err(io::ErrorKind::WouldBlock.into())
    });
    last.map_or(received, Ok)
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
        drop(self.take_bare());
    }
}

/// A peer's socket as such. Closes itself elsewhere if there is anything left in it.
#[derive(Debug)]
pub(crate) struct BareSocket {
    /// `Some` until it is dropped.
    descriptor: Option<OwnedFd>,
    charge: Charge,
}

#[cfg(target_os = "linux")]
impl BareSocket {
    pub(crate) fn charge(&self) -> &Charge {
        &self.charge
    }

    fn descriptor(&self) -> &OwnedFd {
        let descriptor = self.descriptor.as_ref();
        descriptor.expect("it is there until the drop")
    }
}

#[cfg(target_os = "linux")]
impl AsFd for BareSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor().as_fd()
    }
}

/// For [`AsyncFd`](tokio::io::unix::AsyncFd).
#[cfg(target_os = "linux")]
impl std::os::fd::AsRawFd for BareSocket {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.descriptor().as_raw_fd()
    }
}

impl Drop for BareSocket {
    fn drop(&mut self) {
        let Some(socket) = self.descriptor.take() else {
            return;
        };
        // Nothing more can be sent to it from here on; it may be gone already.
        let _ = shutdown(&socket, Shutdown::Read);
        // Most often there is nothing, or the end of a conversation.
        let mut rest = [0; 4096];
        let _ = ancillary::receive(&socket, &mut rest, &self.charge);
        // A descriptor comes with a byte at least.
        if !matches!(ioctl_fionread(&socket), Ok(0)) {
            close_elsewhere(socket, self.charge.take());
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
