//! The server's process: an ordinary tonic server on one link.

use super::link::Link;
use super::options::ServerOptions;
use super::service;
use crate::Result;
use isotonic::{Incoming, Listener, Quota, ShmMode, tune_server};
use std::path::Path;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::Stream;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::transport::server::{Connected, TcpIncoming};

/// Connections that a link can be asked for, above the default quota: `idle` and `fan-in` have them all of one user.
const MAX_CONNECTIONS: usize = u16::MAX as usize + 1024;

/// Serves until the client has gone: for pipes when they end, else when standard input does.
pub(crate) async fn run(options: ServerOptions) -> Result<()> {
    let address = options.address.as_str();
    match options.link {
        Link::TonicTcp => {
            let listener = TcpListener::bind(address).await?;
            let listening = format!("http://{}", listener.local_addr()?);
            // As tonic's own `serve` does by default.
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            serve_while_wanted(listening, incoming).await
        }
        Link::TonicUds => {
            let listener = UnixListener::bind(Path::new(address))?;
            let listening = format!("unix:{address}");
            serve_while_wanted(listening, UnixListenerStream::new(listener)).await
        }
        Link::Pipe => serve(Incoming::bind(address).await?).await,
        Link::Tcp | Link::Uds | Link::Fifo | Link::Shm => {
            let quota = Quota {
                connections: MAX_CONNECTIONS,
                ..Quota::default()
            };
            let mode = match options.link {
                Link::Shm => ShmMode::Prefer,
                _ => ShmMode::Off,
            };
            let listener = Listener::builder().quota(quota).shm_mode(mode);
            let incoming = Incoming::from(listener.bind([address.parse()?]).await?);
            let listening = incoming.local_addresses()[0].to_string();
            serve_while_wanted(listening, incoming).await
        }
        Link::InProcess => Err("the service is called in the client's process".into()),
    }
}

/// Tells the client where the server listens.
async fn serve_while_wanted<I, C>(address: String, incoming: I) -> Result<()>
where
    I: Stream<Item = std::io::Result<C>> + Send + 'static,
    C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Connected + Unpin + Send + 'static,
{
    println!("{address}");
    let mut client = tokio::io::stdin();
    tokio::select! {
        result = serve(incoming) => result,
        _ = client.read_u8() => Ok(()),
    }
}

/// The same for every link, tonic's own included: their HTTP/2 settings are those that isotonic recommends.
async fn serve<I, C>(incoming: I) -> Result<()>
where
    I: Stream<Item = std::io::Result<C>> + Send + 'static,
    C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Connected + Unpin + Send + 'static,
{
    let server = tune_server(Server::builder()).add_service(service::service());
    Ok(server.serve_with_incoming(incoming).await?)
}
