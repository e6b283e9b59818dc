//! Calls that nobody answers.

use tonic::Code;

use crate::{Bounded, Subject, proto::Empty};

/// "unimplemented_method": a method that the service declares and refuses.
pub(super) async fn unimplemented_method(subject: Subject) {
    let bounded = Bounded::start("unimplemented_method");
    let mut client = subject.client();
    let call = client.unimplemented_call(Empty {});
    let status = bounded
        .wait("the refusal", call)
        .await
        .expect_err("a refusal");
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    let call = client.empty_call(Empty {});
    bounded
        .wait("a call after the refused one", call)
        .await
        .expect("an answer");
}

/// "unimplemented_service": a service that the server does not have.
pub(super) async fn unimplemented_service(subject: Subject) {
    let bounded = Bounded::start("unimplemented_service");
    let mut client = subject.unimplemented_client();
    let call = client.unimplemented_call(Empty {});
    let status = bounded
        .wait("the refusal", call)
        .await
        .expect_err("a refusal");
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    let mut client = subject.client();
    let call = client.empty_call(Empty {});
    bounded
        .wait("a call after the refused one", call)
        .await
        .expect("an answer");
}
