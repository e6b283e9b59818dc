//! A kernel that gives no segments. The limit is the whole process's, hence this is a program of its own.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod patience;

use isotonic_link::{
    Address, ConnectError, Connector, CreateError, Link, LinkKind, Listener, Reason, Refusal,
    ShmMode,
};
use patience::within;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A ring that the limit leaves no room for, and one that it does.
const LARGE: u64 = 16 * 1024 * 1024;
const SMALL: u64 = 4 * 1024;

/// Between the two, and far above what the test's own output may be written to.
const LIMIT: u64 = 8 * 1024 * 1024;

static LIMITED: Mutex<()> = Mutex::new(());

/// While it lives, no file grows above `LIMIT`.
struct Limited {
    before: Rlimit,
    _alone: MutexGuard<'static, ()>,
}

impl Limited {
    fn new() -> Self {
        let alone = LIMITED.lock().unwrap_or_else(PoisonError::into_inner);
        let before = getrlimit(Resource::Fsize);
        let current = Some(LIMIT);
        setrlimit(Resource::Fsize, Rlimit { current, ..before }).unwrap();
        Self {
            before,
            _alone: alone,
        }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        setrlimit(Resource::Fsize, self.before).unwrap();
    }
}

struct Server {
    listener: Listener,
    address: Address,
    _folder: TempDir,
}

async fn serve(capacity: u64, mode: ShmMode) -> Server {
    let folder = TempDir::new().unwrap();
    let address = Address::Unix(folder.path().join("s"));
    let builder = Listener::builder()
        .ring_capacity(capacity)
        .unwrap()
        .shm_mode(mode);
    Server {
        listener: builder.bind([address.clone()]).await.unwrap(),
        address,
        _folder: folder,
    }
}

fn connector(capacity: u64, mode: ShmMode) -> Connector {
    Connector::default()
        .ring_capacity(capacity)
        .unwrap()
        .shm_mode(mode)
}

/// Enough to make a link want shared memory.
async fn carry_much(client: &mut Link, server: &mut Link) {
    let bytes = vec![7; 200_000];
    let mut received = vec![0; bytes.len()];
    let there = async { tokio::join!(client.write_all(&bytes), server.read_exact(&mut received)) };
    let (sent, read) = within("the bytes to arrive", there).await;
    sent.unwrap();
    read.unwrap();
    assert!(received == bytes);
    let back = async {
        server.write_all(b"answer").await.unwrap();
        client.read_exact(&mut received[..6]).await.unwrap();
    };
    within("the answer", back).await;
}

fn is_too_big(reason: &Option<Reason>) -> bool {
    matches!(reason, Some(Reason::NoMemory(CreateError { errno, .. })) if *errno == Errno::FBIG.raw_os_error())
}

#[tokio::test]
async fn a_client_without_memory_goes_on_without() {
    let _limited = Limited::new();
    let mut server = serve(SMALL, ShmMode::Prefer).await;
    let mut client = connector(LARGE, ShmMode::Prefer)
        .connect(&server.address)
        .await
        .unwrap();
    let mut accepted = within("the client", server.listener.accept())
        .await
        .unwrap();
    carry_much(&mut client, &mut accepted).await;
    assert_eq!(client.info().kind(), LinkKind::Uds);
    assert!(is_too_big(&client.info().reason()), "{:?}", client.info());
    assert_eq!(accepted.info().reason(), Some(Reason::NotYetBusy));
}

#[tokio::test]
async fn a_client_without_memory_fails_where_it_is_required() {
    let _limited = Limited::new();
    let server = serve(SMALL, ShmMode::Prefer).await;
    let connecting = connector(LARGE, ShmMode::Require)
        .connect(&server.address)
        .await;
    match connecting.unwrap_err() {
        ConnectError::ShmRequired { reason, .. } => assert!(is_too_big(&Some(reason))),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_server_without_memory_goes_on_without_and_says_so() {
    let _limited = Limited::new();
    let mut server = serve(LARGE, ShmMode::Prefer).await;
    let mut client = connector(SMALL, ShmMode::Prefer)
        .connect(&server.address)
        .await
        .unwrap();
    let mut accepted = within("the client", server.listener.accept())
        .await
        .unwrap();
    carry_much(&mut client, &mut accepted).await;
    assert_eq!(
        client.info().reason(),
        Some(Reason::PeerRefused(Refusal::NoMemory))
    );
    assert!(
        is_too_big(&accepted.info().reason()),
        "{:?}",
        accepted.info()
    );
}

#[tokio::test]
async fn a_server_without_memory_fails_a_client_that_requires_it() {
    let _limited = Limited::new();
    let server = serve(LARGE, ShmMode::Prefer).await;
    let connector = connector(SMALL, ShmMode::Require);
    let connected = within("the client", connector.connect(&server.address)).await;
    match connected.unwrap_err() {
        ConnectError::ShmRequired { reason, .. } => {
            assert_eq!(reason, Reason::PeerRefused(Refusal::NoMemory));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_server_without_memory_serves_nobody_where_it_is_required() {
    let _limited = Limited::new();
    let server = serve(LARGE, ShmMode::Require).await;
    let connector = connector(SMALL, ShmMode::Prefer);
    let connecting = connector.connect(&server.address);
    match within("the client", connecting).await.unwrap_err() {
        ConnectError::ShmRequired { reason, .. } => {
            assert_eq!(reason, Reason::PeerRefused(Refusal::NoMemory));
        }
        other => panic!("{other}"),
    }
}
