//! A peer that is stopped in the midst of shared memory, neither dead nor alive: it takes nothing, sends
//! nothing, and does not go away. What waits for it can be given up at any time, others do not notice, and
//! when it goes on nothing is lost.

use crate::child::{Peer, this_program};
use crate::patience::within;
use crate::roles::echo;
use crate::run;
use crate::stream;
use isotonic_link::{Address, Connector, Link, LinkKind, Listener, ShmMode};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long a call waits for a stopped peer before it gives up: any time will do.
const A_WHILE: Duration = Duration::from_millis(20);

pub(crate) async fn tests() {
    run("stopped::a_server", a_server()).await;
    run("stopped::a_client", a_client()).await;
}

async fn in_memory(address: &Address) -> Link {
    let connector = Connector::default().shm_mode(ShmMode::Require);
    within("a link", connector.connect(address)).await.unwrap()
}

/// Writes until nothing more is taken; returns how much that was.
async fn write_until_stuck(link: &mut Link, place: u64) -> u64 {
    let mut written = 0;
    while let Ok(len) = timeout(A_WHILE, link.write(&stream::bytes(place + written, 10_000))).await
    {
        written += len.unwrap() as u64;
    }
    written
}

async fn reads_nothing(link: &mut Link) {
    let read = timeout(A_WHILE, link.read(&mut [0; 100])).await;
    read.expect_err("a stopped process has sent something");
}

/// Sends the stream from here on and gets it back.
async fn echoes(link: &mut Link, place: u64, len: usize) {
    let sent = stream::bytes(place, len);
    let mut received = vec![0; len];
    let (mut reader, mut writer) = tokio::io::split(link);
    let both = async { tokio::join!(writer.write_all(&sent), reader.read_exact(&mut received)) };
    let (written, read) = within("an echo", both).await;
    written.unwrap();
    read.unwrap();
    assert!(received == sent, "the echo differs");
}

async fn a_server() {
    const BEFORE: usize = 1_000_000;
    const AFTER: usize = 1_000_000;
    let folder = TempDir::new().unwrap();
    let address = |name: &str| Address::Unix(folder.path().join(name));
    let start = |name: &str| {
        let mut server = Peer::start(this_program(), "echo server", &address(name));
        assert_eq!(server.says(), "listening");
        server
    };
    let (stopped, _running) = (start("stopped"), start("running"));
    let mut link = in_memory(&address("stopped")).await;
    let mut given_up = in_memory(&address("stopped")).await;
    let mut shut_down = in_memory(&address("stopped")).await;
    let mut other = in_memory(&address("running")).await;
    echoes(&mut link, 0, BEFORE).await;
    stopped.stop();
    for _ in 0..3 {
        reads_nothing(&mut link).await;
    }
    let mut sent = BEFORE as u64;
    for _ in 0..3 {
        sent += write_until_stuck(&mut link, sent).await;
    }
    assert!(sent > BEFORE as u64, "nothing fitted into the ring");
    write_until_stuck(&mut given_up, 0).await;
    drop(given_up);
    within(
        "the end of a link to a stopped server",
        shut_down.shutdown(),
    )
    .await
    .unwrap();
    drop(shut_down);
    echoes(&mut other, 0, 1_000_000).await;
    in_memory(&address("running")).await;

    stopped.go_on();
    let mut received = vec![0; sent as usize - BEFORE];
    within("what was sent meanwhile", link.read_exact(&mut received))
        .await
        .unwrap();
    assert!(received == stream::bytes(BEFORE as u64, received.len()));
    echoes(&mut link, sent, AFTER).await;
    echoes(&mut in_memory(&address("stopped")).await, 0, 1_000_000).await;
}

async fn a_client() {
    let folder = TempDir::new().unwrap();
    let address = Address::Unix(folder.path().join("s"));
    let mut listener = Listener::bind([address.clone()]).await.unwrap();
    let client = Peer::start(this_program(), "talking client", &address);
    let link = within("the client", listener.accept()).await.unwrap();
    let info = link.info();
    assert_eq!(info.kind(), LinkKind::Shm);
    let (mut reader, writer) = tokio::io::split(link);
    // It checks what we send, and ends if that is wrong.
    let writing = tokio::spawn(stream::send(writer));
    let (report, mut place) = tokio::sync::watch::channel(0);
    let reading = tokio::spawn(async move {
        let tell = |place| {
            report.send_replace(place);
        };
        stream::take(&mut reader, tell).await
    });
    for round in 1..=10 {
        let before = *place.borrow();
        let progress = place.wait_for(|&place| place > before + 1_000_000);
        let progress = within("the client to send", progress).await;
        progress.expect("the link has ended");
        client.stop();
        // Whoever comes meanwhile is served.
        let (other, served) = tokio::join!(in_memory(&address), listener.accept());
        let serving = tokio::spawn(echo(served.unwrap()));
        let mut other = other;
        echoes(&mut other, 0, 100_000).await;
        drop(other);
        within("the other link to end", serving)
            .await
            .unwrap()
            .unwrap();
        assert!(
            !reading.is_finished() && !writing.is_finished(),
            "round {round}"
        );
        client.go_on();
    }
    // Given up while it waits, in whatever it does.
    client.stop();
    writing.abort();
    reading.abort();
    let both = async { [writing.await.map(drop), reading.await.map(drop)] };
    for task in within("both halves to be given up", both).await {
        assert!(task.unwrap_err().is_cancelled());
    }
    assert!(info.counters().memory_bytes_sent > 0);
}
