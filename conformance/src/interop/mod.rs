//! The official cases of gRPC's interoperability tests, under their official names
//! (`doc/interop-test-descriptions.md` of the gRPC project).
//!
//! They look at answers only, so they can be run against anybody's service; if it is our own, they also wait until it
//! has noticed a cancellation. Sizes are the official ones, but payloads are not zeros: each byte is checked.

mod cancellation;
mod compression;
mod duplex;
mod metadata;
mod status;
mod streams;
mod unary;
mod unimplemented;

use crate::case::{Case, cases};

/// All of them.
pub const CASES: &[Case] = cases![Calls:
    unary::empty_unary,
    unary::cacheable_unary,
    unary::large_unary,
    compression::client_compressed_unary,
    compression::server_compressed_unary,
    streams::client_streaming,
    compression::client_compressed_streaming,
    streams::server_streaming,
    compression::server_compressed_streaming: "tonic compresses all messages of a stream or none, so the response that \
        was to be sent as it is comes compressed, too",
    duplex::ping_pong,
    duplex::empty_stream,
    metadata::custom_metadata,
    status::status_code_and_message,
    status::special_status_message,
    unimplemented::unimplemented_method,
    unimplemented::unimplemented_service,
    cancellation::cancel_after_begin,
    cancellation::cancel_after_first_response,
    cancellation::timeout_on_sleeping_server: "the status is CANCELLED (\"Timeout expired\") instead of DEADLINE_EXCEEDED where \
        tonic's own timer is the first; and as tonic keeps a deadline only until the response's headers are there, the call is \
        one whose headers come with its answer (StreamingInputCall in place of FullDuplexCall)",
    unary::concurrent_large_unary,
];
