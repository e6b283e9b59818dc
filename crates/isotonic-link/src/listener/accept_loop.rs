//! The loop that turns one address's connections into links.

use super::pipe::Stdio;
use super::unix::BoundUnix;
use crate::connector::announce;
use crate::fifo::FifoListener;
use crate::foreign_descriptor::too_much_cannot_be_closed;
use crate::handshake::{self, ServerFailure, Settings};
use crate::limits::ACCEPT_BACK_OFF;
use crate::peer_socket::PeerSocket;
use crate::protocol::hello::TurnedAway;
use crate::quota::{Place, Shares};
use crate::retry::BackOff;
use crate::{Address, Incident, Incidents, Link, LinkInfo, PeerCredentials, PeerPolicy, Reason};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::fmt::Display;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Where connections come from.
#[derive(Debug)]
pub(super) enum Source {
    Tcp(TcpListener),
    Unix(BoundUnix),
    Fifo(FifoListener),
    Pipe(Stdio),
}

/// What every address's loop needs.
#[derive(Debug)]
pub(super) struct AcceptLoop {
    pub(super) address: Address,
    pub(super) settings: Settings,
    pub(super) policy: PeerPolicy,
    pub(super) links: mpsc::Sender<Link>,
    /// What each user may have, over all addresses.
    pub(super) shares: Arc<Shares>,
    pub(super) incidents: Incidents,
}

impl AcceptLoop {
    /// Ends when nobody wants links any more, or when no more can come.
    pub(super) async fn run(self, source: Source) {
        match source {
            Source::Tcp(listener) => self.serve_tcp(listener).await,
            Source::Unix(bound) => self.serve_unix(bound).await,
            Source::Fifo(listener) => self.serve_fifo(listener).await,
            Source::Pipe(stdio) => self.serve_pipe(stdio).await,
        }
    }

    async fn serve_tcp(self, listener: TcpListener) {
        let mut patience = Patience::new();
        loop {
            let Some((stream, remote)) =
                patience.pass(&self.address, listener.accept().await).await
            else {
                continue;
            };
            if self.settings.mode == crate::ShmMode::Require {
                self.refuse(&ServerFailure::Required(Reason::OverTcp), None);
                continue;
            }
            // A failure here means that the client is gone, as the link will show.
            let _ = TcpStream::set_nodelay(&stream, true);
            let info = LinkInfo::over_tcp(self.address.clone(), Some(remote));
            if !self.deliver(Link::tcp(stream, info)).await {
                return;
            }
        }
    }

    async fn serve_unix(self, bound: BoundUnix) {
        let this = Arc::new(self);
        let mut patience = Patience::new();
        let mut handshakes = JoinSet::new();
        loop {
            // Collect those that have finished.
            while handshakes.try_join_next().is_some() {}
            while too_much_cannot_be_closed() {
                patience.rest().await;
            }
            let accepted = bound.listener.0.accept().await;
            let accepted = accepted.map(|(stream, _)| PeerSocket::new(stream));
            let Some(stream) = patience.pass(&this.address, accepted).await else {
                continue;
            };
            let Some((info, place)) = this.admit(&stream) else {
                continue;
            };
            let this = Arc::clone(&this);
            handshakes.spawn(async move {
                // A link that nobody takes keeps it, so that such links are bounded too.
                let _unfinished = place.handshake().await;
                let stream = stream.charged_to(Some(place));
                if let Some(link) = this.shake_hands(stream, info).await {
                    this.deliver(link).await;
                }
            });
        }
    }

    async fn serve_fifo(self, listener: FifoListener) {
        let mut patience = Patience::new();
        loop {
            let Some(link) = patience.pass(&self.address, listener.accept().await).await else {
                continue;
            };
            if self.settings.mode == crate::ShmMode::Require {
                self.refuse(&ServerFailure::Required(Reason::OverFifo), None);
                continue;
            }
            let (link, end) = link.with_end();
            if !self.deliver(link).await {
                return;
            }
            // One client at a time. The sender is dropped, never used.
            let _ = end.await;
        }
    }

