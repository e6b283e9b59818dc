//! A server that stops while calls are under way.

use tonic::{Code, Status};

use crate::{
    Bounded, Subject,
    link::{Settings, SharedLink},
    messages::{
        assert_end, assert_payload, assert_response, open_stream, simple_request, stream_request,
        wire_size,
    },
    payload::payload,
    proto::StreamingInputCallRequest,
    service::TestService,
};

/// What one of the calls under way is about, in bytes.
const SIZE: usize = 100_000;

/// Calls that may be made until one goes to the new server: the client need not have heard of the old one's end.
const MAX_ATTEMPTS: usize = 1000;

/// A server that is told to stop finishes the calls that it has, and the next call of the same client goes to the server
/// that has taken its place, while the first one is still at work. Where a connection cannot be made anew, that call fails
/// with UNAVAILABLE, and a new connection is needed.
pub(super) async fn graceful_shutdown(link: SharedLink) {
    let bounded = Bounded::start("graceful_shutdown");
    let (first, second) = (TestService::new(), TestService::new());
    let (at_first, at_second) = (first.observer(), second.observer());
    let served = link.serve(first.into_routes(), Settings::default()).await;
    let way = link.connect(Settings::default()).await;
    let subject = Subject::new(way.expect("a connection"), at_first.clone());

    // Two calls under way, one in each direction.
    let mut client = subject.client();
    let (requests, outgoing) = open_stream();
    let request = stream_request(1, [SIZE]);
    requests.send(request).await.expect("an open stream");
    let call = client.full_duplex_call(outgoing);
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    assert_response(responses.message().await, SIZE);
    let (inputs, outgoing) = open_stream();
    let input = |size| StreamingInputCallRequest {
        payload: Some(payload(size)),
        ..StreamingInputCallRequest::default()
    };
    let aggregated = tokio::spawn(async move { client.streaming_input_call(outgoing).await });
    inputs.send(input(SIZE)).await.expect("an open stream");
    let both = at_first.until(|counts| counts.in_flight() == 2);
    bounded.wait("both calls at the service", both).await;

    let stopping = served.stop();
    let served = link.serve(second.into_routes(), Settings::default()).await;
    let mut subject = Subject::new(subject.way(), at_second.clone());
    // Until the client has heard of the end, the first server may still take a call.
    for attempt in 0.. {
        assert!(attempt < MAX_ATTEMPTS, "the calls do not go elsewhere");
        match call_once(&subject, &bounded).await {
            Ok(()) if at_second.counts().started > 0 => break,
            Ok(()) => {}
            Err(status) if status.code() == Code::Unavailable => {
                let way = bounded.wait("a new connection", link.connect(Settings::default()));
                subject = Subject::new(way.await.expect("a connection"), at_second.clone());
            }
            Err(status) => assert!(has_raced(&status), "{status}"),
        }
    }
    assert!(!stopping.has_ended(), "with calls under way");

    // What the first server has is finished, in the same order of things as ever.
    let request = stream_request(SIZE, [7, SIZE]);
    let sent = bounded.wait("room for a request", requests.send(request));
    sent.await.expect("an open stream");
    drop(requests);
    for size in [7, SIZE] {
        let response = bounded.wait("a response after the stop", responses.message());
        assert_response(response.await, size);
    }
    let end = bounded.wait("the end of the stream", responses.message());
    assert_end(end.await);
    let sent = bounded.wait("room for a request", inputs.send(input(SIZE + 1)));
    sent.await.expect("an open stream");
    drop(inputs);
    let response = bounded.wait("the aggregated size", aggregated).await;
    let response = response.expect("no panic").expect("an answer");
    let total = response.into_inner().aggregated_payload_size;
    assert_eq!(total, wire_size(SIZE + SIZE + 1));
    assert_eq!(at_first.counts().abandoned, 0, "{:?}", at_first.counts());
    stopping.end(&bounded).await;

    call_once(&subject, &bounded).await.expect("an answer");
    drop(subject);
    served.stop().end(&bounded).await;
}

/// How a call ends whose connection is closed at the same moment, so that it was not carried out. gRPC has UNAVAILABLE
/// for that; tonic says INTERNAL for a GOAWAY that comes first, and CANCELLED for a closed connection.
fn has_raced(status: &Status) -> bool {
    matches!(status.code(), Code::Internal | Code::Cancelled)
}

async fn call_once(subject: &Subject, bounded: &Bounded) -> Result<(), Status> {
    let mut client = subject.client();
    let call = client.unary_call(simple_request(10, SIZE));
    let response = bounded.wait("an answer", call).await?;
    assert_payload(response.into_inner().payload.as_ref(), SIZE);
    Ok(())
}
