//! Noticing that the peer's process has ended, even where its end of the socket stays open.
//!
//! A socket ends when its last descriptor is closed. A process that the peer started may have inherited
//! one and keep it open long after the peer has crashed. The kernel tells of the process itself by a
//! pidfd (`SO_PEERPIDFD`, Linux 6.5), which becomes readable when it ends (pidfd_open(2)).

use crate::readable;
use nix::sys::socket::{getsockopt, sockopt::PeerPidfd};
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

/// The process that connected, or that listened.
#[derive(Debug)]
pub(crate) struct PeerProcess(AsyncFd<OwnedFd>);

impl PeerProcess {
    /// `None` where the kernel does not tell (before Linux 6.5, or if the process has ended already), and
    /// where the peer is this process itself: both ends of a socket pair show the one that made it.
    pub(crate) fn of(stream: &UnixStream) -> Option<Self> {
        let pid = stream.peer_cred().ok()?.pid()?;
        if pid == rustix::process::getpid().as_raw_pid() {
            return None;
        }
        let pidfd = getsockopt(stream, PeerPidfd).ok()?;
        readable::watch(pidfd).ok().map(Self)
    }

    /// Ready once it has ended, and from then on.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        // An error means that the runtime shuts down. The readiness is never cleared.
        match self.0.poll_read_ready(cx) {
            Poll::Ready(Ok(_)) => Poll::Ready(()),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}
