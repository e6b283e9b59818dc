//! Requests as scenarios write them, and the checks of what comes back.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::{
    payload::{payload, verify},
    proto::{
        EchoStatus, Payload, ResponseParameters, SimpleRequest, StreamingOutputCallRequest,
        StreamingOutputCallResponse,
    },
};

/// As it stands in messages. All sizes of the suite are far below the limit.
pub(super) fn wire_size(size: usize) -> i32 {
    i32::try_from(size).expect("a size that an int32 can tell")
}

/// A unary request of `request_size` bytes that asks for `response_size`.
pub(super) fn simple_request(request_size: usize, response_size: usize) -> SimpleRequest {
    SimpleRequest {
        response_size: wire_size(response_size),
        payload: Some(payload(request_size)),
        ..SimpleRequest::default()
    }
}

/// A streaming request of `request_size` bytes that asks for responses of `response_sizes`.
pub(super) fn stream_request(
    request_size: usize,
    response_sizes: impl IntoIterator<Item = usize>,
) -> StreamingOutputCallRequest {
    let response_parameters = response_sizes
        .into_iter()
        .map(|size| ResponseParameters {
            size: wire_size(size),
            ..ResponseParameters::default()
        })
        .collect();
    StreamingOutputCallRequest {
        response_parameters,
        payload: Some(payload(request_size)),
        ..StreamingOutputCallRequest::default()
    }
}

/// Asks the service for this status.
pub(super) fn echo_status(code: Code, message: &str) -> Option<EchoStatus> {
    Some(EchoStatus {
        code: code.into(),
        message: message.into(),
    })
}

/// A stream of requests that stays open as long as its sender lives.
pub(super) fn open_stream<M>() -> (mpsc::Sender<M>, ReceiverStream<M>) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, ReceiverStream::new(receiver))
}

/// Checks that `payload` is there, with `size` bytes, each of them the right one.
pub(super) fn assert_payload(payload: Option<&Payload>, size: usize) {
    let body = &payload.expect("a response with a payload").body;
    assert_eq!(body.len(), size, "the payload's size");
    if let Err(wrong) = verify(body) {
        panic!("response {wrong}");
    }
}

/// Checks that a stream brought a response of `size` bytes.
pub(super) fn assert_response(
    received: Result<Option<StreamingOutputCallResponse>, Status>,
    size: usize,
) {
    let response = received
        .expect("a response and no error")
        .expect("a response and no end of the stream");
    assert_payload(response.payload.as_ref(), size);
}

/// Checks that a stream ended with OK.
pub(super) fn assert_end(received: Result<Option<StreamingOutputCallResponse>, Status>) {
    let response = received.expect("the end of the stream and no error");
    assert!(response.is_none(), "one response more than was asked for");
}
