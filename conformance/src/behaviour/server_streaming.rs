//! One request, many responses.

use super::messages::{assert_end, assert_response, stream_request};
use crate::{Bounded, Reach, Subject, proto::StreamingOutputCallRequest};

/// The official sizes of responses.
const SIZES: [usize; 4] = [31_415, 9, 2653, 58_979];

/// "server_streaming", with the official sizes.
pub async fn server_streaming<T: Reach>(subject: Subject<T>) {
    read_all(subject, "server_streaming", stream_request(0, SIZES)).await;
}

/// The same with 2 ms before each response: each travels alone, with an idle link before it.
pub async fn server_streaming_slowly<T: Reach>(subject: Subject<T>) {
    let mut request = stream_request(0, SIZES);
    for wanted in &mut request.response_parameters {
        wanted.interval_us = 2000;
    }
    read_all(subject, "server_streaming_slowly", request).await;
}

async fn read_all<T: Reach>(
    subject: Subject<T>,
    scenario: &'static str,
    request: StreamingOutputCallRequest,
) {
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
