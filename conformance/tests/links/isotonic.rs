//! What the fixtures of isotonic's links have in common.

use conformance::{Fixture, fixture::Running};
use isotonic::{
    Address, Connector, Incoming, LinkKind, Listener, ShmMode, tune_endpoint, tune_server,
};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint, Server};

/// A temporary folder and the address of a socket in it.
pub(super) fn unix_address() -> (TempDir, Address) {
    let folder = TempDir::new().expect("a temporary folder");
    let address = Address::Unix(folder.path().join("test.sock"));
    (folder, address)
}

/// Serves on `address` and connects to it, and sees to it that the link is of the `expected` kind.
pub(super) async fn start(address: Address, mode: ShmMode, expected: LinkKind) -> Fixture<Channel> {
    let listener = Listener::builder().shm_mode(mode).bind([address]).await;
    let incoming = Incoming::from(listener.expect("a free address"));
    let address = incoming.local_addresses()[0].clone();
    let server = Running::serve(tune_server(Server::builder()), incoming);
    let connector = Connector::to(address).shm_mode(mode);
    let links = connector.links();
    let channel = connect(connector).await;
    let link = links.latest().expect("a link");
    assert_eq!(link.kind(), expected, "{link:?}");
    Fixture::new(channel, server)
}

/// A channel over whatever `connector` gives.
pub(super) async fn connect(connector: Connector) -> Channel {
    tune_endpoint(Endpoint::from_static("http://localhost"))
        .connect_with_connector(connector)
        .await
        .expect("a connection")
}
