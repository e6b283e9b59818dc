//! The ways of calling, and a case: one of them with its numbers.

use super::size::PayloadSize;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A way of calling.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pattern {
    /// One message there and one of the same size back.
    Unary,
    /// A call is a stream of messages to the server.
    ClientStream,
    /// A call is a stream of messages to the client.
    ServerStream,
    /// A call is one message there and one back, on a stream that stays open.
    Bidi,
    /// Unary calls beside a stream of large messages to the server, on the same connection.
    Mixed,
    /// Unary calls at a fixed rate.
    Paced,
    /// Connections that do nothing.
    Idle,
    /// Unary calls of many client processes to one server.
    FanIn,
}

impl Pattern {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::ClientStream => "client-stream",
            Self::ServerStream => "server-stream",
            Self::Bidi => "bidi",
            Self::Mixed => "mixed",
            Self::Paced => "paced",
            Self::Idle => "idle",
            Self::FanIn => "fan-in",
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Payload bytes of one call that streams, unless that is fewer than [`LEAST_MESSAGES`] or more than
/// [`MOST_MESSAGES`]: enough that the start of the stream does not matter.
const STREAM_BYTES: usize = 16 * 1024 * 1024;
const LEAST_MESSAGES: usize = 8;
const MOST_MESSAGES: usize = 1_000;

/// What is measured over each link: a pattern with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) pattern: Pattern,
    pub(crate) payload_bytes: usize,
    /// Calls under way at a time, of each client.
    pub(crate) concurrency: usize,
    /// Client processes.
    pub(crate) clients: usize,
    /// Of [`Pattern::Paced`].
    pub(crate) calls_per_s: u32,
    /// Of [`Pattern::Idle`].
    pub(crate) connections: usize,
}

impl Case {
    /// One client with one call at a time.
    pub(crate) fn new(pattern: Pattern, payload: PayloadSize) -> Self {
        Self {
            pattern,
            payload_bytes: payload.0,
            concurrency: 1,
            clients: 1,
            calls_per_s: 0,
            connections: 0,
        }
    }

    /// Messages that one call carries in the direction that counts.
    pub(crate) fn messages_per_call(&self) -> usize {
        match self.pattern {
            Pattern::ClientStream | Pattern::ServerStream => {
                (STREAM_BYTES / self.payload_bytes).clamp(LEAST_MESSAGES, MOST_MESSAGES)
            }
            _ => 1,
        }
    }
}

/// What a reader has to know to understand the figures.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = PayloadSize(self.payload_bytes);
        match self.pattern {
            Pattern::Unary | Pattern::Bidi => {
                write!(
                    f,
                    "{}, {payload}, {} at a time",
                    self.pattern, self.concurrency
                )
            }
            Pattern::ClientStream | Pattern::ServerStream => write!(
                f,
                "{}, {payload}, {} messages a call, {} at a time",
                self.pattern,
                self.messages_per_call(),
                self.concurrency
            ),
            Pattern::Mixed => write!(f, "mixed, calls of {payload} beside a bulk stream"),
            Pattern::Paced => write!(f, "paced, {payload}, {} calls/s", self.calls_per_s),
            Pattern::Idle => write!(f, "idle, {} connections", self.connections),
            Pattern::FanIn => write!(f, "fan-in, {payload}, {} client processes", self.clients),
        }
    }
}
