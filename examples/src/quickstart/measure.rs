//! What is done over each link, every block checked by both sides.

use crate::Result;
use crate::blocks::{self, MAX_MESSAGE};
use crate::proto::blocks_client::BlocksClient;
use crate::proto::{Block, DownloadRequest};
use bytes::Bytes;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};
use tonic::transport::Channel;

/// The links take turns this many times, so that a passing disturbance does not hit one of them alone.
pub(crate) const ROUNDS: usize = 5;

/// Per link and round.
const CALLS: usize = 1_000;
const CALL_BYTES: usize = 64;
const STREAM_BLOCKS: usize = 1_000;
const STREAM_BLOCK_BYTES: usize = 64 * 1024;

fn client(channel: &Channel) -> BlocksClient<Channel> {
    BlocksClient::new(channel.clone())
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}

/// Small and large payloads, unary and streamed in both directions.
pub(crate) async fn check(channel: &Channel) -> Result<()> {
    for len in [0, 100, 4 * 1024 * 1024] {
        let payload = blocks::payload(len);
        for _ in 0..3 {
            echo(channel, &payload).await?;
        }
        upload(channel, &payload, 5).await?;
        download(channel, &payload, 5).await?;
    }
    Ok(())
}

async fn echo(channel: &Channel, payload: &Bytes) -> Result<()> {
    let answer = client(channel)
        .echo(blocks::block(payload.clone()))
        .await?
        .into_inner();
    verify(&answer, payload)
}

async fn upload(channel: &Channel, payload: &Bytes, count: usize) -> Result<()> {
    let payload = payload.clone();
    let len = payload.len();
    let stream = tokio_stream::iter((0..count).map(move |_| blocks::block(payload.clone())));
    let summary = client(channel).upload(stream).await?.into_inner();
    let expected = (count as u64, (count * len) as u64);
    if (summary.blocks, summary.payload_bytes) != expected {
        return Err(format!("{expected:?} blocks and bytes were sent, {summary:?} came").into());
    }
    Ok(())
}

async fn download(channel: &Channel, payload: &Bytes, count: usize) -> Result<()> {
    let request = DownloadRequest {
        blocks: count as u64,
        payload_bytes_per_block: payload.len() as u64,
    };
    let mut stream = client(channel).download(request).await?.into_inner();
    let mut received = 0;
    while let Some(block) = stream.message().await? {
        verify(&block, payload)?;
        received += 1;
    }
    if received != count {
        return Err(format!("{count} blocks were asked for, {received} came").into());
    }
    Ok(())
}

fn verify(block: &Block, expected: &Bytes) -> Result<()> {
    blocks::verify(block)?;
    // Its own checksum is right; so must be the block.
    if block.payload.len() != expected.len() || block.crc32 != crc32fast::hash(expected) {
        return Err("a block came that was not the one expected".into());
    }
    Ok(())
}

/// What was measured over one link.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    small_calls: Histogram<u64>,
    stream_bytes: u64,
    stream_time: Duration,
}

impl Figures {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            // Nanoseconds, to three digits.
            small_calls: Histogram::new(3)?,
            stream_bytes: 0,
            stream_time: Duration::ZERO,
        })
    }

    /// Measures one turn of a link.
    pub(crate) async fn add_round(&mut self, channel: &Channel) -> Result<()> {
        let payload = blocks::payload(CALL_BYTES);
        for _ in 0..CALLS {
            let start = Instant::now();
            echo(channel, &payload).await?;
            self.small_calls.record(start.elapsed().as_nanos() as u64)?;
        }
        let payload = blocks::payload(STREAM_BLOCK_BYTES);
        let start = Instant::now();
        upload(channel, &payload, STREAM_BLOCKS).await?;
        self.stream_time += start.elapsed();
        self.stream_bytes += (STREAM_BLOCKS * STREAM_BLOCK_BYTES) as u64;
        Ok(())
    }

    /// The given quantile (0 to 1) of the time of a small call, in microseconds.
    pub(crate) fn small_call_micros(&self, quantile: f64) -> f64 {
        self.small_calls.value_at_quantile(quantile) as f64 / 1e3
    }

    /// Payload per time of the stream, in 10^9 bytes per second.
    pub(crate) fn stream_gbytes_per_s(&self) -> f64 {
        self.stream_bytes as f64 / self.stream_time.as_secs_f64() / 1e9
    }
}
