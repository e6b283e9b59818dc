//! isotonic over two FIFOs.

use conformance::Fixture;
use isotonic::{Address, LinkKind, ShmMode};
use tempfile::TempDir;
use tonic::transport::Channel;

/// A server at FIFOs in a folder of its own, and its one channel.
pub(crate) async fn start() -> Fixture<Channel> {
    let folder = TempDir::new().expect("a temporary folder");
    let address = Address::Fifo(folder.path().join("test"));
    super::isotonic::start(address, ShmMode::Prefer, LinkKind::Fifo)
        .await
        .keeping(folder)
}
