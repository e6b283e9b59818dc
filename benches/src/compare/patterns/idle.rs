//! Connections that do nothing.

use super::Caller;
use super::unary::Unary;
use crate::Result;
use crate::compare::connection::{Connection, connect};
use crate::compare::link::Link;
use crate::compare::orders::{IdleSample, ServerPlace};
use crate::compare::process::Footprint;
use std::time::{Duration, Instant};

/// Of the one call that each connection has made before it is idle.
const PAYLOAD_BYTES: usize = 64;

/// Opens connections, waits until all is quiet, and looks for so long what they cost both processes.
pub(crate) async fn idle(
    link: Link,
    server: &ServerPlace,
    connections: usize,
    settle: Duration,
    time: Duration,
) -> Result<IdleSample> {
    let processes: Vec<u32> = server
        .process
        .into_iter()
        .chain([std::process::id()])
        .collect();
    let before = Footprint::of(&processes)?;
    let mut open: Vec<Connection> = Vec::with_capacity(connections);
    for _ in 0..connections {
        let connection = connect(link, &server.address).await?;
        let client = connection.transport.clone().client();
        Unary::new(&client, PAYLOAD_BYTES).call().await?;
        open.push(connection);
    }
    tokio::time::sleep(settle).await;
    let (begin, start) = (Footprint::of(&processes)?, Instant::now());
    // The work of looking is not theirs: it ends before the clock below is read.
    let begin_cpu = Footprint::cpu_time_of(&processes)?;
    tokio::time::sleep(time).await;
    let end_cpu = Footprint::cpu_time_of(&processes)?;
    let seconds = start.elapsed().as_secs_f64();
    let end = Footprint::of(&processes)?;
    let per_connection =
        |bytes: u64, less: u64| bytes.saturating_sub(less) as f64 / connections as f64;
    Ok(IdleSample {
        cpu_ms_per_s: (end_cpu - begin_cpu).as_secs_f64() * 1e3 / seconds,
        wakeups_per_s: (end.wakeups - begin.wakeups) as f64 / seconds,
        rss_bytes_per_connection: per_connection(end.rss_bytes, before.rss_bytes),
        shm_bytes_per_connection: per_connection(end.shm_bytes, before.shm_bytes),
    })
}
