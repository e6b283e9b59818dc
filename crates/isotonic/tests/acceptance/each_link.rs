//! isotonic on both sides, over each link: the kind and the reason are as documented, on both sides.

use crate::served::{Served, busy_until_in_shared_memory, call, connect, unix_address};
use isotonic::{Connector, IncomingLink, Link, LinkKind, ListenerBuilder, Reason, ShmMode};
use std::io;
use tokio::net::unix::pipe;
use tokio_stream::StreamExt;

/// Serves on `address` and calls; the link is and stays as said.
async fn stays(address: &str, kind: LinkKind, reason: Reason) {
    let (server, address) = Served::with(ListenerBuilder::default(), address).await;
    let connector = Connector::to(address.parse().unwrap());
    let links = connector.links();
    let channel = connect(connector).await;
    for _ in 0..30 {
        call(&channel, 10_000).await.unwrap();
    }
    for link in [links.latest().unwrap(), server.last_link()] {
        assert_eq!(
            (link.kind(), link.reason()),
            (kind, Some(reason.clone())),
            "{link:?}"
        );
        assert_eq!(link.address().to_string(), address);
        let counters = link.counters();
        assert!(counters.socket_bytes_sent > 300_000, "{counters:?}");
        assert_eq!(counters.memory_bytes_sent, 0);
    }
}

#[tokio::test]
async fn tcp_is_tcp() {
    stays("http://127.0.0.1:0", LinkKind::Tcp, Reason::OverTcp).await;
}

#[tokio::test]
async fn fifos_are_fifos() {
    let (folder, _) = unix_address();
    let address = format!("fifo:{}/f", folder.path().display());
    stays(&address, LinkKind::Fifo, Reason::OverFifo).await;
}

#[tokio::test]
async fn pipes_are_pipes() {
    let (to_server, from_client) = pipe::pipe().unwrap();
    let (to_client, from_server) = pipe::pipe().unwrap();
    let accepted = IncomingLink::from(Link::over_pipes(from_client, to_client));
    let incoming = tokio_stream::once(io::Result::Ok(accepted)).chain(tokio_stream::pending());
    let server = Served::over(incoming);
    let connector = Connector::over(Link::over_pipes(from_server, to_server));
    let links = connector.links();
    let channel = connect(connector).await;
    call(&channel, 200_000).await.unwrap();
    for link in [links.latest().unwrap(), server.last_link()] {
        assert_eq!(
            (link.kind(), link.reason()),
            (LinkKind::Pipe, Some(Reason::OverPipe))
        );
    }
}

#[tokio::test]
async fn a_switched_off_side_says_so() {
    let (_folder, address) = unix_address();
    let (server, address) = Served::with(ListenerBuilder::default(), &address).await;
    let connector = Connector::to(address.parse().unwrap()).shm_mode(ShmMode::Off);
    let links = connector.links();
    let channel = connect(connector).await;
    call(&channel, 200_000).await.unwrap();
    assert_eq!(links.latest().unwrap().reason(), Some(Reason::Disabled));
    assert_eq!(server.last_link().reason(), Some(Reason::PeerIsPlainHttp2));
}

/// Starts on the socket, and is in shared memory once busy.
async fn moves(address: &str) {
    let server = Served::on(address).await;
    let connector = Connector::to(address.parse().unwrap());
    let links = connector.links();
    let channel = connect(connector).await;
    let link = links.latest().unwrap();
    call(&channel, 1).await.unwrap();
    assert_eq!(
        (link.kind(), link.reason()),
        (LinkKind::Uds, Some(Reason::NotYetBusy))
    );
    let at_the_server = server.last_link();
    assert_eq!(at_the_server.reason(), Some(Reason::NotYetBusy));
    busy_until_in_shared_memory(&channel, &link).await;
    busy_until_in_shared_memory(&channel, &at_the_server).await;
    assert_eq!(links.all().len(), 1, "still the same link");
}

#[tokio::test]
async fn a_busy_unix_socket_becomes_shared_memory() {
    let (_folder, address) = unix_address();
    moves(&address).await;
}

#[tokio::test]
async fn a_busy_abstract_socket_becomes_shared_memory() {
    let (folder, _) = unix_address();
    let unique = folder.path().file_name().unwrap().to_str().unwrap();
    moves(&format!("unix-abstract:{unique}")).await;
}

#[tokio::test]
async fn the_bytes_really_go_through_shared_memory() {
    const CALLS: u64 = 20;
    const SIZE: u64 = 500_000;
    let (_folder, address) = unix_address();
    let server = Served::on(&address).await;
    let connector = Connector::to(address.parse().unwrap()).shm_mode(ShmMode::Require);
    let links = connector.links();
    let channel = connect(connector).await;
    for _ in 0..CALLS {
        call(&channel, SIZE as usize).await.unwrap();
    }
    let (client, server) = (links.latest().unwrap(), server.last_link());
    assert_eq!(
        (client.kind(), server.kind()),
        (LinkKind::Shm, LinkKind::Shm)
    );
    let (client, server) = (client.counters(), server.counters());
    for counters in [client, server] {
        assert!(counters.memory_bytes_sent >= CALLS * SIZE, "{counters:?}");
        assert!(
            counters.memory_bytes_received >= CALLS * SIZE,
            "{counters:?}"
        );
        assert!(counters.socket_bytes_sent < 1000, "{counters:?}");
        assert!(counters.socket_bytes_received < 1000, "{counters:?}");
    }
    // The other side may not have looked yet.
    assert!(client.doorbells_received <= server.doorbells_sent);
    assert!(server.doorbells_received <= client.doorbells_sent);
}

#[tokio::test]
async fn a_service_finds_the_callers_user_id_in_the_request() {
    let (folder, address) = unix_address();
    let _server = Served::on(&address).await;
    let own = std::os::unix::fs::MetadataExt::uid(&folder.path().metadata().unwrap());
    let connector = Connector::to(address.parse().unwrap());
    for mode in [ShmMode::Off, ShmMode::Prefer, ShmMode::Require] {
        let channel = connect(connector.clone().shm_mode(mode)).await;
        let response = call(&channel, 1).await.unwrap();
        assert_eq!(response.username, own.to_string(), "{mode:?}");
    }
    let (_server, address) = Served::with(ListenerBuilder::default(), "http://127.0.0.1:0").await;
    let channel = connect(Connector::to(address.parse().unwrap())).await;
    let response = call(&channel, 1).await.unwrap();
    assert_eq!(response.username, "", "nobody vouches for a user over TCP");
}
