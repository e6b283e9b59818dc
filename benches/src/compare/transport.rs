//! What carries a client's calls: a channel of tonic's, or nothing at all.

use super::service::{self, MAX_MESSAGE, Service};
use crate::proto::load_client::LoadClient;
use crate::proto::load_server::LoadServer;
use futures_util::TryFutureExt;
use futures_util::future::{Either, MapErr};
use std::convert::Infallible;
use std::error::Error;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::transport::Channel;
use tonic::transport::channel::ResponseFuture;
use tower_service::Service as TowerService;

/// The generated client, over any link.
pub(crate) type Client = LoadClient<Transport>;

/// What the generated client calls. Adds no allocation and no task, so that it costs each link the same: nothing.
#[derive(Debug, Clone)]
pub(crate) enum Transport {
    Channel(Channel),
    /// The generated server, called by the client's own task.
    Direct(LoadServer<Service>),
}

impl Transport {
    pub(crate) fn direct() -> Self {
        Self::Direct(service::service())
    }

    pub(crate) fn client(self) -> Client {
        LoadClient::new(self)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;
type DirectFuture = <LoadServer<Service> as TowerService<Request<Body>>>::Future;

impl TowerService<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Either<
        MapErr<ResponseFuture, fn(tonic::transport::Error) -> BoxError>,
        MapErr<DirectFuture, fn(Infallible) -> BoxError>,
    >;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Channel(channel) => channel.poll_ready(cx).map_err(Into::into),
            Self::Direct(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::Channel(channel) => Either::Left(channel.call(request).map_err(Into::into)),
            Self::Direct(server) => {
                Either::Right(server.call(request).map_err(|never| match never {}))
            }
        }
    }
}