    async fn serve_pipe(self, stdio: Stdio) {
        let link = match stdio {
            // The parent that started us: nobody else can come this way, so that there is nothing to share.
            Stdio::Socket(stream) => match self.check(&stream) {
                Some(info) => self.shake_hands(stream, info).await,
                None => None,
            },
            Stdio::Pipes(..) if self.settings.mode == crate::ShmMode::Require => {
                self.refuse(&ServerFailure::Required(Reason::OverPipe), None);
                None
            }
            Stdio::Pipes(receiver, sender) => Some(Link::over_pipes(receiver, sender)),
        };
        if let Some((link, end)) = link.map(Link::with_end)
            && self.deliver(link).await
        {
            // A server whose only client is its parent ends with it, not before.
            let _ = end.await;
        }
    }

    /// Lets a client in whose user is admitted and has a place left.
    fn admit(&self, stream: &PeerSocket) -> Option<(LinkInfo, Arc<Place>)> {
        let info = self.check(stream)?;
        let uid = info.peer().map(|peer| peer.uid)?;
        let place = self.shares.place(uid);
        if place.is_none() {
            handshake::turn_away(stream, TurnedAway::QuotaReached);
            info.incident(Incident::QuotaReached);
            self.refuse(&Incident::QuotaReached, info.peer());
        }
        Some((info, Arc::new(place?)))
    }

    /// Lets a client in whose user is admitted.
    fn check(&self, stream: &PeerSocket) -> Option<LinkInfo> {
        let peer = match PeerCredentials::of(stream) {
            Ok(peer) => peer,
            Err(error) => {
                self.refuse(&error, None);
                return None;
            }
        };
        if let Err(error) = self.policy.check(peer) {
            handshake::turn_away(stream, TurnedAway::NotAdmitted);
            self.incidents.add(Incident::NotAdmitted);
            self.refuse(&error, Some(peer));
            return None;
        }
        let incidents = self.incidents.clone();
        Some(LinkInfo::over_unix(self.address.clone(), peer, incidents))
    }

    async fn shake_hands(&self, stream: PeerSocket, info: LinkInfo) -> Option<Link> {
        let peer = info.peer();
        let shaken = handshake::accept(stream, info, self.settings).await;
        let failure = match shaken {
            Ok(link) => return Some(link),
            Err(failure) => failure,
        };
        if let Some(incident) = failure.incident() {
            self.incidents.add(incident);
        }
        // Somebody looked whether we are here, as a starting server does.
        if !matches!(failure, ServerFailure::Closed) {
            self.refuse(&failure, peer);
        }
        None
    }

    fn refuse(&self, why: &dyn Display, peer: Option<PeerCredentials>) {
        tracing::warn!(address = %self.address, ?peer, "connection refused: {why}");
    }

    /// Hands a link over. Returns whether anybody still wants links.
    async fn deliver(&self, link: Link) -> bool {
        announce(&link.info(), "link accepted");
        self.links.send(link).await.is_ok()
    }
}

/// Survives the errors of `accept(2)`.
#[derive(Debug)]
struct Patience {
    back_off: BackOff,
    /// A descriptor to give up when the process has run out of them: then one connection can be accepted
    /// and closed, so that its client hears of it instead of waiting in the backlog.
    reserve: Option<OwnedFd>,
}

impl Patience {
    fn new() -> Self {
        Self {
            back_off: BackOff::new(ACCEPT_BACK_OFF),
            reserve: spare_descriptor(),
        }
    }

    /// Rests for a while; the longer the more often.
    async fn rest(&mut self) {
        self.back_off.pause().await;
    }

    /// Passes an accepted connection on; `None`, after a pause, if there is none to pass on.
    async fn pass<T>(&mut self, address: &Address, accepted: io::Result<T>) -> Option<T> {
        let error = match accepted {
            Ok(connection) => {
                if self.reserve.is_none() {
                    self.reserve = spare_descriptor();
                }
                if self.reserve.is_some() {
                    self.back_off.reset();
                    return Some(connection);
                }
                drop(connection);
                self.reserve = spare_descriptor();
                io::Error::other("no descriptors left; a client was turned away")
            }
            Err(error) => error,
        };
        match Errno::from_io_error(&error) {
            // That connection is gone already.
            Some(Errno::CONNABORTED | Errno::INTR) => return None,
            // The next accept gets it.
            Some(Errno::MFILE | Errno::NFILE) => self.reserve = None,
            _ => {}
        }
        tracing::warn!(%address, %error, "cannot accept a connection; trying again");
        self.back_off.pause().await;
        None
    }
}

/// Any descriptor will do; an unbound socket needs no file.
fn spare_descriptor() -> Option<OwnedFd> {
    socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .ok()
}
