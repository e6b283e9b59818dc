//! Many calls at once on one link.

use std::sync::Arc;

use tokio::{sync::Barrier, task::JoinSet};

use crate::messages::{
    assert_end, assert_payload, assert_response, join, open_stream, simple_request, stream_request,
};
use crate::{Bounded, Subject};

/// How many calls there are at once: ten times the streams that an HTTP/2 client may open before it has the server's
/// settings.
const CALLS: usize = 1000;

/// "concurrent_large_unary", with many sizes: from some bytes to 100 KiB, no two alike, so that no answer can be taken
/// for another's.
pub(super) async fn concurrent_unary(subject: Subject) {
    let bounded = Bounded::start("concurrent_unary");
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let mut client = subject.client();
        calls.spawn(async move {
            // Neighbours differ much: large and small frames are mixed on the link.
            let (request_size, response_size) =
                (number * 7919 % 1009 * 100, number * 6007 % 997 * 101);
            let call = client.unary_call(simple_request(request_size, response_size));
            let response = call.await.expect("an answer").into_inner();
            assert_payload(response.payload.as_ref(), response_size);
        });
    }
    join(&bounded, "all answers", calls).await;
}

/// Streams that are open all at the same time, by proof: none goes on before each has had its first response.
pub(super) async fn concurrent_streams(subject: Subject) {
    let bounded = Bounded::start("concurrent_streams");
    let all_open = Arc::new(Barrier::new(CALLS));
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let mut client = subject.client();
        let all_open = Arc::clone(&all_open);
        calls.spawn(async move {
            let (requests, outgoing) = open_stream();
            requests
                .send(stream_request(number, [number + 1]))
                .await
                .expect("an open stream");
            let response = client.full_duplex_call(outgoing).await.expect("a stream");
            let mut responses = response.into_inner();
            assert_response(responses.message().await, number + 1);
            all_open.wait().await;

            let sizes = [10_000 + number, number, 20_000 + number];
            requests
                .send(stream_request(2000 + number, sizes))
                .await
                .expect("an open stream");
            drop(requests);
            for size in sizes {
                assert_response(responses.message().await, size);
            }
            assert_end(responses.message().await);
        });
    }
    join(&bounded, "all streams to end", calls).await;
}
