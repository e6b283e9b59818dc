//! tonic's own TCP transport: what every other link is held against.

use conformance::{Fixture, fixture::Running};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};

/// A server on a free port of the loopback interface, and a connected channel.
pub(crate) async fn start() -> Fixture<Channel> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port's number");
    let server = Running::serve(Server::builder(), TcpListenerStream::new(listener));
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a valid address");
    let channel = endpoint.connect().await.expect("a connection");
    Fixture::new(channel, server)
}
