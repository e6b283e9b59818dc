//! Foreign clients at our listener, on the socket of our own clients.

use super::program::Stack;
use crate::links::AtAddress;
use conformance::link::{Link, Settings};
use conformance::proto::Empty;
use conformance::service::TestService;
use conformance::{Bounded, Subject};
use isotonic::{LinkKind, ShmMode};

/// Where the service listens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Socket {
    Unix,
    Tcp,
}

/// Runs one case of the foreign client, while one of our own clients is connected.
pub(super) async fn run(stack: Stack, socket: Socket, case: &'static str) {
    let bounded = Bounded::start(case);
    let service = TestService::new();
    let observer = service.observer();
    let link = match socket {
        Socket::Unix => AtAddress::unix(ShmMode::Prefer, LinkKind::Uds),
        Socket::Tcp => AtAddress::tcp(),
    };
    let served = link.serve(service.into_routes(), Settings::default()).await;
    let way = link.connect(Settings::default()).await;
    let ours = Subject::new(way.expect("a connection"), observer.clone());

    let address = link.address().to_string();
    let address = address.trim_start_matches("http://");
    stack.run_client(address, case, &bounded).await;

    let mut client = ours.client();
    let call = bounded.wait("a call of our own client", client.empty_call(Empty {}));
    call.await.expect("an answer");
    bounded
        .wait("the service to end its last call", observer.idle())
        .await;
    drop((client, ours));
    served.stop().end(&bounded).await;
}
