//! The scenarios: what a gRPC application may expect of a link, each one an `async fn(Subject<T>)` over any transport.
//!
//! Names in quotes in the scenarios' docs are those of gRPC's official interoperability tests. A scenario panics when
//! the transport fails it. None sleeps to be sure, none asserts how long something took; what takes too long ends by
//! [`Bounded`](crate::Bounded).

mod cancellation;
mod client_streaming;
mod concurrency;
mod deadline;
mod duplex;
mod half_close;
mod large;
mod messages;
mod metadata;
mod server_streaming;
mod slow_reader;
mod status;
mod unary;
mod unimplemented;

pub use cancellation::{
    cancel_after_begin, cancel_after_first_response, cancel_before_first_response,
    cancel_many_streams, cancel_server_stream,
};
pub use client_streaming::{client_streaming, wrong_payload_refused};
pub use concurrency::{concurrent_streams, concurrent_unary};
pub use deadline::{deadline_expires, deadline_far_off};
pub use duplex::{empty_stream, ping_pong};
pub use half_close::{half_close, half_close_after_first_response};
pub use large::{large_stream, large_unary, too_large_response_refused};
pub use metadata::{custom_metadata, duplicate_metadata, error_metadata, unary_metadata};
pub use server_streaming::{server_streaming, server_streaming_slowly};
pub use slow_reader::slow_reader;
pub use status::{
    every_status_code, special_status_message, status_after_responses, status_code_and_message,
};
pub use unary::{cacheable_unary, empty_unary, unary_1_mib, unary_64_kib, unary_small};
pub use unimplemented::{unimplemented_method, unimplemented_service};
