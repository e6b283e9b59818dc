//! Messages that are compressed, and messages that are not.
//!
//! tonic compresses all messages of a call's side or none, and does not tell whether one was; so these scenarios compress
//! requests themselves and look at the flags of responses as they pass.

use std::io::Write;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::{Compression, write::GzEncoder};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use tonic::{Code, body::Body, codec::CompressionEncoding, codegen::StdError};
use tower::{Service, ServiceExt, service_fn};

use crate::{
    Bounded, Subject, Way,
    message_flags::{MessageFlags, PREFIX},
    messages::{
        assert_end, assert_payload, assert_response, simple_request, stream_request, wire_size,
    },
    payload::payload,
    proto::{
        BoolValue, SimpleRequest, StreamingInputCallRequest, test_service_client::TestServiceClient,
    },
    reach::{self, WayError},
};

/// A service must know what it gets, so it is asked first whether it looks: a request that is not compressed, but said to
/// be, is refused. Then the same call with a compressed request, and with one that is not.
pub(super) async fn client_compressed_unary(subject: Subject) {
    let bounded = Bounded::start("client_compressed_unary");
    let request = |expect_compressed| SimpleRequest {
        expect_compressed: Some(BoolValue {
            value: expect_compressed,
        }),
        ..simple_request(271_828, 314_159)
    };
    let mut plain = subject.client();
    let probe = bounded.wait("the refusal", plain.unary_call(request(true)));
    let status = probe.await.expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");

    let mut compressing = TestServiceClient::new(compressing(subject.way(), &[true]))
        .accept_compressed(CompressionEncoding::Gzip);
    let call = bounded.wait("an answer", compressing.unary_call(request(true)));
    let response = call.await.expect("an answer").into_inner();
    assert_payload(response.payload.as_ref(), 314_159);
    let call = bounded.wait("an answer", plain.unary_call(request(false)));
    let response = call.await.expect("an answer").into_inner();
    assert_payload(response.payload.as_ref(), 314_159);
}

/// A response comes compressed if that was asked for, and else as it is.
pub(super) async fn server_compressed_unary(subject: Subject) {
    let bounded = Bounded::start("server_compressed_unary");
    let flags = MessageFlags::default();
    let mut client = TestServiceClient::new(watching(subject.way(), &flags))
        .accept_compressed(CompressionEncoding::Gzip);
    for wanted in [true, false] {
        let request = SimpleRequest {
            response_compressed: Some(BoolValue { value: wanted }),
            ..simple_request(271_828, 314_159)
        };
        let call = bounded.wait("an answer", client.unary_call(request));
        let response = call.await.expect("an answer").into_inner();
        assert_payload(response.payload.as_ref(), 314_159);
        assert_eq!(flags.next(), Some(wanted), "whether it was compressed");
    }
}

/// One compressed request and one that is not, on the same stream; asked first as in [`client_compressed_unary`].
pub(super) async fn client_compressed_streaming(subject: Subject) {
    let bounded = Bounded::start("client_compressed_streaming");
    let request = |size, expect_compressed| StreamingInputCallRequest {
        payload: Some(payload(size)),
        expect_compressed: Some(BoolValue {
            value: expect_compressed,
        }),
    };
    let mut plain = subject.client();
    let call = plain.streaming_input_call(tokio_stream::iter([request(27_182, true)]));
    let status = bounded.wait("the refusal", call).await;
    let status = status.expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");

    let mut compressing = TestServiceClient::new(compressing(subject.way(), &[true, false]))
        .accept_compressed(CompressionEncoding::Gzip);
    let requests = [request(27_182, true), request(45_904, false)];
    let call = compressing.streaming_input_call(tokio_stream::iter(requests));
    let response = bounded.wait("the aggregated size", call).await;
    let response = response.expect("an answer").into_inner();
    assert_eq!(response.aggregated_payload_size, wire_size(27_182 + 45_904));
}

/// One response that was to be compressed, and one that was not.
pub(super) async fn server_compressed_streaming(subject: Subject) {
    let bounded = Bounded::start("server_compressed_streaming");
    let flags = MessageFlags::default();
    let mut client = TestServiceClient::new(watching(subject.way(), &flags))
        .accept_compressed(CompressionEncoding::Gzip);
    let mut request = stream_request(0, [31_415, 92_653]);
    for (wanted, value) in request.response_parameters.iter_mut().zip([true, false]) {
        wanted.compressed = Some(BoolValue { value });
    }
    let call = bounded.wait("headers", client.streaming_output_call(request));
    let mut responses = call.await.expect("a stream").into_inner();
    // tonic's stream is compressed as a whole: the second, too.
    for (size, compressed) in [(31_415, true), (92_653, true)] {
        let response = bounded.wait("a response", responses.message());
        assert_response(response.await, size);
        assert_eq!(flags.next(), Some(compressed), "whether it was compressed");
    }
    let end = bounded.wait("the end of the stream", responses.message());
    assert_end(end.await);
}

/// A way whose responses are noted in `flags`.
fn watching(way: Way, flags: &MessageFlags) -> Way {
    let flags = flags.clone();
    reach::way(way.map_response(move |response| response.map(|body| flags.watch(body))))
}

/// A way that compresses the requests of each call for which `which` says so. It waits for all of them before it sends the
/// first.
fn compressing(way: Way, which: &'static [bool]) -> Way {
    reach::way(service_fn(move |request: Request<Body>| {
        let mut way = way.clone();
        async move {
            let request = compress(request, which).await.map_err(WayError)?;
            way.ready().await?.call(request).await
        }
    }))
}

async fn compress(request: Request<Body>, which: &[bool]) -> Result<Request<Body>, StdError> {
    let (mut head, body) = request.into_parts();
    let messages = body.collect().await?.to_bytes();
    let gzip = HeaderValue::from_static("gzip");
    head.headers.insert("grpc-encoding", gzip);
    let body = Full::new(compressed(messages, which)?).map_err(|never| match never {});
    Ok(Request::from_parts(head, Body::new(body)))
}

/// The same messages, some of them compressed.
fn compressed(mut messages: Bytes, which: &[bool]) -> Result<Bytes, StdError> {
    let mut result = BytesMut::new();
    for &compress in which {
        let prefix = messages.split_to(PREFIX);
        let len = u32::from_be_bytes(prefix[1..].try_into()?);
        let mut message = messages.split_to(len as usize);
        if compress {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&message)?;
            message = encoder.finish()?.into();
        }
        result.put_u8(compress.into());
        result.put_u32(message.len().try_into()?);
        result.put(message);
    }
    assert!(messages.is_empty(), "more messages than expected");
    Ok(result.freeze())
}
