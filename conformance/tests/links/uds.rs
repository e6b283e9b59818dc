//! isotonic on a Unix socket, without shared memory.

use conformance::Fixture;
use isotonic::{LinkKind, ShmMode};
use tonic::transport::Channel;

/// A server on a socket in a folder of its own, and a channel that stays on the socket.
pub(crate) async fn start() -> Fixture<Channel> {
    let (folder, address) = super::isotonic::unix_address();
    super::isotonic::start(address, ShmMode::Off, LinkKind::Uds)
        .await
        .keeping(folder)
}
