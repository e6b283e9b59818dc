//! The client ends its stream; the server goes on.

use crate::messages::{assert_end, assert_response, open_stream, stream_request};
use crate::{Bounded, Subject};

/// The service answers only when the client has ended its stream: each response is sent after the half-close.
pub(super) async fn half_close(subject: Subject) {
    let bounded = Bounded::start("half_close");
    let mut client = subject.client();
    let requests = [
        stream_request(100, [31_415, 9]),
        stream_request(70_000, []),
        stream_request(3, [2653, 58_979, 0]),
    ];
    let call = client.half_duplex_call(tokio_stream::iter(requests));
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    for size in [31_415, 9, 2653, 58_979, 0] {
        let received = bounded
            .wait("a response after the half-close", responses.message())
            .await;
        assert_response(received, size);
    }
    assert_end(
        bounded
            .wait("the end of the stream", responses.message())
            .await,
    );
}

/// The client reads one of many responses, ends its stream and only then reads the others. They are 8 MiB, so that a
/// part of them is not even produced before the half-close.
pub(super) async fn half_close_after_first_response(subject: Subject) {
    const RESPONSES: usize = 32;
    let bounded = Bounded::start("half_close_after_first_response");
    let mut client = subject.client();
    let (requests, outgoing) = open_stream();
    let sizes = || (0..RESPONSES).map(|number| 256 * 1024 + number);
    let sent = requests.send(stream_request(1, sizes())).await;
    sent.expect("an open stream");
    let call = client.full_duplex_call(outgoing);
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();

    let mut sizes = sizes();
    let first = sizes.next().expect("a size");
    assert_response(
        bounded
            .wait("the first response", responses.message())
            .await,
        first,
    );
    drop(requests);
    for size in sizes {
        let received = bounded
            .wait("a response after the half-close", responses.message())
            .await;
        assert_response(received, size);
    }
    assert_end(
        bounded
            .wait("the end of the stream", responses.message())
            .await,
    );
}
