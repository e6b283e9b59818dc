//! ttrpc: protobuf over a Unix socket with framing of its own, by tokio.

use crate::client::Caller;
use crate::{Result, payload};
use async_trait::async_trait;
use proto::block::Block;
use proto::block_ttrpc::{Blocks, BlocksClient, create_blocks};
use std::path::Path;
use std::sync::Arc;
use ttrpc::asynchronous::{Client, Server, TtrpcContext};
use ttrpc::context;

/// The generated code.
mod proto {
    #![allow(warnings, clippy::all)]
    pub(super) mod block {
        include!(concat!(env!("OUT_DIR"), "/ttrpc/block.rs"));
    }
    pub(super) mod block_ttrpc {
        include!(concat!(env!("OUT_DIR"), "/ttrpc/block_ttrpc.rs"));
    }
}

fn address(folder: &Path) -> String {
    format!("unix://{}/socket", folder.display())
}

struct Service;

#[async_trait]
impl Blocks for Service {
    async fn exchange(&self, _: &TtrpcContext, request: Block) -> ttrpc::Result<Block> {
        let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
            ttrpc::Error::Others(error.to_string())
        };
        let first = payload::check_request(&request.payload).map_err(wrong)?;
        Ok(block(payload::filled(request.payload.len(), first)))
    }
}

fn block(payload: Vec<u8>) -> Block {
    Block {
        payload,
        ..Default::default()
    }
}

pub(super) async fn serve(folder: &Path, ready: impl FnOnce()) -> Result<()> {
    let mut server = Server::new()
        .bind(&address(folder))?
        .register_service(create_blocks(Arc::new(Service)));
    server.start().await?;
    ready();
    // It goes on until the process ends.
    std::future::pending().await
}

pub(super) async fn connect(folder: &Path) -> Result<TtrpcCaller> {
    let client = Client::connect(&address(folder)).await?;
    Ok(TtrpcCaller(BlocksClient::new(client)))
}

pub(super) struct TtrpcCaller(BlocksClient);

impl Caller for TtrpcCaller {
    async fn call(&mut self, number: u64, bytes: usize) -> Result<()> {
        let request = block(payload::filled(bytes, number));
        let answer = self
            .0
            .exchange(context::Context::default(), &request)
            .await?;
        payload::check(&answer.payload, bytes, payload::answer_to(number))
    }
}
