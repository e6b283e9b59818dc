//! Unary calls while a bulk stream saturates the same connection.

use super::streams::Upload;
use super::unary::Unary;
use super::{Called, Caller, call_by_turns};
use crate::Result;
use crate::compare::transport::Client;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// What the bulk stream consists of: uploads, one after the other, so that it can be ended without cutting one off.
const BULK_PAYLOAD_BYTES: usize = 64 * 1024;
const BULK_MESSAGES: usize = 64;

/// The latencies are those of the unary calls, the payload bytes those of the bulk stream.
pub(super) async fn call_beside_bulk(
    client: &Client,
    payload_bytes: usize,
    time: Duration,
) -> Result<Called> {
    let wanted = Arc::new(AtomicBool::new(true));
    let uploads = Arc::new(AtomicU64::new(0));
    // Ended with this value, should the calls be given up.
    let mut bulk: JoinSet<Result<()>> = JoinSet::new();
    bulk.spawn({
        let (wanted, uploads) = (Arc::clone(&wanted), Arc::clone(&uploads));
        let mut upload = Upload::new(client, BULK_PAYLOAD_BYTES, BULK_MESSAGES);
        async move {
            while wanted.load(Ordering::Relaxed) {
                upload.call().await?;
                uploads.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }
    });
    let called = call_by_turns([Unary::new(client, payload_bytes)], payload_bytes, time).await;
    let completed = uploads.load(Ordering::Relaxed);
    wanted.store(false, Ordering::Relaxed);
    while let Some(ended) = bulk.join_next().await {
        ended??;
    }
    Ok(Called {
        payload_bytes: completed * (BULK_PAYLOAD_BYTES * BULK_MESSAGES) as u64,
        ..called?
    })
}
