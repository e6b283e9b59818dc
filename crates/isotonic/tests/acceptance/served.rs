//! A tonic service that sends payloads back and tells who calls, and calls to it.

use conformance::payload;
use conformance::proto::test_service_client::TestServiceClient;
use conformance::proto::test_service_server::{TestService, TestServiceServer};
use conformance::proto::{
    Empty, SimpleRequest, SimpleResponse, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, StreamingOutputCallResponse,
};
use isotonic::{
    Connector, Incoming, LinkInfo, LinkKind, ListenerBuilder, tune_endpoint, tune_server,
};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::Stream;
use tonic::transport::server::Connected;
use tonic::transport::{self, Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// More than any wait of these tests needs on a slow machine; what lasts longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for `future`, which brings what `awaited` says.
pub(crate) async fn within<F: Future>(awaited: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("still waiting for {awaited} after {PATIENCE:?}"),
    }
}

/// A new folder, and the address of a socket in it.
pub(crate) fn unix_address() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let address = format!("unix:{}/s", folder.path().display());
    (folder, address)
}

/// Answers a unary call with the request's payload and the caller's user id, and keeps the link of the
/// last one.
#[derive(Clone, Default)]
struct Echo {
    last: Arc<Mutex<Option<LinkInfo>>>,
}

type Responses = tokio_stream::Empty<Result<StreamingOutputCallResponse, Status>>;

#[tonic::async_trait]
impl TestService for Echo {
    type StreamingOutputCallStream = Responses;
    type FullDuplexCallStream = Responses;
    type HalfDuplexCallStream = Responses;

    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        let link = request.extensions().get::<LinkInfo>().cloned();
        let uid = link.as_ref().and_then(LinkInfo::peer).map(|peer| peer.uid);
        *self.last.lock().unwrap() = link;
        Ok(Response::new(SimpleResponse {
            payload: request.into_inner().payload,
            username: uid.map(|uid| uid.to_string()).unwrap_or_default(),
            ..SimpleResponse::default()
        }))
    }

    async fn empty_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }

    async fn cacheable_unary_call(
        &self,
        _: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn streaming_output_call(
        &self,
        _: Request<StreamingOutputCallRequest>,
    ) -> Result<Response<Responses>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn streaming_input_call(
        &self,
        _: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn full_duplex_call(
        &self,
        _: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Responses>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn half_duplex_call(
        &self,
        _: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Responses>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn unimplemented_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// A running server.
pub(crate) struct Served {
    echo: Echo,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), transport::Error>>,
}

impl Served {
    pub(crate) async fn on(address: &str) -> Self {
        Self::with(ListenerBuilder::default(), address).await.0
    }

    /// Serves with these settings; returns the address with its port, too.
    pub(crate) async fn with(settings: ListenerBuilder, address: &str) -> (Self, String) {
        let listener = settings.bind([address.parse().unwrap()]).await.unwrap();
        let address = listener.local_addresses()[0].to_string();
        (Self::over(Incoming::from(listener)), address)
    }

    pub(crate) fn over<IO, E>(incoming: impl Stream<Item = Result<IO, E>> + Send + 'static) -> Self
    where
        IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
        E: Into<tonic::codegen::StdError> + Send + 'static,
    {
        let echo = Echo::default();
        let service = TestServiceServer::new(echo.clone());
        let (stop, stopped) = oneshot::channel();
        let served = tune_server(Server::builder())
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, async {
                // Dropped by a test that failed: stop as well.
                let _ = stopped.await;
            });
        Self {
            echo,
            stop,
            task: tokio::spawn(served),
        }
    }

    /// The link of the last call, as the service found it in the request's extensions.
    pub(crate) fn last_link(&self) -> LinkInfo {
        self.echo
            .last
            .lock()
            .unwrap()
            .clone()
            .expect("a call with a link")
    }

    /// Ends all connections and the server.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        within("the server to stop", self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

pub(crate) fn endpoint() -> Endpoint {
    tune_endpoint(Endpoint::from_static("http://localhost"))
}

pub(crate) async fn connect(connector: Connector) -> Channel {
    try_connect(connector).await.unwrap()
}

pub(crate) async fn try_connect(connector: Connector) -> Result<Channel, transport::Error> {
    within("a connection", endpoint().connect_with_connector(connector)).await
}

/// Sends a payload of `size` bytes there and back.
pub(crate) async fn call(channel: &Channel, size: usize) -> Result<SimpleResponse, Status> {
    let sent = payload::payload(size);
    let request = SimpleRequest {
        payload: Some(sent.clone()),
        ..SimpleRequest::default()
    };
    let mut client = TestServiceClient::new(channel.clone());
    let response = within("an answer", client.unary_call(request))
        .await?
        .into_inner();
    assert_eq!(response.payload, Some(sent), "the echo differs");
    Ok(response)
}

/// Calls until one succeeds: after a server has ended, its clients may hear of it a little later.
pub(crate) async fn call_again(channel: &Channel) {
    let again = async {
        while call(channel, 1).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    within("a call to succeed again", again).await;
}

/// Calls until `link` is in shared memory.
pub(crate) async fn busy_until_in_shared_memory(channel: &Channel, link: &LinkInfo) {
    let moving = async {
        while link.kind() != LinkKind::Shm {
            call(channel, 10_000).await.unwrap();
        }
    };
    within("a busy link to move into shared memory", moving).await;
    assert_eq!(link.reason(), None);
}
