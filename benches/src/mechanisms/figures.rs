//! What is measured, and how it travels from the workers to whoever measures: as lines of words.

use crate::Result;
use std::fmt;
use std::str::FromStr;

/// What the workers are asked to do, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// One message there and one back.
    RoundTrips,
    /// Messages in one direction, and a small answer when the last has come.
    Stream,
}

/// A task, the size of its messages, and how long the client goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) task: Task,
    pub(super) bytes: usize,
    pub(super) micros: u64,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = match self.task {
            Task::RoundTrips => "round-trips",
            Task::Stream => "stream",
        };
        write!(f, "{task} {} {}", self.bytes, self.micros)
    }
}

impl FromStr for Order {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [task, bytes, micros] = words[..] else {
            return Err(format!("`{line}` is not an order").into());
        };
        let task = match task {
            "round-trips" => Task::RoundTrips,
            "stream" => Task::Stream,
            _ => return Err(format!("`{task}` is not a task").into()),
        };
        Ok(Self {
            task,
            bytes: bytes.parse()?,
            micros: micros.parse()?,
        })
    }
}

/// What a worker reports of one order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Report {
    pub(super) messages: u64,
    /// Of the client's clock.
    pub(super) nanos: u64,
    /// CPU time of this process.
    pub(super) cpu_nanos: u64,
    /// Of round trips.
    pub(super) p50_nanos: u64,
    pub(super) p99_nanos: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            messages,
            nanos,
            cpu_nanos,
            p50_nanos,
            p99_nanos,
        } = self;
        write!(f, "{messages} {nanos} {cpu_nanos} {p50_nanos} {p99_nanos}")
    }
}

impl FromStr for Report {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(line: &str) -> Result<Self> {
        let words: std::result::Result<Vec<u64>, _> =
            line.split_whitespace().map(str::parse).collect();
        let [messages, nanos, cpu_nanos, p50_nanos, p99_nanos] = words?[..] else {
            return Err(format!("`{line}` is not a report").into());
        };
        Ok(Self {
            messages,
            nanos,
            cpu_nanos,
            p50_nanos,
            p99_nanos,
        })
    }
}

/// One turn of a mechanism.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) p50_micros: f64,
    pub(super) p99_micros: f64,
    /// CPU time of a round trip.
    pub(super) client_cpu_micros: f64,
    pub(super) server_cpu_micros: f64,
    /// 10^9 bytes per second, with messages of 64 KiB and of 1 MiB.
    pub(super) medium_gbytes_per_s: f64,
    pub(super) large_gbytes_per_s: f64,
}

/// The turns of a mechanism, or the reason why there are none.
pub(super) type Outcome = std::result::Result<Vec<Figures>, String>;
