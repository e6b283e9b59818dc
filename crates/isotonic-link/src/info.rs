//! What is known about a link.

use crate::{Address, Incident, Incidents, Reason};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What carries a link's bytes.
///
/// ```
/// assert_eq!(isotonic_link::LinkKind::Shm.to_string(), "shm");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkKind {
    /// A TCP connection.
    Tcp,
    /// A Unix stream socket.
    Uds,
    /// Two anonymous pipes.
    Pipe,
    /// Two FIFOs.
    Fifo,
    /// Two rings in shared memory, with a Unix socket for control.
    Shm,
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Uds => "uds",
            Self::Pipe => "pipe",
            Self::Fifo => "fifo",
            Self::Shm => "shm",
        })
    }
}

/// Who is at the other end of a Unix socket, as the kernel vouches for it (`SO_PEERCRED`, unix(7)):
/// the process that connected or listened, at that time.
///
/// Part of [`LinkInfo`]; see its example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// The process id in our pid namespace, if the platform tells.
    pub pid: Option<i32>,
    /// The effective user id in our user namespace; 65534 if it has none there.
    pub uid: u32,
    /// The effective group id in our user namespace.
    pub gid: u32,
}

impl PeerCredentials {
    pub(crate) fn of(stream: &tokio::net::UnixStream) -> std::io::Result<Self> {
        let credentials = stream.peer_cred()?;
        Ok(Self {
            pid: credentials.pid(),
            uid: credentials.uid(),
            gid: credentials.gid(),
        })
    }
}

/// What a link has carried so far.
///
/// Part of [`LinkInfo`]; see its example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LinkCounters {
    /// Bytes that we put into our ring.
    pub memory_bytes_sent: u64,
    /// Bytes that we took out of the peer's ring.
    pub memory_bytes_received: u64,
    /// Bytes of the stream that we sent over the socket or pipe (control records are not counted).
    pub socket_bytes_sent: u64,
    /// Bytes of the stream that came over the socket or pipe (control records are not counted).
    pub socket_bytes_received: u64,
    /// Wake-ups that we sent to a sleeping peer.
    pub doorbells_sent: u64,
    /// Wake-ups that the peer sent to us.
    pub doorbells_received: u64,
}

/// What is known about a link: a handle that shows the present state even while the link is in use
/// elsewhere. Cheap to clone; it does not keep the link open.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = isotonic_link::Connector::default();
/// let link = connector.connect(&"unix:/run/orders.sock".parse()?).await?;
/// let info = link.info();
/// match info.reason() {
///     None => println!("{}", info.kind()),
///     Some(reason) => println!("{}, not shared memory: {reason}", info.kind()),
/// }
/// println!("peer's uid: {:?}", info.peer().map(|peer| peer.uid));
/// println!("{} B through memory", info.counters().memory_bytes_sent);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LinkInfo {
    shared: Arc<Shared>,
}

struct Shared {
    address: Address,
    peer: Option<PeerCredentials>,
    remote: Option<SocketAddr>,
    /// Kind and reason change together; the reason is `None` exactly for shared memory.
    state: Mutex<(LinkKind, Option<Reason>)>,
    counters: Counters,
    /// Where what the peer does wrong is counted.
    incidents: Incidents,
}

/// Statistics only: nothing is ordered by them, so all accesses are relaxed.
#[derive(Default)]
struct Counters {
    memory_bytes_sent: AtomicU64,
    memory_bytes_received: AtomicU64,
    socket_bytes_sent: AtomicU64,
    socket_bytes_received: AtomicU64,
    doorbells_sent: AtomicU64,
    doorbells_received: AtomicU64,
}

impl LinkInfo {
    pub(crate) fn new(address: Address, kind: LinkKind, reason: Reason) -> Self {
        Self::build(address, kind, reason, None, None, Incidents::default())
    }

    /// Of a connection over a Unix socket.
    pub(crate) fn over_unix(address: Address, peer: PeerCredentials, incidents: Incidents) -> Self {
        let reason = Reason::NotYetBusy;
        Self::build(address, LinkKind::Uds, reason, Some(peer), None, incidents)
    }

