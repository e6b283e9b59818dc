//! Descriptors where plain bytes flow: with HTTP/2, after a welcome without shared memory, and with a
//! welcome. They are closed, never given to anybody, and end the connection.

use crate::alone::alone;
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::echo_server::{EchoServer, survives};
use crate::patience::within;
use crate::raw_peer::{HELLO_LEN, MOST_DESCRIPTORS, REFUSED_VERSION, RawPeer, hello, welcome};
use isotonic_link::{Address, ConnectError, Connector, Incident, Listener, ShmMode};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::thread;
use tokio::io::AsyncReadExt;

/// Recognised as HTTP/2; the echo server does not mind that it is not.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn send_descriptors(peer: &RawPeer, count: usize) {
    let file = File::open("/dev/null").unwrap();
    peer.send_with(b"x", &vec![file.as_fd(); count]);
}

#[test]
fn with_http2_they_close_the_connection() {
    for count in [1, 2, MOST_DESCRIPTORS] {
        alone(|| {
            survives(async |server, client| {
                client.send(HTTP2);
                assert_eq!(client.receive(HTTP2.len()), HTTP2);
                send_descriptors(&client, count);
                client.is_closed_by_the_other_side();
                server.next_end_is(ErrorKind::InvalidData).await;
                server.counts(&[(Incident::StrayDescriptors, 1)]).await;
            })
        });
    }
}

#[test]
fn with_the_first_bytes_of_http2_they_close_the_connection() {
    alone(|| {
        survives(async |server, client| {
            let file = File::open("/dev/null").unwrap();
            client.send_with(HTTP2, &[file.as_fd()]);
            client.is_closed_by_the_other_side();
            server.next_end_is(ErrorKind::InvalidData).await;
        })
    });
}

#[test]
fn without_shared_memory_they_close_the_connection() {
    alone(async || {
        let off = Listener::builder().shm_mode(ShmMode::Off);
        let mut server = EchoServer::with(off).await;
        let client = RawPeer::connect(&server.address);
        client.send(HTTP2);
        send_descriptors(&client, 1);
        client.is_closed_by_the_other_side();
        server.next_end_is(ErrorKind::InvalidData).await;
    });
    alone(|| {
        survives(async |server, client| {
            client.send(&hello(2, 2, 1));
            assert_eq!(client.receive(HELLO_LEN), welcome(0, REFUSED_VERSION, 0));
            send_descriptors(&client, 1);
            client.is_closed_by_the_other_side();
            server.next_end_is(ErrorKind::InvalidData).await;
        })
    });
}

/// Our client against a server that does this with its one connection.
fn client_against(
    serve: impl FnOnce(&RawPeer) + Send + 'static,
    then: impl AsyncFnOnce(Result<isotonic_link::Link, ConnectError>, &Connector),
) {
    alone(async || {
        let folder = tempfile::tempdir().unwrap();
        let before = open_descriptors();
        let path = folder.path().join("hostile");
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || {
            let peer = RawPeer::over(listener.accept().unwrap().0);
            assert_eq!(peer.receive(HELLO_LEN), hello(1, 1, 1));
            serve(&peer);
            peer.is_closed_by_the_other_side();
        });
        let (connector, address) = (Connector::default(), Address::Unix(path));
        let link = within("the connector", connector.connect(&address)).await;
        then(link, &connector).await;
        server.join().unwrap();
        closed_down_to(before).await;
    });
}

fn is_stray(error: &io::Error, connector: &Connector) {
    let violation = error.get_ref().and_then(|inner| inner.downcast_ref());
    let incident = violation.map(isotonic_link::Violation::incident);
    assert_eq!(incident, Some(Incident::StrayDescriptors), "{error}");
    assert_eq!(connector.incidents().count(Incident::StrayDescriptors), 1);
}

#[test]
fn with_a_welcome_they_end_the_connect() {
    client_against(
        |peer| {
            let file = File::open("/dev/null").unwrap();
            peer.send_with(&welcome(1, 0, 1), &[file.as_fd()]);
        },
        async |link, connector| match link.unwrap_err() {
            ConnectError::Violation { source, .. } => is_stray(&source.into(), connector),
            other => panic!("{other}"),
        },
    );
}

#[test]
fn after_a_welcome_without_shared_memory_they_end_the_link() {
    client_against(
        |peer| {
            peer.send(&welcome(1, 1, 0));
            send_descriptors(peer, 1);
        },
        async |link, connector| {
            let mut link = link.unwrap();
            let error = within("the link to end", link.read_u8()).await.unwrap_err();
            is_stray(&error, connector);
        },
    );
}

#[test]
fn after_them_the_link_stays_closed() {
    alone(async || {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Unix(folder.path().join("s"));
        let mut listener = Listener::bind([address.clone()]).await.unwrap();
        let client = RawPeer::connect(&address);
        client.send(HTTP2);
        send_descriptors(&client, 1);
        send_descriptors(&client, 1);
        client.send(b"and more");
        let mut link = within("the link", listener.accept()).await.unwrap();
        let mut received = vec![0; HTTP2.len()];
        within("the first bytes", link.read_exact(&mut received))
            .await
            .unwrap();
        for _ in 0..3 {
            let end = within("an error", link.read(&mut received)).await;
            assert_eq!(end.unwrap_err().kind(), ErrorKind::InvalidData);
        }
        let counted = listener.incidents().count(Incident::StrayDescriptors);
        assert_eq!(counted, 1);
    });
}
