//! Channels that outlive their server.

use crate::served::{
    Served, busy_until_in_shared_memory, call, call_again, connect, unix_address, within,
};
use isotonic::{Connector, LinkKind, ShmMode};
use tonic::Code;

#[tokio::test]
async fn a_channel_finds_a_restarted_server_and_shared_memory_again() {
    let (_folder, address) = unix_address();
    let connector = Connector::to(address.parse().unwrap());
    let links = connector.links();
    let mut server = Served::on(&address).await;
    let channel = connect(connector).await;
    for _ in 0..3 {
        let link = links.latest().unwrap();
        busy_until_in_shared_memory(&channel, &link).await;
        server.stop().await;
        server = Served::on(&address).await;
        call_again(&channel).await;
    }
    assert!(links.all().len() >= 4);
}

#[tokio::test]
async fn a_channel_that_requires_shared_memory_reconnects_into_it() {
    let (_folder, address) = unix_address();
    let connector = Connector::to(address.parse().unwrap()).shm_mode(ShmMode::Require);
    let server = Served::on(&address).await;
    let channel = connect(connector).await;
    call(&channel, 1).await.unwrap();
    server.stop().await;
    let server = Served::on(&address).await;
    call_again(&channel).await;
    assert_eq!(server.last_link().kind(), LinkKind::Shm);
}

#[tokio::test]
async fn a_lazy_channel_connects_when_it_is_first_used() {
    let (_folder, address) = unix_address();
    let channel = isotonic::connect_lazy(&address).unwrap();
    let status = call(&channel, 1).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let server = Served::on(&address).await;
    call_again(&channel).await;
    assert!(server.last_link().peer().is_some());
}

#[tokio::test]
async fn a_link_that_cannot_be_made_again_says_so() {
    let (_folder, address) = unix_address();
    let server = Served::on(&address).await;
    let link = isotonic_link::Connector::default();
    let link = link.connect(&address.parse().unwrap()).await.unwrap();
    let channel = connect(Connector::over(link)).await;
    call(&channel, 1).await.unwrap();
    server.stop().await;
    let failed = async {
        loop {
            if let Err(status) = call(&channel, 1).await
                && format!("{status:?}").contains("cannot be made again")
            {
                return status;
            }
        }
    };
    let status = within("the channel to give up", failed).await;
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}