    pub(crate) fn over_tcp(address: Address, remote: Option<SocketAddr>) -> Self {
        let (kind, reason) = (LinkKind::Tcp, Reason::OverTcp);
        Self::build(address, kind, reason, None, remote, Incidents::default())
    }

    fn build(
        address: Address,
        kind: LinkKind,
        reason: Reason,
        peer: Option<PeerCredentials>,
        remote: Option<SocketAddr>,
        incidents: Incidents,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                address,
                peer,
                remote,
                state: Mutex::new((kind, Some(reason))),
                counters: Counters::default(),
                incidents,
            }),
        }
    }

    /// The address that the link was made to, or that it came in by.
    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// What carries the link's bytes at present: a link may start on the socket and move into shared
    /// memory once it is busy.
    pub fn kind(&self) -> LinkKind {
        self.state().0
    }

    /// Why the link is not in shared memory at present; `None` if it is.
    pub fn reason(&self) -> Option<Reason> {
        self.state().1.clone()
    }

    /// The peer's credentials, where the link is a Unix socket or was negotiated over one.
    pub fn peer(&self) -> Option<PeerCredentials> {
        self.shared.peer
    }

    /// The peer's address, where the link is TCP.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.shared.remote
    }

    /// What the link has carried so far.
    pub fn counters(&self) -> LinkCounters {
        let counters = &self.shared.counters;
        LinkCounters {
            memory_bytes_sent: counters.memory_bytes_sent.load(Ordering::Relaxed),
            memory_bytes_received: counters.memory_bytes_received.load(Ordering::Relaxed),
            socket_bytes_sent: counters.socket_bytes_sent.load(Ordering::Relaxed),
            socket_bytes_received: counters.socket_bytes_received.load(Ordering::Relaxed),
            doorbells_sent: counters.doorbells_sent.load(Ordering::Relaxed),
            doorbells_received: counters.doorbells_received.load(Ordering::Relaxed),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, (LinkKind, Option<Reason>)> {
        // Nothing can panic while the lock is held; a poisoned state is a whole state.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a link that is not in shared memory its (more exact) reason.
    pub(crate) fn set_reason(&self, reason: Reason) {
        let mut state = self.state();
        if state.0 != LinkKind::Shm {
            state.1 = Some(reason);
        }
    }

    /// Counts what the peer did wrong.
    pub(crate) fn incident(&self, incident: Incident) {
        self.shared.incidents.add(incident);
    }

    pub(crate) fn socket_sent(&self, bytes: usize) {
        add(&self.shared.counters.socket_bytes_sent, bytes);
    }

    pub(crate) fn socket_received(&self, bytes: usize) {
        add(&self.shared.counters.socket_bytes_received, bytes);
    }
}

#[cfg(target_os = "linux")]
impl LinkInfo {
    /// From now on the link is shared memory.
    pub(crate) fn moved_into_memory(&self) {
        *self.state() = (LinkKind::Shm, None);
    }

    pub(crate) fn memory_sent(&self, bytes: usize) {
        add(&self.shared.counters.memory_bytes_sent, bytes);
    }

    pub(crate) fn memory_received(&self, bytes: usize) {
        add(&self.shared.counters.memory_bytes_received, bytes);
    }

    pub(crate) fn doorbell_sent(&self) {
        add(&self.shared.counters.doorbells_sent, 1);
    }

    pub(crate) fn doorbell_received(&self) {
        add(&self.shared.counters.doorbells_received, 1);
    }
}

fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(amount as u64, Ordering::Relaxed);
}

impl fmt::Debug for LinkInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkInfo")
            .field("address", self.address())
            .field("kind", &self.kind())
            .field("reason", &self.reason())
            .field("peer", &self.peer())
            .field("remote_addr", &self.remote_addr())
            .field("counters", &self.counters())
            .finish()
    }
}
