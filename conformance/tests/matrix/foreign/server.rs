//! Foreign servers, found by our connector.

use super::program::Stack;
use conformance::case::{Case, Scenario};
use conformance::proto::Empty;
use conformance::{Bounded, Subject, reach};
use isotonic::limits::PLAIN_PEER_TIMEOUT;
use isotonic::{Address, Connector, LinkKind, Reason};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tonic::transport::{Channel, Endpoint};

// What is promised: that a plain server is known as one within a second.
const _: () = assert!(PLAIN_PEER_TIMEOUT.as_millis() < Duration::from_secs(1).as_millis());

/// Runs one case of ours against the foreign server.
pub(super) async fn run(stack: Stack, case: &'static Case) {
    let Scenario::Calls(scenario) = case.scenario else {
        unreachable!("official cases need no more than a way");
    };
    let bounded = Bounded::start(case.name);
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("foreign.sock");
    let server = start(stack, &path, &bounded).await;
    let connector = Connector::to(Address::Unix(path));
    let channel = connect_to_plain(&connector, &bounded).await;
    scenario(Subject::foreign(reach::way(channel))).await;
    server.stop(&bounded).await;
}

/// The server is recognised at the first connection, and not asked again at the second: seen by someone in between.
pub(super) async fn plain_server_remembered(stack: Stack, name: &'static str) {
    let bounded = Bounded::start(name);
    let folder = TempDir::new().expect("a temporary folder");
    let (path, between) = (folder.path().join("foreign"), folder.path().join("between"));
    let server = start(stack, &path, &bounded).await;
    let listener = UnixListener::bind(&between).expect("a new socket");
    let seen = Arc::new(Seen::default());
    let relay = tokio::spawn(relay(listener, path, Arc::clone(&seen)));

    let connector = Connector::to(Address::Unix(between));
    // On a machine so busy that there was no answer in time nothing is certain, so it is asked again.
    let mut connections = 0;
    while !call_once(&connector, &bounded).await {
        connections += 1;
    }
    let hellos = seen.hellos.load(Ordering::Relaxed);
    for _ in 0..2 {
        assert!(call_once(&connector, &bounded).await);
    }
    assert_eq!(seen.hellos.load(Ordering::Relaxed), hellos, "asked again");
    assert_eq!(seen.plain.load(Ordering::Relaxed), connections + 3);
    relay.abort();
    server.stop(&bounded).await;
}

/// Makes a call on a new connection. Whether it is certain that the server is a plain one.
async fn call_once(connector: &Connector, bounded: &Bounded) -> bool {
    let channel = connect_to_plain(connector, bounded).await;
    let subject = Subject::foreign(reach::way(channel));
    let call = async { subject.client().empty_call(Empty {}).await };
    bounded.wait("a call", call).await.expect("an answer");
    let link = connector.links().latest().expect("a link");
    link.reason() == Some(Reason::PeerIsPlainHttp2)
}

async fn start(stack: Stack, path: &Path, bounded: &Bounded) -> super::program::Server {
    let address = format!("unix:{}", path.display());
    stack.start_server(&address, bounded).await
}

/// A channel to a server that must be taken for what it is.
async fn connect_to_plain(connector: &Connector, bounded: &Bounded) -> Channel {
    let endpoint = Endpoint::from_static("http://localhost");
    let connecting = endpoint.connect_with_connector(connector.clone());
    let channel = bounded.wait("the connection", connecting).await;
    let link = connector.links().latest().expect("a link");
    assert_eq!(link.kind(), LinkKind::Uds, "{link:?}");
    // The latter on a machine so busy that it did not answer the hello in time; it is taken for plain all the same.
    let is_plain = matches!(
        link.reason(),
        Some(Reason::PeerIsPlainHttp2 | Reason::NoAnswer)
    );
    assert!(is_plain, "{link:?}");
    channel.expect("a connection")
}

/// The connections that came, by what they began with.
#[derive(Default)]
struct Seen {
    hellos: AtomicUsize,
    plain: AtomicUsize,
}

/// Passes everything on to `server`.
async fn relay(listener: UnixListener, server: std::path::PathBuf, seen: Arc<Seen>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let (server, seen) = (server.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let first = client.read_u8().await?;
            let count = match first {
                b'P' => &seen.plain,
                _ => &seen.hellos,
            };
            count.fetch_add(1, Ordering::Relaxed);
            let mut server = UnixStream::connect(server).await?;
            server.write_u8(first).await?;
            copy_bidirectional(&mut client, &mut server).await
        });
    }
}
