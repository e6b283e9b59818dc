//! One request, one response.

use tokio::task::JoinSet;
use tonic::Request;

use crate::{
    Bounded, Subject,
    messages::{assert_payload, join, simple_request},
    proto::Empty,
};

/// The official sizes of a large call's payloads.
const LARGE: (usize, usize) = (271_828, 314_159);

/// Messages of no bytes at all.
pub(super) async fn empty_unary(subject: Subject) {
    let bounded = Bounded::start("empty_unary");
    let call = async { subject.client().empty_call(Empty {}).await };
    let response = bounded.wait("the empty response", call).await;
    assert_eq!(response.expect("an answer").into_inner(), Empty {});
}

/// Without a cache on the way: plain calls that would like to be answered from one.
pub(super) async fn cacheable_unary(subject: Subject) {
    let bounded = Bounded::start("cacheable_unary");
    let mut client = subject.client();
    for _ in 0..2 {
        let mut request = Request::new(simple_request(17, 42));
        let user = "1.2.3.4".parse().expect("ASCII");
        request.metadata_mut().insert("x-user-ip", user);
        let call = client.cacheable_unary_call(request);
        let response = bounded.wait("the response", call).await;
        let response = response.expect("an answer").into_inner();
        assert_payload(response.payload.as_ref(), 42);
    }
}

/// More than any frame, and than HTTP/2's default window.
pub(super) async fn large_unary(subject: Subject) {
    let bounded = Bounded::start("large_unary");
    let call = async {
        let request = simple_request(LARGE.0, LARGE.1);
        subject.client().unary_call(request).await
    };
    let response = bounded.wait("the response", call).await;
    let response = response.expect("an answer").into_inner();
    assert_payload(response.payload.as_ref(), LARGE.1);
}

/// A thousand at once on one connection.
pub(super) async fn concurrent_large_unary(subject: Subject) {
    const CALLS: usize = 1000;
    let bounded = Bounded::start("concurrent_large_unary");
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let mut client = subject.client();
        calls.spawn(async move {
            let call = client.unary_call(simple_request(LARGE.0, LARGE.1));
            let response = call.await.expect("an answer").into_inner();
            assert_payload(response.payload.as_ref(), LARGE.1);
        });
    }
    join(&bounded, "all answers", calls).await;
}
