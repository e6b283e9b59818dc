//! More clients than anybody can serve: those that connect and leave, those that greet and say no more,
//! and those that come while nobody takes links. What they can make us keep is bounded; the others wait,
//! and each is served when its turn comes.

use crate::alone::alone;
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::echo_server::{EchoServer, echoes};
use crate::patience::within;
use crate::raw_peer::{HELLO_LEN, RawPeer, hello, welcome};
use isotonic_link::limits::{MAX_UNFINISHED_HANDSHAKES_PER_USER, MAX_UNTAKEN_LINKS};
use isotonic_link::{Address, Connector, Link, Listener, ShmMode};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, connect, listen, socket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// In all, and at the same time: fewer than one user may have connections, and than the kernel's queue has
/// room for, so that connecting does not block.
const CLIENTS: usize = 4000;
const AT_ONCE: usize = 250;

/// A client that does everything right.
async fn is_served(address: &Address) {
    let connector = Connector::default().shm_mode(ShmMode::Require);
    let link = within("a good client to connect", connector.connect(address)).await;
    echoes(&mut link.unwrap(), b"served").await;
}

#[test]
fn thousands_that_leave_at_once_or_after_their_hello_leave_nothing_behind() {
    alone(async || {
        let server = EchoServer::start().await;
        is_served(&server.address).await;
        let before = open_descriptors();
        for _ in 0..CLIENTS / AT_ONCE {
            let clients = Vec::from_iter((0..AT_ONCE).map(|_| RawPeer::connect(&server.address)));
            for client in clients.iter().step_by(2) {
                client.send(&hello(1, 1, 1));
            }
            drop(clients);
            is_served(&server.address).await;
        }
        closed_down_to(before).await;
    });
}

#[test]
fn greeted_clients_that_say_no_more_keep_nobody_out() {
    alone(async || {
        let mut server = EchoServer::start().await;
        server.serves_a_good_client().await;
        let before = open_descriptors();
        let mut silent = Vec::new();
        for _ in 0..AT_ONCE {
            let client = RawPeer::connect(&server.address);
            client.shake_hands();
            silent.push(client);
        }
        server.serves_a_good_client().await;
        drop(silent);
        for _ in 0..AT_ONCE {
            server.next_end().await.result.unwrap_err();
        }
        closed_down_to(before).await;
    });
}

/// A listener whose links nobody takes for now.
async fn listening(folder: &Path) -> (Listener, Address) {
    let address = Address::Unix(folder.join("s"));
    (Listener::bind([address.clone()]).await.unwrap(), address)
}

async fn serve(mut link: Link) {
    let mut received = [0];
    link.read_exact(&mut received).await.unwrap();
    link.write_all(&received).await.unwrap();
}

#[test]
fn links_that_nobody_takes_are_bounded_and_the_others_are_served_later() {
    const GREETED: usize = MAX_UNTAKEN_LINKS + MAX_UNFINISHED_HANDSHAKES_PER_USER;
    alone(async || {
        let folder = tempfile::tempdir().unwrap();
        let (mut listener, address) = listening(folder.path()).await;
        // The listener has opened all that it needs once it has served somebody.
        let first = RawPeer::connect(&address);
        first.shake_hands();
        drop((within("a link", listener.accept()).await.unwrap(), first));
        let before = open_descriptors();
        let clients = Vec::from_iter((0..AT_ONCE).map(|_| {
            let client = RawPeer::connect(&address);
            client.send(&hello(1, 1, 1));
            client
        }));
        let greeted = || {
            let waiting = clients.iter().filter(|client| client.has_heard_nothing());
            clients.len() - waiting.count()
        };
        let all_places_taken = async {
            while greeted() < GREETED {
                tokio::task::yield_now().await;
            }
        };
        within("all places to be taken", all_places_taken).await;
        assert_eq!(greeted(), GREETED);
        let serving = tokio::spawn(async move {
            while let Some(link) = listener.accept().await {
                tokio::spawn(serve(link));
            }
        });
        for client in &clients {
            assert_eq!(client.receive(HELLO_LEN), welcome(1, 0, 1));
            client.echoes(b"x");
        }
        drop(clients);
        closed_down_to(before).await;
        serving.abort();
    });
}

/// A listener whose queue is as short as can be, and so many connections that it is full.
fn full_queue(path: &Path) -> (UnixListener, Vec<OwnedFd>) {
    let stream = || socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    let address = SocketAddrUnix::new(path).unwrap();
    let listener = stream();
    bind(&listener, &address).unwrap();
    listen(&listener, 0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = stream();
        rustix::io::ioctl_fionbio(&client, true).unwrap();
        if connect(&client, &address).is_err() {
            return (listener.into(), waiting);
        }
        waiting.push(client);
    }
}

#[test]
fn our_client_waits_for_room_in_a_full_queue() {
    alone(async || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let before = open_descriptors();
        let (listener, waiting) = full_queue(&path);
        let server = std::thread::spawn(move || {
            for _ in &waiting {
                drop(listener.accept().unwrap());
            }
            let peer = RawPeer::over(listener.accept().unwrap().0);
            assert_eq!(peer.receive(HELLO_LEN), hello(1, 1, 1));
            peer.send(&welcome(1, 0, 1));
        });
        let address = Address::Unix(path);
        let link = within("a link", Connector::default().connect(&address)).await;
        drop(link.unwrap());
        server.join().unwrap();
        closed_down_to(before).await;
    });
}
