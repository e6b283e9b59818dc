//! Every way to the service.

use crate::Result;
use crate::server::{COMMAND, STOCK};
use isotonic::{Address, ChildStdio, Connector, LinkInfo, ShmMode, tune_endpoint};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::{Channel, Endpoint};

/// How long the children may take to start, and to end when their client has gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// One way to the service.
pub(crate) struct Route {
    /// What was asked for.
    pub(crate) asked: String,
    pub(crate) channel: Channel,
    /// What was had; `None` for tonic's own transports, which do not tell.
    pub(crate) link: Option<LinkInfo>,
}

/// All ways, the processes that serve them, and the folder of their sockets.
pub(crate) struct Routes {
    pub(crate) all: Vec<Route>,
    children: Vec<Child>,
    _folder: TempDir,
}

/// Starts the service and connects to it by every link.
pub(crate) async fn open() -> Result<Routes> {
    let folder = TempDir::new()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (mut child, addresses) = start(&[
        format!("unix:{}", path("blocks.sock")),
        "http://127.0.0.1:0".to_owned(),
        format!("fifo:{}", path("blocks")),
        format!("{STOCK}unix:{}", path("stock.sock")),
        format!("{STOCK}http://127.0.0.1:0"),
    ])
    .await?;
    let [unix, tcp, fifo, stock_unix, stock_tcp] = addresses.as_slice() else {
        // What it says on standard error says why.
        let _ = child.kill().await;
        return Err("the service did not start".into());
    };
    let mut all = vec![
        stock(stock_tcp).await?,
        stock(stock_unix).await?,
        ours("http://", tcp, ShmMode::Prefer).await?,
        ours("unix: (shm off)", unix, ShmMode::Off).await?,
        ours("fifo:", fifo, ShmMode::Prefer).await?,
        ours("unix:", unix, ShmMode::Prefer).await?,
    ];
    let plugin = isotonic::spawn(this_program("pipe:")?, ChildStdio::Pipes).await?;
    let pipe = Route {
        asked: "pipe:".to_owned(),
        channel: plugin.channel,
        link: Some(plugin.link),
    };
    all.insert(4, pipe);
    Ok(Routes {
        all,
        children: vec![child, plugin.child],
        _folder: folder,
    })
}

impl Routes {
    /// Disconnects, and waits for the service to end by itself.
    pub(crate) async fn close(self) -> Result<()> {
        drop(self.all);
        for mut child in self.children {
            // The end of its standard input is its sign to end.
            drop(child.stdin.take());
            let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
            let status =
                ended.map_err(|_| "the service did not end when its client had gone")??;
            if !status.success() {
                return Err(format!("the service ended with {status}").into());
            }
        }
        Ok(())
    }
}

fn this_program(address: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([COMMAND, address]).kill_on_drop(true);
    Ok(command)
}

/// Starts the service on `addresses` and returns where it really listens, in the same order.
async fn start(addresses: &[String]) -> Result<(Child, Vec<String>)> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(COMMAND)
        .args(addresses)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let stdout = child
        .stdout
        .take()
        .ok_or("the child has no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    let mut listening = Vec::new();
    let read_all = async {
        while let Some(line) = lines.next_line().await?.filter(|line| !line.is_empty()) {
            listening.push(line);
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::time::timeout(PATIENCE, read_all)
        .await
        .map_err(|_| "the service did not say where it listens")??;
    Ok((child, listening))
}

/// tonic's own transport, with its settings tuned alike.
async fn stock(address: &str) -> Result<Route> {
    let address = address.strip_prefix(STOCK).unwrap_or(address);
    let endpoint = tune_endpoint(Endpoint::from_shared(address.to_owned())?);
    let scheme = if address.starts_with("unix:") {
        "unix:"
    } else {
        "http://"
    };
    Ok(Route {
        asked: format!("tonic's own, {scheme}"),
        channel: endpoint.connect().await?,
        link: None,
    })
}

async fn ours(asked: &str, address: &str, mode: ShmMode) -> Result<Route> {
    let connector = Connector::to(address.parse::<Address>()?).shm_mode(mode);
    let links = connector.links();
    let channel = tune_endpoint(Endpoint::from_static("http://localhost"))
        .connect_with_connector(connector)
        .await?;
    Ok(Route {
        asked: asked.to_owned(),
        channel,
        link: links.latest(),
    })
}
