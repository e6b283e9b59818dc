//! HTTP/2 settings that suit local links.
//!
//! Means of two runs of `isotonic-bench compare --links tonic-uds,shm --rounds 3`, built with each frame size,
//! default runtimes on two cores, both sides with the same settings, rings of 256 KiB:
//!
//! | over shared memory | frames of 16 KiB | 32 KiB | 128 KiB |
//! |---|---|---|---|
//! | unary 64 KiB, p50 | 23.5 µs | 24.5 | 20.6 |
//! | the same, both processes on one CPU | 77 µs (Unix socket: 71) | 79 (58) | 39 (49) |
//! | unary 1 MiB, p50 | 350 µs | 353 | 281 |
//! | 64 KiB client stream | 5.3 GB/s | 6.1 | 8.9 |
//! | 64 KiB server stream | 5.1 GB/s | 6.9 | 9.7 |
//! | 1 MiB client stream | 5.8 GB/s | 6.5 | 7.2 |
//!
//! Each frame is a write of its own, and each write may wake the reader: on one CPU it then runs before the next
//! frame is there. 128 KiB hold a message of 64 KiB whole, with its headers. Small calls beside a bulk stream do not
//! suffer: p99 0.2 ms with 128 KiB, 0.4 with 16.
//!
//! The windows, with a throw-away program and frames of 16 KiB, GB/s, three runs each:
//!
//! | stream / connection window | 64 KiB client stream | 1 MiB client stream | 64 KiB server stream |
//! |---|---|---|---|
//! | 65,535 / 65,535 B (HTTP/2's own) | 3.2, 3.9, 3.1 | 3.6, 3.4, 3.1 | 2.6, 3.5, 3.3 |
//! | hyper's: client 2 / 5 MiB, server 1 / 1 MiB | 1.3, 2.9, 1.6 | 3.5, 3.3, 2.5 | 4.5, 3.2, 2.6 |
//! | 1 / 4 MiB | 1.6, 1.7, 1.5 | 1.8, 3.7, 1.8 | 4.2, 3.3, 2.6 |
//! | 4 / 16 MiB | 4.8, 5.1, 4.8 | 3.8, 4.0, 3.7 | 2.7, 2.8, 3.1 |

use tonic::transport::{Endpoint, Server};

/// Bytes of one stream that a peer may send before it has to wait for us to read.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;

/// Bytes of all streams of a connection together. Large also because of h2's guard against floods of
/// small frames, whose allowance grows with it (RUSTSEC-2026-0258).
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// Payload bytes of one frame that a peer may send.
const FRAME: u32 = 128 * 1024;

/// Recommended HTTP/2 settings for a client. [`connect`](crate::connect()) uses them.
///
/// ```
/// use tonic::transport::Endpoint;
/// let endpoint = isotonic::tune_endpoint(Endpoint::from_static("http://orders:50051"));
/// ```
pub fn tune_endpoint(endpoint: Endpoint) -> Endpoint {
    endpoint
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
}

/// Recommended HTTP/2 settings for a server.
///
/// ```
/// use tonic::transport::Server;
/// let server = isotonic::tune_server(Server::builder());
/// ```
pub fn tune_server<L>(server: Server<L>) -> Server<L> {
    server
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
}
