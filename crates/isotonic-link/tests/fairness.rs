//! A link that always has something to read does not keep its thread from everybody else.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use isotonic_link::{Connector, Link, Listener, ShmMode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Two ends in shared memory, the client's first.
async fn linked() -> (Link, Link) {
    let folder = TempDir::new().unwrap();
    let address = isotonic_link::Address::Unix(folder.path().join("s"));
    let mut listener = Listener::bind([address.clone()]).await.unwrap();
    let connector = Connector::default().shm_mode(ShmMode::Require);
    let (client, server) = tokio::join!(connector.connect(&address), listener.accept());
    (client.unwrap(), server.unwrap())
}

/// The reader takes one byte at a time out of a ring that is full, and the writer fills it again in one step: each
/// reads or writes on and on without having to wait, 262,144 times in a row for the reader.
#[test]
fn a_reader_that_never_waits_lets_other_tasks_run() {
    let (report, reports) = mpsc::channel();
    thread::spawn(move || {
        one_thread().block_on(async move {
            let (mut client, mut server) = linked().await;
            let enough = Arc::new(AtomicBool::new(false));
            let stop = Arc::clone(&enough);
            let writer = tokio::spawn(async move {
                let bytes = vec![7; 64 * 1024];
                while !stop.load(Ordering::Relaxed) {
                    client.write_all(&bytes).await.unwrap();
                }
                client
            });
            let stop = Arc::clone(&enough);
            let reader = tokio::spawn(async move {
                let mut byte = [0];
                while !stop.load(Ordering::Relaxed) {
                    server.read_exact(&mut byte).await.unwrap();
                }
                server
            });
            // Each turn needs the two others to let go.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            enough.store(true, Ordering::Relaxed);
            drop(reader.await.unwrap());
            // Its peer is gone, so that it ends even in the middle of a write.
            let _ = writer.await;
            report.send(()).unwrap();
        });
    });
    let done = reports.recv_timeout(Duration::from_secs(30));
    done.expect("the other tasks of the reader's thread had no turn for 30 s");
}

/// Doorbells are eight bytes each, so that one system call receives a thousand of them; each is a step all the
/// same.
#[test]
fn a_peer_that_sends_nothing_but_doorbells_lets_other_tasks_run() {
    const DOORBELLS: u64 = 20_000;
    /// Steps that tokio lets a task make in one turn.
    const STEPS: u64 = 128;
    one_thread().block_on(async {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        let mut listener = Listener::bind([isotonic_link::Address::Unix(path.clone())])
            .await
            .unwrap();
        let mut peer = UnixStream::connect(path).await.unwrap();
        let mut hello = b"\x9Eisotonc\x01\0\x01\0\x01\0\0\0".to_vec();
        hello.resize(32, 0);
        peer.write_all(&hello).await.unwrap();
        let mut link = listener.accept().await.unwrap();
        // They wait in the socket, all of them.
        let doorbells = b"\x06\0\0\0\0\0\0\0".repeat(DOORBELLS as usize);
        peer.write_all(&doorbells).await.unwrap();
        let info = link.info();
        let reader = tokio::spawn(async move { link.read(&mut [0]).await });
        let mut turns = 0;
        while info.counters().doorbells_received < DOORBELLS {
            turns += 1;
            tokio::task::yield_now().await;
        }
        assert!(turns >= DOORBELLS / STEPS, "{turns} turns");
        reader.abort();
    });
}
