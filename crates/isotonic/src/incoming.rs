//! The server's side: what tonic takes its connections from.

use futures_core::Stream;
use isotonic_link::{Address, AddressError, BindError, Incidents, Link, LinkInfo, Listener};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// The connections of a tonic [`Server`](tonic::transport::Server), for
/// [`serve_with_incoming`](tonic::transport::Server::serve_with_incoming) and
/// [`serve_with_incoming_shutdown`](tonic::transport::Server::serve_with_incoming_shutdown).
///
/// ```
/// use isotonic::{Incoming, LinkInfo};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let socket = format!("unix:{}/orders.sock", folder.path().display());
/// // Local clients come by the socket, others by TCP.
/// let incoming = Incoming::bind_all([socket.as_str(), "http://127.0.0.1:0"]).await?;
/// println!("listening on {}", incoming.local_addresses()[1]);
///
/// // In a service: who calls, and by which link?
/// fn caller<T>(request: &tonic::Request<T>) -> Option<u32> {
///     let link = request.extensions().get::<LinkInfo>()?;
///     link.peer().map(|peer| peer.uid)
/// }
/// # caller(&tonic::Request::new(()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Incoming(Listener);

impl Incoming {
    /// Listens on one address with the default settings.
    ///
    /// # Errors
    /// [`BindError`]; nothing is left behind.
    pub async fn bind<A>(address: A) -> Result<Self, BindError>
    where
        A: TryInto<Address, Error: Into<AddressError>>,
    {
        Self::bind_all([address]).await
    }

    /// Listens on several addresses at once with the default settings. For other settings make a
    /// [`Listener`] with its [builder](Listener::builder), and an `Incoming` from it.
    ///
    /// # Errors
    /// [`BindError`] for the first address that cannot be listened on; nothing is left behind.
    pub async fn bind_all<A>(addresses: impl IntoIterator<Item = A>) -> Result<Self, BindError>
    where
        A: TryInto<Address, Error: Into<AddressError>>,
    {
        let addresses = addresses
            .into_iter()
            .map(|address| address.try_into().map_err(Into::into))
            .collect::<Result<Vec<Address>, AddressError>>()?;
        Listener::bind(addresses).await.map(Self)
    }

    /// The addresses listened on, in the order given, with the port that was chosen in place of 0.
    pub fn local_addresses(&self) -> &[Address] {
        self.0.local_addresses()
    }

    /// What clients do wrong, counted. Ask for it before the server takes the `Incoming`.
    pub fn incidents(&self) -> Incidents {
        self.0.incidents()
    }
}

impl From<Listener> for Incoming {
    fn from(listener: Listener) -> Self {
        Self(listener)
    }
}

impl Stream for Incoming {
    type Item = io::Result<IncomingLink>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0
            .poll_accept(cx)
            .map(|link| link.map(|link| Ok(IncomingLink(link))))
    }
}

/// A connection from a client: a [`Link`] whose [`LinkInfo`] tonic puts into the extensions of each
/// request. Items of [`Incoming`], where the example is.
#[derive(Debug)]
pub struct IncomingLink(Link);

impl IncomingLink {
    /// The link itself, for use without tonic.
    pub fn into_inner(self) -> Link {
        self.0
    }
}

impl From<Link> for IncomingLink {
    fn from(link: Link) -> Self {
        Self(link)
    }
}

impl Connected for IncomingLink {
    type ConnectInfo = LinkInfo;

    fn connect_info(&self) -> LinkInfo {
        self.0.info()
    }
}

impl AsyncRead for IncomingLink {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, target)
    }
}

impl AsyncWrite for IncomingLink {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
