//! Calls that stream in one direction: from the first message to the last that was checked.

use super::Caller;
use crate::Result;
use crate::compare::payload;
use crate::compare::transport::Client;
use crate::proto::DownloadRequest;

/// Makes calls that send a stream.
pub(super) struct Upload {
    client: Client,
    payload_bytes: usize,
    messages: usize,
}

impl Upload {
    pub(super) fn new(client: &Client, payload_bytes: usize, messages: usize) -> Self {
        Self {
            client: client.clone(),
            payload_bytes,
            messages,
        }
    }
}

impl Caller for Upload {
    async fn call(&mut self) -> Result<()> {
        let (count, len) = (self.messages as u64, self.payload_bytes);
        let messages = (0..count).map(move |sequence| payload::message(sequence, len));
        let summary = self.client.upload(tokio_stream::iter(messages)).await?;
        let summary = summary.into_inner();
        let expected = (count, count * len as u64);
        if (summary.messages, summary.payload_bytes) != expected {
            return Err(
                format!("{expected:?} messages and bytes were sent, {summary:?} came").into(),
            );
        }
        Ok(())
    }
}

/// Makes calls that receive a stream.
pub(super) struct Download {
    client: Client,
    payload_bytes: usize,
    messages: usize,
}

impl Download {
    pub(super) fn new(client: &Client, payload_bytes: usize, messages: usize) -> Self {
        Self {
            client: client.clone(),
            payload_bytes,
            messages,
        }
    }
}

impl Caller for Download {
    async fn call(&mut self) -> Result<()> {
        let request = DownloadRequest {
            messages: self.messages as u64,
            payload_bytes_per_message: self.payload_bytes as u64,
        };
        let mut stream = self.client.download(request).await?.into_inner();
        let mut received = 0;
        while let Some(message) = stream.message().await? {
            payload::check_expected(&message, received, self.payload_bytes)?;
            received += 1;
        }
        if received != self.messages as u64 {
            let asked = self.messages;
            return Err(format!("{asked} messages were asked for, {received} came").into());
        }
        Ok(())
    }
}
