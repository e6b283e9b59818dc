//! The service ends a call while its client still sends. The status arrives, and the client's sender notices.

use tokio::{sync::mpsc, task::JoinHandle};
use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use crate::messages::{
    assert_payload, assert_response, assert_status, echo_status, open_stream, simple_request,
    stream_request,
};
use crate::{
    Bounded, Subject,
    payload::payload,
    proto::{Empty, Payload, StreamingInputCallRequest, StreamingOutputCallRequest},
};

/// The payload of what is sent without end: windows are soon full of it if nobody reads.
const SIZE: usize = 64 * 1024;

/// Before it has read anything: the method does not exist.
pub(super) async fn refused_before_it_is_read(subject: Subject) {
    let bounded = Bounded::start("refused_before_it_is_read");
    let (requests, outgoing) = open_stream();
    let sender = send_without_end(requests, input(payload(SIZE)));
    let mut client = Grpc::new(subject.way());
    bounded
        .wait("the way to be ready", client.ready())
        .await
        .expect("a way");
    let path = PathAndQuery::from_static("/grpc.testing.TestService/NoSuchCall");
    let codec = ProstCodec::<StreamingInputCallRequest, Empty>::default();
    let call = client.client_streaming(Request::new(outgoing), path, codec);
    let status = bounded.wait("the refusal", call).await;
    let status = status.expect_err("a refusal");
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    assert_sender_notices(&subject, &bounded, sender).await;
}

/// Amid the requests: one of them is wrong.
pub(super) async fn refused_amid_requests(subject: Subject) {
    let bounded = Bounded::start("refused_amid_requests");
    let (requests, outgoing) = open_stream();
    let mut client = subject.client();
    let call = tokio::spawn(async move { client.streaming_input_call(outgoing).await });
    for _ in 0..3 {
        let sent = requests.send(input(payload(SIZE)));
        bounded
            .wait("a request to be taken", sent)
            .await
            .expect("an open stream");
    }
    let wrong = Payload {
        body: b"not what is expected".as_slice().into(),
        ..Payload::default()
    };
    let sent = requests.send(input(wrong));
    bounded
        .wait("the wrong one to be taken", sent)
        .await
        .expect("an open stream");
    let sender = send_without_end(requests, input(payload(SIZE)));
    let answer = bounded.wait("the refusal", call).await.expect("no panic");
    let status = answer.expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert_sender_notices(&subject, &bounded, sender).await;
}

/// Amid responses: some have come when the client asks for a status in place of the next.
pub(super) async fn refused_amid_responses(subject: Subject) {
    let bounded = Bounded::start("refused_amid_responses");
    let (requests, outgoing) = open_stream();
    let mut client = subject.client();
    let first = stream_request(SIZE, [1000, 2000]);
    requests.send(first).await.expect("an open stream");
    let call = client.full_duplex_call(outgoing);
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    for size in [1000, 2000] {
        let response = bounded.wait("a response", responses.message());
        assert_response(response.await, size);
    }
    let last = StreamingOutputCallRequest {
        response_status: echo_status(Code::ResourceExhausted, "no more"),
        ..StreamingOutputCallRequest::default()
    };
    requests.send(last).await.expect("an open stream");
    let sender = send_without_end(requests, stream_request(SIZE, []));
    let status = bounded.wait("the status", responses.message()).await;
    let status = status.expect_err("a status after the responses");
    assert_status(&status, Code::ResourceExhausted, "no more");
    assert_sender_notices(&subject, &bounded, sender).await;
}

fn input(payload: Payload) -> StreamingInputCallRequest {
    StreamingInputCallRequest {
        payload: Some(payload),
        ..StreamingInputCallRequest::default()
    }
}

/// Sends `request` again and again until nobody takes it any more.
fn send_without_end<M: Clone + Send + 'static>(
    requests: mpsc::Sender<M>,
    request: M,
) -> JoinHandle<()> {
    tokio::spawn(async move { while requests.send(request.clone()).await.is_ok() {} })
}

/// Checks that the sender of a call that has ended comes to its end, and that the link carries another call.
async fn assert_sender_notices(subject: &Subject, bounded: &Bounded, sender: JoinHandle<()>) {
    let noticed = bounded.wait("the sender to notice", sender).await;
    noticed.expect("no panic");
    let mut client = subject.client();
    let call = client.unary_call(simple_request(271_828, 314_159));
    let answer = bounded.wait("a call after the refused one", call).await;
    let answer = answer.expect("an answer").into_inner();
    assert_payload(answer.payload.as_ref(), 314_159);
}
