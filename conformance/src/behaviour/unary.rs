//! One request, one response, of growing sizes.

use super::messages::{assert_payload, simple_request};
use crate::{
    Bounded, Reach, Subject,
    proto::{Empty, SimpleRequest},
};

/// "empty_unary": messages of no bytes at all.
pub async fn empty_unary<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("empty_unary");
    let call = async { subject.client().empty_call(Empty {}).await };
    let response = bounded.wait("the empty response", call).await;
    assert_eq!(response.expect("an answer").into_inner(), Empty {});
}

/// Payloads of a few bytes and of none, one call after the other, each way another size.
pub async fn unary_small<T: Reach>(subject: Subject<T>) {
    exchange(
        subject,
        "unary_small",
        &[(0, 0), (1, 0), (0, 1), (3, 64), (64, 5), (1000, 999)],
    )
    .await;
}

/// "cacheable_unary", without a cache on the way: a plain call under another name.
pub async fn cacheable_unary<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("cacheable_unary");
    let call = async {
        subject
            .client()
            .cacheable_unary_call(simple_request(17, 42))
            .await
    };
    let response = bounded
        .wait("the response", call)
        .await
        .expect("an answer")
        .into_inner();
    assert_payload(response.payload.as_ref(), 42);
}

/// 64 KiB each way, and one byte around it: several HTTP/2 frames, and the size of a default window.
pub async fn unary_64_kib<T: Reach>(subject: Subject<T>) {
    const SIZE: usize = 64 * 1024;
    let sizes = [(SIZE, SIZE), (SIZE - 1, SIZE + 1), (SIZE + 1, SIZE - 1)];
    exchange(subject, "unary_64_kib", &sizes).await;
}

/// 1 MiB each way, then in one direction only.
pub async fn unary_1_mib<T: Reach>(subject: Subject<T>) {
    const SIZE: usize = 1024 * 1024;
    let sizes = [(SIZE, SIZE), (SIZE, 1), (1, SIZE), (SIZE - 1, SIZE + 1)];
    exchange(subject, "unary_1_mib", &sizes).await;
}

/// One call after the other with these sizes of request and response.
async fn exchange<T: Reach>(subject: Subject<T>, scenario: &'static str, sizes: &[(usize, usize)]) {
    let bounded = Bounded::start(scenario);
    let mut client = subject.client();
    for &(request_size, response_size) in sizes {
        let request: SimpleRequest = simple_request(request_size, response_size);
        let awaited = format!("{response_size} bytes in answer to {request_size}");
        let response = bounded.wait(&awaited, client.unary_call(request)).await;
        let response = response.expect("an answer").into_inner();
        assert_payload(response.payload.as_ref(), response_size);
    }
}
