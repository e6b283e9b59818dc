//! The client gives up, or its time is over.
//!
//! A tonic client cancels by dropping what it waits for. It gets no status then, so what is looked at is the service, if it
//! is our own, and the link, which must carry the next call.

use std::time::Duration;

use tonic::{Code, Request};

use crate::{
    Bounded, Subject,
    messages::{assert_payload, assert_response, open_stream, simple_request, stream_request},
    payload::payload,
    proto::StreamingInputCallRequest,
};

/// While the requests are being sent, before any answer.
pub(super) async fn cancel_after_begin(subject: Subject) {
    let bounded = Bounded::start("cancel_after_begin");
    let mut client = subject.client();
    let (requests, outgoing) = open_stream();
    let call = tokio::spawn(async move { client.streaming_input_call(outgoing).await });
    let request = StreamingInputCallRequest {
        payload: Some(payload(1000)),
        ..StreamingInputCallRequest::default()
    };
    requests.send(request).await.expect("an open stream");
    if let Some(observer) = subject.watched() {
        let begun = observer.until(|counts| counts.in_flight() == 1);
        bounded.wait("the service to get the call", begun).await;
    }

    call.abort();
    let ended = bounded.wait("the call's task to end", call).await;
    let cancelled = ended.is_err_and(|error| error.is_cancelled());
    assert!(cancelled, "no answer was due");
    // Last: while it is open and idle, hyper holds the stream.
    drop(requests);
    assert_unharmed(&subject, &bounded).await;
}

/// After one exchange on a stream that both sides have open.
pub(super) async fn cancel_after_first_response(subject: Subject) {
    let bounded = Bounded::start("cancel_after_first_response");
    let mut client = subject.client();
    let (requests, outgoing) = open_stream();
    let request = stream_request(27_182, [31_415]);
    requests.send(request).await.expect("an open stream");
    let call = client.full_duplex_call(outgoing);
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    let first = bounded.wait("the first response", responses.message());
    assert_response(first.await, 31_415);

    drop(responses);
    drop(requests);
    assert_unharmed(&subject, &bounded).await;
}

/// The service waits for the end of a stream that the client keeps open, so the deadline is all that can end this call.
pub(super) async fn timeout_on_sleeping_server(subject: Subject) {
    let bounded = Bounded::start("timeout_on_sleeping_server");
    let mut client = subject.client();
    let (requests, outgoing) = open_stream::<StreamingInputCallRequest>();
    let mut request = Request::new(outgoing);
    request.set_timeout(Duration::from_millis(100));
    let call = client.streaming_input_call(request);
    let status = bounded.wait("the deadline", call).await;
    let status = status.expect_err("an expired deadline");
    let code = status.code();
    assert!(
        matches!(code, Code::DeadlineExceeded | Code::Cancelled),
        "{status}"
    );
    assert_unharmed(&subject, &bounded).await;
    drop(requests);
}

/// Checks that the link carries another call, and that the service is rid of the one that was given up.
async fn assert_unharmed(subject: &Subject, bounded: &Bounded) {
    let mut client = subject.client();
    let call = client.unary_call(simple_request(271_828, 314_159));
    let response = bounded.wait("a call after the cancelled one", call).await;
    let response = response.expect("an answer").into_inner();
    assert_payload(response.payload.as_ref(), 314_159);
    if let Some(observer) = subject.watched() {
        bounded
            .wait("the service to end the cancelled call", observer.idle())
            .await;
    }
}
