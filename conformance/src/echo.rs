//! Echoes metadata as gRPC's interoperability tests want it: whatever the request carries under [`INITIAL`] comes back
//! in the response's initial metadata, and [`TRAILING`] in its trailers; so does [`DETAILS`], which they do not know.
//!
//! A tonic service cannot add trailers to a successful answer; only a layer around it can, which sees the HTTP
//! response's body.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame};
use tonic::{Status, body::Body, codegen::BoxFuture, metadata::MetadataMap, server::NamedService};
use tower::Service;

/// The ASCII key that is echoed in initial metadata.
pub const INITIAL: &str = "x-grpc-test-echo-initial";

/// The binary key that is echoed in trailers.
pub const TRAILING: &str = "x-grpc-test-echo-trailing-bin";

/// The details of a status, which the client thus chooses.
pub const DETAILS: &str = "grpc-status-details-bin";

/// A trailers-only response (one block of headers and no body) is known by this key among its headers.
const GRPC_STATUS: &str = "grpc-status";

/// A service whose every answer carries the echoes.
#[derive(Clone, Debug)]
pub struct EchoMetadata<S> {
    inner: S,
}

impl<S> EchoMetadata<S> {
    /// Wraps `inner`.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: NamedService> NamedService for EchoMetadata<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<Request<B>> for EchoMetadata<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let initial = select(request.headers(), INITIAL);
        let mut trailing = select(request.headers(), TRAILING);
        append(&mut trailing, &select(request.headers(), DETAILS));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            append(response.headers_mut(), &initial);
            if trailing.is_empty() {
                return Ok(response);
            }
            if response.headers().contains_key(GRPC_STATUS) {
                append(response.headers_mut(), &trailing);
                return Ok(response);
            }
            Ok(response.map(|body| {
                Body::new(WithTrailers {
                    body,
                    extra: Some(trailing),
                })
            }))
        })
    }
}

/// All values of `name` in `headers`, in their order and as they are: a binary value stays in its base64.
fn select(headers: &HeaderMap, name: &'static str) -> HeaderMap {
    headers
        .get_all(name)
        .iter()
        .map(|value| (HeaderName::from_static(name), value.clone()))
        .fold(
            HeaderMap::new(),
            |mut selected, (name, value): (_, HeaderValue)| {
                selected.append(name, value);
                selected
            },
        )
}

/// Adds `extra` to `headers`, duplicates included.
fn append(headers: &mut HeaderMap, extra: &HeaderMap) {
    for (name, value) in extra {
        headers.append(name, value.clone());
    }
}

/// A body with `extra` among its trailers.
struct WithTrailers {
    body: Body,
    /// `None` once they were sent.
    extra: Option<HeaderMap>,
}

impl HttpBody for WithTrailers {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        // tonic ends each body that is not trailers-only with trailers, so there is no other place to add them.
        polled.map_ok(|mut frame| {
            if let Some(trailers) = frame.trailers_mut()
                && let Some(extra) = self.extra.take()
            {
                append(trailers, &extra);
            }
            frame
        })
    }

    // No `is_end_stream`: its default, `false`, lets hyper ask for the trailers.
}

/// The values echoed as initial metadata, in their order.
pub fn texts(metadata: &MetadataMap) -> Vec<&str> {
    let values = metadata.get_all(INITIAL).into_iter();
    values.map(|value| value.to_str().expect("ASCII")).collect()
}

/// The values echoed as trailing metadata, in their order.
pub fn binaries(metadata: &MetadataMap) -> Vec<Vec<u8>> {
    let values = metadata.get_all_bin(TRAILING).into_iter();
    values
        .map(|value| value.to_bytes().expect("base64").to_vec())
        .collect()
}
