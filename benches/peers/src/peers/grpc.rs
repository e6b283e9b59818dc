//! tonic over isotonic's shared memory, and over a Unix socket with its own transport; the same service, and the
//! same HTTP/2 settings.

use crate::client::Caller;
use crate::{Result, payload};
use isotonic::{Incoming, tune_endpoint, tune_server};
use proto::Block;
use proto::blocks_client::BlocksClient;
use proto::blocks_server::{Blocks, BlocksServer};
use std::path::Path;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

/// The generated code.
mod proto {
    #![allow(unused_qualifications, clippy::all)]
    tonic::include_proto!("isotonic.peers");
}

fn address(folder: &Path) -> String {
    format!("unix:{}/socket", folder.display())
}

struct Service;

#[tonic::async_trait]
impl Blocks for Service {
    async fn exchange(
        &self,
        request: Request<Block>,
    ) -> std::result::Result<Response<Block>, Status> {
        let request = request.into_inner().payload;
        let wrong =
            |error: Box<dyn std::error::Error + Send + Sync>| Status::data_loss(error.to_string());
        let first = payload::check_request(&request).map_err(wrong)?;
        let payload = payload::filled(request.len(), first).into();
        Ok(Response::new(Block { payload }))
    }
}

pub(super) async fn serve_isotonic(folder: &Path, ready: impl FnOnce()) -> Result<()> {
    let incoming = Incoming::bind(address(folder).as_str()).await?;
    ready();
    let server = tune_server(Server::builder()).add_service(BlocksServer::new(Service));
    Ok(server.serve_with_incoming(incoming).await?)
}

pub(super) async fn serve_tonic(folder: &Path, ready: impl FnOnce()) -> Result<()> {
    let listener = UnixListener::bind(folder.join("socket"))?;
    ready();
    let server = tune_server(Server::builder()).add_service(BlocksServer::new(Service));
    let incoming = UnixListenerStream::new(listener);
    Ok(server.serve_with_incoming(incoming).await?)
}

pub(super) async fn isotonic(folder: &Path) -> Result<GrpcCaller> {
    let channel = isotonic::connect(address(folder).as_str()).await?;
    Ok(GrpcCaller(BlocksClient::new(channel)))
}

pub(super) async fn tonic(folder: &Path) -> Result<GrpcCaller> {
    let endpoint = Endpoint::from_shared(address(folder))?;
    let channel = tune_endpoint(endpoint).connect().await?;
    Ok(GrpcCaller(BlocksClient::new(channel)))
}

pub(super) struct GrpcCaller(BlocksClient<Channel>);

impl Caller for GrpcCaller {
    async fn call(&mut self, number: u64, bytes: usize) -> Result<()> {
        let payload = payload::filled(bytes, number).into();
        let answer = self.0.exchange(Block { payload }).await?.into_inner();
        payload::check(&answer.payload, bytes, payload::answer_to(number))
    }
}
