//! tonic's own transports: what every other link is held against.

use super::{http2, while_in_use};
use conformance::Way;
use conformance::link::{Link, Served, Settings, SharedLink};
use conformance::reach::way;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::codegen::StdError;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};

/// The room of a connection, in bytes. tonic's own is that of a single stream (1 MiB): one that a service does not
/// read would hold up all other calls.
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// tonic's server, else as it is.
fn server() -> Server {
    Server::builder().initial_connection_window_size(CONNECTION_WINDOW)
}

/// A port of the loopback interface.
pub(super) struct Tcp {
    /// Port 0 until it is served at.
    address: Mutex<SocketAddr>,
}

impl Tcp {
    pub(super) fn new() -> Self {
        Self {
            address: Mutex::new((Ipv4Addr::LOCALHOST, 0).into()),
        }
    }

    fn address(&self) -> SocketAddr {
        *self.address.lock().expect("no panic while it was locked")
    }
}

#[tonic::async_trait]
impl Link for Tcp {
    async fn serve(&self, routes: Routes, settings: Settings) -> Served {
        let listener = while_in_use(
            || TcpListener::bind(self.address()),
            |error| error.kind() == ErrorKind::AddrInUse,
        );
        let listener = listener.await.expect("a port");
        *self.address.lock().expect("no panic while it was locked") =
            listener.local_addr().expect("the port's number");
        // Else an answer of two small packets waits for an acknowledgement that is delayed by 40 ms.
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        http2::serve(server(), routes, incoming, settings)
    }

    async fn connect(&self, settings: Settings) -> Result<Way, StdError> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address()))?;
        Ok(way(http2::endpoint(endpoint, settings).connect().await?))
    }

    fn another(&self) -> SharedLink {
        Arc::new(Self::new())
    }
}

/// A Unix socket in a folder of its own.
pub(super) struct Uds {
    path: PathBuf,
    _folder: TempDir,
}

impl Uds {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self {
            path: folder.path().join("test.sock"),
            _folder: folder,
        }
    }
}

#[tonic::async_trait]
impl Link for Uds {
    async fn serve(&self, routes: Routes, settings: Settings) -> Served {
        // What a server before this one has left behind.
        let _ = std::fs::remove_file(&self.path);
        let listener = UnixListener::bind(&self.path).expect("a new socket");
        let incoming = UnixListenerStream::new(listener);
        http2::serve(server(), routes, incoming, settings)
    }

    async fn connect(&self, settings: Settings) -> Result<Way, StdError> {
        let endpoint = Endpoint::from_shared(format!("unix:{}", self.path.display()))?;
        Ok(way(http2::endpoint(endpoint, settings).connect().await?))
    }

    fn another(&self) -> SharedLink {
        Arc::new(Self::new())
    }
}
