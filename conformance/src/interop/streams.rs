//! Many requests and one response, and the other way round.

use crate::{
    Bounded, Subject,
    messages::{assert_end, assert_response, stream_request, wire_size},
    payload::payload,
    proto::StreamingInputCallRequest,
};

/// The service tells how much it got.
pub(super) async fn client_streaming(subject: Subject) {
    let bounded = Bounded::start("client_streaming");
    let sizes = [27_182, 8, 1828, 45_904];
    let requests = sizes.map(|size| StreamingInputCallRequest {
        payload: Some(payload(size)),
        ..StreamingInputCallRequest::default()
    });
    let call = async {
        let requests = tokio_stream::iter(requests);
        subject.client().streaming_input_call(requests).await
    };
    let response = bounded.wait("the aggregated size", call).await;
    let response = response.expect("an answer").into_inner();
    let total = wire_size(sizes.iter().sum());
    assert_eq!(response.aggregated_payload_size, total);
}

/// The responses come complete and in their order.
pub(super) async fn server_streaming(subject: Subject) {
    let bounded = Bounded::start("server_streaming");
    let sizes = [31_415, 9, 2653, 58_979];
    let mut client = subject.client();
    let call = client.streaming_output_call(stream_request(0, sizes));
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    for size in sizes {
        assert_response(bounded.wait("a response", responses.message()).await, size);
    }
    let end = bounded.wait("the end of the stream", responses.message());
    assert_end(end.await);
}
