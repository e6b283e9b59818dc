//! Metadata of both kinds, in both places.

use tonic::{
    Code, Request,
    metadata::{MetadataMap, MetadataValue},
};

use super::messages::{assert_end, assert_response, echo_status, simple_request, stream_request};
use crate::{
    Bounded, Reach, Subject,
    echo::{INITIAL, TRAILING},
    proto::{SimpleRequest, StreamingOutputCallRequest},
};

/// The official value in initial metadata.
const ASCII: &str = "test_initial_metadata_value";

/// The official value in trailers: not UTF-8.
const BINARY: &[u8] = &[0xab, 0xab, 0xab];

/// Values that base64 pads with two, one and no `=`; the empty one; and bytes that mean something elsewhere: NUL, CR,
/// LF, comma.
const BINARIES: [&[u8]; 5] = [BINARY, &[0], &[0xff, 0x00], b"", b"\r\n,\x00,"];

/// ASCII values with inner blanks and separators; a repeated one, which must stay twice.
const ASCIIS: [&str; 5] = [ASCII, "a, b;c=\"d\"", "twice", "twice", "~ !"];

/// "custom_metadata" on a stream: what is initial comes in the headers, what is trailing only in the trailers.
pub async fn custom_metadata<T: Reach>(subject: Subject<T>) {
    echo_on_stream(subject, "custom_metadata", &[ASCII], &[BINARY]).await;
}

/// One key, many values: all of them come back, in their order.
pub async fn duplicate_metadata<T: Reach>(subject: Subject<T>) {
    echo_on_stream(subject, "duplicate_metadata", &ASCIIS, &BINARIES).await;
}

/// "custom_metadata" on a unary call, where tonic's client shows headers and trailers in one map.
pub async fn unary_metadata<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("unary_metadata");
    let mut client = subject.client();
    let request = with_metadata(simple_request(27_182, 31_415), &ASCIIS, &BINARIES);
    let call = client.unary_call(request);
    let response = bounded.wait("the response", call).await.expect("an answer");
    assert_eq!(asciis(response.metadata()), ASCIIS);
    assert_eq!(binaries(response.metadata()), BINARIES);
}

/// An answer that is nothing but a status (HTTP/2: trailers-only) carries metadata as well.
pub async fn error_metadata<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("error_metadata");
    let mut client = subject.client();
    let request = SimpleRequest {
        response_status: echo_status(Code::Aborted, "with metadata"),
        ..SimpleRequest::default()
    };
    let call = client.unary_call(with_metadata(request, &ASCIIS, &BINARIES));
    let status = bounded
        .wait("the status", call)
        .await
        .expect_err("an error");
    assert_eq!(status.code(), Code::Aborted, "{status}");
    assert_eq!(asciis(status.metadata()), ASCIIS);
    assert_eq!(binaries(status.metadata()), BINARIES);
}

async fn echo_on_stream<T: Reach>(
    subject: Subject<T>,
    scenario: &'static str,
    ascii: &[&'static str],
    binary: &[&[u8]],
) {
    let bounded = Bounded::start(scenario);
    let mut client = subject.client();
    let request: StreamingOutputCallRequest = stream_request(271_828, [314_159]);
    let call = client.full_duplex_call(with_metadata(tokio_stream::iter([request]), ascii, binary));
    let response = bounded
        .wait("the response's headers", call)
        .await
        .expect("a stream");
    assert_eq!(asciis(response.metadata()), ascii);
    assert_eq!(
        binaries(response.metadata()),
        [b""; 0],
        "before the trailers"
    );

    let mut responses = response.into_inner();
    assert_response(
        bounded.wait("the response", responses.message()).await,
        314_159,
    );
    assert_end(
        bounded
            .wait("the end of the stream", responses.message())
            .await,
    );
    let trailers = bounded.wait("the trailers", responses.trailers()).await;
    let trailers = trailers.expect("trailers and no error").expect("trailers");
    assert_eq!(binaries(&trailers), binary);
    assert_eq!(asciis(&trailers), [""; 0], "among the trailers");
}

/// A request that asks for these echoes.
fn with_metadata<M>(message: M, ascii: &[&'static str], binary: &[&[u8]]) -> Request<M> {
    let mut request = Request::new(message);
    for value in ascii {
        request
            .metadata_mut()
            .append(INITIAL, MetadataValue::from_static(value));
    }
    for value in binary {
        request
            .metadata_mut()
            .append_bin(TRAILING, MetadataValue::from_bytes(value));
    }
    request
}

/// The values echoed as initial metadata, in their order.
fn asciis(metadata: &MetadataMap) -> Vec<&str> {
    let values = metadata.get_all(INITIAL).into_iter();
    values.map(|value| value.to_str().expect("ASCII")).collect()
}

/// The values echoed as trailing metadata, in their order.
fn binaries(metadata: &MetadataMap) -> Vec<Vec<u8>> {
    let values = metadata.get_all_bin(TRAILING).into_iter();
    values
        .map(|value| value.to_bytes().expect("base64").to_vec())
        .collect()
}
