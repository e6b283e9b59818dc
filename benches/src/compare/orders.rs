//! What the comparison and its client processes say to each other: a line of JSON each way.

use super::link::Link;
use super::pattern::Case;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where a server is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServerPlace {
    /// As it said itself; empty where there is none to connect to.
    pub(crate) address: String,
    /// `None` where the service runs in the client's process.
    pub(crate) process: Option<u32>,
}

/// What a client process is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Starts a server, which puts its files into the folder, and connects to it.
    Open { link: Link, folder: PathBuf },
    /// Connects to a server that another client process has started.
    Join { link: Link, server: ServerPlace },
    /// Calls for so long, after a warm-up.
    Measure {
        case: Case,
        warm_up_ms: u64,
        measured_ms: u64,
    },
    /// Opens so many more connections, and leaves them alone.
    OpenMore { connections: usize },
}

/// What it answers; in its place a message if it could not.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Connected(ServerPlace),
    Measured(CallSample),
    OpenedMore,
}

/// What one client saw in one turn of calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CallSample {
    /// How often a call took so many nanoseconds.
    latencies: Vec<(u64, u64)>,
    pub(crate) payload_bytes: u64,
    pub(crate) elapsed_ns: u64,
    pub(crate) client_cpu_ns: u64,
    /// CPU time of the server's process since its start, before and after the turn.
    pub(crate) server_cpu_ns: Option<(u64, u64)>,
}

impl CallSample {
    pub(crate) fn new(latencies: &Histogram<u64>) -> Self {
        Self {
            latencies: latencies
                .iter_recorded()
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
            payload_bytes: 0,
            elapsed_ns: 0,
            client_cpu_ns: 0,
            server_cpu_ns: None,
        }
    }

    /// Adds the latencies of this sample.
    pub(crate) fn add_to(&self, histogram: &mut Histogram<u64>) -> crate::Result<()> {
        for &(nanos, count) in &self.latencies {
            histogram.record_n(nanos, count)?;
        }
        Ok(())
    }
}
