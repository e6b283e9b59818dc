//! One request, many responses.

use crate::messages::{assert_end, assert_response, stream_request};
use crate::{Bounded, Subject, proto::StreamingOutputCallRequest};

/// The official sizes of responses.
const SIZES: [usize; 4] = [31_415, 9, 2653, 58_979];

/// 2 ms before each response: each travels alone, with an idle link before it.
pub(super) async fn server_streaming_slowly(subject: Subject) {
    let mut request = stream_request(0, SIZES);
    for wanted in &mut request.response_parameters {
        wanted.interval_us = 2000;
    }
    read_all(subject, "server_streaming_slowly", request).await;
}

async fn read_all(subject: Subject, scenario: &'static str, request: StreamingOutputCallRequest) {
    let bounded = Bounded::start(scenario);
    let mut client = subject.client();
    let call = client.streaming_output_call(request);
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    for size in SIZES {
        assert_response(bounded.wait("a response", responses.message()).await, size);
    }
    assert_end(
        bounded
            .wait("the end of the stream", responses.message())
            .await,
    );
}
