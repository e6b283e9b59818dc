//! isotonic at an address.

use super::{http2, while_in_use};
use conformance::Way;
use conformance::link::{Link, Served, Settings, SharedLink};
use conformance::reach::way;
use isotonic::{
    Address, BindError, Connector, Incoming, LinkKind, Listener, ShmMode, tune_endpoint,
    tune_server,
};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tonic::codegen::StdError;
use tonic::service::Routes;
use tonic::transport::{Endpoint, Server};

/// A server's address, and the kind of link that every client must get there.
pub(crate) struct AtAddress {
    /// With port 0 until it is served at.
    address: Mutex<Address>,
    mode: ShmMode,
    expected: LinkKind,
    _folder: Option<TempDir>,
}

impl AtAddress {
    /// A free port of the loopback interface.
    pub(crate) fn tcp() -> Self {
        let address = "http://127.0.0.1:0".parse().expect("a valid address");
        Self {
            address: Mutex::new(address),
            mode: ShmMode::Prefer,
            expected: LinkKind::Tcp,
            _folder: None,
        }
    }

    /// A socket in a folder of its own.
    pub(crate) fn unix(mode: ShmMode, expected: LinkKind) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self {
            address: Mutex::new(Address::Unix(folder.path().join("test.sock"))),
            mode,
            expected,
            _folder: Some(folder),
        }
    }

    /// FIFOs in a folder of their own.
    pub(super) fn fifo() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self {
            address: Mutex::new(Address::Fifo(folder.path().join("test"))),
            mode: ShmMode::Prefer,
            expected: LinkKind::Fifo,
            _folder: Some(folder),
        }
    }

    /// Where it is served, or will be.
    pub(crate) fn address(&self) -> Address {
        let address = self.address.lock().expect("no panic while it was locked");
        address.clone()
    }
}

#[tonic::async_trait]
impl Link for AtAddress {
    async fn serve(&self, routes: Routes, settings: Settings) -> Served {
        let bind = || {
            Listener::builder()
                .shm_mode(self.mode)
                .bind([self.address()])
        };
        let listener = while_in_use(bind, |error| matches!(error, BindError::InUse { .. })).await;
        let incoming = Incoming::from(listener.expect("a free address"));
        *self.address.lock().expect("no panic while it was locked") =
            incoming.local_addresses()[0].clone();
        http2::serve(tune_server(Server::builder()), routes, incoming, settings)
    }

    async fn connect(&self, settings: Settings) -> Result<Way, StdError> {
        let connector = Connector::to(self.address()).shm_mode(self.mode);
        let links = connector.links();
        let endpoint = tune_endpoint(Endpoint::from_static("http://localhost"));
        let endpoint = http2::endpoint(endpoint, settings);
        let channel = endpoint.connect_with_connector(connector).await?;
        let link = links.latest().expect("a link");
        assert_eq!(link.kind(), self.expected, "{link:?}");
        Ok(way(channel))
    }

    fn another(&self) -> SharedLink {
        Arc::new(match self.address() {
            Address::Unix(_) => Self::unix(self.mode, self.expected),
            Address::Fifo(_) => Self::fifo(),
            _ => Self::tcp(),
        })
    }

    fn one_client_at_a_time(&self) -> bool {
        self.expected == LinkKind::Fifo
    }
}
