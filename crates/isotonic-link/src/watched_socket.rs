//! A peer's socket that its runtime watches for space only when that is wanted.
//!
//! Whenever a peer takes something off a Unix socket, the kernel tells whoever watches our end for space, however
//! much there was before (`unix_write_space` of Linux 6.18). On a socket that carries doorbells each of them then wakes
//! a thread of the side that rang it, for nothing.

use crate::ancillary::{self, Received};
use crate::peer_socket::{BareSocket, PeerSocket, receive_all};
use crate::readable;
use rustix::net::{Shutdown, shutdown};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct WatchedSocket {
    /// `None` after the runtime has refused to watch it, which has closed it.
    watched: Option<Watched>,
    /// Watches it, whatever the task that uses it runs on.
    runtime: Handle,
}

#[derive(Debug)]
enum Watched {
    ForBytesAndSpace(PeerSocket),
    ForBytes(AsyncFd<BareSocket>),
}

use Watched::{ForBytes, ForBytesAndSpace};

impl WatchedSocket {
    /// To be called on the runtime that watches it.
    pub(crate) fn new(socket: PeerSocket) -> Self {
        Self {
            watched: Some(ForBytesAndSpace(socket)),
            runtime: Handle::current(),
        }
    }

    /// From now on it is watched for space only while it is full.
    ///
    /// The caller has to poll it again, or it is woken no more.
    pub(crate) fn is_rarely_full(&mut self) -> io::Result<()> {
        let _runtime = self.runtime.enter();
        self.watched = match self.watched.take() {
            Some(ForBytesAndSpace(socket)) => Some(ForBytes(readable::watch(socket.into_bare()?)?)),
            already => already,
        };
        Ok(())
    }

    /// It is full: watches it for space, too. The task of `cx` goes on being woken for bytes.
    fn watch_for_space(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let _runtime = self.runtime.enter();
        self.watched = match self.watched.take() {
            Some(ForBytes(socket)) => {
                let socket = PeerSocket::from_bare(socket.into_inner())?;
                if socket.poll_read_ready(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                Some(ForBytesAndSpace(socket))
            }
            already => already,
        };
        Ok(())
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.watched()? {
            ForBytesAndSpace(socket) => socket.poll_read_ready(cx),
            ForBytes(socket) => socket.poll_read_ready(cx).map_ok(|_guard| ()),
        }
    }

    /// See [`receive_all`].
    pub(crate) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        match self.watched()? {
            ForBytesAndSpace(socket) => socket.try_receive(buffer),
            ForBytes(socket) => {
                let bare = socket.get_ref();
                receive_all(bare.as_fd(), buffer, bare.charge(), |receive| {
                    socket.try_io(Interest::READABLE, |_| receive())
                })
            }
        }
    }

    /// Sends what fits. `cx` has to wake whoever waits for bytes, too.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        descriptor: Option<&OwnedFd>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let sent = match self.watched()? {
                ForBytesAndSpace(socket) => {
                    ready!(socket.poll_write_ready(cx))?;
                    socket.try_io(Interest::WRITABLE, || {
                        ancillary::send(socket, slices, descriptor)
                    })
                }
                ForBytes(socket) => ancillary::send(socket, slices, descriptor),
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.watch_for_space(cx)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Sends what fits at once; `WouldBlock` if that is nothing.
    pub(crate) fn send_now(
        &self,
        slices: &[IoSlice<'_>],
        descriptor: Option<&OwnedFd>,
    ) -> io::Result<usize> {
        ancillary::send(self.watched()?, slices, descriptor)
    }

    /// Ends one direction or both. It may have ended already.
    pub(crate) fn shut_down(&self, how: Shutdown) {
        if let Some(watched) = &self.watched {
            let _ = shutdown(watched, how);
        }
    }

    fn watched(&self) -> io::Result<&Watched> {
        self.watched
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            ForBytesAndSpace(socket) => socket.as_fd(),
            ForBytes(socket) => socket.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{Future, poll_fn};
    use std::io::{ErrorKind, Read, Write};
    use std::os::unix::net::UnixStream as Blocking;
    use std::time::Duration;
    use tokio::net::UnixStream;

    /// A socket that is rarely full, and its peer.
    fn pair() -> (WatchedSocket, Blocking) {
        let (ours, peer) = Blocking::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = PeerSocket::new(UnixStream::from_std(ours).unwrap());
        let mut ours = WatchedSocket::new(ours);
        ours.is_rarely_full().unwrap();
        (ours, peer)
    }

    async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
        let limit = Duration::from_secs(20);
        let done = tokio::time::timeout(limit, future).await;
        done.unwrap_or_else(|_| panic!("waited {limit:?} for {what}"))
    }

    /// Returns how many bytes it took.
    fn fill(socket: &WatchedSocket) -> usize {
        let mut filled = 0;
        loop {
            match socket.send_now(&[IoSlice::new(&[1; 100])], None) {
                Ok(sent) => filled += sent,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return filled;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_full_socket_is_waited_for() {
        let (mut socket, mut peer) = pair();
        for _ in 0..2 {
            let filled = fill(&socket);
            let mut is_full = true;
            let sent = poll_fn(|cx| {
                let sent = socket.poll_send(cx, &[IoSlice::new(&[2])], None);
                if is_full {
                    assert!(sent.is_pending());
                    peer.read_exact(&mut vec![0; filled]).unwrap();
                    is_full = false;
                }
                sent
            });
            assert_eq!(in_time("space", sent).await.unwrap(), 1);
            socket.is_rarely_full().unwrap();
        }
    }

    #[tokio::test]
    async fn who_waits_for_bytes_goes_on_being_woken_for_them_while_it_is_full() {
        let (mut socket, mut peer) = pair();
        fill(&socket);
        let mut waits = false;
        let readable = poll_fn(|cx| {
            if waits {
                return socket.poll_read_ready(cx);
            }
            waits = true;
            assert!(socket.poll_read_ready(cx).is_pending());
            let sent = socket.poll_send(cx, &[IoSlice::new(&[2])], None);
            assert!(sent.is_pending());
            peer.write_all(&[3]).unwrap();
            Poll::Pending
        });
        in_time("the byte", readable).await.unwrap();
        assert_eq!(socket.try_receive(&mut [0; 8]).unwrap().len, 1);
    }
}
