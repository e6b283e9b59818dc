//! A kind of link under test: how to serve on it, and how to reach what is served.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, task::JoinHandle};
use tonic::{codegen::StdError, service::Routes};

use crate::{Bounded, Way};

/// One place to serve at, and the ways to it. Every test has its own.
///
/// What is meant is a transport for gRPC with all that belongs to it; HTTP/2 over a byte stream is only the first.
#[tonic::async_trait]
pub trait Link: Send + Sync + 'static {
    /// Serves `routes` here, to all who connect from now on.
    ///
    /// # Panics
    ///
    /// When that cannot be done: the test cannot go on.
    async fn serve(&self, routes: Routes, settings: Settings) -> Served;

    /// A new way to whoever serves here, connected. It connects anew by itself when its connection has ended, unless
    /// the link is of a kind that cannot be made again.
    ///
    /// # Errors
    ///
    /// Nobody serves here, or the connection cannot be made.
    async fn connect(&self, settings: Settings) -> Result<Way, StdError>;

    /// Another place of the same kind, that nobody serves at.
    fn another(&self) -> SharedLink;

    /// Whether a way connects anew by itself. Where it cannot, its calls fail with UNAVAILABLE once its connection has
    /// ended.
    fn connects_anew(&self) -> bool {
        true
    }

    /// Whether one client has to go before another can come.
    fn one_client_at_a_time(&self) -> bool {
        false
    }
}

/// A link that is shared by the tasks of a test.
pub type SharedLink = Arc<dyn Link>;

/// What a test wants of one side beyond the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether, and how, to ask a silent peer if it is still there.
    pub keep_alive: Option<KeepAlive>,
}

/// How a side finds out that its peer is gone or stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long after the last question it is asked.
    pub interval: Duration,
    /// How long it may take to answer; after that the connection is given up.
    pub timeout: Duration,
}

/// Somebody who serves. Dropped, it stops to, but is not waited for.
#[derive(Debug)]
pub struct Served {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), StdError>>,
}

impl Served {
    /// Runs `server` as a task. It is given a future that ends when it shall stop, and ends when all its connections have.
    pub fn spawn<F>(server: impl FnOnce(Stop) -> F) -> Self
    where
        F: Future<Output = Result<(), StdError>> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        Self {
            stop,
            task: tokio::spawn(server(Stop(stopped))),
        }
    }

    /// Lets it serve as long as its runtime lives.
    pub fn detach(self) {
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(self);
        });
    }

    /// Tells it to take no more connections and calls, and to end when the calls that it has are answered.
    pub fn stop(self) -> Stopping {
        // An error means that it has ended already, which shows when it is waited for.
        let _ = self.stop.send(());
        Stopping(self.task)
    }
}

/// Tells a server when it shall stop.
#[derive(Debug)]
pub struct Stop(oneshot::Receiver<()>);

impl Stop {
    /// Ends when the server shall.
    pub async fn wanted(self) {
        // An error means that `Served` was dropped, by a panic: stop as well.
        let _ = self.0.await;
    }
}

/// Somebody who has been told to stop serving.
#[derive(Debug)]
pub struct Stopping(JoinHandle<Result<(), StdError>>);

impl Stopping {
    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it failed, or does not end in time.
    pub async fn end(self, bounded: &Bounded) {
        bounded
            .wait("the server to stop after its clients", self.0)
            .await
            .expect("the server panicked")
            .expect("the server failed");
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.0.is_finished()
    }
}
