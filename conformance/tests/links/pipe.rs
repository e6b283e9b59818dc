//! isotonic over two anonymous pipes. Both ends are in this process, so that the suite can watch the service; that a
//! child can serve on its standard input is another test.

use conformance::{Fixture, fixture::Running};
use isotonic::{Connector, IncomingLink, Link, tune_server};
use std::io;
use tokio::net::unix::pipe;
use tokio_stream::StreamExt;
use tonic::transport::{Channel, Server};

/// A server at one end of two pipes, and its one channel.
pub(crate) async fn start() -> Fixture<Channel> {
    let (to_server, from_client) = pipe::pipe().expect("a pipe");
    let (to_client, from_server) = pipe::pipe().expect("a pipe");
    let accepted = IncomingLink::from(Link::over_pipes(from_client, to_client));
    // tonic stops serving when there are no more connections to come, so this must not end.
    let incoming = tokio_stream::once(io::Result::Ok(accepted)).chain(tokio_stream::pending());
    let server = Running::serve(tune_server(Server::builder()), incoming);
    let connector = Connector::over(Link::over_pipes(from_server, to_server));
    Fixture::new(super::isotonic::connect(connector).await, server)
}
