//! The client's ways to a server.

use super::link::Link;
use super::options::RuntimeOptions;
use super::orders::ServerPlace;
use super::transport::Transport;
use crate::Result;
use isotonic::{Address, ChildStdio, Connector, LinkKind, Links, ShmMode, tune_endpoint};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::{Channel, Endpoint};

/// How long a server may take to start, and to end once its client has gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) transport: Transport,
    link: Link,
    /// What isotonic knows about it; `None` where it has no part in it.
    links: Option<Links>,
}

impl Connection {
    /// Fails unless the link, which has had work by now, is of the kind that was asked for.
    pub(crate) fn check_kind(&self) -> Result<()> {
        let Some(made) = self.links.as_ref().and_then(Links::latest) else {
            return Ok(());
        };
        let expected = match self.link {
            Link::Tcp => LinkKind::Tcp,
            Link::Uds => LinkKind::Uds,
            Link::Fifo => LinkKind::Fifo,
            Link::Shm => LinkKind::Shm,
            Link::Pipe => LinkKind::Pipe,
            Link::TonicTcp | Link::TonicUds | Link::InProcess => return Ok(()),
        };
        if made.kind() == expected {
            return Ok(());
        }
        let kind = made.kind();
        Err(match made.reason() {
            Some(reason) => format!("the link is {kind}: {reason}").into(),
            None => format!("the link is {kind}").into(),
        })
    }
}

/// Connects to a server that is there.
pub(crate) async fn connect(link: Link, address: &str) -> Result<Connection> {
    let mode = match link {
        Link::Shm => ShmMode::Prefer,
        Link::Tcp | Link::Uds | Link::Fifo => ShmMode::Off,
        Link::TonicTcp | Link::TonicUds => {
            let endpoint = tune_endpoint(Endpoint::from_shared(address.to_owned())?);
            return Ok(Connection {
                transport: Transport::Channel(endpoint.connect().await?),
                link,
                links: None,
            });
        }
        Link::Pipe | Link::InProcess => {
            return Err(link.why_one_connection().unwrap_or_default().into());
        }
    };
    let connector = Connector::to(address.parse::<Address>()?).shm_mode(mode);
    let links = connector.links();
    let channel = tune_endpoint(Endpoint::from_static("http://localhost"))
        .connect_with_connector(connector)
        .await?;
    Ok(Connection {
        transport: Transport::Channel(channel),
        link,
        links: Some(links),
    })
}

/// A server in a process of its own, which ends with this value's process.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) place: ServerPlace,
    child: Option<Child>,
}

impl Server {
    /// Waits for the end of the server, whose connections are closed.
    pub(crate) async fn close(self) -> Result<()> {
        let Some(mut child) = self.child else {
            return Ok(());
        };
        drop(child.stdin.take());
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        let status = ended.map_err(|_| "the server did not end when its client had gone")??;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}").into())
        }
    }
}

/// Starts a server and connects to it.
pub(crate) async fn open(
    link: Link,
    folder: &Path,
    runtime: &RuntimeOptions,
) -> Result<(Server, Connection)> {
    let file = folder.join(link.name()).display().to_string();
    let address = match link {
        Link::InProcess => {
            let place = ServerPlace {
                address: String::new(),
                process: None,
            };
            let transport = Transport::direct();
            let server = Server { place, child: None };
            return Ok((
                server,
                Connection {
                    transport,
                    link,
                    links: None,
                },
            ));
        }
        Link::Pipe => return open_pipes(runtime).await,
        Link::TonicTcp => "127.0.0.1:0".to_owned(),
        Link::Tcp => "http://127.0.0.1:0".to_owned(),
        Link::TonicUds => file,
        Link::Uds | Link::Shm => format!("unix:{file}"),
        Link::Fifo => format!("fifo:{file}"),
    };
    let mut command = server_command(link, &address, runtime)?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child
        .stdout
        .take()
        .ok_or("the server has no standard output")?;
    let mut line = String::new();
    tokio::time::timeout(PATIENCE, BufReader::new(stdout).read_line(&mut line))
        .await
        .map_err(|_| "the server did not say where it listens")??;
    let address = line.trim_end().to_owned();
    if address.is_empty() {
        return Err("the server ended before it listened".into());
    }
    let connection = connect(link, &address).await?;
    let process = child.id();
    let server = Server {
        place: ServerPlace { address, process },
        child: Some(child),
    };
    Ok((server, connection))
}

async fn open_pipes(runtime: &RuntimeOptions) -> Result<(Server, Connection)> {
    let command = server_command(Link::Pipe, "pipe:", runtime)?;
    let spawned = isotonic::spawn(command, ChildStdio::Pipes).await?;
    let channel: Channel = spawned.channel;
    let server = Server {
        place: ServerPlace {
            address: String::new(),
            process: spawned.child.id(),
        },
        child: Some(spawned.child),
    };
    let connection = Connection {
        transport: Transport::Channel(channel),
        link: Link::Pipe,
        links: None,
    };
    Ok((server, connection))
}

fn server_command(link: Link, address: &str, runtime: &RuntimeOptions) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(super::SERVER)
        .args(runtime.to_arguments())
        .args([link.name(), address])
        .kill_on_drop(true);
    Ok(command)
}
