//! Unary calls at a fixed rate, whether or not the earlier ones have ended.

use super::unary::Unary;
use super::{Called, Caller, latencies};
use crate::Result;
use crate::compare::transport::Client;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::JoinSet;

/// A call's time counts from when it was due: what comes late because of others comes late to its user, too.
pub(super) async fn call_at_rate(
    client: &Client,
    payload_bytes: usize,
    calls_per_s: u32,
    time: Duration,
) -> Result<Called> {
    let interval = Duration::from_secs(1) / calls_per_s;
    let count = (time.as_nanos() / interval.as_nanos()).max(1) as u32;
    let mut tasks: JoinSet<Result<Duration>> = JoinSet::new();
    let mut latencies = latencies()?;
    let mut ticks = Ticks::start(interval)?;
    let start = Instant::now();
    let mut made = 0;
    while made < count {
        let due = ticks.next().await?.min(u64::from(count - made)) as u32;
        for _ in 0..due {
            made += 1;
            let due = start + interval * made;
            let mut caller = Unary::new(client, payload_bytes);
            tasks.spawn(async move {
                caller.call().await?;
                Ok(due.elapsed())
            });
        }
        while let Some(ended) = tasks.try_join_next() {
            latencies.record(ended??.as_nanos() as u64)?;
        }
    }
    while let Some(ended) = tasks.join_next().await {
        latencies.record(ended??.as_nanos() as u64)?;
    }
    Ok(Called {
        payload_bytes: u64::from(count) * payload_bytes as u64,
        latencies,
        elapsed: start.elapsed(),
    })
}

/// A timer of the kernel's: tokio's own has steps of a millisecond, and would give ten calls at once.
///
/// It is read like a pipe: tokio has no safe type for other descriptors that become readable.
struct Ticks(pipe::Receiver);

impl Ticks {
    fn start(interval: Duration) -> Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let interval = Timespec::try_from(interval)?;
        let setting = Itimerspec {
            it_interval: interval,
            it_value: interval,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &setting)?;
        Ok(Self(pipe::Receiver::from_owned_fd_unchecked(timer)?))
    }

    /// Waits for the next tick. Returns how many there were since the last.
    async fn next(&mut self) -> Result<u64> {
        let mut count = [0; 8];
        self.0.read_exact(&mut count).await?;
        Ok(u64::from_ne_bytes(count))
    }
}
