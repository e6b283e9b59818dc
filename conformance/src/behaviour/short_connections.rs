//! Connections that do not last.

use tokio::task::JoinSet;

use crate::{
    Bounded,
    link::{Settings, SharedLink},
    messages::{assert_payload, join, simple_request},
    proto::test_service_client::TestServiceClient,
    service::TestService,
};

/// How many connections there are, one after the other or some at once.
const CONNECTIONS: usize = 1000;

/// How many calls each lives for.
const CALLS: usize = 10;

/// 10,000 calls over 1,000 connections, eight at once where the link has several.
pub(super) async fn short_connections(link: SharedLink) {
    let bounded = Bounded::start("short_connections");
    let service = TestService::new();
    let observer = service.observer();
    let served = link.serve(service.into_routes(), Settings::default());
    let served = bounded.wait("the service to be up", served).await;
    let at_once = if link.one_client_at_a_time() { 1 } else { 8 };
    let mut clients = JoinSet::new();
    for first in 0..at_once {
        let link = SharedLink::clone(&link);
        clients.spawn(async move {
            for connection in (first..CONNECTIONS).step_by(at_once) {
                let way = link.connect(Settings::default()).await;
                let mut client = TestServiceClient::new(way.expect("a connection"));
                for number in 0..CALLS {
                    let call = client.unary_call(simple_request(number * 100, connection));
                    let answer = call.await.expect("an answer").into_inner();
                    assert_payload(answer.payload.as_ref(), connection);
                }
            }
        });
    }
    join(&bounded, "all answers", clients).await;
    let counts = observer.counts();
    assert_eq!(counts.finished, (CONNECTIONS * CALLS) as u64, "{counts:?}");
    served.stop().end(&bounded).await;
}
