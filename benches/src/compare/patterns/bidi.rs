//! Message and answer on a stream that stays open.

use super::Caller;
use crate::Result;
use crate::compare::payload;
use crate::compare::transport::Client;
use crate::proto::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// A stream in both directions. A call is a message and its answer.
pub(super) struct Conversation {
    messages: mpsc::Sender<Message>,
    answers: Streaming<Message>,
    sequence: u64,
    payload_bytes: usize,
}

impl Conversation {
    pub(super) async fn open(client: &Client, payload_bytes: usize) -> Result<Self> {
        let (messages, receiver) = mpsc::channel(1);
        let answers = client
            .clone()
            .converse(ReceiverStream::new(receiver))
            .await?;
        Ok(Self {
            messages,
            answers: answers.into_inner(),
            sequence: 0,
            payload_bytes,
        })
    }
}

impl Caller for Conversation {
    async fn call(&mut self) -> Result<()> {
        self.sequence += 1;
        let message = payload::message(self.sequence, self.payload_bytes);
        // Where the other side has gone the answer's error says more.
        let _ = self.messages.send(message).await;
        let answer = self
            .answers
            .message()
            .await?
            .ok_or("the stream ended early")?;
        payload::check_expected(&answer, self.sequence + 1, self.payload_bytes)?;
        Ok(())
    }
}
