//! The client's side: what tonic calls to get a connection.

use crate::Links;
use http::Uri;
use hyper_util::rt::TokioIo;
use isotonic_link::{Address, AddressError, ConnectError, Incidents, Link, PeerPolicy, ShmMode};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tower_service::Service;

/// Makes the connections of a tonic [`Endpoint`](tonic::transport::Endpoint), each time anew when tonic
/// reconnects. Cheap to clone.
///
/// ```no_run
/// use isotonic::{Connector, tune_endpoint};
/// use tonic::transport::Endpoint;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// // Through the local socket while a server listens there, else over TCP.
/// let connector = Connector::local_first("unix:/run/orders.sock".parse()?);
/// let links = connector.links();
/// let channel = tune_endpoint(Endpoint::from_static("http://orders:50051"))
///     .connect_with_connector(connector)
///     .await?;
/// println!("{:?}", links.latest());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Connector {
    inner: isotonic_link::Connector,
    target: Target,
    links: Links,
}

#[derive(Debug, Clone)]
enum Target {
    /// What the endpoint's URI says.
    Endpoint,
    /// This address, whatever the endpoint's URI says.
    Address(Address),
    /// This address if it can be reached, else what the endpoint's URI says.
    LocalFirst(Address),
    /// This link, once.
    Link(Address, Arc<Mutex<Option<Link>>>),
}

impl Connector {
    /// Connects to the host and port of the endpoint's URI, over TCP.
    pub fn new() -> Self {
        Self::with_target(Target::Endpoint)
    }

    /// Connects to `address`. The endpoint's URI is only what the server sees as `:authority`.
    pub fn to(address: Address) -> Self {
        Self::with_target(Target::Address(address))
    }

    /// Connects to `local` if it can be reached, and else to the host and port of the endpoint's URI,
    /// over TCP. Decides anew at each connect. The [`LinkInfo`](crate::LinkInfo) of a link over TCP tells
    /// why the local address could not be used.
    pub fn local_first(local: Address) -> Self {
        Self::with_target(Target::LocalFirst(local))
    }

    /// Hands out `link` at the first connect and fails afterwards: for links that cannot be made again,
    /// such as one to a child process.
    pub fn over(link: Link) -> Self {
        let info = link.info();
        let slot = Arc::new(Mutex::new(Some(link)));
        let connector = Self::with_target(Target::Link(info.address().clone(), slot));
        connector.links.add(info);
        connector
    }

    fn with_target(target: Target) -> Self {
        Self {
            inner: isotonic_link::Connector::default(),
            target,
            links: Links::default(),
        }
    }

    /// How much shared memory is wanted. Default: [`ShmMode::Prefer`].
    #[must_use]
    pub fn shm_mode(mut self, mode: ShmMode) -> Self {
        self.inner = self.inner.shm_mode(mode);
        self
    }

    /// Which servers to talk to over Unix sockets. Default: [`PeerPolicy::SameUserOrRoot`].
    #[must_use]
    pub fn peer_policy(mut self, policy: PeerPolicy) -> Self {
        self.inner = self.inner.peer_policy(policy);
        self
    }

    /// The capacity of the ring that carries our bytes, in bytes. Default:
    /// [`DEFAULT_RING_CAPACITY`](crate::limits::DEFAULT_RING_CAPACITY), and where this process may run on one CPU
    /// only, [`ONE_CPU_RING_CAPACITY`](crate::limits::ONE_CPU_RING_CAPACITY). The peer decides what it maps: see
    /// [`ListenerBuilder::largest_peer_ring`](crate::ListenerBuilder::largest_peer_ring).
    ///
    /// # Errors
    /// [`CapacityError`](crate::CapacityError) if `bytes` is not a power of two within the limits.
    #[cfg(target_os = "linux")]
    pub fn ring_capacity(mut self, bytes: u64) -> Result<Self, crate::CapacityError> {
        self.inner = self.inner.ring_capacity(bytes)?;
        Ok(self)
    }

    /// The largest ring of a peer's that is mapped, in bytes; a link whose peer has a larger one stays on the
    /// socket. Default: [`MAX_RING_CAPACITY`](crate::limits::MAX_RING_CAPACITY). No ring is larger than 256 MiB.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn largest_peer_ring(mut self, bytes: u64) -> Self {
        self.inner = self.inner.largest_peer_ring(bytes);
        self
    }

    /// A handle that tells the links made by this connector and its clones.
    pub fn links(&self) -> Links {
        self.links.clone()
    }

    /// What the servers that this connector and its clones talk to do wrong, counted.
    pub fn incidents(&self) -> Incidents {
        self.inner.incidents()
    }

    async fn connect(self, uri: Uri) -> Result<Link, ConnectError> {
        let link = match &self.target {
            Target::Endpoint => self.inner.connect(&tcp_address(&uri)?).await?,
            Target::Address(address) => self.inner.connect(address).await?,
            Target::LocalFirst(local) => {
                self.inner
                    .connect_local_first(local, &tcp_address(&uri)?)
                    .await?
            }
            Target::Link(address, slot) => {
                let taken = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                return taken.ok_or_else(|| ConnectError::Io {
                    address: address.clone(),
                    source: io::Error::new(
                        io::ErrorKind::NotConnected,
                        "the link has ended and cannot be made again",
                    ),
                });
            }
        };
        self.links.add(link.info());
        Ok(link)
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

/// The TCP address of an endpoint's URI; the port is HTTP's if none is given.
fn tcp_address(uri: &Uri) -> Result<Address, AddressError> {
    let scheme = uri.scheme_str().unwrap_or("http");
    let host = uri.host().unwrap_or_default();
    format!("{scheme}://{host}:{}", uri.port_u16().unwrap_or(80)).parse()
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Link>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(uri).await.map(TokioIo::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_uri_gives_a_tcp_address() {
        let address = |uri| tcp_address(&Uri::from_static(uri)).map(|address| address.to_string());
        assert_eq!(
            address("http://orders:50051").unwrap(),
            "http://orders:50051"
        );
        assert_eq!(address("http://[::1]:1").unwrap(), "http://[::1]:1");
        assert_eq!(address("http://orders").unwrap(), "http://orders:80");
        assert!(
            address("https://orders:1")
                .unwrap_err()
                .problem
                .contains("TLS")
        );
    }
}
