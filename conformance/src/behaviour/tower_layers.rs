//! Layers of tower, as applications put them around a client's channel and around a service.

use std::{
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{extract::Request as Served, middleware::Next, response::IntoResponse};
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use tonic::{Code, Status, body::Body, service::Routes};
use tower::{
    ServiceExt,
    limit::ConcurrencyLimit,
    retry::{Policy, Retry},
    service_fn,
    timeout::Timeout,
    util::{MapRequestLayer, MapResponseLayer},
};

use super::served::Serving;
use crate::{
    Bounded, Subject, Way,
    echo::{INITIAL, texts},
    limits::SCENARIO_TIME,
    link::SharedLink,
    messages::{assert_payload, open_stream, simple_request},
    proto::{Empty, StreamingInputCallRequest, test_service_client::TestServiceClient},
    reach::{self, WayError},
    service::TestService,
};

/// A timeout ends a call that is not answered; calls that are answered do not notice it.
pub(super) async fn client_timeout(subject: Subject) {
    let bounded = Bounded::start("client_timeout");
    let patient = reach::way(Timeout::new(subject.way(), SCENARIO_TIME));
    let mut client = TestServiceClient::new(patient);
    let call = client.unary_call(simple_request(1000, 2000));
    let response = bounded.wait("an answer", call).await.expect("an answer");
    assert_payload(response.into_inner().payload.as_ref(), 2000);

    let impatient = reach::way(Timeout::new(subject.way(), Duration::from_millis(50)));
    let mut impatient = TestServiceClient::new(impatient);
    let (requests, outgoing) = open_stream::<StreamingInputCallRequest>();
    let call = impatient.streaming_input_call(outgoing);
    let status = bounded.wait("the timeout", call).await;
    let status = status.expect_err("a timeout");
    // tonic does not know tower's error.
    assert_eq!(status.code(), Code::Unknown, "{status}");
    drop(requests);
    // The service may not have seen the call when the time was over; its end is waited for after the scenario.
    let call = client.unary_call(simple_request(3000, 4000));
    let response = bounded.wait("an answer", call).await.expect("an answer");
    assert_payload(response.into_inner().payload.as_ref(), 4000);
}

/// A limit holds further calls back until one is answered; calls that do not go through it are not held back.
pub(super) async fn client_concurrency_limit(subject: Subject) {
    let bounded = Bounded::start("client_concurrency_limit");
    let limited = reach::way(ConcurrencyLimit::new(subject.way(), 1));
    let (requests, outgoing) = open_stream::<StreamingInputCallRequest>();
    let mut first = TestServiceClient::new(limited.clone());
    let first = tokio::spawn(async move { first.streaming_input_call(outgoing).await });
    let started = subject.observer().until(|counts| counts.started == 1);
    bounded.wait("the first call to be served", started).await;

    let mut second = TestServiceClient::new(limited);
    let second = second.unary_call(simple_request(1000, 2000));
    tokio::pin!(second);
    let mut beside = subject.client();
    for _ in 0..10 {
        let call = bounded.wait("a call beside the limit", beside.empty_call(Empty {}));
        tokio::select! {
            biased;
            _ = &mut second => panic!("two calls at once"),
            answer = call => answer.expect("an answer"),
        };
    }
    assert_eq!(subject.observer().counts().started, 11, "calls served");

    drop(requests);
    let answer = bounded.wait("the first call's answer", first).await;
    answer.expect("no panic").expect("an answer");
    let answer = bounded.wait("the second call's answer", second).await;
    let answer = answer.expect("an answer").into_inner();
    assert_payload(answer.payload.as_ref(), 2000);
}

/// A client that asks again where a service was not available; one in front of the service is not, for the first calls.
pub(super) async fn client_retry(link: SharedLink) {
    const REFUSED: usize = 2;
    let service = TestService::new();
    let observer = service.observer();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let refuse = move |request: Served, next: Next| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            if number < REFUSED {
                let refusal = Status::unavailable("not yet").into_http::<Body>();
                refusal.map(axum::body::Body::new)
            } else {
                next.run(request).await
            }
        }
    };
    let router = service.into_routes().into_axum_router();
    let router = router.layer(axum::middleware::from_fn(refuse));
    let serving = Serving::start("client_retry", &link, Routes::from(router)).await;

    let mut client = TestServiceClient::new(retrying(serving.way()));
    let call = client.unary_call(simple_request(100_000, 2000));
    let response = serving.bounded.wait("the third answer", call).await;
    let response = response.expect("an answer").into_inner();
    assert_payload(response.payload.as_ref(), 2000);
    assert_eq!(calls.load(Ordering::Relaxed), REFUSED + 1, "calls sent");
    assert_eq!(observer.counts().started, 1, "calls served");
    drop(client);
    serving.end().await;
}

/// Layers around a service change requests before it and answers behind it.
pub(super) async fn service_layers(link: SharedLink) {
    let router = TestService::new().into_routes().into_axum_router();
    let router = router
        .layer(MapRequestLayer::new(|mut request: Served| {
            let value = HeaderValue::from_static("from a layer");
            request.headers_mut().insert(INITIAL, value);
            request
        }))
        .layer(MapResponseLayer::new(
            |response: axum::response::Response| {
                let added = [("x-answered", "through a layer")];
                (added, response).into_response()
            },
        ));
    let serving = Serving::start("service_layers", &link, Routes::from(router)).await;
    let mut client = TestServiceClient::new(serving.way());
    let call = client.unary_call(simple_request(100_000, 200_000));
    let response = serving.bounded.wait("an answer", call).await;
    let response = response.expect("an answer");
    assert_eq!(texts(response.metadata()), ["from a layer"]);
    let answered = response.metadata().get("x-answered").expect("a header");
    assert_eq!(answered, "through a layer");
    assert_payload(response.into_inner().payload.as_ref(), 200_000);
    drop(client);
    serving.end().await;
}

/// Sends a call again as long as the answer is UNAVAILABLE.
fn retrying(way: Way) -> Way {
    let whole = way.map_request(|request: Request<Bytes>| {
        request.map(|body| Body::new(Full::new(body).map_err(|never| match never {})))
    });
    let retry = Retry::new(WhileUnavailable, whole);
    reach::way(service_fn(move |request: Request<Body>| {
        let retry = retry.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body
                .collect()
                .await
                .map_err(|status| WayError(status.into()))?;
            let request = Request::from_parts(head, body.to_bytes());
            retry.oneshot(request).await
        }
    }))
}

#[derive(Clone, Debug)]
struct WhileUnavailable;

impl Policy<Request<Bytes>, Response<Body>, WayError> for WhileUnavailable {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Bytes>,
        result: &mut Result<Response<Body>, WayError>,
    ) -> Option<Ready<()>> {
        let status = Status::from_header_map(result.as_ref().ok()?.headers())?;
        (status.code() == Code::Unavailable).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<Bytes>) -> Option<Request<Bytes>> {
        Some(request.clone())
    }
}
