//! HTTP/2 settings that suit local links.

use tonic::transport::{Endpoint, Server};

/// Bytes of one stream that a peer may send before it has to wait for us to read.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;

/// Bytes of all streams of a connection together. Large also because of h2's guard against floods of
/// small frames, whose allowance grows with it (RUSTSEC-2026-0258).
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

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
}
