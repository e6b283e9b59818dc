//! Requests that are HTTP/2, but not quite what gRPC over HTTP/2 demands.

use http::{HeaderValue, Method, StatusCode, header};

use super::{
    raw_http::{Answer, ask, framed, request},
    witness::Witness,
};
use crate::{Bounded, Subject, messages::simple_request, payload::payload, proto::SimpleResponse};

const UNARY: &str = "/grpc.testing.TestService/UnaryCall";
const RESPONSE: usize = 2000;

/// A path that is no method is answered with UNIMPLEMENTED, which is a success of HTTP; the service sees nothing of it.
pub(super) async fn unknown_path(subject: Subject) {
    let bounded = Bounded::start("unknown_path");
    let mut witness = Witness::start(&bounded, subject.way()).await;
    let started = subject.observer().counts().started;
    for path in [
        "/",
        "/grpc.testing.TestService",
        "/grpc.testing.TestService/",
        "/grpc.testing.TestService/Nothing",
        "/grpc.testing.TestService/unaryCall",
        "/grpc.testing.TestService/UnaryCall/",
        "/grpc.testing.TestService/UnaryCall/more",
        "/grpc.testing.Nothing/UnaryCall",
        "/TestService/UnaryCall",
    ] {
        let unknown = request(path, &simple_request(100_000, RESPONSE));
        let answer = ask(&bounded, subject.way(), unknown).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.headers["content-type"], "application/grpc", "{path}");
        assert_eq!(answer.headers["grpc-status"], "12", "{path}");
        assert!(answer.data.is_empty(), "{path}: {answer:?}");
        assert_eq!(answer.trailers, None, "{path}");
        witness.asked(&bounded).await;
    }
    assert_eq!(subject.observer().counts().started, started, "calls served");
    witness.dismissed(&bounded).await;
}

/// gRPC wants HTTP status 415 for what does not begin with `application/grpc`; tonic takes each for its own.
pub(super) async fn wrong_content_type(subject: Subject) {
    let bounded = Bounded::start("wrong_content_type");
    let witness = Witness::start(&bounded, subject.way()).await;
    for content_type in [
        "application/grpc",
        "application/grpc+proto",
        "application/json",
        "text/plain",
    ] {
        let mut wrong = request(UNARY, &simple_request(10, RESPONSE));
        let value = HeaderValue::from_static(content_type);
        wrong.headers_mut().insert(header::CONTENT_TYPE, value);
        assert_answered(&ask(&bounded, subject.way(), wrong).await, content_type);
    }
    let mut wrong = request(UNARY, &simple_request(10, RESPONSE));
    wrong.headers_mut().remove(header::CONTENT_TYPE);
    assert_answered(&ask(&bounded, subject.way(), wrong).await, "none");
    witness.dismissed(&bounded).await;
}

/// A gRPC call is a POST; tonic takes each method for one. HEAD is left out: its answer may have no body in HTTP.
pub(super) async fn not_post(subject: Subject) {
    let bounded = Bounded::start("not_post");
    let witness = Witness::start(&bounded, subject.way()).await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let mut wrong = request(UNARY, &simple_request(10, RESPONSE));
        *wrong.method_mut() = method.clone();
        let answer = ask(&bounded, subject.way(), wrong).await;
        assert_answered(&answer, method.as_str());
    }
    witness.dismissed(&bounded).await;
}

/// It was answered as if nothing were wrong.
fn assert_answered(answer: &Answer, wrong: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{wrong}");
    assert_eq!(
        answer.headers["content-type"], "application/grpc",
        "{wrong}"
    );
    let response = SimpleResponse {
        payload: Some(payload(RESPONSE)),
        ..SimpleResponse::default()
    };
    assert!(answer.data == framed(&response), "{wrong}: {answer:?}");
    let trailers = answer.trailers.as_ref().expect("trailers");
    assert_eq!(trailers["grpc-status"], "0", "{wrong}");
}
