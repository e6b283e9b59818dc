//! Metadata up to the receiver's limit, and over it.
//!
//! HTTP/2 lets each side say how large a list of headers it takes. The limit counts all fields of a list, those of HTTP and
//! gRPC among them, so the largest value that passes is searched for. A value that is refused must not end the connection.

use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use tonic::{
    Code, Request as Call, Status,
    metadata::{MetadataMap, MetadataValue},
    service::Routes,
};

use super::{served::Serving, witness::Witness};
use crate::{
    Bounded,
    link::SharedLink,
    messages::{assert_payload, simple_request},
    observer::Observer,
    proto::test_service_client::TestServiceClient,
    service::TestService,
};

/// gRPC suggests that nobody takes less than 8 KiB; one leaves room for the fields that are not ours.
const PASSES: usize = 7 * 1024;

/// More than hyper takes (16 KiB by default), and less than what h2 holds for an attack, which ends the connection.
const TOO_LARGE: usize = 32 * 1024;

/// Where the large value is.
const FILLER: &str = "x-filler";

/// How large a value shall come back in the response's headers.
const IN_HEADERS: &str = "x-filler-in-headers";

/// How large a value shall come back in the trailers.
const IN_TRAILERS: &str = "x-filler-in-trailers";

/// The request's metadata. The service does not see what is refused; the status is UNKNOWN, as gRPC maps the
/// server's HTTP status (431).
pub(super) async fn request_metadata_limit(link: SharedLink) {
    let filled = Filled::start("request_metadata_limit", &link).await;
    let mut witness = Witness::start(&filled.serving.bounded, filled.serving.way()).await;
    let limit = filled.largest(&mut witness, Metadata::Sent).await;

    let response = filled.call(Metadata::Sent(limit)).await;
    response.expect("an answer at the limit");
    let calls = filled.observer.counts().started;
    let refused = filled.call(Metadata::Sent(limit + 1)).await;
    let status = refused.expect_err("a refusal over the limit");
    assert_eq!(status.code(), Code::Unknown, "{status}");
    assert!(status.message().contains("431"), "{status}");
    assert_eq!(filled.observer.counts().started, calls, "calls served");
    filled.end(witness).await;
}

/// The response's headers. The client resets the stream and reports INTERNAL.
pub(super) async fn response_metadata_limit(link: SharedLink) {
    let filled = Filled::start("response_metadata_limit", &link).await;
    let mut witness = Witness::start(&filled.serving.bounded, filled.serving.way()).await;
    let limit = filled.largest(&mut witness, Metadata::InHeaders).await;

    let response = filled.call(Metadata::InHeaders(limit)).await;
    let metadata = response.expect("an answer at the limit");
    assert_filler(&metadata, limit);
    let refused = filled.call(Metadata::InHeaders(limit + 1)).await;
    let status = refused.expect_err("a refusal over the limit");
    assert_eq!(status.code(), Code::Internal, "{status}");
    filled.end(witness).await;
}

/// The trailers. h2 leaves out the field that is too much and those behind it, and says nothing of it.
pub(super) async fn trailing_metadata_limit(link: SharedLink) {
    let filled = Filled::start("trailing_metadata_limit", &link).await;
    let mut witness = Witness::start(&filled.serving.bounded, filled.serving.way()).await;
    let limit = filled.largest(&mut witness, Metadata::InTrailers).await;

    let response = filled.call(Metadata::InTrailers(limit)).await;
    let metadata = response.expect("an answer at the limit");
    assert_filler(&metadata, limit);
    let response = filled.call(Metadata::InTrailers(limit + 1)).await;
    let metadata = response.expect("an answer without the field that is too much");
    assert!(metadata.get(FILLER).is_none(), "{limit} + 1 bytes");
    filled.end(witness).await;
}

/// Where a call carries a value of so many bytes.
#[derive(Clone, Copy, Debug)]
enum Metadata {
    Sent(usize),
    InHeaders(usize),
    InTrailers(usize),
}

/// A test service that fills metadata as it is asked to.
struct Filled {
    serving: Serving,
    observer: Observer,
}

