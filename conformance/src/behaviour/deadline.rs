//! Deadlines, in the request's `grpc-timeout`.
//!
//! What tonic 0.14 does: its `Channel` and its `Server` each start a timer from this header and give up the call when
//! it ends before the *response's headers* are there; from then on no deadline is kept. The status is CANCELLED
//! ("Timeout expired") and not DEADLINE_EXCEEDED as gRPC says; newer versions, other transports and a server whose
//! timer is the first may say the latter, so both are taken here.

use std::time::Duration;

use tonic::{Code, Request};

use super::messages::{assert_payload, open_stream, simple_request};
use crate::{
    Bounded, Reach, Subject,
    limits::SCENARIO_TIME,
    proto::{Empty, StreamingInputCallRequest},
};

/// "timeout_on_sleeping_server", so that nothing can race: the service waits for the end of a stream that the client
/// keeps open, so the deadline is the only thing that can end this call. Headers and answer are one for this method;
/// thus tonic's timers apply.
pub async fn deadline_expires<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("deadline_expires");
    let mut client = subject.client();
    let (requests, outgoing) = open_stream::<StreamingInputCallRequest>();
    let mut request = Request::new(outgoing);
    request.set_timeout(Duration::from_millis(100));
    let call = client.streaming_input_call(request);
    let status = bounded
        .wait("the deadline", call)
        .await
        .expect_err("an expired deadline");
    assert!(
        matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{status}"
    );

    let call = client.empty_call(Empty {});
    bounded
        .wait("a call after the expired one", call)
        .await
        .expect("an answer");
    // Not "one call abandoned": on a slow machine the deadline can end the call before it has left the client.
    let idle = subject.observer().idle();
    bounded
        .wait("the service to notice the deadline", idle)
        .await;
    drop(requests);
}

/// A deadline that does not expire changes nothing.
pub async fn deadline_far_off<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("deadline_far_off");
    let mut client = subject.client();
    let mut request = Request::new(simple_request(1000, 2000));
    // Longer than the scenario may take.
    request.set_timeout(SCENARIO_TIME * 2);
    let call = client.unary_call(request);
    let response = bounded.wait("the response", call).await.expect("an answer");
    assert_payload(response.into_inner().payload.as_ref(), 2000);
}
