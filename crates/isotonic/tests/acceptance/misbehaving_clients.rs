//! What a tonic server's users see of clients that misbehave: the counts, and that others are served.

use crate::served::{Served, call, connect, try_connect, unix_address, within};
use isotonic::{Connector, Incident, Incoming, ListenerBuilder, Quota};
use std::error::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

#[tokio::test]
async fn a_client_of_another_protocol_is_counted_and_others_are_served() {
    let (folder, address) = unix_address();
    let incoming = Incoming::bind(address.as_str()).await.unwrap();
    let incidents = incoming.incidents();
    let _server = Served::over(incoming);

    let mut stranger = UnixStream::connect(folder.path().join("s")).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let closed = within("the server to close", stranger.read(&mut [0])).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    let counted = async {
        while incidents.count(Incident::NeitherProtocol) == 0 {
            tokio::task::yield_now().await;
        }
    };
    within("the stranger to be counted", counted).await;

    let connector = Connector::to(address.parse().unwrap());
    let channel = connect(connector.clone()).await;
    call(&channel, 100_000).await.unwrap();
    for (incident, count) in connector.incidents().iter() {
        assert_eq!(count, 0, "{incident}");
    }
}

#[tokio::test]
async fn a_client_beyond_its_users_quota_is_told_what_to_do() {
    let (_folder, address) = unix_address();
    let quota = Quota {
        connections: 1,
        ..Quota::default()
    };
    let (_server, _) = Served::with(ListenerBuilder::default().quota(quota), &address).await;
    let first = connect(Connector::to(address.parse().unwrap())).await;
    call(&first, 1).await.unwrap();
    let refused = try_connect(Connector::to(address.parse().unwrap())).await;
    let refused = refused.unwrap_err();
    let mut told: &dyn Error = &refused;
    while let Some(source) = told.source() {
        told = source;
    }
    assert!(
        told.to_string().contains("raise the server's quota"),
        "{told}"
    );
    call(&first, 1).await.unwrap();
}
