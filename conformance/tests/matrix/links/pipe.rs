//! isotonic over two anonymous pipes. Both ends are in this process, so that the suite can watch the service; that a
//! child can serve on its standard input is another test.

use super::http2;
use conformance::Way;
use conformance::link::{Link as LinkUnderTest, Served, Settings};
use conformance::reach::way;
use isotonic::{Connector, IncomingLink, Link, tune_endpoint, tune_server};
use std::io;
use std::sync::{Mutex, MutexGuard};
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::codegen::StdError;
use tonic::service::Routes;
use tonic::transport::{Endpoint, Server};

/// Each connection is a new pair of pipes to the server that was started last. It cannot be made anew.
#[derive(Default)]
pub(super) struct Pipes {
    server: Mutex<Option<UnboundedSender<Link>>>,
}

impl Pipes {
    fn server(&self) -> Option<UnboundedSender<Link>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<UnboundedSender<Link>>> {
        self.server.lock().expect("no panic while it was locked")
    }
}

#[tonic::async_trait]
impl LinkUnderTest for Pipes {
    async fn serve(&self, routes: Routes, settings: Settings) -> Served {
        let (sender, links): (_, UnboundedReceiver<Link>) = unbounded_channel();
        *self.lock() = Some(sender);
        let incoming = UnboundedReceiverStream::new(links)
            .map(|link| io::Result::Ok(IncomingLink::from(link)))
            // tonic stops serving when there are no more connections to come, so this must not end.
            .chain(tokio_stream::pending());
        http2::serve(tune_server(Server::builder()), routes, incoming, settings)
    }

    async fn connect(&self, settings: Settings) -> Result<Way, StdError> {
        let (to_server, from_client) = pipe::pipe()?;
        let (to_client, from_server) = pipe::pipe()?;
        let accepted = Link::over_pipes(from_client, to_client);
        let server = self.server();
        server.ok_or("nobody serves")?.send(accepted)?;
        let connector = Connector::over(Link::over_pipes(from_server, to_server));
        let endpoint = tune_endpoint(Endpoint::from_static("http://localhost"));
        let endpoint = http2::endpoint(endpoint, settings);
        Ok(way(endpoint.connect_with_connector(connector).await?))
    }
}
