//! What every peer offers to its caller, and the calls that are measured.

use crate::{Figures, Result};
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// A connection to a server.
#[allow(
    async_fn_in_trait,
    reason = "whoever needs a future to be Send knows its type"
)]
pub(crate) trait Caller {
    /// Sends a request of `bytes` that begins with the word `number`, waits for the answer of the same size, and
    /// checks it.
    async fn call(&mut self, number: u64, bytes: usize) -> Result<()>;

    /// Called last, where the server has to be told.
    fn leave(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Calls again and again for some time. The server's CPU time is not known here.
pub(crate) async fn measure(
    caller: &mut impl Caller,
    bytes: usize,
    time: Duration,
) -> Result<Figures> {
    // Nanoseconds, to three digits.
    let mut times = Histogram::<u64>::new(3)?;
    let start = Instant::now();
    let mut before = start;
    let mut calls = 0;
    while calls == 0 || before.duration_since(start) < time {
        caller.call(calls, bytes).await?;
        calls += 1;
        let now = Instant::now();
        times.record(now.duration_since(before).as_nanos() as u64)?;
        before = now;
    }
    Ok(Figures {
        calls,
        nanos: before.duration_since(start).as_nanos() as u64,
        p50_nanos: times.value_at_quantile(0.50),
        p99_nanos: times.value_at_quantile(0.99),
        client_cpu_nanos: 0,
        server_cpu_nanos: 0,
    })
}
