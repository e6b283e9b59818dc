//! The generated `grpc.testing` messages, client and server.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::unwrap_used
)]

tonic::include_proto!("grpc.testing");
