//! The service, and the blocks that both sides make and check. Nothing here knows of isotonic.

use crate::proto::blocks_server::{Blocks, BlocksServer};
use crate::proto::{Block, DownloadRequest, Summary};
use bytes::Bytes;
use std::pin::Pin;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

/// The largest message that either side takes: above tonic's 4 MiB, for payloads of that size.
pub(crate) const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// A payload whose bytes differ from each other and from those of other sizes.
pub(crate) fn payload(len: usize) -> Bytes {
    let mut state = len as u32 | 1;
    (0..len)
        .map(|_| {
            // A linear congruential generator (Numerical Recipes); its high byte is the least regular.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// A block with its checksum.
pub(crate) fn block(payload: Bytes) -> Block {
    Block {
        crc32: crc32fast::hash(&payload),
        payload,
    }
}

/// Checks a block that was received; both sides do so with each.
pub(crate) fn verify(block: &Block) -> Result<(), Status> {
    let seen = crc32fast::hash(&block.payload);
    if seen == block.crc32 {
        Ok(())
    } else {
        let len = block.payload.len();
        let said = block.crc32;
        Err(Status::data_loss(format!(
            "a block of {len} B has the checksum {seen:#x}, not {said:#x}"
        )))
    }
}

#[derive(Debug, Clone, Default)]
struct Service;

#[tonic::async_trait]
impl Blocks for Service {
    async fn echo(&self, request: Request<Block>) -> Result<Response<Block>, Status> {
        let received = request.into_inner();
        verify(&received)?;
        Ok(Response::new(block(received.payload)))
    }

    async fn upload(
        &self,
        request: Request<Streaming<Block>>,
    ) -> Result<Response<Summary>, Status> {
        let mut received = request.into_inner();
        let mut summary = Summary::default();
        while let Some(block) = received.message().await? {
            verify(&block)?;
            summary.blocks += 1;
            summary.payload_bytes += block.payload.len() as u64;
        }
        Ok(Response::new(summary))
    }

    type DownloadStream = Pin<Box<dyn Stream<Item = Result<Block, Status>> + Send>>;

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let asked = request.into_inner();
        let len = usize::try_from(asked.payload_bytes_per_block)
            .ok()
            .filter(|&len| len < MAX_MESSAGE)
            .ok_or_else(|| Status::invalid_argument("blocks of that size are too large"))?;
        let payload = payload(len);
        let blocks = (0..asked.blocks).map(move |_| block(payload.clone()));
        Ok(Response::new(Box::pin(tokio_stream::iter(blocks).map(Ok))))
    }
}

/// The service, ready to be added to a tonic server.
pub(crate) fn service() -> BlocksServer<impl Blocks> {
    BlocksServer::new(Service)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}
