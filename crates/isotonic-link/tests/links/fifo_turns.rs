//! FIFOs serve one client at a time.

use crate::patience::within;
use isotonic_link::{Address, ConnectError, Connector, Listener};
use std::pin::pin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_second_client_waits_and_gets_the_place_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::Fifo(folder.path().join("f"));
    let mut listener = Listener::bind([address.clone()]).await.unwrap();
    let connector = Connector::default();

    let mut first = within("the first client", connector.connect(&address))
        .await
        .unwrap();
    first.write_all(b"first").await.unwrap();
    let mut served = within("the first link", listener.accept()).await.unwrap();

    let mut second = pin!(connector.connect(&address));
    // It has had its first try, and found the place taken, when it is polled once.
    tokio::select! {
        biased;
        connected = &mut second => panic!("two clients at once: {connected:?}"),
        () = tokio::task::yield_now() => {}
    }
    let mut received = [0; 5];
    within("the first client's bytes", served.read_exact(&mut received))
        .await
        .unwrap();
    assert_eq!(&received, b"first");
    drop((first, served));

    let mut second = within("the second client", second).await.unwrap();
    second.write_all(b"second").await.unwrap();
    let mut served = within("the second link", listener.accept()).await.unwrap();
    drop(second);
    let mut received = String::new();
    let reading = served.read_to_string(&mut received);
    within("the second client's bytes", reading).await.unwrap();
    assert_eq!(received, "second", "nothing of the first link is left");
}

#[tokio::test]
async fn a_client_that_comes_and_goes_leaves_the_place_free() {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::Fifo(folder.path().join("f"));
    let mut listener = Listener::bind([address.clone()]).await.unwrap();
    for turn in 0..20u8 {
        let connector = Connector::default();
        let mut link = within("a link", connector.connect(&address)).await.unwrap();
        if turn % 2 == 0 {
            continue;
        }
        link.write_all(&[turn]).await.unwrap();
        let mut received = [0];
        loop {
            // A client that said nothing may have been accepted before.
            let mut served = within("a client", listener.accept()).await.unwrap();
            if within("its byte", served.read(&mut received))
                .await
                .unwrap()
                == 1
            {
                break;
            }
        }
        assert_eq!(received, [turn]);
    }
}

/// A listener makes its FIFOs when it binds, and anew when it begins to accept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_while_the_fifos_are_made_anew_is_served() {
    const LISTENERS: usize = 1000;
    let folder = tempfile::tempdir().unwrap();
    for number in 0..LISTENERS {
        let address = Address::Fifo(folder.path().join(number.to_string()));
        let mut listener = Listener::bind([address.clone()]).await.unwrap();
        let connector = Connector::default();
        let mut client = within("a link", connector.connect(&address)).await.unwrap();
        client.write_all(b"1").await.unwrap();
        let accepting = listener.accept();
        let mut served = within("the client at its listener", accepting)
            .await
            .unwrap();
        let mut received = [0];
        within("its byte", served.read_exact(&mut received))
            .await
            .unwrap();
        assert_eq!(&received, b"1");
    }
}

#[tokio::test]
async fn without_a_server_there_is_nothing_to_wait_for() {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::Fifo(folder.path().join("f"));
    drop(Listener::bind([address.clone()]).await.unwrap());
    let connector = Connector::default();
    let error = within("the connector", connector.connect(&address))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Io { .. }), "{error}");
}
