//! Requests and responses in turns, or none of either.

use crate::messages::{assert_end, assert_response, open_stream, stream_request};
use crate::{Bounded, Subject};

/// "ping_pong": each request is sent when the answer to the one before has come. The official sizes, twice over.
pub(super) async fn ping_pong(subject: Subject) {
    let bounded = Bounded::start("ping_pong");
    let mut client = subject.client();
    let (requests, outgoing) = open_stream();
    // The first request is there before the call: a transport may hold the call's headers back for it.
    let exchanges = [(27_182, 31_415), (8, 9), (1828, 2653), (45_904, 58_979)];
    let mut exchanges = exchanges.into_iter().chain(exchanges).peekable();
    let mut responses = {
        let &(request_size, response_size) = exchanges.peek().expect("an exchange");
        let sent = requests
            .send(stream_request(request_size, [response_size]))
            .await;
        sent.expect("an open stream");
        let call = client.full_duplex_call(outgoing);
        let response = bounded.wait("the response's headers", call).await;
        response.expect("a stream").into_inner()
    };
    while let Some((_, response_size)) = exchanges.next() {
        assert_response(
            bounded.wait("a pong", responses.message()).await,
            response_size,
        );
        if let Some(&(request_size, response_size)) = exchanges.peek() {
            let request = stream_request(request_size, [response_size]);
            let sent = bounded
                .wait("room for a ping", requests.send(request))
                .await;
            sent.expect("an open stream");
        }
    }
    drop(requests);
    assert_end(
        bounded
            .wait("the end of the stream", responses.message())
            .await,
    );
}

/// "empty_stream": a stream each way and not one message.
pub(super) async fn empty_stream(subject: Subject) {
    let bounded = Bounded::start("empty_stream");
    let mut client = subject.client();
    let call = client.full_duplex_call(tokio_stream::empty());
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    assert_end(
        bounded
            .wait("the end of the stream", responses.message())
            .await,
    );
}
