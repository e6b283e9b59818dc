//! A link that is up: its server, and a client's way to it.

use std::{any::Any, future::Future};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_stream::Stream;
use tonic::{
    codegen::StdError,
    transport::{self, Server, server::Connected},
};

use crate::{
    bounded::Bounded,
    reach::{Reach, Subject},
    service::TestService,
};

/// The test service, served by a task of this process.
#[derive(Debug)]
pub struct Running {
    service: TestService,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), transport::Error>>,
}

impl Running {
    /// Serves a new test service on `incoming`, with the settings of `server`.
    pub fn serve<I, IO, E>(mut server: Server, incoming: I) -> Self
    where
        I: Stream<Item = Result<IO, E>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
        E: Into<StdError> + Send + 'static,
    {
        let service = TestService::new();
        let (stop, stopped) = oneshot::channel();
        let routes = server.add_service(service.clone().into_service());
        let served = routes.serve_with_incoming_shutdown(incoming, async {
            // An error means that the fixture was dropped, by a panic: stop as well.
            let _ = stopped.await;
        });
        Self {
            service,
            stop,
            task: tokio::spawn(served),
        }
    }
}

/// One link between a client and its server, both in this process.
///
/// Dropped without [`check`](Self::check), it stops its server too, but does not wait for it.
pub struct Fixture<T> {
    transport: T,
    server: Running,
    kept: Vec<Box<dyn Any + Send>>,
}

impl<T: Reach> Fixture<T> {
    /// A `transport` that leads to `server`.
    pub fn new(transport: T, server: Running) -> Self {
        Self {
            transport,
            server,
            kept: Vec::new(),
        }
    }

    /// Keeps `guard` (a temporary folder, a process) until the server has stopped.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// Runs `scenario`, called `name` in messages; then sees to it that no call is left at the service, and that the
    /// connection ends when its client is gone.
    pub async fn check<S, F>(self, name: &'static str, scenario: S)
    where
        S: FnOnce(Subject<T>) -> F,
        F: Future<Output = ()>,
    {
        let Running {
            service,
            stop,
            task,
        } = self.server;
        let observer = service.observer();
        scenario(Subject::new(self.transport, observer.clone())).await;

        let bounded = Bounded::start(name);
        bounded
            .wait("the service to end its last call", observer.idle())
            .await;
        // The scenario has dropped the last handle of the transport, so the server's graceful end has to come by itself.
        let _ = stop.send(());
        let ended = bounded
            .wait("the server to stop after its client", task)
            .await;
        ended
            .expect("the server panicked")
            .expect("the server failed");
        drop(self.kept);
    }
}
