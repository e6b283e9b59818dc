//! Making links.

use crate::foreign_descriptor::too_much_cannot_be_closed;
use crate::handshake::{self, ClientFailure, Settings};
use crate::limits::{HANDSHAKE_TIMEOUT, PLAIN_PEER_TIMEOUT};
use crate::peer_socket::PeerSocket;
use crate::plain_peers::{Identity, PlainPeers};
use crate::protocol::hello::TurnedAway;
use crate::reason::{Reason, ShmMode};
use crate::retry::Tries;
use crate::{
    Address, ConnectError, Incident, Incidents, Link, LinkInfo, PeerCredentials, PeerPolicy,
    address, fifo,
};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::{TcpStream, UnixStream};

#[cfg(target_os = "linux")]
use isotonic_shm::{CapacityError, RingCapacity};

/// Makes links to servers, and remembers which of them speak plain HTTP/2. Cheap to clone; clones share
/// that memory.
///
/// ```
/// use isotonic_link::{Connector, ShmMode};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = Connector::default().shm_mode(ShmMode::Require);
/// let link = connector.connect(&"unix:/run/orders.sock".parse()?).await?;
/// assert_eq!(link.info().kind(), isotonic_link::LinkKind::Shm);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Connector {
    settings: Settings,
    policy: PeerPolicy,
    plain_peers: Arc<PlainPeers>,
    incidents: Incidents,
}

impl Connector {
    /// How much shared memory is wanted. Default: [`ShmMode::Prefer`].
    #[must_use]
    pub fn shm_mode(mut self, mode: ShmMode) -> Self {
        self.settings.mode = mode;
        self
    }

    /// The capacity of the ring that carries our bytes. Default:
    /// [`DEFAULT_RING_CAPACITY`](crate::limits::DEFAULT_RING_CAPACITY), and where this process may run on one CPU
    /// only, [`ONE_CPU_RING_CAPACITY`](crate::limits::ONE_CPU_RING_CAPACITY). The peer decides what it maps: see
    /// [`ListenerBuilder::largest_peer_ring`](crate::ListenerBuilder::largest_peer_ring).
    ///
    /// # Errors
    /// [`CapacityError`] if `bytes` is not a power of two within the limits.
    #[cfg(target_os = "linux")]
    pub fn ring_capacity(mut self, bytes: u64) -> Result<Self, CapacityError> {
        self.settings.shm.capacity = RingCapacity::new(bytes)?;
        Ok(self)
    }

