//! The status that ends a call.

use tonic::Code;

use crate::{
    Bounded, Subject,
    messages::{assert_response, assert_status, echo_status, stream_request, unary_status},
    proto::StreamingOutputCallRequest,
};

/// Each of the 16 error codes arrives as itself.
pub(super) async fn every_status_code(subject: Subject) {
    let bounded = Bounded::start("every_status_code");
    for code in (1..=16).map(Code::from_i32) {
        let message = format!("asked for {code:?}");
        let status = unary_status(&subject, &bounded, code, &message).await;
        assert_status(&status, code, &message);
    }
}

/// A status that comes after responses takes none of them away: on HTTP/2 it is in the trailers, behind the data.
pub(super) async fn status_after_responses(subject: Subject) {
    let bounded = Bounded::start("status_after_responses");
    let mut client = subject.client();
    let requests = [
        stream_request(5, [100_000, 7, 200_000]),
        StreamingOutputCallRequest {
            response_status: echo_status(Code::DataLoss, "after three responses"),
            ..StreamingOutputCallRequest::default()
        },
    ];
    let call = client.full_duplex_call(tokio_stream::iter(requests));
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    for size in [100_000, 7, 200_000] {
        assert_response(bounded.wait("a response", responses.message()).await, size);
    }
    let status = bounded.wait("the status", responses.message()).await;
    let status = status.expect_err("a status after the responses");
    assert_status(&status, Code::DataLoss, "after three responses");
}
