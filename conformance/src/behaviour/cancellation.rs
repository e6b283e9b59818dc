//! The client loses interest. The service must notice, and the link must stay as good as new.
//!
//! A tonic client cancels by dropping: the call's future, or the stream of responses. Over HTTP/2 that is not enough
//! while its stream of requests is open and idle: hyper goes on waiting for the next request, and h2 sends RST_STREAM
//! only when nobody holds the stream any more. So these scenarios drop their requests' sender as well, always last. The
//! service may then see an orderly end of the requests before it sees the reset, so the scenarios that want to see a
//! call *abandoned* ask for more responses than fit on the way: it cannot finish them, whatever it sees first.

use tonic::Code;

use crate::messages::{
    assert_payload, assert_response, open_stream, simple_request, stream_request,
};
use crate::{Bounded, Subject, proto::StreamingOutputCallRequest};

/// The size of one of the responses that [`endless`] asks for.
const SIZE: usize = 256 * 1024;

/// Asks for 256 MiB: more than any link holds back for a client that does not read.
fn endless() -> StreamingOutputCallRequest {
    stream_request(1, [SIZE; 1024])
}

/// Dropped on a stream whose requests are not yet complete, so that no response was sent.
pub(super) async fn cancel_before_first_response(subject: Subject) {
    let bounded = Bounded::start("cancel_before_first_response");
    let mut client = subject.client();
    let (requests, outgoing) = open_stream();
    requests.send(endless()).await.expect("an open stream");
    let call = client.half_duplex_call(outgoing);
    let response = bounded.wait("the response's headers", call).await;
    let responses = response.expect("a stream").into_inner();
    assert_eq!(subject.observer().counts().in_flight(), 1);

    drop(responses);
    drop(requests);
    // Abandoned or not: a reset that comes before the service has read the request takes it away, and hyper tells of it
    // as of the requests' end, so that there is nothing to answer. Once it is read nothing but the reset ends the call.
    let ended = subject.observer().idle();
    bounded.wait("the service to end the call", ended).await;
    assert_unharmed(&subject, &bounded).await;
}

/// Calls that are dropped before they were begun, and some that are at once: those may reach the service or not.
pub(super) async fn cancel_before_anything_is_sent(subject: Subject) {
    let bounded = Bounded::start("cancel_before_anything_is_sent");
    for _ in 0..20 {
        let mut client = subject.client();
        drop(client.unary_call(simple_request(100_000, 100_000)));
    }
    assert_unharmed(&subject, &bounded).await;
    assert_eq!(subject.observer().counts().started, 1, "nothing was sent");

    for _ in 0..20 {
        let mut client = subject.client();
        let call = client.unary_call(simple_request(100_000, 100_000));
        tokio::select! {
            biased;
            answer = call => drop(answer.expect("an answer")),
            () = std::future::ready(()) => {}
        }
    }
    assert_unharmed(&subject, &bounded).await;
    let idle = subject.observer().idle();
    bounded.wait("the service to end all of them", idle).await;
}

/// Dropped while requests are on the way that the service does not read: it waits for the client to read the responses.
///
/// They are less than any window. Of a client that has more, the service would not hear before it reads on: hyper keeps
/// the stream for the request that waits for room, and h2 sends no reset meanwhile.
pub(super) async fn cancel_while_requests_are_sent(subject: Subject) {
    const REQUEST: usize = 64 * 1024;
    let bounded = Bounded::start("cancel_while_requests_are_sent");
    let mut client = subject.client();
    let (requests, outgoing) = open_stream();
    requests.send(endless()).await.expect("an open stream");
    let call = client.full_duplex_call(outgoing);
    let response = bounded.wait("the response's headers", call).await;
    let responses = response.expect("a stream").into_inner();
    let sender = tokio::spawn(async move {
        for _ in 0..8 {
            let sent = requests.send(stream_request(REQUEST, [])).await;
            sent.expect("an open stream");
        }
        // Open for more until it is aborted.
        std::future::pending::<()>().await;
    });
    let observer = subject.observer();
    let streaming = observer.until(|counts| counts.streamed > 0);
    bounded
        .wait("the first response to be sent", streaming)
        .await;

    drop(responses);
    sender.abort();
    assert_abandoned(&subject, &bounded, 1).await;
    assert_unharmed(&subject, &bounded).await;
}

/// Dropped after the last request, while the service works at its answer (for half an hour).
pub(super) async fn cancel_after_the_requests_end(subject: Subject) {
    let bounded = Bounded::start("cancel_after_the_requests_end");
    let mut client = subject.client();
    let mut request = stream_request(1000, [1000]);
    request.response_parameters[0].interval_us = i32::MAX;
    let call = client.streaming_output_call(request);
    let response = bounded.wait("the response's headers", call).await;
    let responses = response.expect("a stream").into_inner();
    assert_eq!(subject.observer().counts().in_flight(), 1);

    drop(responses);
    assert_abandoned(&subject, &bounded, 1).await;
    assert_unharmed(&subject, &bounded).await;
}

/// Dropped in the middle of a server stream that has far more to come than fits on the way.
pub(super) async fn cancel_server_stream(subject: Subject) {
    let bounded = Bounded::start("cancel_server_stream");
    cancel_amid_stream(&subject, &bounded).await;
    assert_abandoned(&subject, &bounded, 1).await;
    assert_unharmed(&subject, &bounded).await;
}

/// The same again and again on one link: what a cancelled call leaves behind (window, buffers, a place among the
/// concurrent streams) would be used up in the end.
pub(super) async fn cancel_many_streams(subject: Subject) {
    const CALLS: u64 = 40;
    let bounded = Bounded::start("cancel_many_streams");
    for _ in 0..CALLS {
        cancel_amid_stream(&subject, &bounded).await;
    }
    assert_abandoned(&subject, &bounded, CALLS).await;
    assert_unharmed(&subject, &bounded).await;
}

/// Begins an endless server stream, reads its first response and drops it.
async fn cancel_amid_stream(subject: &Subject, bounded: &Bounded) {
    let mut client = subject.client();
    let call = client.streaming_output_call(endless());
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    let first = bounded
        .wait("the first response", responses.message())
        .await;
    assert_response(first, SIZE);
}

/// Waits until the service has noticed that `calls` calls were dropped.
async fn assert_abandoned(subject: &Subject, bounded: &Bounded, calls: u64) {
    let noticed = subject.observer().abandoned(calls);
    bounded
        .wait("the service to notice the cancellation", noticed)
        .await;
}

/// Checks that the link carries another call.
async fn assert_unharmed(subject: &Subject, bounded: &Bounded) {
    let mut client = subject.client();
    let call = client.unary_call(simple_request(271_828, 314_159));
    let response = bounded.wait("a call after the cancelled ones", call).await;
    let response = response.unwrap_or_else(|status| match status.code() {
        Code::Cancelled => panic!("the cancellation reached another call: {status}"),
        _ => panic!("no answer after a cancellation: {status}"),
    });
    assert_payload(response.into_inner().payload.as_ref(), 314_159);
}
