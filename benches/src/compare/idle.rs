//! What connections cost that do nothing.

use super::pattern::Case;
use super::process::Footprint;
use super::worker::Worker;
use crate::Result;
use std::time::{Duration, Instant};

/// How long the connections are left alone before it is looked what they cost: more than the second in which an
/// isotonic link counts what it carries.
const SETTLE: Duration = Duration::from_millis(1_500);

/// Of both processes together.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdleSample {
    pub(super) cpu_ms_per_s: f64,
    pub(super) wakeups_per_s: f64,
    pub(super) rss_bytes_per_connection: f64,
    pub(super) shm_bytes_per_connection: f64,
}

/// Opens the connections, waits until all is quiet, and looks for so long what they cost. This process does the
/// waiting and the looking: either would be work for the client's.
pub(super) async fn idle(worker: &mut Worker, case: &Case, time: Duration) -> Result<IdleSample> {
    let processes = worker.processes();
    let before = Footprint::of(&processes)?;
    worker.open_more(case.connections).await?;
    tokio::time::sleep(SETTLE).await;
    let (begin, start) = (Footprint::of(&processes)?, Instant::now());
    tokio::time::sleep(time).await;
    let end = Footprint::of(&processes)?;
    let seconds = start.elapsed().as_secs_f64();
    let per_connection =
        |bytes: u64, less: u64| bytes.saturating_sub(less) as f64 / case.connections as f64;
    Ok(IdleSample {
        cpu_ms_per_s: (end.cpu_time - begin.cpu_time).as_secs_f64() * 1e3 / seconds,
        wakeups_per_s: end.wakeups.saturating_sub(begin.wakeups) as f64 / seconds,
        rss_bytes_per_connection: per_connection(end.rss_bytes, before.rss_bytes),
        shm_bytes_per_connection: per_connection(end.shm_bytes, before.shm_bytes),
    })
}
