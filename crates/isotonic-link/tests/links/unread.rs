//! A side that does not read while bytes come for it.

use crate::pairs::Pair;
use crate::random::bytes;
use std::future::{Future, poll_fn};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More than any link keeps: twice a socket buffer, what a link keeps unread, and the rings.
const MUCH: usize = 4 * 1024 * 1024;

/// The client sends a long question before it reads, the server sends a long greeting before it is asked.
/// As over any stream, the server's writer then waits for the client; but its reader must not.
pub(crate) async fn one_side_writes_all_before_it_reads(pair: Pair) {
    let Pair {
        mut client,
        server,
        keep: _keep,
    } = pair;
    let (question, greeting) = (bytes(6, MUCH), bytes(7, MUCH));
    let (expected_question, expected_greeting) = (question.clone(), greeting.clone());
    let (mut reader, mut writer) = tokio::io::split(server);
    let greeting = tokio::spawn(async move {
        writer.write_all(&greeting).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let listening = tokio::spawn(async move {
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        assert!(received == expected_question);
    });
    client.write_all(&question).await.unwrap();
    client.shutdown().await.unwrap();
    listening.await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert!(received == expected_greeting);
    greeting.await.unwrap();
}

/// The server writes until the link is full, the client makes some room, and the server goes: what arrives
/// is a beginning of what was sent, with nothing else in it.
pub(crate) async fn a_link_dropped_while_full_ends_with_nothing_wrong_in_it(pair: Pair) {
    let Pair {
        mut client,
        mut server,
        keep: _keep,
    } = pair;
    let sent = bytes(10, MUCH);
    let mut written = 0;
    for _ in 0..3 {
        // Pending means full: nobody reads.
        let mut fill = std::pin::pin!(async {
            while written < sent.len() {
                written += server.write(&sent[written..]).await.unwrap();
            }
        });
        let _ = poll_fn(|cx| Poll::Ready(fill.as_mut().poll(cx))).await;
    }
    let mut received = vec![0; written / 2];
    client.read_exact(&mut received).await.unwrap();
    drop(server);
    let ended = client.read_to_end(&mut received).await;
    assert!(sent.starts_with(&received), "wrong bytes, then {ended:?}");
}

/// The server writes until the link is full, and goes. What it wrote arrives, and then the end or an error, but no hang.
pub(crate) async fn a_full_link_does_not_lose_its_end(pair: Pair) {
    let Pair {
        mut client,
        mut server,
        keep: _keep,
    } = pair;
    let sent = bytes(8, MUCH);
    let mut written = 0;
    // Pending means full: nobody reads.
    let mut fill = std::pin::pin!(async {
        while written < sent.len() {
            written += server.write(&sent[written..]).await.unwrap();
        }
    });
    let _ = poll_fn(|cx| Poll::Ready(fill.as_mut().poll(cx))).await;
    drop(server);
    let mut received = Vec::new();
    let ended = client.read_to_end(&mut received).await;
    assert!(sent.starts_with(&received), "{ended:?}");
    if ended.is_ok() {
        assert_eq!(received.len(), written);
    }
}
