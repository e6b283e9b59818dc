//! Messages larger than any buffer on the way.

use tonic::Code;

use crate::messages::{
    assert_end, assert_payload, assert_response, simple_request, stream_request,
};
use crate::{Bounded, Subject, proto::Empty};

/// The size of a large message's payload, in bytes.
const LARGE: usize = 16 * 1024 * 1024;

/// 16 MiB each way.
pub(super) async fn unary_16_mib(subject: Subject) {
    let bounded = Bounded::start("unary_16_mib");
    let mut client = subject.client();
    let call = client.unary_call(simple_request(LARGE, LARGE + 1));
    let response = bounded.wait("16 MiB in answer to 16 MiB", call).await;
    let response = response.expect("an answer").into_inner();
    assert_payload(response.payload.as_ref(), LARGE + 1);
}

/// Two 16 MiB requests on one stream, each answered by 16 MiB; the second request may travel while the first answer does.
pub(super) async fn large_stream(subject: Subject) {
    let bounded = Bounded::start("large_stream");
    let mut client = subject.client();
    let requests = [
        stream_request(LARGE, [LARGE - 1]),
        stream_request(LARGE + 1, [LARGE + 2]),
    ];
    let call = client.full_duplex_call(tokio_stream::iter(requests));
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    for size in [LARGE - 1, LARGE + 2] {
        assert_response(
            bounded.wait("a large response", responses.message()).await,
            size,
        );
    }
    assert_end(
        bounded
            .wait("the end of the stream", responses.message())
            .await,
    );
}

/// A client that refuses a response for its size leaves the rest of it unread; other calls on the link must not suffer.
/// The code is tonic's: OUT_OF_RANGE, where other implementations say RESOURCE_EXHAUSTED.
pub(super) async fn too_large_response_refused(subject: Subject) {
    let bounded = Bounded::start("too_large_response_refused");
    let mut client = subject.client_with_default_limits();
    // More refusals than any window on the way could hide, if each left its bytes behind in it.
    for _ in 0..4 {
        let call = client.unary_call(simple_request(1, LARGE));
        let status = bounded
            .wait("the refusal", call)
            .await
            .expect_err("a refusal");
        assert_eq!(status.code(), Code::OutOfRange, "{status}");
    }
    let call = client.empty_call(Empty {});
    bounded
        .wait("a call after the refused ones", call)
        .await
        .expect("an answer");
    let call = client.unary_call(simple_request(1, 1024 * 1024));
    let response = bounded.wait("1 MiB after the refused ones", call).await;
    assert_payload(
        response.expect("an answer").into_inner().payload.as_ref(),
        1024 * 1024,
    );
}
