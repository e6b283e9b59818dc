//! gRPC stacks of other languages: programs in `conformance/foreign`, which `conformance/foreign/install` makes ready.

mod client;
mod program;
mod server;

use crate::table::{Column, Table};
use crate::trial;
use client::Socket;
use conformance::interop;
use libtest_mimic::Trial;
use program::Stack;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// A program that our own client or service meets.
pub(crate) struct Peer {
    /// As in the table.
    pub(crate) name: &'static str,
    stack: Stack,
    role: Role,
    /// Official cases that say nothing about this peer, and why.
    pub(crate) not_run: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    ClientOf(Socket),
    Server,
}

impl Peer {
    /// Whether it is our own client that it meets, and so tonic whose deviations show.
    pub(crate) fn is_server(&self) -> bool {
        self.role == Role::Server
    }
}

/// All of them.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "grpcio_client_unix",
        stack: Stack::Grpcio,
        role: Role::ClientOf(Socket::Unix),
        not_run: GRPCIO_CLIENT,
    },
    Peer {
        name: "grpcio_client_tcp",
        stack: Stack::Grpcio,
        role: Role::ClientOf(Socket::Tcp),
        not_run: GRPCIO_CLIENT,
    },
    Peer {
        name: "grpc_js_client_unix",
        stack: Stack::GrpcJs,
        role: Role::ClientOf(Socket::Unix),
        not_run: GRPC_JS_CLIENT,
    },
    Peer {
        name: "grpc_js_client_tcp",
        stack: Stack::GrpcJs,
        role: Role::ClientOf(Socket::Tcp),
        not_run: GRPC_JS_CLIENT,
    },
    Peer {
        name: "grpcio_server",
        stack: Stack::Grpcio,
        role: Role::Server,
        not_run: &[
            ("client_compressed_unary", HIDDEN),
            ("client_compressed_streaming", HIDDEN),
            ("server_compressed_unary", ONLY_SMALLER),
            ("server_compressed_streaming", ONLY_SMALLER),
        ],
    },
    Peer {
        name: "grpc_js_server",
        stack: Stack::GrpcJs,
        role: Role::Server,
        not_run: &[
            ("client_compressed_unary", HIDDEN),
            ("client_compressed_streaming", HIDDEN),
            ("server_compressed_unary", NEVER_COMPRESSES),
            ("server_compressed_streaming", NEVER_COMPRESSES),
        ],
    },
    Peer {
        name: "grpc_go_server",
        stack: Stack::GrpcGo,
        role: Role::Server,
        not_run: &[
            ("server_compressed_unary", ONLY_IF_REQUEST),
            ("server_compressed_streaming", ONLY_IF_REQUEST),
        ],
    },
];

const GRPCIO_CLIENT: &[(&str, &str)] = &[
    (
        "client_compressed_streaming",
        "grpcio compresses all messages of a stream or none",
    ),
    ("server_compressed_unary", HIDDEN),
    ("server_compressed_streaming", HIDDEN),
];

const GRPC_JS_CLIENT: &[(&str, &str)] = &[
    ("server_compressed_unary", HIDDEN),
    ("server_compressed_streaming", HIDDEN),
];

const HIDDEN: &str = "the stack does not tell whether a message that it received was compressed";
const ONLY_SMALLER: &str = "grpcio compresses only what gets smaller, and these payloads do not";
const NEVER_COMPRESSES: &str = "a grpc-js server never compresses";
const ONLY_IF_REQUEST: &str =
    "a grpc-go server of this version compresses its answers only if the request was compressed";

/// The case of servers only: our connector finds out whom it has before it.
pub(crate) const PLAIN: &str = "plain_server_remembered";

/// The cases that are not run, with the peers, by the reason.
pub(crate) fn not_run() -> BTreeMap<&'static str, String> {
    let mut by_reason = BTreeMap::new();
    for peer in PEERS {
        for (case, reason) in peer.not_run {
            let what: &mut String = by_reason.entry(*reason).or_default();
            let comma = if what.is_empty() { "" } else { ", " };
            let _ = write!(what, "{comma}`{case}` with `{}`", peer.name);
        }
    }
    by_reason
}

/// A trial for each peer and case. Those of stacks that are not installed are skipped, unless `ISOTONIC_FOREIGN` is `required`.
pub(crate) fn trials(table: &Arc<Table>) -> Vec<Trial> {
    let required = std::env::var_os("ISOTONIC_FOREIGN").is_some_and(|value| value == "required");
    let mut trials = Vec::new();
    for peer in PEERS {
        let skipped = !peer.stack.is_installed() && !required;
        if skipped {
            println!(
                "{} is skipped: not installed (conformance/foreign/install does it)",
                peer.name
            );
        }
        let (stack, column) = (peer.stack, Column::Peer(peer.name));
        for case in interop::CASES {
            if peer.not_run.iter().any(|(name, _)| *name == case.name) {
                continue;
            }
            let trial = match peer.role {
                Role::ClientOf(socket) => trial(table, column, case.name, move || {
                    client::run(stack, socket, case.name)
                }),
                Role::Server => trial(table, column, case.name, move || server::run(stack, case)),
            };
            trials.push(trial.with_ignored_flag(skipped));
        }
        if peer.is_server() {
            let trial = trial(table, column, PLAIN, move || {
                server::plain_server_remembered(stack, PLAIN)
            });
            trials.push(trial.with_ignored_flag(skipped));
        }
    }
    trials
}
