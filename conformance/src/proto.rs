//! The generated `grpc.testing` messages, client and server.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::unwrap_used
)]

tonic::include_proto!("grpc.testing");

/// What reflection tells of them.
pub const FILE_DESCRIPTORS: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/grpc.testing.descriptors"));
