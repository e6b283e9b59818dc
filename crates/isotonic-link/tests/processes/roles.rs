//! What this program does when it is the peer. Each role ends with the test, at the latest when the test
//! closes its standard input.

use crate::child::{ADDRESS, POLICY};
use crate::killed;
use crate::raw_peer::{HELLO_LEN, RawPeer, hello, welcome};
use crate::stream;
use isotonic_link::{Address, ConnectError, Connector, Link, Listener, NotAdmitted, PeerPolicy};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::io::Read;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn play(role: &str) {
    // Even while it is stopped, should the test be ended by force.
    set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let address = std::env::var(ADDRESS).unwrap().parse().unwrap();
    match role {
        "raw client" => raw_client(&address),
        "raw server" => raw_server(&address),
        "client" => client(&address),
        "echo server" => echo_server(address),
        "talking client" => talking_client(&address),
        victim => killed::be(victim, &address),
    }
}

fn policy() -> PeerPolicy {
    match std::env::var(POLICY).as_deref() {
        Err(_) => PeerPolicy::default(),
        Ok("any user") => PeerPolicy::AnyUser,
        Ok(uid) => PeerPolicy::Users(vec![uid.parse().unwrap()]),
    }
}

fn socket_address(address: &Address) -> SocketAddr {
    match address {
        Address::Unix(path) => SocketAddr::from_pathname(path),
        Address::UnixAbstract(name) => SocketAddr::from_abstract_name(name),
        other => panic!("`{other}` is not a Unix socket"),
    }
    .unwrap()
}

pub(crate) fn connect(address: &Address) -> RawPeer {
    RawPeer::over(UnixStream::connect_addr(&socket_address(address)).unwrap())
}

/// The one client that comes.
pub(crate) fn accept(address: &Address) -> RawPeer {
    let listener = UnixListener::bind_addr(&socket_address(address)).unwrap();
    println!("listening");
    RawPeer::over(listener.accept().unwrap().0)
}

/// Says whether the server talks to us.
fn raw_client(address: &Address) {
    let client = connect(address);
    // A server that turns us away need not wait for it.
    let _ = client.try_send_with(&hello(1, 1, 1), &[]);
    if client.receive(HELLO_LEN) == welcome(1, 0, 1) {
        client.echoes(b"served");
        println!("served");
    } else {
        client.is_closed_by_the_other_side();
        println!("turned away");
    }
}

/// Says how much a client has told us before it left.
fn raw_server(address: &Address) {
    println!("heard {} B", accept(address).receives_to_the_end());
}

/// Says whether our own client talks to the server.
#[tokio::main]
async fn client(address: &Address) {
    match Connector::default()
        .peer_policy(policy())
        .connect(address)
        .await
    {
        Ok(mut link) => {
            link.write_all(b"served").await.unwrap();
            link.read_exact(&mut [0; 6]).await.unwrap();
            println!("served");
        }
        Err(ConnectError::NotAdmitted {
            source: NotAdmitted { uid, .. },
            ..
        }) => {
            println!("will not talk to {uid}");
        }
        Err(error) => println!("{error}"),
    }
}

#[tokio::main]
async fn echo_server(address: Address) {
    let builder = Listener::builder().peer_policy(policy());
    let mut listener = builder.bind([address]).await.unwrap();
    println!("listening");
    while let Some(link) = listener.accept().await {
        tokio::spawn(echo(link));
    }
}

pub(crate) async fn echo(mut link: Link) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match link.read(&mut buffer).await? {
            0 => return link.shutdown().await,
            len => link.write_all(&buffer[..len]).await?,
        }
    }
}

/// Sends and takes the stream for ever, in shared memory.
#[tokio::main]
async fn talking_client(address: &Address) {
    let connector = Connector::default().shm_mode(isotonic_link::ShmMode::Require);
    let (mut reader, writer) = tokio::io::split(connector.connect(address).await.unwrap());
    // Until it is killed, or the other side ends.
    let _ = tokio::join!(stream::send(writer), stream::take(&mut reader, |_| ()));
}
