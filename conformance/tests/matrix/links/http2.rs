//! tonic's server and endpoint with the settings of a test.

use conformance::link::{Served, Settings};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_stream::Stream;
use tonic::codegen::StdError;
use tonic::service::Routes;
use tonic::transport::server::Connected;
use tonic::transport::{Endpoint, Server};

/// Serves `routes` to all who come from `incoming`.
pub(super) fn serve<I, IO, E>(
    server: Server,
    routes: Routes,
    incoming: I,
    settings: Settings,
) -> Served
where
    I: Stream<Item = Result<IO, E>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    E: Into<StdError> + Send + 'static,
{
    let keep_alive = settings.keep_alive;
    // Without any, 200 is hyper's limit.
    let server = match settings.concurrent_calls {
        Some(calls) => server.max_concurrent_streams(calls),
        None => server,
    };
    let mut server = server
        .http2_keepalive_interval(keep_alive.map(|keep_alive| keep_alive.interval))
        .http2_keepalive_timeout(keep_alive.map(|keep_alive| keep_alive.timeout));
    Served::spawn(|stop| async move {
        server
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, stop.wanted())
            .await
            .map_err(Into::into)
    })
}

/// `endpoint` with these settings.
pub(super) fn endpoint(endpoint: Endpoint, settings: Settings) -> Endpoint {
    match settings.keep_alive {
        Some(keep_alive) => endpoint
            .http2_keep_alive_interval(keep_alive.interval)
            .keep_alive_timeout(keep_alive.timeout)
            .keep_alive_while_idle(true),
        None => endpoint,
    }
}
