//! The patterns, a file each.

mod bidi;
mod mixed;
mod paced;
mod streams;
mod unary;

use super::pattern::{Case, Pattern};
use super::transport::Client;
use crate::Result;
use hdrhistogram::Histogram;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Calls that each caller makes at least, however long they take.
const LEAST_CALLS: u64 = 3;

/// What came of calling for some time.
#[derive(Debug)]
pub(crate) struct Called {
    /// Nanoseconds of each call.
    pub(crate) latencies: Histogram<u64>,
    pub(crate) payload_bytes: u64,
    pub(crate) elapsed: Duration,
}

/// Calls as the case says for about `time`.
pub(crate) async fn call(client: &Client, case: &Case, time: Duration) -> Result<Called> {
    let payload = case.payload_bytes;
    match case.pattern {
        Pattern::Unary | Pattern::FanIn => {
            let callers = (0..case.concurrency).map(|_| unary::Unary::new(client, payload));
            call_by_turns(callers, payload, time).await
        }
        Pattern::ClientStream => {
            let messages = case.messages_per_call();
            let callers =
                (0..case.concurrency).map(|_| streams::Upload::new(client, payload, messages));
            call_by_turns(callers, payload * messages, time).await
        }
        Pattern::ServerStream => {
            let messages = case.messages_per_call();
            let callers =
                (0..case.concurrency).map(|_| streams::Download::new(client, payload, messages));
            call_by_turns(callers, payload * messages, time).await
        }
        Pattern::Bidi => {
            let mut callers = Vec::new();
            for _ in 0..case.concurrency {
                callers.push(bidi::Conversation::open(client, payload).await?);
            }
            call_by_turns(callers, payload, time).await
        }
        Pattern::Mixed => mixed::call_beside_bulk(client, payload, time).await,
        Pattern::Paced => paced::call_at_rate(client, payload, case.calls_per_s, time).await,
        Pattern::Idle => Err("nothing is called on idle connections".into()),
    }
}

/// Makes one small call.
pub(crate) async fn call_once(client: &Client) -> Result<()> {
    unary::Unary::new(client, 64).call().await
}

/// Somebody who makes one call after the other.
trait Caller: Send + 'static {
    fn call(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// Lets each caller call, all at the same time, the next call when the last one has ended.
async fn call_by_turns<C: Caller>(
    callers: impl IntoIterator<Item = C>,
    payload_bytes_per_call: usize,
    time: Duration,
) -> Result<Called> {
    let start = Instant::now();
    let mut tasks: JoinSet<Result<Histogram<u64>>> = JoinSet::new();
    for mut caller in callers {
        tasks.spawn(async move {
            let mut latencies = latencies()?;
            let mut now = Instant::now();
            while now - start < time || latencies.len() < LEAST_CALLS {
                caller.call().await?;
                let end = Instant::now();
                latencies.record((end - now).as_nanos() as u64)?;
                now = end;
            }
            Ok(latencies)
        });
    }
    let mut all = latencies()?;
    while let Some(caller) = tasks.join_next().await {
        all.add(caller??)?;
    }
    Ok(Called {
        payload_bytes: all.len() * payload_bytes_per_call as u64,
        latencies: all,
        elapsed: start.elapsed(),
    })
}

/// Nanoseconds, to three digits.
fn latencies() -> Result<Histogram<u64>> {
    Ok(Histogram::new(3)?)
}
