//! The service that is called over every link. Nothing here knows of links.

use super::payload;
use super::size::MAX_PAYLOAD;
use crate::proto::load_server::{Load, LoadServer};
use crate::proto::{DownloadRequest, Message, Summary};
use std::pin::Pin;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

/// The largest message that either side takes.
pub(crate) const MAX_MESSAGE: usize = MAX_PAYLOAD + 1024;

/// The service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Service;

type Messages = Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;

#[tonic::async_trait]
impl Load for Service {
    async fn echo(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        let received = request.into_inner();
        payload::check(&received)?;
        Ok(Response::new(payload::answer(&received)))
    }

    async fn upload(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Summary>, Status> {
        let mut received = request.into_inner();
        let mut summary = Summary::default();
        while let Some(message) = received.message().await? {
            payload::check_expected(&message, summary.messages, message.payload.len())?;
            summary.messages += 1;
            summary.payload_bytes += message.payload.len() as u64;
        }
        Ok(Response::new(summary))
    }

    type DownloadStream = Messages;

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Messages>, Status> {
        let asked = request.into_inner();
        let len = usize::try_from(asked.payload_bytes_per_message)
            .ok()
            .filter(|&len| len <= MAX_PAYLOAD)
            .ok_or_else(|| Status::invalid_argument("messages of that size are too large"))?;
        let messages = (0..asked.messages).map(move |sequence| Ok(payload::message(sequence, len)));
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
    }

    type ConverseStream = Messages;

    async fn converse(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Messages>, Status> {
        let answers = request.into_inner().map(|received| {
            let received = received?;
            payload::check(&received)?;
            Ok(payload::answer(&received))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// The service, ready to be added to a tonic server.
pub(crate) fn service() -> LoadServer<Service> {
    LoadServer::new(Service)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}
