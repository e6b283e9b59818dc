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
mod keep_alive;
mod large;
mod metadata;
mod reconnecting;
mod refusal;
mod server_death;
mod server_streaming;
mod shutdown;
mod slow_reader;
mod standing_still;
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
    cancellation::cancel_before_anything_is_sent,
    cancellation::cancel_while_requests_are_sent,
    cancellation::cancel_after_the_requests_end,
    refusal::refused_before_it_is_read,
    refusal::refused_amid_requests,
    refusal::refused_amid_responses,
    deadline::deadline_far_off,
    concurrency::concurrent_unary,
    concurrency::concurrent_streams,
    slow_reader::slow_reader,
    flow_control::unread_responses_bounded,
    flow_control::unread_requests_bounded,
];

/// Those that need the link itself.
pub const OF_LINKS: &[Case] = cases![Link:
    server_death::server_dies_before_answer: "UNKNOWN instead of UNAVAILABLE: what tonic makes of a connection that has ended",
    server_death::server_dies_amid_stream: "UNKNOWN instead of UNAVAILABLE: what tonic makes of a connection that has ended",
    standing_still::deadline_while_server_stands_still: "CANCELLED instead of DEADLINE_EXCEEDED: tonic's timer in the client",
    keep_alive::client_gives_up_still_server: "UNKNOWN instead of UNAVAILABLE amid a stream of responses: what tonic makes of a connection that has ended",
    keep_alive::server_gives_up_still_client,
    keep_alive::silence_is_no_death,
    shutdown::graceful_shutdown,
    concurrency::thousand_streams,
    concurrency::short_connections,
];
