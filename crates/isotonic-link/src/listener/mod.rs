//! Listening on several addresses at once.

mod accept_loop;
mod pipe;
mod unix;

use crate::fifo::FifoListener;
use crate::handshake::Settings;
use crate::limits::MAX_UNTAKEN_LINKS;
use crate::quota::Shares;
use crate::reason::ShmMode;
use crate::{Address, BindError, Incidents, Link, PeerPolicy, Quota, address};
use accept_loop::{AcceptLoop, Source};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

#[cfg(target_os = "linux")]
use isotonic_shm::{CapacityError, RingCapacity};

/// Accepts links on one or more addresses. On Unix sockets it serves isotonic's own clients and plain
/// HTTP/2 clients alike.
///
/// Dropping it closes the sockets and removes their files as soon as the runtime comes to it;
/// [`close`](Self::close) waits for that. Links already taken go on.
///
/// ```
/// use isotonic_link::{Listener, ShmMode};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let unix = format!("unix:{}/orders.sock", folder.path().display()).parse()?;
/// let tcp = "http://127.0.0.1:0".parse()?;
/// let mut listener = Listener::builder().shm_mode(ShmMode::Prefer).bind([unix, tcp]).await?;
/// println!("listening on {}", listener.local_addresses()[1]); // with the port that was chosen
/// # tokio::time::timeout(std::time::Duration::ZERO, async {
/// while let Some(link) = listener.accept().await {
///     println!("{:?}", link.info());
/// }
/// # }).await.ok();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Listener {
    addresses: Vec<Address>,
    links: mpsc::Receiver<Link>,
    /// The accept loops; they end with the listener.
    loops: JoinSet<()>,
    incidents: Incidents,
}

impl Listener {
    /// Listens on `addresses` with the default settings.
    ///
    /// # Errors
    /// As for [`ListenerBuilder::bind`].
    pub async fn bind(addresses: impl IntoIterator<Item = Address>) -> Result<Self, BindError> {
        Self::builder().bind(addresses).await
    }

    /// For settings other than the default.
    pub fn builder() -> ListenerBuilder {
        ListenerBuilder::default()
    }

    /// The addresses listened on, in the order given, with the port that was chosen in place of 0.
    pub fn local_addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// What the clients of this listener do wrong, counted.
    pub fn incidents(&self) -> Incidents {
        self.incidents.clone()
    }

    /// The next link. `None` when no more can come: a listener on `pipe:` alone has one client, and
    /// ends after its link was dropped. Safe to cancel.
    pub async fn accept(&mut self) -> Option<Link> {
        self.links.recv().await
    }

    /// Like [`accept`](Self::accept), for a poll.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Link>> {
        self.links.poll_recv(cx)
    }

    /// Closes the sockets and removes their files, and returns when that is done: the addresses are free
    /// then.
    pub async fn close(mut self) {
        self.loops.shutdown().await;
    }
}

/// Settings of a [`Listener`]; see its example.
#[derive(Debug, Clone, Default)]
pub struct ListenerBuilder {
    settings: Settings,
    policy: PeerPolicy,
    quota: Quota,
}

impl ListenerBuilder {
    /// How much shared memory is wanted. Default: [`ShmMode::Prefer`]. With [`ShmMode::Require`] only
    /// clients that come into shared memory are served.
    #[must_use]
    pub fn shm_mode(mut self, mode: ShmMode) -> Self {
        self.settings.mode = mode;
        self
    }

    /// The capacity of the ring that carries our bytes. Default:
    /// [`DEFAULT_RING_CAPACITY`](crate::limits::DEFAULT_RING_CAPACITY), and where this process may run on one CPU
    /// only, [`ONE_CPU_RING_CAPACITY`](crate::limits::ONE_CPU_RING_CAPACITY). The peer decides what it maps: see
    /// [`Connector::largest_peer_ring`](crate::Connector::largest_peer_ring).
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

    /// Which clients to serve on Unix sockets. Default: [`PeerPolicy::SameUserOrRoot`]. With another
    /// policy socket files are made accessible to other users (mode 0666 instead of 0600).
    #[must_use]
    pub fn peer_policy(mut self, policy: PeerPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// What one user's clients may have at a time, over all addresses. Default: [`Quota::default`].
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// Listens on `addresses`: on all of them or on none.
    ///
    /// A socket file that is left over from a server that ended is replaced; one that somebody listens
    /// on is not. `pipe:` takes over this process's standard input and output: from then on reading
    /// standard input gives nothing, and what is printed goes to standard error.
    ///
    /// # Errors
    /// [`BindError`] for the first address that cannot be listened on; nothing is left behind, but standard
    /// input and output stay taken if `pipe:` came before.
    pub async fn bind(
        self,
        addresses: impl IntoIterator<Item = Address>,
    ) -> Result<Listener, BindError> {
        let mut sources = Vec::new();
        for address in addresses {
            address::check(&address)?;
            sources.push(open(address, &self.policy).await?);
        }
        if sources.is_empty() {
            return Err(BindError::NoAddress);
        }
        let addresses = sources.iter().map(|(address, _)| address.clone()).collect();
        let (sender, links) = mpsc::channel(MAX_UNTAKEN_LINKS);
        let shares = Arc::new(Shares::new(self.quota));
        let incidents = Incidents::default();
        let mut loops = JoinSet::new();
        for (address, source) in sources {
            let accept_loop = AcceptLoop {
                address,
                settings: self.settings,
                policy: self.policy.clone(),
                links: sender.clone(),
                shares: Arc::clone(&shares),
                incidents: incidents.clone(),
            };
            loops.spawn(accept_loop.run(source));
        }
        Ok(Listener {
            addresses,
            links,
            loops,
            incidents,
        })
    }
}

/// Opens one address, and tells it with its port.
async fn open(address: Address, policy: &PeerPolicy) -> Result<(Address, Source), BindError> {
    let failed = |address: &Address| {
        let address = address.clone();
        move |source| BindError::Io { address, source }
    };
    let source = match &address {
        Address::Unix(path) => Source::Unix(unix::bind_path(&address, path, policy).await?),
        Address::UnixAbstract(name) => Source::Unix(unix::bind_abstract(&address, name)?),
        Address::Fifo(prefix) => Source::Fifo(FifoListener::bind(&address, prefix)?),
        Address::Pipe => Source::Pipe(pipe::take_stdio().map_err(failed(&address))?),
        Address::Tcp { host, port } => {
            let listener = match TcpListener::bind((host.as_str(), *port)).await {
                Ok(listener) => listener,
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    return Err(BindError::InUse { address });
                }
                Err(error) => return Err(failed(&address)(error)),
            };
            let local = listener.local_addr().map_err(failed(&address))?;
            let address = Address::Tcp {
                host: host.clone(),
                port: local.port(),
            };
            return Ok((address, Source::Tcp(listener)));
        }
    };
    Ok((address, source))
}
