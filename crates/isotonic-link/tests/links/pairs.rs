//! The two ends of each link.

use crate::patience::within;
use isotonic_link::{Address, Connector, Link, LinkKind, Listener, ListenerBuilder, ShmMode};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

/// A link's ends, and what has to live as long as they.
pub(crate) struct Pair {
    pub(crate) client: Link,
    pub(crate) server: Link,
    pub(crate) keep: Keep,
}

pub(crate) struct Keep {
    _listener: Option<Listener>,
    _folder: TempDir,
}

/// The smallest ring: every transfer goes round it many times.
const SMALL: u64 = 4096;

pub(crate) async fn tcp() -> Pair {
    let address = |_: &TempDir| "http://127.0.0.1:0".parse().unwrap();
    connected(
        address,
        Listener::builder(),
        Connector::default(),
        LinkKind::Tcp,
    )
    .await
}

pub(crate) async fn uds() -> Pair {
    let builder = Listener::builder().shm_mode(ShmMode::Off);
    connected(socket, builder, Connector::default(), LinkKind::Uds).await
}

pub(crate) async fn unix_abstract() -> Pair {
    let address = |folder: &TempDir| {
        // As unique as the folder.
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        Address::UnixAbstract(name.into())
    };
    connected(
        address,
        Listener::builder(),
        Connector::default(),
        LinkKind::Uds,
    )
    .await
}

pub(crate) async fn fifo() -> Pair {
    let address = |folder: &TempDir| Address::Fifo(folder.path().join("f"));
    connected(
        address,
        Listener::builder(),
        Connector::default(),
        LinkKind::Fifo,
    )
    .await
}

pub(crate) async fn pipe() -> Pair {
    let (to_server, from_client) = pipe::pipe().unwrap();
    let (to_client, from_server) = pipe::pipe().unwrap();
    let mut client = Link::over_pipes(from_server, to_server);
    let mut server = Link::over_pipes(from_client, to_client);
    // As over the other links.
    client.write_all(b"1").await.unwrap();
    server.read_exact(&mut [0]).await.unwrap();
    Pair {
        client,
        server,
        keep: Keep {
            _listener: None,
            _folder: TempDir::new().unwrap(),
        },
    }
}

/// In shared memory from the first byte.
pub(crate) async fn shm() -> Pair {
    let connector = Connector::default().shm_mode(ShmMode::Require);
    connected(socket, Listener::builder(), connector, LinkKind::Shm).await
}

/// Moves into shared memory in the middle of whatever runs.
pub(crate) async fn shm_when_busy() -> Pair {
    connected(
        socket,
        Listener::builder(),
        Connector::default(),
        LinkKind::Uds,
    )
    .await
}

/// In shared memory, with rings that are always full.
pub(crate) async fn shm_with_small_rings() -> Pair {
    let connector = Connector::default().shm_mode(ShmMode::Require);
    let connector = connector.ring_capacity(SMALL).unwrap();
    let builder = Listener::builder().ring_capacity(SMALL).unwrap();
    connected(socket, builder, connector, LinkKind::Shm).await
}

fn socket(folder: &TempDir) -> Address {
    Address::Unix(folder.path().join("s"))
}

async fn connected(
    address: impl FnOnce(&TempDir) -> Address,
    builder: ListenerBuilder,
    connector: Connector,
    kind: LinkKind,
) -> Pair {
    let folder = TempDir::new().unwrap();
    let mut listener = builder.bind([address(&folder)]).await.unwrap();
    let address = listener.local_addresses()[0].clone();
    let connecting = async {
        let mut client = connector.connect(&address).await.unwrap();
        // A FIFO's server hears of its client with the first byte.
        client.write_all(b"1").await.unwrap();
        client
    };
    let accepting = async {
        let mut server = listener.accept().await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        server
    };
    let both = async { tokio::join!(connecting, accepting) };
    let (client, server) = within("both ends of the link", both).await;
    assert_eq!(client.info().kind(), kind, "{:?}", client.info());
    Pair {
        client,
        server,
        keep: Keep {
            _listener: Some(listener),
            _folder: folder,
        },
    }
}
