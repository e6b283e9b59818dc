//! isotonic over two anonymous pipes. Both ends are in this process, so that the suite can watch the service; that a
//! child can serve on its standard input is another test.

use super::http2;
use conformance::Way;
use conformance::link::{Link as LinkUnderTest, Served, Settings, SharedLink};
use conformance::reach::way;
use isotonic::{Connector, IncomingLink, Link, tune_endpoint, tune_server};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard};
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
    server: Mutex<Option<UnboundedSender<ServerEnds>>>,
}

/// The server's ends of the two pipes of one connection. They belong to no runtime yet: the server may have its own.
struct ServerEnds {
    from_client: OwnedFd,
    to_client: OwnedFd,
}

impl ServerEnds {
    fn into_link(self) -> io::Result<IncomingLink> {
        let receiver = pipe::Receiver::from_owned_fd(self.from_client)?;
        let sender = pipe::Sender::from_owned_fd(self.to_client)?;
        Ok(IncomingLink::from(Link::over_pipes(receiver, sender)))
    }
}

impl Pipes {
    fn server(&self) -> Option<UnboundedSender<ServerEnds>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<UnboundedSender<ServerEnds>>> {
        self.server.lock().expect("no panic while it was locked")
    }
}

#[tonic::async_trait]
impl LinkUnderTest for Pipes {
    async fn serve(&self, routes: Routes, settings: Settings) -> Served {
        let (sender, clients): (_, UnboundedReceiver<ServerEnds>) = unbounded_channel();
        *self.lock() = Some(sender);
        let incoming = UnboundedReceiverStream::new(clients)
            .map(ServerEnds::into_link)
            // tonic stops serving when there are no more connections to come, so this must not end.
            .chain(tokio_stream::pending());
        http2::serve(tune_server(Server::builder()), routes, incoming, settings)
    }

    async fn connect(&self, settings: Settings) -> Result<Way, StdError> {
        let (to_server, from_client) = pipe::pipe()?;
        let (to_client, from_server) = pipe::pipe()?;
        let ends = ServerEnds {
            from_client: from_client.into_nonblocking_fd()?,
            to_client: to_client.into_nonblocking_fd()?,
        };
        let server = self.server().ok_or("nobody serves")?;
        server.send(ends).map_err(|_| "nobody serves any more")?;
        let connector = Connector::over(Link::over_pipes(from_server, to_server));
        let endpoint = tune_endpoint(Endpoint::from_static("http://localhost"));
        let endpoint = http2::endpoint(endpoint, settings);
        Ok(way(endpoint.connect_with_connector(connector).await?))
    }

    fn another(&self) -> SharedLink {
        Arc::new(Self::default())
    }

    fn connects_anew(&self) -> bool {
        false
    }
}
