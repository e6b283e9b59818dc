//! The server dies: what was open is closed, and nothing else is said.

use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::reconnecting::next_server_answers;
use crate::messages::{assert_response, join, open_stream, simple_request, stream_request};
use crate::{
    Bounded, SeparateRuntime, Way,
    link::{Settings, SharedLink},
    observer::Observer,
    proto::test_service_client::TestServiceClient,
    service::TestService,
};

/// How many calls it leaves behind.
const CALLS: usize = 20;

/// While it works at the answers.
pub(super) async fn server_dies_before_answer(link: SharedLink) {
    let bounded = Bounded::start("server_dies_before_answer");
    let (service, gate) = TestService::behind_gate();
    let (server, way, observer) = serve_apart(&link, &bounded, service).await;
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let mut client = TestServiceClient::new(way.clone());
        calls.spawn(async move {
            let answer = client.unary_call(simple_request(1000, 1000)).await;
            assert_connection_lost(&answer.expect_err("an answer of a dead server"));
        });
    }
    let all_begun = observer.until(|counts| counts.in_flight() == CALLS as u64);
    bounded.wait("all calls to be under way", all_begun).await;

    server.kill(&bounded).await;
    join(&bounded, "all calls to end", calls).await;
    drop(gate);
    next_server_answers(&link, way, &bounded).await;
}

/// Amid streams of both directions: one response of each has come.
pub(super) async fn server_dies_amid_stream(link: SharedLink) {
    let bounded = Bounded::start("server_dies_amid_stream");
    let (server, way, _) = serve_apart(&link, &bounded, TestService::new()).await;
    let mut streams = Vec::new();
    for number in 0..CALLS {
        let mut client = TestServiceClient::new(way.clone());
        let (requests, outgoing) = open_stream();
        let first = stream_request(number, [number + 1]);
        requests.send(first).await.expect("an open stream");
        let call = client.full_duplex_call(outgoing);
        let response = bounded.wait("the response's headers", call).await;
        let mut responses = response.expect("a stream").into_inner();
        let first = bounded.wait("the first response", responses.message());
        assert_response(first.await, number + 1);
        streams.push((requests, responses));
    }

    server.kill(&bounded).await;
    for (requests, mut responses) in streams {
        let end = bounded.wait("the end of a stream", responses.message());
        assert_connection_lost(&end.await.expect_err("the end of a dead server's stream"));
        let noticed = requests.closed();
        bounded.wait("its sender to notice", noticed).await;
    }
    next_server_answers(&link, way, &bounded).await;
}

/// Serves on a runtime that can die.
async fn serve_apart(
    link: &SharedLink,
    bounded: &Bounded,
    service: TestService,
) -> (SeparateRuntime, Way, Observer) {
    let observer = service.observer();
    let server = SeparateRuntime::start();
    let serving = SharedLink::clone(link);
    let served = server.run(async move {
        let served = serving.serve(service.into_routes(), Settings::default());
        served.await.detach();
    });
    bounded.wait("the service to be up", served).await;
    let way = link.connect(Settings::default());
    let way = bounded.wait("the connection", way).await;
    (server, way.expect("a connection"), observer)
}

/// tonic says UNKNOWN of a connection that has ended.
fn assert_connection_lost(status: &Status) {
    assert_eq!(status.code(), Code::Unknown, "{status:?}");
}
