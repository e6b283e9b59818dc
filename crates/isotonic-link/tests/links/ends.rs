//! How a link ends.

use crate::pairs::Pair;
use crate::random::bytes;
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) async fn one_side_ends_and_the_other_goes_on(pair: Pair) {
    let Pair {
        mut client,
        mut server,
        keep: _keep,
    } = pair;
    client.write_all(b"the question").await.unwrap();
    client.shutdown().await.unwrap();
    // Again changes nothing.
    client.shutdown().await.unwrap();
    let mut question = String::new();
    server.read_to_string(&mut question).await.unwrap();
    assert_eq!(question, "the question");
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0, "an end is an end");

    let error = client.write(b"more").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);

    let answer = bytes(2, 1_000_000);
    let expected = answer.clone();
    let answering = tokio::spawn(async move {
        server.write_all(&answer).await.unwrap();
        server.shutdown().await.unwrap();
        server
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert!(received == expected);
    answering.await.unwrap();
}

pub(crate) async fn a_dropped_link_is_an_end(pair: Pair) {
    let Pair {
        client,
        mut server,
        keep: _keep,
    } = pair;
    drop(client);
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
}

pub(crate) async fn a_dropped_link_can_not_be_written_to(pair: Pair) {
    let Pair {
        mut client,
        server,
        keep: _keep,
    } = pair;
    drop(server);
    let error = loop {
        // TCP learns of it with the answer to what is sent first.
        match client.write(&[0; 1024]).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    assert!(kinds.contains(&error.kind()), "{error}");
}

pub(crate) async fn what_was_written_before_a_drop_arrives(pair: Pair) {
    let Pair {
        mut client,
        mut server,
        keep: _keep,
    } = pair;
    // Small enough for every link to take it at once, so that nobody has to read meanwhile.
    let sent = bytes(3, 3000);
    client.write_all(&sent).await.unwrap();
    client.flush().await.unwrap();
    drop(client);
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    assert!(received == sent);
}