impl Filled {
    async fn start(scenario: &'static str, link: &SharedLink) -> Self {
        let service = TestService::new();
        let observer = service.observer();
        let router = service.into_routes().into_axum_router();
        let routes = Routes::from(router.layer(axum::middleware::from_fn(fill)));
        Self {
            serving: Serving::start(scenario, link, routes).await,
            observer,
        }
    }

    /// The largest value that passes. The connection must outlive each that does not.
    async fn largest(&self, witness: &mut Witness, carried: fn(usize) -> Metadata) -> usize {
        let (mut passes, mut too_large) = (PASSES, TOO_LARGE);
        assert!(self.passes(carried(passes)).await, "{passes} bytes refused");
        while too_large - passes > 1 {
            let between = passes.midpoint(too_large);
            if self.passes(carried(between)).await {
                passes = between;
            } else {
                too_large = between;
                witness.asked(&self.serving.bounded).await;
            }
        }
        assert!(too_large < TOO_LARGE, "no limit below {TOO_LARGE} bytes");
        passes
    }

    async fn passes(&self, metadata: Metadata) -> bool {
        match (metadata, self.call(metadata).await) {
            (Metadata::InTrailers(_), Ok(response)) => response.contains_key(FILLER),
            (_, response) => response.is_ok(),
        }
    }

    /// What metadata a call brings: that of the headers and that of the trailers.
    async fn call(&self, metadata: Metadata) -> Result<MetadataMap, Status> {
        let mut request = Call::new(simple_request(5, 1000));
        let (name, value) = match metadata {
            Metadata::Sent(size) => (FILLER, filler(size)),
            Metadata::InHeaders(size) => (IN_HEADERS, HeaderValue::from(size)),
            Metadata::InTrailers(size) => (IN_TRAILERS, HeaderValue::from(size)),
        };
        let value = MetadataValue::try_from(value.as_bytes()).expect("ASCII");
        request.metadata_mut().insert(name, value);
        let mut client = TestServiceClient::new(self.serving.way());
        let call = client.unary_call(request);
        let response = wait(&self.serving.bounded, metadata, call).await?;
        let (metadata, response, _) = response.into_parts();
        assert_payload(response.payload.as_ref(), 1000);
        Ok(metadata)
    }

    async fn end(self, witness: Witness) {
        witness.dismissed(&self.serving.bounded).await;
        self.serving.end().await;
    }
}

async fn wait<F: Future>(bounded: &Bounded, metadata: Metadata, call: F) -> F::Output {
    let awaited = format!("an answer or a refusal with {metadata:?}");
    bounded.wait(&awaited, call).await
}

/// Around the service: puts values into the headers and the trailers of a response.
async fn fill(request: Request, next: Next) -> Response {
    let in_headers = wanted(request.headers(), IN_HEADERS);
    let in_trailers = wanted(request.headers(), IN_TRAILERS);
    let mut response = next.run(request).await;
    if let Some(size) = in_headers {
        response.headers_mut().insert(FILLER, filler(size));
    }
    let Some(size) = in_trailers else {
        return response;
    };
    response.map(|body| {
        Body::new(body.map_frame(move |mut frame| {
            if let Some(trailers) = frame.trailers_mut() {
                trailers.insert(FILLER, filler(size));
            }
            frame
        }))
    })
}

/// The size that a request asks for under `name`.
fn wanted(headers: &HeaderMap, name: &str) -> Option<usize> {
    let size = headers.get(name)?.to_str().expect("ASCII");
    Some(size.parse().expect("a number of bytes"))
}

/// A value of `size` bytes.
fn filler(size: usize) -> HeaderValue {
    let letters: Vec<u8> = (b'a'..=b'z').cycle().take(size).collect();
    HeaderValue::from_maybe_shared(bytes::Bytes::from(letters)).expect("letters")
}

fn assert_filler(metadata: &MetadataMap, size: usize) {
    let value = metadata.get(FILLER).expect("the large value");
    assert!(
        value.as_encoded_bytes() == filler(size).as_bytes(),
        "{size} bytes came changed"
    );
}
