//! Many requests, one response.

use bytes::Bytes;
use tonic::Code;

use crate::{
    Bounded, Subject,
    payload::payload,
    proto::{Empty, Payload, StreamingInputCallRequest},
};

/// The service checks what it receives: one wrong byte in the second request and the call is refused. This keeps every
/// other scenario honest, whose requests it would else accept unseen.
pub(super) async fn wrong_payload_refused(subject: Subject) {
    let bounded = Bounded::start("wrong_payload_refused");
    let mut client = subject.client();
    let mut wrong = payload(1000).body.to_vec();
    wrong[777] ^= 1;
    let requests = [payload(1000).body, Bytes::from(wrong)].map(|body| StreamingInputCallRequest {
        payload: Some(Payload {
            body,
            ..Payload::default()
        }),
        ..StreamingInputCallRequest::default()
    });
    let call = client.streaming_input_call(tokio_stream::iter(requests));
    let status = bounded
        .wait("the refusal", call)
        .await
        .expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(status.message().contains("byte 777"), "{status}");

    let call = client.empty_call(Empty {});
    bounded
        .wait("a call after the refused one", call)
        .await
        .expect("an answer");
}
