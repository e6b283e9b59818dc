//! What is compared.

use super::pattern::Pattern;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A way from the client to the service. They are shown in this order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Link {
    /// tonic's own TCP, over the loopback interface.
    TonicTcp,
    /// tonic's own Unix socket: what the others are compared with.
    TonicUds,
    /// isotonic's TCP.
    Tcp,
    /// isotonic's Unix socket, with shared memory off.
    Uds,
    /// Two anonymous pipes to a child process.
    Pipe,
    /// Two FIFOs.
    Fifo,
    /// Shared memory.
    Shm,
    /// The service called without any transport: the floor.
    InProcess,
}

impl Link {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TonicTcp => "tonic-tcp",
            Self::TonicUds => "tonic-uds",
            Self::Tcp => "tcp",
            Self::Uds => "uds",
            Self::Pipe => "pipe",
            Self::Fifo => "fifo",
            Self::Shm => "shm",
            Self::InProcess => "in-process",
        }
    }

    /// What carries the calls over the link.
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Self::InProcess => "none",
            _ => "http2",
        }
    }

    /// Why the link cannot be measured in a pattern; `None` where it can.
    pub(crate) fn why_left_out(self, pattern: Pattern) -> Option<&'static str> {
        match (pattern, self) {
            (Pattern::Mixed, Self::InProcess) => {
                Some("without a connection there is nothing that the calls share")
            }
            (Pattern::Idle | Pattern::FanIn, _) => self.why_one_connection(),
            _ => None,
        }
    }

    /// Why a server cannot have several connections over this link; `None` where it can.
    pub(crate) fn why_one_connection(self) -> Option<&'static str> {
        match self {
            Self::Pipe => Some("a child process has one connection over its pipes"),
            Self::Fifo => Some("a pair of FIFOs serves one client at a time"),
            Self::InProcess => Some("there is no connection"),
            _ => None,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_same_name_on_the_command_line_in_json_and_in_the_table() {
        for &link in Link::value_variants() {
            assert_eq!(Link::from_str(link.name(), false), Ok(link));
            let json = serde_json::to_string(&link).expect("a name");
            assert_eq!(json, format!("\"{link}\""));
        }
    }
}
