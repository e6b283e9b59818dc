//! A peer's socket that its runtime need not watch for space.
//!
//! Whenever a peer takes something off a Unix socket, the kernel tells whoever watches our end for space, however
//! much there was before (`unix_write_space` of Linux 6.18). On a socket that carries doorbells each of them then wakes
//! a thread of the side that rang it, for nothing.

use crate::ancillary::{self, Received};
use crate::limits::RETRY_BACK_OFF;
use crate::peer_socket::{BareSocket, PeerSocket, receive_all};
use crate::readable;
use rustix::net::{Shutdown, shutdown};
use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct WatchedSocket {
    /// `None` after the runtime has refused to watch it, which has closed it.
    watched: Option<Watched>,
    /// Watches it, whatever the task that uses it runs on.
    runtime: Handle,
    /// Until the next try to send into a full socket that is not watched for space.
    pause: Option<Pin<Box<Sleep>>>,
    next_pause: Duration,
}

#[derive(Debug)]
enum Watched {
    ForBytesAndSpace(PeerSocket),
    ForBytes(AsyncFd<Arc<BareSocket>>),
}

use Watched::{ForBytes, ForBytesAndSpace};

impl WatchedSocket {
    /// To be called on the runtime that watches it.
    pub(crate) fn new(socket: PeerSocket) -> Self {
        Self {
            watched: Some(ForBytesAndSpace(socket)),
            runtime: Handle::current(),
            pause: None,
            next_pause: RETRY_BACK_OFF.0,
        }
    }

    /// From now on it is not watched for space: for sockets that are rarely full. Whoever waits for it has to poll
    /// again, or is woken no more.
    ///
    /// # Errors
    /// Those of the runtime; the socket has been closed then.
    pub(crate) fn watch_for_bytes_only(&mut self) -> io::Result<()> {
        if let Some(ForBytes(_)) = &self.watched {
            return Ok(());
        }
        if let Some(ForBytesAndSpace(socket)) = self.watched.take() {
            let _runtime = self.runtime.enter();
            self.watched = Some(ForBytes(readable::watch(Arc::new(socket.into_bare()?))?));
        }
        Ok(())
    }

    /// For sending past all this. `None` while it is watched for space.
    pub(crate) fn shared(&self) -> Option<Arc<BareSocket>> {
        match &self.watched {
            Some(ForBytes(socket)) => Some(Arc::clone(socket.get_ref())),
            Some(ForBytesAndSpace(_)) | None => None,
        }
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

    /// Sends what fits.
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
                ForBytes(socket) => {
                    let sent = ancillary::send(socket, slices, descriptor);
                    if is_full(&sent) {
                        ready!(self.poll_pause(cx));
                    } else {
                        self.next_pause = RETRY_BACK_OFF.0;
                    }
                    sent
                }
            };
            match sent {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let pause = self.pause.get_or_insert_with(|| {
            let _runtime = self.runtime.enter();
            Box::pin(sleep(self.next_pause))
        });
        ready!(pause.as_mut().poll(cx));
        self.pause = None;
        self.next_pause = (self.next_pause * 2).min(RETRY_BACK_OFF.1);
        Poll::Ready(())
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

fn is_full(sent: &io::Result<usize>) -> bool {
    sent.as_ref()
        .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
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
    use std::fs;
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream as Blocking;
    use tokio::net::UnixStream;

    /// A socket that is not watched for space, and its peer.
    fn pair() -> (WatchedSocket, Blocking) {
        let (ours, peer) = Blocking::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = PeerSocket::new(UnixStream::from_std(ours).unwrap());
        let mut ours = WatchedSocket::new(ours);
        ours.watch_for_bytes_only().unwrap();
        (ours, peer)
    }

    /// In a task of its own, which the timeout does not wake.
    async fn in_time<T: Send + 'static>(
        what: &str,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let limit = Duration::from_secs(20);
        let done = tokio::time::timeout(limit, tokio::spawn(future)).await;
        done.unwrap_or_else(|_| panic!("waited {limit:?} for {what}"))
            .unwrap()
    }

    /// The events that any epoll instance of this process watches the socket for (proc_pid_fdinfo(5)).
    fn watched_for(socket: &WatchedSocket) -> u32 {
        let descriptor = socket.watched().unwrap().as_fd().as_raw_fd().to_string();
        fs::read_dir("/proc/self/fdinfo")
            .unwrap()
            // Another thread may have closed it.
            .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
            .flat_map(|info| info.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let is_ours = words.next() == Some("tfd:") && words.next() == Some(&descriptor);
                let events = words.nth(1).filter(|_| is_ours)?;
                Some(u32::from_str_radix(events, 16).unwrap())
            })
            .fold(0, |all, events| all | events)
    }

    #[tokio::test]
    async fn it_is_watched_for_bytes_only() {
        let (socket, _peer) = pair();
        let events = watched_for(&socket);
        let watches = |event: i32| events & event.cast_unsigned() != 0;
        assert!(watches(libc::EPOLLIN), "{events:#x}");
        assert!(!watches(libc::EPOLLOUT), "{events:#x}");
    }

    #[tokio::test]
    async fn a_full_socket_is_tried_again() {
        let (mut socket, mut peer) = pair();
        let mut filled = 0;
        while let Ok(sent) = socket.send_now(&[IoSlice::new(&[1; 100])], None) {
            filled += sent;
        }
        let mut is_full = true;
        let sent = poll_fn(move |cx| {
            let sent = socket.poll_send(cx, &[IoSlice::new(&[2])], None);
            if is_full {
                assert!(sent.is_pending());
                peer.read_exact(&mut vec![0; filled]).unwrap();
                is_full = false;
            }
            sent
        });
        assert_eq!(in_time("space", sent).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn bytes_are_waited_for() {
        let (socket, mut peer) = pair();
        let mut waits = false;
        let received = poll_fn(move |cx| {
            ready!(socket.poll_read_ready(cx)).unwrap();
            Poll::Ready(socket.try_receive(&mut [0; 8]).unwrap().len)
        });
        let mut received = Box::pin(received);
        let received = poll_fn(move |cx| {
            let polled = received.as_mut().poll(cx);
            if !waits {
                assert!(polled.is_pending());
                peer.write_all(&[3; 5]).unwrap();
                waits = true;
            }
            polled
        });
        assert_eq!(in_time("the bytes", received).await, 5);
    }
}
