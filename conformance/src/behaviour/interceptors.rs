//! Interceptors: what a client or a service does with the metadata of each call before it goes on.

use tonic::{
    Code, Request, Status,
    metadata::MetadataValue,
    service::{Routes, interceptor::InterceptedService},
};

use super::served::Serving;
use crate::{
    Bounded, Subject,
    echo::{INITIAL, texts},
    link::SharedLink,
    messages::{assert_end, assert_payload, assert_response, simple_request, stream_request},
    proto::test_service_client::TestServiceClient,
    service::TestService,
};

/// With it, a call is admitted by the service's interceptor.
const TOKEN: &str = "x-token";

/// A client's adds metadata to each call, or refuses it: then nothing is sent.
pub(super) async fn client_interceptor(subject: Subject) {
    let bounded = Bounded::start("client_interceptor");
    let mut client = TestServiceClient::with_interceptor(subject.way(), add);
    let call = client.unary_call(simple_request(1000, 2000));
    let response = bounded.wait("an answer", call).await.expect("an answer");
    assert_eq!(texts(response.metadata()), ["added"]);
    assert_payload(response.into_inner().payload.as_ref(), 2000);

    let requests = tokio_stream::iter([stream_request(1, [70_000])]);
    let call = client.full_duplex_call(requests);
    let response = bounded.wait("the headers", call).await.expect("a stream");
    assert_eq!(texts(response.metadata()), ["added"]);
    let mut responses = response.into_inner();
    let response = bounded.wait("a response", responses.message());
    assert_response(response.await, 70_000);
    assert_end(bounded.wait("the end", responses.message()).await);

    let started = subject.observer().counts().started;
    let mut refusing = TestServiceClient::with_interceptor(subject.way(), |_: Request<()>| {
        Err(Status::resource_exhausted("too many calls"))
    });
    let call = refusing.unary_call(simple_request(1, 1));
    let status = bounded.wait("a refusal", call).await;
    let status = status.expect_err("a refusal");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert_eq!(subject.observer().counts().started, started, "calls served");
}

/// A service's sees what was sent before the service does, and answers in its place where it refuses.
pub(super) async fn service_interceptor(link: SharedLink) {
    let service = TestService::new();
    let observer = service.observer();
    let intercepted = InterceptedService::new(service.into_service(), admit);
    let serving = Serving::start("service_interceptor", &link, Routes::new(intercepted)).await;
    let bounded = serving.bounded;
    let mut client = TestServiceClient::new(serving.way());

    for token in [None, Some("wrong")] {
        let call = client.unary_call(with_token(simple_request(100_000, 1), token));
        let status = bounded.wait("a refusal", call).await;
        let status = status.expect_err("a refusal");
        assert_eq!(status.code(), Code::Unauthenticated, "{status}");
        assert_eq!(status.message(), "no token");
        let requests = tokio_stream::iter([stream_request(100_000, [1])]);
        let call = client.full_duplex_call(with_token(requests, token));
        let status = bounded.wait("a refusal", call).await;
        let status = status.expect_err("a refusal");
        assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    }
    assert_eq!(observer.counts().started, 0, "calls that were refused");

    let call = client.unary_call(with_token(simple_request(1000, 2000), Some("right")));
    let response = bounded.wait("an answer", call).await.expect("an answer");
    assert_eq!(texts(response.metadata()), ["added"]);
    assert_payload(response.into_inner().payload.as_ref(), 2000);
    drop(client);
    serving.end().await;
}

/// Adds what the service echoes.
fn add(mut request: Request<()>) -> Result<Request<()>, Status> {
    let metadata = request.metadata_mut();
    metadata.insert(INITIAL, MetadataValue::from_static("added"));
    Ok(request)
}

/// Lets pass who has the token.
fn admit(request: Request<()>) -> Result<Request<()>, Status> {
    let token = request.metadata().get(TOKEN);
    if token.is_some_and(|token| token == "right") {
        add(request)
    } else {
        Err(Status::unauthenticated("no token"))
    }
}

fn with_token<M>(message: M, token: Option<&'static str>) -> Request<M> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let token = MetadataValue::from_static(token);
        request.metadata_mut().insert(TOKEN, token);
    }
    request
}
