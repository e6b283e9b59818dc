//! Where a status stands in an answer, as HTTP sees it.

use http::StatusCode;
use tonic::Code;

use super::raw_http::{Answer, ask, framed, request};
use crate::{
    Bounded, Subject,
    messages::{echo_status, simple_request, stream_request},
    payload::payload,
    proto::{SimpleRequest, SimpleResponse, StreamingOutputCallRequest},
};

const UNARY: &str = "/grpc.testing.TestService/UnaryCall";
const STREAM: &str = "/grpc.testing.TestService/FullDuplexCall";
const STATUS: &str = "grpc-status";

/// A refusal without responses is one block of headers, and nothing behind it.
pub(super) async fn trailers_only(subject: Subject) {
    let bounded = Bounded::start("trailers_only");
    let wanted = SimpleRequest {
        response_status: echo_status(Code::NotFound, "only a status"),
        ..SimpleRequest::default()
    };
    let answer = ask(&bounded, subject.way(), request(UNARY, &wanted)).await;
    assert_is_grpc(&answer);
    assert_eq!(answer.headers[STATUS], "5");
    assert_eq!(answer.headers["grpc-message"], "only%20a%20status");
    assert!(answer.headers_only, "something came behind: {answer:?}");
    assert!(answer.data.is_empty(), "data: {answer:?}");
    assert_eq!(answer.trailers, None);
}

/// An answer with a response has its status behind it, and only there.
pub(super) async fn status_in_trailers(subject: Subject) {
    let bounded = Bounded::start("status_in_trailers");
    let wanted = simple_request(100, 300_000);
    let answer = ask(&bounded, subject.way(), request(UNARY, &wanted)).await;
    assert_status_behind(&answer, "0");
    let response = SimpleResponse {
        payload: Some(payload(300_000)),
        ..SimpleResponse::default()
    };
    assert!(answer.data == framed(&response), "one message and no more");

    let wanted = stream_request(1, [0; 0]);
    let answer = ask(&bounded, subject.way(), request(STREAM, &wanted)).await;
    assert_status_behind(&answer, "0");
    assert!(answer.data.is_empty(), "data: {answer:?}");

    let wanted = StreamingOutputCallRequest {
        response_status: echo_status(Code::Aborted, "behind the headers"),
        ..StreamingOutputCallRequest::default()
    };
    let answer = ask(&bounded, subject.way(), request(STREAM, &wanted)).await;
    assert_status_behind(&answer, "10");
}

fn assert_status_behind(answer: &Answer, status: &str) {
    assert_is_grpc(answer);
    assert!(!answer.headers_only, "headers only: {answer:?}");
    assert!(!answer.headers.contains_key(STATUS), "{answer:?}");
    let trailers = answer.trailers.as_ref().expect("trailers");
    assert_eq!(trailers.get_all(STATUS).iter().count(), 1, "{trailers:?}");
    assert_eq!(trailers[STATUS], status);
}

/// Every gRPC status is a success of HTTP.
fn assert_is_grpc(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/grpc");
}
