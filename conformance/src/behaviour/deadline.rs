//! Deadlines, in the request's `grpc-timeout`.

use tonic::Request;

use crate::{
    Bounded, Subject,
    limits::SCENARIO_TIME,
    messages::{assert_payload, simple_request},
};

/// A deadline that does not expire changes nothing.
pub(super) async fn deadline_far_off(subject: Subject) {
    let bounded = Bounded::start("deadline_far_off");
    let mut client = subject.client();
    let mut request = Request::new(simple_request(1000, 2000));
    // Longer than the scenario may take.
    request.set_timeout(SCENARIO_TIME * 2);
    let call = client.unary_call(request);
    let response = bounded.wait("the response", call).await.expect("an answer");
    assert_payload(response.into_inner().payload.as_ref(), 2000);
}
