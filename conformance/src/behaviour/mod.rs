//! What a gRPC application may expect of a link beyond the official cases.
//!
//! A scenario panics when the link fails it. None sleeps to be sure, none asserts how long something took; what takes too
//! long ends by [`Bounded`](crate::Bounded).

mod cancellation;
mod client_streaming;
mod concurrency;
mod deadline;
mod flow_control;
mod half_close;
mod large;
mod metadata;
mod server_streaming;
mod slow_reader;
mod status;
mod unary;

use crate::case::{Case, cases};

/// Those that need a way to the test service.
pub const CASES: &[Case] = cases![Calls:
    unary::unary_small,
    unary::unary_64_kib,
    unary::unary_1_mib,
    client_streaming::wrong_payload_refused,
    server_streaming::server_streaming_slowly,
    half_close::half_close,
    half_close::half_close_after_first_response,
    large::unary_16_mib,
    large::large_stream,
    large::too_large_response_refused: "OUT_OF_RANGE instead of RESOURCE_EXHAUSTED: tonic's answer",
    metadata::duplicate_metadata,
    metadata::unary_metadata,
    metadata::error_metadata,
    status::every_status_code,
    status::status_after_responses,
    cancellation::cancel_before_first_response,
    cancellation::cancel_server_stream,
    cancellation::cancel_many_streams,
    deadline::deadline_far_off,
    concurrency::concurrent_unary,
    concurrency::concurrent_streams,
    slow_reader::slow_reader,
    flow_control::unread_responses_bounded,
    flow_control::unread_requests_bounded,
];

/// Those that need the link itself.
pub const OF_LINKS: &[Case] = cases![Link:
];
