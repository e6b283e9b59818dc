//! Each side decides for itself how large a ring of its peer's it maps.

use crate::patience::within;
use isotonic_link::limits::MAX_RING_CAPACITY;
use isotonic_link::{
    Address, ConnectError, Connector, LinkKind, Listener, ListenerBuilder, Reason, Refusal, ShmMode,
};
use tempfile::TempDir;

const LARGE: u64 = 2 * MAX_RING_CAPACITY;

/// What comes of a connector that requires shared memory.
async fn connect(server: ListenerBuilder, client: Connector) -> Result<LinkKind, Reason> {
    let folder = TempDir::new().unwrap();
    let address = Address::Unix(folder.path().join("s"));
    let _listener = server.bind([address.clone()]).await.unwrap();
    let client = client.shm_mode(ShmMode::Require);
    match within("the connector", client.connect(&address)).await {
        Ok(link) => Ok(link.info().kind()),
        Err(ConnectError::ShmRequired { reason, .. }) => Err(reason),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_client_with_a_larger_ring_needs_a_server_that_maps_it() {
    let client = || Connector::default().ring_capacity(LARGE).unwrap();
    let refused = connect(Listener::builder(), client()).await;
    assert_eq!(refused, Err(Reason::PeerRefused(Refusal::TooLarge)));
    let server = Listener::builder().largest_peer_ring(LARGE);
    assert_eq!(connect(server, client()).await, Ok(LinkKind::Shm));
}

#[tokio::test]
async fn a_server_with_a_larger_ring_needs_a_client_that_maps_it() {
    let server = || Listener::builder().ring_capacity(LARGE).unwrap();
    let refused = connect(server(), Connector::default()).await;
    let too_large = Reason::PeerRingSize {
        declared: LARGE,
        largest: MAX_RING_CAPACITY,
    };
    assert_eq!(refused, Err(too_large));
    let client = Connector::default().largest_peer_ring(LARGE);
    assert_eq!(connect(server(), client).await, Ok(LinkKind::Shm));
}
