//! Many calls at once on one link.

use std::sync::Arc;

use tokio::{sync::Barrier, task::JoinSet};

use crate::messages::{
    assert_end, assert_payload, assert_response, join, open_stream, simple_request, stream_request,
};
use crate::{
    Bounded, Subject, Way,
    link::{Settings, SharedLink},
    proto::test_service_client::TestServiceClient,
    service::TestService,
};

/// How many calls there are at once: twice the streams that an HTTP/2 client may open before it has the server's
/// settings.
const CALLS: usize = 200;

/// "concurrent_large_unary", with many sizes: from some bytes to 100 KiB, no two alike, so that no answer can be taken
/// for another's.
pub(super) async fn concurrent_unary(subject: Subject) {
    let bounded = Bounded::start("concurrent_unary");
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let mut client = subject.client();
        calls.spawn(async move {
            // Neighbours differ much: large and small frames are mixed on the link.
            let (request_size, response_size) =
                (number * 7919 % 1009 * 100, number * 6007 % 997 * 101);
            let call = client.unary_call(simple_request(request_size, response_size));
            let response = call.await.expect("an answer").into_inner();
            assert_payload(response.payload.as_ref(), response_size);
        });
    }
    join(&bounded, "all answers", calls).await;
}

/// As many streams as a server takes by default.
pub(super) async fn concurrent_streams(subject: Subject) {
    let bounded = Bounded::start("concurrent_streams");
    open_at_once(&bounded, subject.way(), CALLS).await;
}

/// Five times as many, of a server that takes them.
pub(super) async fn thousand_streams(link: SharedLink) {
    const STREAMS: usize = 1000;
    let bounded = Bounded::start("thousand_streams");
    let service = TestService::new();
    let observer = service.observer();
    let settings = Settings {
        concurrent_calls: Some(STREAMS as u32),
        ..Settings::default()
    };
    let served = link.serve(service.into_routes(), settings);
    let served = bounded.wait("the service to be up", served).await;
    let way = link.connect(Settings::default());
    let way = bounded.wait("the connection", way).await;
    open_at_once(&bounded, way.expect("a connection"), STREAMS).await;
    bounded.wait("the last call to end", observer.idle()).await;
    assert_eq!(observer.counts().finished, STREAMS as u64);
    served.stop().end(&bounded).await;
}

/// Connections that live for ten calls only, some at once where the link has several.
pub(super) async fn short_connections(link: SharedLink) {
    // 10,000 calls take half a minute on a busy machine if nothing is optimised.
    const CONNECTIONS: usize = if cfg!(debug_assertions) { 200 } else { 1000 };
    const CALLS_EACH: usize = 10;
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
                for number in 0..CALLS_EACH {
                    let (request_size, response_size) = (number * 100, connection);
                    let call = client.unary_call(simple_request(request_size, response_size));
                    let answer = call.await.expect("an answer").into_inner();
                    assert_payload(answer.payload.as_ref(), response_size);
                }
            }
        });
    }
    join(&bounded, "all answers", clients).await;
    let counts = observer.counts();
    assert_eq!(counts.finished, (CONNECTIONS * CALLS_EACH) as u64);
    served.stop().end(&bounded).await;
}

/// Streams that are open all at the same time, by proof: none goes on before each has had its first response.
async fn open_at_once(bounded: &Bounded, way: Way, streams: usize) {
    let all_open = Arc::new(Barrier::new(streams));
    let mut calls = JoinSet::new();
    for number in 0..streams {
        let mut client = TestServiceClient::new(way.clone());
        let all_open = Arc::clone(&all_open);
        calls.spawn(async move {
            let (requests, outgoing) = open_stream();
            requests
                .send(stream_request(number, [number + 1]))
                .await
                .expect("an open stream");
            let response = client.full_duplex_call(outgoing).await.expect("a stream");
            let mut responses = response.into_inner();
            assert_response(responses.message().await, number + 1);
            all_open.wait().await;

            let sizes = [10_000 + number, number, 20_000 + number];
            requests
                .send(stream_request(2000 + number, sizes))
                .await
                .expect("an open stream");
            drop(requests);
            for size in sizes {
                assert_response(responses.message().await, size);
            }
            assert_end(responses.message().await);
        });
    }
    join(bounded, "all streams to end", calls).await;
}
