//! Connections that do not last.

use crate::{
    Bounded, Subject,
    link::{Settings, SharedLink},
    messages::{assert_payload, simple_request},
    service::TestService,
};

/// 10,000 calls over 1,000 connections, one after the other; each has gone when the next may begin.
pub(super) async fn short_connections(link: SharedLink) {
    const CONNECTIONS: usize = 1000;
    const CALLS: usize = 10;
    let bounded = Bounded::start("short_connections");
    let service = TestService::new();
    let observer = service.observer();
    let served = link.serve(service.into_routes(), Settings::default()).await;
    for connection in 0..CONNECTIONS {
        let way = bounded.wait("a connection", link.connect(Settings::default()));
        let subject = Subject::new(way.await.expect("a connection"), observer.clone());
        let mut client = subject.client();
        for number in 0..CALLS {
            let size = connection + number;
            let call = bounded.wait("an answer", client.unary_call(simple_request(1, size)));
            let response = call.await.expect("an answer").into_inner();
            assert_payload(response.payload.as_ref(), size);
        }
    }
    let counts = observer.counts();
    assert_eq!(counts.finished, (CONNECTIONS * CALLS) as u64, "{counts:?}");
    served.stop().end(&bounded).await;
}
