//! Calls as HTTP sees them: what a generated client hides.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, Full};
use prost::Message;
use tonic::body::Body;
use tower::ServiceExt;

use crate::{Bounded, Way};

/// A call as gRPC over HTTP/2 wants it, with one request message.
pub(super) fn request(path: &str, message: &impl Message) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Body::new(
            Full::new(framed(message)).map_err(|never| match never {}),
        ))
        .expect("a valid request")
}

/// A message behind its prefix.
pub(super) fn framed(message: &impl Message) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    let len = message.encoded_len().try_into();
    bytes.put_u32(len.expect("a message far below 4 GiB"));
    message.encode(&mut bytes).expect("room for it");
    bytes.freeze()
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Whether the headers were said to be all: nothing came behind them, not even an empty frame.
    pub(super) headers_only: bool,
    pub(super) data: Bytes,
    pub(super) trailers: Option<HeaderMap>,
}

/// Sends `request` and waits for the whole answer.
pub(super) async fn ask(bounded: &Bounded, way: Way, request: Request<Body>) -> Answer {
    let response = bounded.wait("the answer's headers", way.oneshot(request));
    let response = response.await.expect("an answer");
    let (head, body) = response.into_parts();
    let headers_only = body.is_end_stream();
    let body = bounded.wait("the answer's end", body.collect()).await;
    let body = body.expect("a whole answer");
    let trailers = body.trailers().cloned();
    Answer {
        status: head.status,
        headers: head.headers,
        headers_only,
        data: body.to_bytes(),
        trailers,
    }
}
