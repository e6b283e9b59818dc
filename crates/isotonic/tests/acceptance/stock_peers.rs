//! Peers that know tonic but not isotonic.

use crate::served::{Served, call, connect, unix_address, within};
use isotonic::{Connector, LinkKind, Reason};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::UnixListener;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Endpoint;

#[tokio::test]
async fn a_stock_client_is_served_on_the_same_socket() {
    let (_folder, address) = unix_address();
    let server = Served::on(&address).await;
    let endpoint = Endpoint::from_shared(address).unwrap();
    let channel = within("a connection", endpoint.connect()).await.unwrap();
    call(&channel, 100_000).await.unwrap();
    let link = server.last_link();
    assert_eq!(link.kind(), LinkKind::Uds);
    assert_eq!(link.reason(), Some(Reason::PeerIsPlainHttp2));
    assert!(link.peer().is_some());
}

#[tokio::test]
async fn a_stock_server_is_called_as_it_is_and_remembered() {
    let (folder, address) = unix_address();
    let listener = UnixListener::bind(folder.path().join("s")).unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    let _server = Served::over(UnixListenerStream::new(listener).map(move |stream| {
        counter.fetch_add(1, Ordering::SeqCst);
        stream
    }));

    let connector = Connector::to(address.parse().unwrap());
    let links = connector.links();
    for connections in [2, 3] {
        // The first time a hello costs one connection more.
        let channel = connect(connector.clone()).await;
        call(&channel, 100_000).await.unwrap();
        let link = links.latest().unwrap();
        assert_eq!(link.kind(), LinkKind::Uds);
        assert_eq!(link.reason(), Some(Reason::PeerIsPlainHttp2));
        assert_eq!(accepted.load(Ordering::SeqCst), connections);
    }
}
