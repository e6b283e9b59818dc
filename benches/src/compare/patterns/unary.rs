//! One message there, one back.

use super::Caller;
use crate::Result;
use crate::compare::payload;
use crate::compare::transport::Client;

/// Makes unary calls.
pub(super) struct Unary {
    client: Client,
    sequence: u64,
    payload_bytes: usize,
}

impl Unary {
    pub(super) fn new(client: &Client, payload_bytes: usize) -> Self {
        Self {
            client: client.clone(),
            sequence: 0,
            payload_bytes,
        }
    }
}

impl Caller for Unary {
    async fn call(&mut self) -> Result<()> {
        self.sequence += 1;
        let request = payload::message(self.sequence, self.payload_bytes);
        let answer = self.client.echo(request).await?.into_inner();
        payload::check_expected(&answer, self.sequence + 1, self.payload_bytes)?;
        Ok(())
    }
}
