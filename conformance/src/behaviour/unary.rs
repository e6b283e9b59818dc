//! One request, one response, of growing sizes.

use crate::messages::{assert_payload, simple_request};
use crate::{Bounded, Subject, proto::SimpleRequest};

/// Payloads of a few bytes and of none, one call after the other, each way another size.
pub(super) async fn unary_small(subject: Subject) {
    exchange(
        subject,
        "unary_small",
        &[(0, 0), (1, 0), (0, 1), (3, 64), (64, 5), (1000, 999)],
    )
    .await;
}

/// 64 KiB each way, and one byte around it: several HTTP/2 frames, and the size of a default window.
pub(super) async fn unary_64_kib(subject: Subject) {
    const SIZE: usize = 64 * 1024;
    let sizes = [(SIZE, SIZE), (SIZE - 1, SIZE + 1), (SIZE + 1, SIZE - 1)];
    exchange(subject, "unary_64_kib", &sizes).await;
}

/// 1 MiB each way, then in one direction only.
pub(super) async fn unary_1_mib(subject: Subject) {
    const SIZE: usize = 1024 * 1024;
    let sizes = [(SIZE, SIZE), (SIZE, 1), (1, SIZE), (SIZE - 1, SIZE + 1)];
    exchange(subject, "unary_1_mib", &sizes).await;
}

/// One call after the other with these sizes of request and response.
async fn exchange(subject: Subject, scenario: &'static str, sizes: &[(usize, usize)]) {
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
