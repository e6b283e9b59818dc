//! The short ways to a tonic channel.

use crate::{Connector, tune_endpoint};
use isotonic_link::{Address, AddressError, ChildStdio, ConnectError, LinkInfo};
use std::error::Error as StdError;
use tokio::process::{Child, Command};
use tonic::transport::{Channel, Endpoint};

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The link could not be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// tonic could not connect; the message is that of the innermost cause.
    #[error("{}", innermost(.0))]
    Transport(#[source] tonic::transport::Error),
}

/// tonic's own message is "transport error", whatever happened.
fn innermost(error: &tonic::transport::Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(source) = cause.source() {
        // What we say of a link names the address and what to do; its own source says less.
        if source.is::<ConnectError>() {
            return source.to_string();
        }
        cause = source;
    }
    cause.to_string()
}

/// Connects to `address` and gives a channel for a generated client, with the settings of
/// [`tune_endpoint`]. tonic reconnects it when the server was restarted.
///
/// # Errors
/// [`Error`], which says what is wrong with the address or why there is no connection.
///
/// ```
/// # async fn example() -> Result<(), isotonic::Error> {
/// let channel = isotonic::connect("unix:/run/orders.sock").await?;
/// # Ok(())
/// # }
/// ```
pub async fn connect(address: impl AsRef<str>) -> Result<Channel, Error> {
    let (endpoint, connector) = endpoint_to(address.as_ref())?;
    endpoint
        .connect_with_connector(connector)
        .await
        .map_err(Error::Transport)
}

/// Like [`connect`], but connects at the first call, which fails with `UNAVAILABLE` if it cannot.
///
/// # Errors
/// [`AddressError`] if the address cannot be understood.
///
/// ```
/// # async fn example() -> Result<(), isotonic::AddressError> {
/// let channel = isotonic::connect_lazy("unix:/run/orders.sock")?;
/// # Ok(())
/// # }
/// ```
pub fn connect_lazy(address: impl AsRef<str>) -> Result<Channel, AddressError> {
    let (endpoint, connector) = endpoint_to(address.as_ref())?;
    Ok(endpoint.connect_with_connector_lazy(connector))
}

fn endpoint_to(address: &str) -> Result<(Endpoint, Connector), AddressError> {
    let address: Address = address.parse()?;
    // A local service has no host; gRPC sends this as `:authority` over Unix sockets.
    let uri = match &address {
        Address::Tcp { .. } => address.to_string(),
        _ => "http://localhost".to_owned(),
    };
    let endpoint = Endpoint::from_shared(uri).map_err(|error| AddressError {
        address: address.to_string(),
        problem: error.to_string(),
        example: "http://orders:50051",
    })?;
    Ok((tune_endpoint(endpoint), Connector::to(address)))
}

/// A service in a child process; made by [`spawn`](spawn()), where the example is.
#[derive(Debug)]
#[non_exhaustive]
pub struct Spawned {
    /// The channel to it. It does not reconnect: once the child has ended, calls fail (with `UNAVAILABLE`
    /// but for those that were on their way).
    pub channel: Channel,
    /// The process.
    pub child: Child,
    /// What is known about the link to it.
    pub link: LinkInfo,
}

/// Starts `command`, a service that listens on `pipe:`, and connects to it over its standard input and
/// output.
///
/// # Errors
/// [`Error`] if the command cannot be started or does not answer.
///
/// ```no_run
/// use isotonic::ChildStdio;
/// use tokio::process::Command;
///
/// # async fn example() -> Result<(), isotonic::Error> {
/// let plugin = isotonic::spawn(Command::new("orders-plugin"), ChildStdio::Socket).await?;
/// println!("talking to process {:?}: {:?}", plugin.child.id(), plugin.link);
/// // let client = OrdersClient::new(plugin.channel);
/// # Ok(())
/// # }
/// ```
pub async fn spawn(command: Command, stdio: ChildStdio) -> Result<Spawned, Error> {
    let connector = isotonic_link::Connector::default();
    let (link, child) = isotonic_link::spawn(command, stdio, &connector).await?;
    let info = link.info();
    let channel = tune_endpoint(Endpoint::from_static("http://localhost"))
        .connect_with_connector(Connector::over(link))
        .await
        .map_err(Error::Transport)?;
    Ok(Spawned {
        channel,
        child,
        link: info,
    })
}
