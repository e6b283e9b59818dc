//! isotonic in shared memory from the first byte.

use conformance::Fixture;
use isotonic::{LinkKind, ShmMode};
use tonic::transport::Channel;

/// A server on a socket in a folder of its own, and a channel that has moved into shared memory.
pub(crate) async fn start() -> Fixture<Channel> {
    let (folder, address) = super::isotonic::unix_address();
    super::isotonic::start(address, ShmMode::Require, LinkKind::Shm)
        .await
        .keeping(folder)
}
