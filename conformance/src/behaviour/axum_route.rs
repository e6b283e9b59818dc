//! Plain HTTP beside gRPC: a route of axum's among the services.

use axum::{body::Bytes as Received, routing};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::task::JoinSet;
use tonic::{body::Body, service::Routes};

use super::{
    raw_http::{Answer, ask},
    served::Serving,
    witness::Witness,
};
use crate::{
    Bounded, Way,
    link::SharedLink,
    messages::{assert_payload, join, simple_request},
    payload::{content, verify},
    proto::test_service_client::TestServiceClient,
    service::TestService,
};

const PATH: &str = "/blocks";
const REQUEST: usize = 300_000;
const RESPONSE: usize = 1_000_000;

/// GETs with a body each way, while gRPC calls run on the same connection.
pub(super) async fn axum_route(link: SharedLink) {
    let router = TestService::new().into_routes().into_axum_router();
    let router = router.route(PATH, routing::get(blocks));
    let serving = Serving::start("axum_route", &link, Routes::from(router)).await;
    let bounded = serving.bounded;
    let mut witness = Witness::start(&bounded, serving.way()).await;

    let mut calls = JoinSet::new();
    for number in 0..8 {
        calls.spawn(get(bounded, serving.way(), number));
        calls.spawn(call(bounded, serving.way(), number));
    }
    for _ in 0..8 {
        witness.asked(&bounded).await;
    }
    join(&bounded, "all answers", calls).await;

    let answer = ask(&bounded, serving.way(), http_get("/nothing", 0)).await;
    // The fallback is tonic's, for which each path is a call.
    assert_eq!(answer.headers["grpc-status"], "12", "{answer:?}");
    witness.dismissed(&bounded).await;
    serving.end().await;
}

/// Answers with other bytes than it was sent.
async fn blocks(received: Received) -> Result<Received, StatusCode> {
    verify(&received).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(content(RESPONSE + received.len()))
}

async fn get(bounded: Bounded, way: Way, number: usize) {
    let size = REQUEST + number;
    let Answer {
        status,
        headers,
        data,
        trailers,
        ..
    } = ask(&bounded, way, http_get(PATH, size)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!headers.contains_key("grpc-status"), "{headers:?}");
    assert_eq!(data.len(), RESPONSE + size);
    assert_eq!(verify(&data), Ok(()));
    assert_eq!(trailers, None);
}

fn http_get(path: &str, size: usize) -> Request<Body> {
    let body = Full::new(content(size)).map_err(|never| match never {});
    let request = Request::get(path).body(Body::new(body));
    request.expect("a valid request")
}

async fn call(bounded: Bounded, way: Way, number: usize) {
    let (sent, wanted) = (REQUEST + 2 * number, RESPONSE / 2 + number);
    let mut client = TestServiceClient::new(way);
    let call = client.unary_call(simple_request(sent, wanted));
    let response = bounded.wait("a gRPC answer", call).await;
    let response = response.expect("an answer").into_inner();
    assert_payload(response.payload.as_ref(), wanted);
}
