//! A reader that stops. What its writer can be rid of is bounded, and other calls on the same connection go on.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use tonic::Streaming;

use crate::messages::{
    assert_end, assert_payload, assert_response, simple_request, stream_request,
};
use crate::{Bounded, Subject, proto::StreamingOutputCallResponse};

/// The payload of every message of a stream that nobody reads.
const SIZE: u64 = 64 * 1024;

/// Messages of such a stream: 16 MiB, more than both directions may hold.
const MESSAGES: u64 = 256;

/// What one direction may hold, in bytes: a window of 4 MiB (where 4.1 MiB were measured over every link of isotonic's),
/// and half as much in the buffers of hyper, of the link and of the kernel.
const BOUND: u64 = 6 * 1024 * 1024;

/// So many calls on the same connection without another message taken from the writer show that it is held back.
const STILL: usize = 100;

/// The client does not read a server stream.
pub(super) async fn unread_responses_bounded(subject: Subject) {
    let bounded = Bounded::start("unread_responses_bounded");
    let mut client = subject.client();
    let sizes = std::iter::repeat_n(SIZE as usize, MESSAGES as usize);
    let call = client.streaming_output_call(stream_request(0, sizes));
    let response = bounded.wait("the response's headers", call).await;
    let responses = response.expect("a stream").into_inner();

    let streamed = || subject.observer().counts().streamed;
    until_it_stands_still(&subject, &bounded, BOUND, streamed).await;
    assert_eq!(subject.observer().counts().in_flight(), 1);
    read_all(&bounded, responses).await;
}

/// The client does not read the responses either, so that the service, which sends one for each request, reads no more
/// requests: both directions back up, to the client's stream of requests.
pub(super) async fn unread_requests_bounded(subject: Subject) {
    let bounded = Bounded::start("unread_requests_bounded");
    let mut client = subject.client();
    // A figure that no other memory depends on: relaxed.
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    let requests = (0..MESSAGES).map(move |_| {
        count.fetch_add(1, Relaxed);
        stream_request(SIZE as usize, [SIZE as usize])
    });
    let call = client.full_duplex_call(tokio_stream::iter(requests));
    let response = bounded.wait("the response's headers", call).await;
    let responses = response.expect("a stream").into_inner();

    let sent = || sent.load(Relaxed);
    // The requests on the way, and those whose responses are.
    until_it_stands_still(&subject, &bounded, 2 * BOUND, sent).await;
    let streamed = subject.observer().counts().streamed;
    assert!(streamed * SIZE <= BOUND, "{streamed} responses on the way");
    assert_eq!(subject.observer().counts().in_flight(), 1);
    read_all(&bounded, responses).await;
}

/// Makes calls until as many as [`STILL`] have gone by without a change of `taken`, the messages that the writer is rid
/// of. They may never be more than `bound` bytes.
async fn until_it_stands_still(
    subject: &Subject,
    bounded: &Bounded,
    bound: u64,
    taken: impl Fn() -> u64,
) {
    let (mut last, mut still) = (taken(), 0);
    while still < STILL {
        small_call(subject, bounded, 11 * still).await;
        let now = taken();
        assert!(
            now * SIZE <= bound,
            "the writer is rid of {now} messages of {SIZE} bytes, which nobody has read"
        );
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
}

async fn small_call(subject: &Subject, bounded: &Bounded, size: usize) {
    let mut client = subject.client();
    let call = client.unary_call(simple_request(size, size));
    let answer = bounded
        .wait("a small call beside the stream that nobody reads", call)
        .await;
    let answer = answer.expect("an answer").into_inner();
    assert_payload(answer.payload.as_ref(), size);
}

/// The reader goes on, and nothing is missing.
async fn read_all(bounded: &Bounded, mut responses: Streaming<StreamingOutputCallResponse>) {
    for _ in 0..MESSAGES {
        let response = bounded.wait("a response after the pause", responses.message());
        assert_response(response.await, SIZE as usize);
    }
    let end = bounded.wait("the end of the stream", responses.message());
    assert_end(end.await);
}
