//! What a gRPC application may expect of a link beyond the official cases.
//!
//! A scenario panics when the link fails it. None sleeps to be sure, none asserts how long something took; what takes too
//! long ends by [`Bounded`](crate::Bounded).

mod axum_route;
mod cancellation;
mod client_streaming;
mod concurrency;
mod deadline;
mod flow_control;
mod half_close;
mod health;
mod interceptors;
mod keep_alive;
mod large;
mod message_limits;
mod metadata;
mod metadata_limits;
mod raw_http;
mod reconnecting;
mod reflection;
mod refusal;
mod served;
mod server_death;
mod server_streaming;
mod short_connections;
mod shutdown;
mod slow_reader;
mod standing_still;
mod status;
mod status_details;
mod tower_layers;
mod trailers_only;
mod unary;
mod witness;
mod wrong_requests;

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
    status_details::unary_status_details,
    status_details::stream_status_details,
    trailers_only::trailers_only,
    trailers_only::status_in_trailers,
    wrong_requests::unknown_path,
    wrong_requests::wrong_content_type: "answered instead of refused with HTTP status 415: tonic does not look at the content type",
    wrong_requests::not_post: "answered although it is no POST: tonic does not look at the method",
    interceptors::client_interceptor,
    tower_layers::client_timeout,
    tower_layers::client_concurrency_limit,
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
    shutdown::graceful_shutdown: "a call that is made while the connection is being closed may fail with INTERNAL or CANCELLED, \
        tonic's words for it, in place of UNAVAILABLE",
    short_connections::short_connections,
    metadata_limits::request_metadata_limit,
    metadata_limits::response_metadata_limit,
    metadata_limits::trailing_metadata_limit: "h2 leaves out the trailers that are too much and tells nobody, so the call succeeds \
        without them",
    message_limits::client_encoding_limit: "INTERNAL instead of RESOURCE_EXHAUSTED: tonic resets the call and takes its own reset for the \
        status",
    message_limits::client_decoding_limit: "OUT_OF_RANGE instead of RESOURCE_EXHAUSTED: tonic's answer",
    message_limits::service_decoding_limit: "OUT_OF_RANGE instead of RESOURCE_EXHAUSTED: tonic's answer",
    message_limits::service_encoding_limit: "OUT_OF_RANGE instead of RESOURCE_EXHAUSTED: tonic's answer",
    interceptors::service_interceptor,
    tower_layers::client_retry,
    tower_layers::service_layers,
    health::health_check,
    health::health_watch: "NOT_FOUND for a service that is not known and the end of the stream for one no longer known, where gRPC has \
        SERVICE_UNKNOWN and goes on: tonic-health's answers",
    reflection::reflection: "the stream ends with NOT_FOUND where gRPC has an error response in it and goes on: tonic-reflection's \
        answer",
    axum_route::axum_route,
    server_death::server_dies_before_answer: "UNKNOWN instead of UNAVAILABLE: what tonic makes of a connection that has ended",
    server_death::server_dies_amid_stream: "UNKNOWN instead of UNAVAILABLE: what tonic makes of a connection that has ended",
    standing_still::deadline_while_server_stands_still: "CANCELLED instead of DEADLINE_EXCEEDED: tonic's timer in the client",
    keep_alive::client_gives_up_still_server: "UNKNOWN instead of UNAVAILABLE amid a stream of responses: what tonic makes of a connection that has ended",
    keep_alive::server_gives_up_still_client,
    keep_alive::silence_is_no_death,
];
