//! The details of a status: bytes of the application's own, beside code, message and metadata.

use tonic::{Code, Request, Status, metadata::MetadataValue};

use crate::{
    Bounded, Subject,
    echo::{INITIAL, TRAILING, binaries, texts},
    messages::{assert_response, assert_status, echo_status, stream_request},
    proto::{SimpleRequest, StreamingOutputCallRequest},
    service::STATUS_DETAILS,
};

const MESSAGE: &str = "with details: \t ü %";
const TRAILER: &[u8] = b"\0beside them\xff";

/// Details that base64 pads with two, one and no `=`; every byte; and about as many as metadata may hold.
fn details() -> [Vec<u8>; 5] {
    [
        vec![0],
        b"\r\n".to_vec(),
        vec![0xff; 3],
        (0..=u8::MAX).collect(),
        (0..=u8::MAX).cycle().take(8 * 1024).collect(),
    ]
}

/// With an answer that is nothing but a status (HTTP/2: trailers-only).
pub(super) async fn unary_status_details(subject: Subject) {
    let bounded = Bounded::start("unary_status_details");
    let mut client = subject.client();
    for details in details() {
        let request = SimpleRequest {
            response_status: echo_status(Code::FailedPrecondition, MESSAGE),
            ..SimpleRequest::default()
        };
        let call = client.unary_call(asking_for(&details, request));
        let status = bounded.wait("the status", call).await;
        let status = status.expect_err("a status");
        assert_status(&status, Code::FailedPrecondition, MESSAGE);
        assert_details(&status, &details);
        assert_eq!(texts(status.metadata()), ["beside them"]);
    }
    let request = SimpleRequest {
        response_status: echo_status(Code::FailedPrecondition, MESSAGE),
        ..SimpleRequest::default()
    };
    let call = client.unary_call(request);
    let status = bounded.wait("the status without details", call).await;
    let status = status.expect_err("a status");
    assert_eq!(status.details(), b"", "nobody asked for them");
}

/// Behind responses, in the trailers.
pub(super) async fn stream_status_details(subject: Subject) {
    let bounded = Bounded::start("stream_status_details");
    let mut client = subject.client();
    for details in details() {
        let requests = [
            stream_request(5, [100_000, 7]),
            StreamingOutputCallRequest {
                response_status: echo_status(Code::DataLoss, MESSAGE),
                ..StreamingOutputCallRequest::default()
            },
        ];
        let request = asking_for(&details, tokio_stream::iter(requests));
        let call = client.full_duplex_call(request);
        let response = bounded.wait("the response's headers", call).await;
        let response = response.expect("a stream");
        assert_eq!(texts(response.metadata()), ["beside them"]);
        let mut responses = response.into_inner();
        for size in [100_000, 7] {
            assert_response(bounded.wait("a response", responses.message()).await, size);
        }
        let status = bounded.wait("the status", responses.message()).await;
        let status = status.expect_err("a status behind the responses");
        assert_status(&status, Code::DataLoss, MESSAGE);
        assert_details(&status, &details);
    }
}

/// A request whose status shall have these details; metadata is to come back with it.
fn asking_for<M>(details: &[u8], message: M) -> Request<M> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert_bin(STATUS_DETAILS, MetadataValue::from_bytes(details));
    metadata.insert(INITIAL, MetadataValue::from_static("beside them"));
    metadata.insert_bin(TRAILING, MetadataValue::from_bytes(TRAILER));
    request
}

fn assert_details(status: &Status, details: &[u8]) {
    assert!(
        status.details() == details,
        "{} bytes of details came changed",
        details.len()
    );
    assert_eq!(binaries(status.metadata()), [TRAILER]);
}
