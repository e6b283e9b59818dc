//! Metadata of both kinds, in both places.

use tonic::{Code, Request, metadata::MetadataValue};

use crate::{
    Bounded, Subject,
    echo::{INITIAL, TRAILING, binaries, texts},
    messages::{assert_end, assert_response, echo_status, simple_request, stream_request},
    proto::{SimpleRequest, StreamingOutputCallRequest},
};

/// Values that base64 pads with two, one and no `=`; the empty one; and bytes that mean something elsewhere: NUL, CR,
/// LF, comma.
const BINARIES: [&[u8]; 5] = [&[0xab, 0xab, 0xab], &[0], &[0xff, 0x00], b"", b"\r\n,\x00,"];

/// ASCII values with inner blanks and separators; a repeated one, which must stay twice.
const ASCIIS: [&str; 5] = ["one", "a, b;c=\"d\"", "twice", "twice", "~ !"];

/// One key, many values: all of them come back, in their order.
pub(super) async fn duplicate_metadata(subject: Subject) {
    echo_on_stream(subject, "duplicate_metadata", &ASCIIS, &BINARIES).await;
}

/// On a unary call, where tonic's client shows headers and trailers in one map.
pub(super) async fn unary_metadata(subject: Subject) {
    let bounded = Bounded::start("unary_metadata");
    let mut client = subject.client();
    let request = with_metadata(simple_request(27_182, 31_415), &ASCIIS, &BINARIES);
    let call = client.unary_call(request);
    let response = bounded.wait("the response", call).await.expect("an answer");
    assert_eq!(texts(response.metadata()), ASCIIS);
    assert_eq!(binaries(response.metadata()), BINARIES);
}

/// An answer that is nothing but a status (HTTP/2: trailers-only) carries metadata as well.
pub(super) async fn error_metadata(subject: Subject) {
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
    assert_eq!(texts(status.metadata()), ASCIIS);
    assert_eq!(binaries(status.metadata()), BINARIES);
}

async fn echo_on_stream(
    subject: Subject,
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
    assert_eq!(texts(response.metadata()), ascii);
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
    assert_eq!(texts(&trailers), [""; 0], "among the trailers");
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
