//! A stream that nobody reads for a while.

use crate::messages::{
    assert_end, assert_payload, assert_response, simple_request, stream_request,
};
use crate::{Bounded, Subject, proto::Empty};

/// Streamed responses: 64 MiB in all, more than all windows and buffers on the way may hold together.
const RESPONSES: usize = 64;

/// About one MiB, each response another size: two that changed places would be found out.
fn size_of_response(number: usize) -> usize {
    1024 * 1024 + RESPONSES / 2 - number
}

/// The client reads a little of a large stream and stops; other calls on the same link are answered meanwhile, and the
/// service is held back; then the client reads the rest, which is complete.
pub(super) async fn slow_reader(subject: Subject) {
    let bounded = Bounded::start("slow_reader");
    let mut client = subject.client();
    let sizes = (0..RESPONSES).map(size_of_response);
    let call = client.streaming_output_call(stream_request(0, sizes.clone()));
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    let mut sizes = sizes;
    for size in sizes.by_ref().take(2) {
        assert_response(
            bounded
                .wait("a response before the pause", responses.message())
                .await,
            size,
        );
    }

    for number in 0..100 {
        let call = client.empty_call(Empty {});
        let answer = bounded
            .wait("a small call beside the stalled stream", call)
            .await;
        answer.expect("an answer");
        let call = client.unary_call(simple_request(number * 10, number * 11));
        let answer = bounded
            .wait("a small call beside the stalled stream", call)
            .await;
        assert_payload(
            answer.expect("an answer").into_inner().payload.as_ref(),
            number * 11,
        );
    }
    // True at any time if there is flow control: the service cannot be rid of 62 MiB that nobody takes.
    let counts = subject.observer().counts();
    assert_eq!(
        counts.in_flight(),
        1,
        "the stream should be held back: {counts:?}"
    );

    for size in sizes {
        assert_response(
            bounded
                .wait("a response after the pause", responses.message())
                .await,
            size,
        );
    }
    assert_end(
        bounded
            .wait("the end of the stream", responses.message())
            .await,
    );
}
