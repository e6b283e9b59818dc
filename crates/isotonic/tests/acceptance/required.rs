//! Shared memory required where it cannot be had: a typed error with the reason.

use crate::served::{Served, call, connect, try_connect, unix_address, within};
use isotonic::{
    ConnectError, Connector, LinkKind, Listener, ListenerBuilder, Reason, Refusal, ShmMode,
};
use std::error::Error;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{self, Endpoint};

fn requiring(address: &str) -> Connector {
    Connector::to(address.parse().unwrap()).shm_mode(ShmMode::Require)
}

/// The reason in the chain of tonic's error.
fn reason_in(error: &transport::Error) -> Reason {
    let mut cause: &dyn Error = error;
    loop {
        match cause.downcast_ref() {
            Some(ConnectError::ShmRequired { reason, .. }) => return reason.clone(),
            _ => {
                cause = cause
                    .source()
                    .unwrap_or_else(|| panic!("no typed cause in {error:?}"))
            }
        }
    }
}

async fn reason_at(address: &str) -> Reason {
    reason_in(&try_connect(requiring(address)).await.unwrap_err())
}

#[tokio::test]
async fn a_plain_server_is_named_as_the_reason() {
    let (folder, address) = unix_address();
    let listener = UnixListener::bind(folder.path().join("s")).unwrap();
    let _server = Served::over(UnixListenerStream::new(listener));
    assert_eq!(reason_at(&address).await, Reason::PeerIsPlainHttp2);
    // Remembered or not, the answer is the same.
    let connector = requiring(&address);
    for _ in 0..2 {
        let error = try_connect(connector.clone()).await.unwrap_err();
        assert_eq!(reason_in(&error), Reason::PeerIsPlainHttp2);
    }
}

#[tokio::test]
async fn a_server_that_has_it_switched_off_is_named_as_the_reason() {
    let (_folder, address) = unix_address();
    let settings = Listener::builder().shm_mode(ShmMode::Off);
    let (_server, address) = Served::with(settings, &address).await;
    assert_eq!(
        reason_at(&address).await,
        Reason::PeerRefused(Refusal::Disabled)
    );
}

#[tokio::test]
async fn links_that_cannot_carry_it_are_named_as_the_reason() {
    let (_server, address) = Served::with(ListenerBuilder::default(), "http://127.0.0.1:0").await;
    assert_eq!(reason_at(&address).await, Reason::OverTcp);

    let (folder, _) = unix_address();
    let address = format!("fifo:{}/f", folder.path().display());
    let _server = Served::on(&address).await;
    assert_eq!(reason_at(&address).await, Reason::OverFifo);
}

#[tokio::test]
async fn local_first_does_not_fall_back_where_it_is_required() {
    let (_folder, address) = unix_address();
    let (_server, tcp) = Served::with(ListenerBuilder::default(), "http://127.0.0.1:0").await;
    let connector = Connector::local_first(address.parse().unwrap()).shm_mode(ShmMode::Require);
    let endpoint = Endpoint::from_shared(tcp).unwrap();
    within("an error", endpoint.connect_with_connector(connector))
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_server_that_requires_it_serves_only_those_who_have_it() {
    let (_folder, address) = unix_address();
    let settings = Listener::builder().shm_mode(ShmMode::Require);
    let (server, address) = Served::with(settings, &address).await;

    let stock = Endpoint::from_shared(address.clone()).unwrap();
    let refused = async {
        call(&stock.connect().await?, 1)
            .await
            .map_err(Box::<dyn Error>::from)
    };
    within("a refusal", refused).await.unwrap_err();
    let off = Connector::to(address.parse().unwrap()).shm_mode(ShmMode::Off);
    let refused = async {
        call(&try_connect(off).await?, 1)
            .await
            .map_err(Box::<dyn Error>::from)
    };
    within("a refusal", refused).await.unwrap_err();

    // A client that only prefers it comes into shared memory at once.
    let connector = Connector::to(address.parse().unwrap());
    let links = connector.links();
    let channel = connect(connector).await;
    assert_eq!(links.latest().unwrap().kind(), LinkKind::Shm);
    call(&channel, 1).await.unwrap();
    assert_eq!(server.last_link().kind(), LinkKind::Shm);
}
