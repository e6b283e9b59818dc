//! isotonic over TCP.

use conformance::Fixture;
use isotonic::{LinkKind, ShmMode};
use tonic::transport::Channel;

/// A server on a free port of the loopback interface, and a channel to it.
pub(crate) async fn start() -> Fixture<Channel> {
    let address = "http://127.0.0.1:0".parse().expect("a valid address");
    super::isotonic::start(address, ShmMode::Prefer, LinkKind::Tcp).await
}
