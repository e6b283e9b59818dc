//! The second process: an ordinary tonic server.

use crate::{Result, blocks};
use isotonic::{Address, Incoming, tune_server};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// How the quickstart starts itself as the server; addresses follow.
pub(crate) const COMMAND: &str = "serve";

/// Before an address: tonic's own transport is to listen on it, for comparison.
pub(crate) const STOCK: &str = "stock:";

/// Serves until the client has gone: for `pipe:` when the pipe ends, else when standard input does.
pub(crate) async fn run(addresses: &[String]) -> Result<()> {
    if addresses == ["pipe:"] {
        return Ok(serve(Incoming::bind("pipe:").await?).await?);
    }
    let (stock, ours): (Vec<&str>, Vec<&str>) = addresses
        .iter()
        .map(String::as_str)
        .partition(|address| address.starts_with(STOCK));
    let incoming = Incoming::bind_all(ours).await?;
    for address in incoming.local_addresses() {
        println!("{address}");
    }
    for address in stock {
        println!(
            "{STOCK}{}",
            serve_stock(address[STOCK.len()..].parse()?).await?
        );
    }
    // The client reads to here before it connects.
    println!();
    let mut client = tokio::io::stdin();
    tokio::select! {
        result = serve(incoming) => Ok(result?),
        _ = client.read_u8() => Ok(()),
    }
}

/// The line that differs from a server without isotonic is the one with `incoming`.
async fn serve(incoming: Incoming) -> std::result::Result<(), tonic::transport::Error> {
    tune_server(Server::builder())
        .add_service(blocks::service())
        .serve_with_incoming(incoming)
        .await
}

/// tonic's own transport, with its settings tuned alike. Returns where it listens.
async fn serve_stock(address: Address) -> Result<Address> {
    let server = tune_server(Server::builder()).add_service(blocks::service());
    match address {
        Address::Unix(path) => {
            let listener = UnixListener::bind(&path)?;
            tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
            Ok(Address::Unix(path))
        }
        _ => {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?.into();
            // As tonic's own `serve` does by default.
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            tokio::spawn(server.serve_with_incoming(incoming));
            Ok(address)
        }
    }
}