    /// The largest ring of a peer's that is mapped, in bytes; a link whose peer has a larger one stays on the
    /// socket. Default: [`MAX_RING_CAPACITY`](crate::limits::MAX_RING_CAPACITY). No ring is larger than 256 MiB.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn largest_peer_ring(mut self, bytes: u64) -> Self {
        self.settings.shm.largest = bytes;
        self
    }

    /// Which servers to talk to over Unix sockets. Default: [`PeerPolicy::SameUserOrRoot`].
    #[must_use]
    pub fn peer_policy(mut self, policy: PeerPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// What the servers of this connector and its clones do wrong, counted.
    pub fn incidents(&self) -> Incidents {
        self.incidents.clone()
    }

    /// Makes a link to `address`.
    ///
    /// # Errors
    /// [`ConnectError`]. Each step (a place in the backlog, the answer to the hello, the move into shared
    /// memory where it is required) is bounded by [`HANDSHAKE_TIMEOUT`]; TCP's limit is the operating
    /// system's. Nothing is left open.
    pub async fn connect(&self, address: &Address) -> Result<Link, ConnectError> {
        address::check(address)?;
        let link = match address {
            Address::Unix(path) => self.connect_unix(address, path).await?,
            Address::UnixAbstract(name) => {
                self.connect_unix(address, &address::abstract_path(name))
                    .await?
            }
            Address::Tcp { host, port } => self.connect_tcp(address, host, *port).await?,
            Address::Fifo(prefix) => fifo::connect(address, prefix).await?,
            Address::Pipe => {
                let address = address.clone();
                return Err(ConnectError::ServerOnly { address });
            }
        };
        let info = link.info();
        if let (ShmMode::Require, Some(reason)) = (self.settings.mode, info.reason()) {
            return Err(required(address, reason));
        }
        announce(&info, "link connected");
        Ok(link)
    }

    /// Makes a link to `local` if that can be reached, else to `remote`. The reason of a link to `remote`
    /// is [`Reason::LocalUnreachable`]. Where shared memory is required there is no second choice.
    ///
    /// # Errors
    /// [`ConnectError`] as for [`connect`](Self::connect).
    pub async fn connect_local_first(
        &self,
        local: &Address,
        remote: &Address,
    ) -> Result<Link, ConnectError> {
        let error = match self.connect(local).await {
            Err(error) if self.settings.mode != ShmMode::Require => error,
            result => return result,
        };
        let link = self.connect(remote).await?;
        let error = error.to_string();
        link.info().set_reason(Reason::LocalUnreachable { error });
        Ok(link)
    }

    async fn connect_tcp(
        &self,
        address: &Address,
        host: &str,
        port: u16,
    ) -> Result<Link, ConnectError> {
        let stream = TcpStream::connect((host, port))
            .await
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|source| failed(address, source))?;
        let info = LinkInfo::over_tcp(address.clone(), stream.peer_addr().ok());
        Ok(Link::tcp(stream, info))
    }

    async fn connect_unix(&self, address: &Address, path: &Path) -> Result<Link, ConnectError> {
        let server = Identity::of(address);
        let plain = |stream, info: LinkInfo, reason| {
            info.set_reason(reason);
            Ok(Link::unix(stream, info))
        };
        let (stream, info) = self.open_unix(address, path).await?;
        if self.settings.mode == ShmMode::Off {
            return plain(stream, info, Reason::Disabled);
        }
        if self.plain_peers.contains(&server, Instant::now()) {
            return plain(stream, info, Reason::PeerIsPlainHttp2);
        }
        // Where falling back is no choice, a slow server is worth waiting for.
        let patience = match self.settings.mode {
            ShmMode::Require => HANDSHAKE_TIMEOUT,
            ShmMode::Prefer | ShmMode::Off => PLAIN_PEER_TIMEOUT,
        };
        let handshake = handshake::connect(stream, info, self.settings, patience);
        let reason = match handshake.await {
            Ok(link) => return Ok(link),
            Err(ClientFailure::Required(reason)) => return Err(required(address, reason)),
            Err(ClientFailure::TurnedAway(why)) => return Err(turned_away(address, why)),
            Err(ClientFailure::Broken(source)) => {
                return Err(ConnectError::Violation {
                    address: address.clone(),
                    source,
                });
            }
            Err(ClientFailure::PlainPeer { certain: true }) => {
                self.plain_peers.remember(server, Instant::now());
                Reason::PeerIsPlainHttp2
            }
            Err(ClientFailure::PlainPeer { certain: false }) => Reason::NoAnswer,
        };
        if self.settings.mode == ShmMode::Require {
            return Err(required(address, reason));
        }
        let (stream, info) = self.open_unix(address, path).await?;
        plain(stream, info, reason)
    }

    /// Connects to a Unix socket whose owner the policy admits.
    async fn open_unix(
        &self,
        address: &Address,
        path: &Path,
    ) -> Result<(PeerSocket, LinkInfo), ConnectError> {
        if too_much_cannot_be_closed() {
            let what = "servers have sent too many descriptors that cannot be closed";
            return Err(failed(address, io::Error::other(what)));
        }
        let mut tries = Tries::new();
        let stream = loop {
            match UnixStream::connect(path).await {
                Ok(stream) => break PeerSocket::new(stream),
                // EAGAIN: the listener's backlog is full (connect(2)).
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(failed(address, error)),
            }
            if !tries.another().await {
                return Err(ConnectError::TimedOut {
                    address: address.clone(),
                    waited_for: "room in the listener's backlog",
                    after: HANDSHAKE_TIMEOUT,
                });
            }
        };
        let peer = PeerCredentials::of(&stream).map_err(|source| failed(address, source))?;
        if let Err(source) = self.policy.check(peer) {
            self.incidents.add(Incident::NotAdmitted);
            return Err(ConnectError::NotAdmitted {
                address: address.clone(),
                source,
            });
        }
        let info = LinkInfo::over_unix(address.clone(), peer, self.incidents());
        Ok((stream, info))
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }
}

/// One event for each link, so that "why is this not shared memory?" is answered in the log.
pub(crate) fn announce(info: &LinkInfo, what: &'static str) {
    let uid = info.peer().map(|peer| peer.uid);
    match info.reason() {
        None => tracing::info!(address = %info.address(), kind = %info.kind(), uid, "{what}"),
        Some(reason) => {
            tracing::info!(address = %info.address(), kind = %info.kind(), uid, %reason, "{what}");
        }
    }
}

fn turned_away(address: &Address, why: TurnedAway) -> ConnectError {
    let (address, uid) = (address.clone(), rustix::process::geteuid().as_raw());
    match why {
        TurnedAway::NotAdmitted => ConnectError::TurnedAway { address, uid },
        TurnedAway::QuotaReached => ConnectError::QuotaReached { address, uid },
    }
}

pub(crate) fn failed(address: &Address, source: io::Error) -> ConnectError {
    ConnectError::Io {
        address: address.clone(),
        source,
    }
}

pub(crate) fn required(address: &Address, reason: Reason) -> ConnectError {
    ConnectError::ShmRequired {
        address: address.clone(),
        reason,
    }
}
