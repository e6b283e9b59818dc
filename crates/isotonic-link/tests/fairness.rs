//! A link that always has something to read does not keep its thread from everybody else.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use isotonic_link::limits::{LEAST_TURN_USE, QUIET_TURN_BYTES, TURN_BYTES};
use isotonic_link::{Connector, Link, Listener, ShmMode};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::timeout;

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Two ends in shared memory, the client's first.
async fn linked() -> (Link, Link) {
    linked_by(Connector::default()).await
}

async fn linked_by(connector: Connector) -> (Link, Link) {
    let folder = TempDir::new().unwrap();
    let address = isotonic_link::Address::Unix(folder.path().join("s"));
    let mut listener = Listener::bind([address.clone()]).await.unwrap();
    let connector = connector.shm_mode(ShmMode::Require);
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
                yield_now().await;
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

/// Much more than a link moves in one go.
const RING: u64 = 16 * 1024 * 1024;

/// What a task moves at a time.
const PIECE: usize = 64 * 1024;

/// Writes as HTTP/2 does, until there is no space, or the link says "not now". Returns the number of bytes.
async fn write_in_one_go(link: &mut Link) -> usize {
    write_in_one_go_up_to(usize::MAX, link).await
}

/// The same with no more than so many bytes, a multiple of [`PIECE`].
async fn write_in_one_go_up_to(most: usize, link: &mut Link) -> usize {
    // All the steps that tokio allows for.
    yield_now().await;
    let bytes = vec![7; PIECE];
    let mut written = 0;
    poll_fn(|cx| {
        while written < most
            && let Poll::Ready(len) = Pin::new(&mut *link).poll_write(cx, &bytes)
        {
            written += len.unwrap();
        }
        Poll::Ready(())
    })
    .await;
    written
}

/// The same for reading.
async fn read_in_one_go(link: &mut Link) -> usize {
    yield_now().await;
    let mut bytes = vec![0; PIECE];
    let mut read = 0;
    poll_fn(|cx| {
        loop {
            let mut target = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *link).poll_read(cx, &mut target) {
                Poll::Ready(result) => result.unwrap(),
                Poll::Pending => return Poll::Ready(()),
            }
            read += target.filled().len();
        }
    })
    .await;
    read
}

/// A ring that is empty and then full: nothing but the link itself stops who moves its bytes.
#[test]
fn a_direction_that_never_waits_stops_all_the_same() {
    one_thread().block_on(async {
        let large = Connector::default().ring_capacity(RING).unwrap();
        let (mut client, mut server) = linked_by(large).await;
        for _ in 0..3 {
            let written = write_in_one_go(&mut client).await;
            assert_eq!(written, QUIET_TURN_BYTES, "written in one go");
        }
        for _ in 0..2 {
            let read = read_in_one_go(&mut server).await;
            assert_eq!(read, QUIET_TURN_BYTES, "read in one go");
        }
    });
}

/// As when small calls are answered beside a bulk stream.
#[test]
fn a_direction_stops_sooner_if_the_other_one_uses_it() {
    one_thread().block_on(async {
        let large = Connector::default().ring_capacity(RING).unwrap();
        let (mut client, mut server) = linked_by(large).await;
        // The client learns that the server has moved.
        server.write_all(b"first").await.unwrap();
        client.read_exact(&mut [0; 5]).await.unwrap();
        // What waits to be read is seen, unless it is as little as HTTP/2's own frames.
        let mut answer = [7; LEAST_TURN_USE];
        let (window_update, rest) = answer.split_at(LEAST_TURN_USE - 1);
        server.write_all(window_update).await.unwrap();
        assert_eq!(write_in_one_go(&mut client).await, QUIET_TURN_BYTES);
        server.write_all(rest).await.unwrap();
        assert_eq!(write_in_one_go(&mut client).await, TURN_BYTES);
        client.read_exact(&mut answer).await.unwrap();
        // What waits to be written is not; that the last stop was used for it is.
        let mut written = 0;
        while written < 3 * QUIET_TURN_BYTES {
            written += write_in_one_go(&mut client).await;
        }
        assert_eq!(read_in_one_go(&mut server).await, QUIET_TURN_BYTES);
        server.write_all(&answer).await.unwrap();
        assert_eq!(read_in_one_go(&mut server).await, TURN_BYTES);
    });
}

/// As with calls whose requests and answers are large.
#[test]
fn directions_that_move_the_same_do_not_stop() {
    // It fits into a ring, so that nobody has to wait, but three of them would make a lead.
    const MESSAGE: usize = QUIET_TURN_BYTES / 8 * 3;
    let exchange = async {
        let (mut from, mut to) = linked().await;
        for _ in 0..8 {
            let written = write_in_one_go_up_to(MESSAGE, &mut from).await;
            assert_eq!(written, MESSAGE, "written in one go");
            let read = read_in_one_go(&mut to).await;
            assert_eq!(read, MESSAGE, "read in one go");
            (from, to) = (to, from);
        }
    };
    let done = one_thread().block_on(async { timeout(Duration::from_secs(30), exchange).await });
    done.expect("messages that fit into the rings were not moved for 30 s");
}

/// The peer makes many calls at once, each of which is answered when it was read.
#[test]
fn calls_that_came_together_are_read_one_after_another() {
    const CALL: usize = 100;
    const CALLS: usize = 20;
    let two_threads = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    two_threads.unwrap().block_on(async {
        let (mut client, mut server) = linked().await;
        let calls = [7; CALLS * CALL];
        // What the server read in one go at most, while it answered all one by one: in the best of many rounds, since
        // a thread that waits long for a CPU is handed everything.
        let mut least = usize::MAX;
        for _ in 0..1000 {
            client.write_all(&calls).await.unwrap();
            let mut largest = 0;
            let (mut read, mut answered) = (0, 0);
            while read < calls.len() {
                let go = read_in_one_go(&mut server).await;
                largest = largest.max(go);
                read += go;
                while answered < read / CALL {
                    server.write_all(&[7]).await.unwrap();
                    answered += 1;
                }
            }
            client.read_exact(&mut [0; CALLS]).await.unwrap();
            least = least.min(largest);
        }
        assert!(least < 2 * CALL, "{least} B in one go");
        // One call as large as all of these, again and again.
        let mut whole = 0;
        for _ in 0..1000 {
            client.write_all(&calls).await.unwrap();
            let mut read = read_in_one_go(&mut server).await;
            whole += usize::from(read == calls.len());
            while read < calls.len() {
                read += read_in_one_go(&mut server).await;
            }
            // The task of HTTP/2 is woken for the answer, and looks whether more has come before it writes that.
            assert_eq!(read_in_one_go(&mut server).await, 0);
            server.write_all(&[7]).await.unwrap();
            client.read_exact(&mut [0]).await.unwrap();
        }
        assert!(whole > 900, "{whole} of 1000 read in one go");
    });
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
            yield_now().await;
        }
        assert!(turns >= DOORBELLS / STEPS, "{turns} turns");
        reader.abort();
    });
}
