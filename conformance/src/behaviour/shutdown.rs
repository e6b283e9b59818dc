//! A server that ends in good order, and its successor.

use super::reconnecting::{assert_given_to_an_end, way_onwards};
use crate::messages::{
    assert_end, assert_payload, assert_response, open_stream, simple_request, stream_request,
};
use crate::{
    Bounded, Way,
    link::{Settings, SharedLink},
    observer::Observer,
    payload::payload,
    proto::{Empty, StreamingInputCallRequest, test_service_client::TestServiceClient},
    service::TestService,
};

/// The server stream that is under way: 16 MiB, more than fits on the way.
const RESPONSES: usize = 64;

fn size_of_response(number: usize) -> usize {
    256 * 1024 + number
}

/// A server is told to end while calls of all kinds are under way. They are answered completely; new calls on the same
/// way go to its successor, which starts at the same place while the first has not ended yet.
pub(super) async fn graceful_shutdown(link: SharedLink) {
    let bounded = Bounded::start("graceful_shutdown");
    let (service, gate) = TestService::behind_gate();
    let observer = service.observer();
    let served = link.serve(service.into_routes(), Settings::default());
    let served = bounded.wait("the first server", served).await;
    let way = link.connect(Settings::default());
    let way = bounded
        .wait("the connection", way)
        .await
        .expect("a connection");

    let mut client = TestServiceClient::new(way.clone());
    let unary = tokio::spawn(async move { client.unary_call(simple_request(1000, 2000)).await });
    let mut client = TestServiceClient::new(way.clone());
    let (requests, outgoing) = open_stream();
    let client_stream = tokio::spawn(async move { client.streaming_input_call(outgoing).await });
    requests.send(input(30_000)).await.expect("an open stream");
    let mut client = TestServiceClient::new(way.clone());
    let sizes = (0..RESPONSES).map(size_of_response);
    let call = client.streaming_output_call(stream_request(0, sizes));
    let response = bounded.wait("the response's headers", call).await;
    let mut server_stream = response.expect("a stream").into_inner();
    let first = bounded.wait("the first response", server_stream.message());
    assert_response(first.await, size_of_response(0));
    let begun = observer.until(|counts| counts.in_flight() == 3);
    bounded.wait("all calls to be under way", begun).await;

    let stopping = served.stop();
    bounded
        .wait("the first server to leave its place", nobody_serves(&link))
        .await;
    let successor = TestService::new();
    let successors_calls = successor.observer();
    let second = link.serve(successor.into_routes(), Settings::default());
    let second = bounded.wait("the second server", second).await;
    let way = way_onwards(&link, way, Settings::default(), &bounded).await;
    until_it_answers(&way, &successors_calls, &bounded).await;
    assert!(!stopping.has_ended(), "with calls under way");
    assert_eq!(observer.counts().in_flight(), 3);

    requests.send(input(40_000)).await.expect("an open stream");
    drop(requests);
    let answer = bounded.wait("the answer to a stream", client_stream).await;
    let answer = answer.expect("no panic").expect("an answer").into_inner();
    assert_eq!(answer.aggregated_payload_size, 70_000);
    for number in 1..RESPONSES {
        let response = bounded.wait("the other responses", server_stream.message());
        assert_response(response.await, size_of_response(number));
    }
    let end = bounded.wait("the end of the stream", server_stream.message());
    assert_end(end.await);
    drop(gate);
    let answer = bounded.wait("the answer to a unary call", unary).await;
    let answer = answer.expect("no panic").expect("an answer").into_inner();
    assert_payload(answer.payload.as_ref(), 2000);
    // All its calls are answered, so nothing keeps it, though the way to its successor is open.
    stopping.end(&bounded).await;
    drop((client, way));
    second.stop().end(&bounded).await;
}

fn input(size: usize) -> StreamingInputCallRequest {
    StreamingInputCallRequest {
        payload: Some(payload(size)),
        ..StreamingInputCallRequest::default()
    }
}

/// Returns when nobody takes connections. A connection that is still made is dropped at once.
async fn nobody_serves(link: &SharedLink) {
    while link.connect(Settings::default()).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Makes calls until the one that `observer` watches gets one.
async fn until_it_answers(way: &Way, observer: &Observer, bounded: &Bounded) {
    let mut client = TestServiceClient::new(way.clone());
    while observer.counts().finished == 0 {
        let call = client.empty_call(Empty {});
        match bounded.wait("an answer of either server", call).await {
            Ok(_) => {}
            Err(status) => assert_given_to_an_end(&status),
        }
    }
}
