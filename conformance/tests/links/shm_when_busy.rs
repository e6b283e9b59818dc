//! isotonic as it comes: on the socket at first, in shared memory once busy, in the middle of whatever runs.

use conformance::Fixture;
use isotonic::{LinkKind, ShmMode};
use tonic::transport::Channel;

/// A server on a socket in a folder of its own, and a channel that is still on the socket.
pub(crate) async fn start() -> Fixture<Channel> {
    let (folder, address) = super::isotonic::unix_address();
    super::isotonic::start(address, ShmMode::Prefer, LinkKind::Uds)
        .await
        .keeping(folder)
}
