//! tonic's own transport over a Unix socket.

use conformance::{Fixture, fixture::Running};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server};

/// A server on a socket in a folder of its own, and a connected channel.
pub(crate) async fn start() -> Fixture<Channel> {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("test.sock");
    let listener = UnixListener::bind(&path).expect("a new socket");
    let server = Running::serve(Server::builder(), UnixListenerStream::new(listener));
    let endpoint =
        Endpoint::from_shared(format!("unix:{}", path.display())).expect("a valid address");
    let channel = endpoint.connect().await.expect("a connection");
    Fixture::new(channel, server).keeping(folder)
}
