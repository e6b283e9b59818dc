//! Requests as scenarios write them, and the checks of what comes back.

use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::{
    Bounded, Subject,
    payload::{payload, verify},
    proto::{
        EchoStatus, Payload, ResponseParameters, SimpleRequest, StreamingOutputCallRequest,
        StreamingOutputCallResponse,
    },
};

/// As it stands in messages. All sizes of the suite are far below the limit.
pub(crate) fn wire_size(size: usize) -> i32 {
    i32::try_from(size).expect("a size that an int32 can tell")
}

/// A unary request of `request_size` bytes that asks for `response_size`.
pub(crate) fn simple_request(request_size: usize, response_size: usize) -> SimpleRequest {
    SimpleRequest {
        response_size: wire_size(response_size),
        payload: Some(payload(request_size)),
        ..SimpleRequest::default()
    }
}

/// A streaming request of `request_size` bytes that asks for responses of `response_sizes`.
pub(crate) fn stream_request(
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
pub(crate) fn echo_status(code: Code, message: &str) -> Option<EchoStatus> {
    Some(EchoStatus {
        code: code.into(),
        message: message.into(),
    })
}

/// A stream of requests that stays open as long as its sender lives.
pub(crate) fn open_stream<M>() -> (mpsc::Sender<M>, ReceiverStream<M>) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, ReceiverStream::new(receiver))
}

/// Checks that `payload` is there, with `size` bytes, each of them the right one.
pub(crate) fn assert_payload(payload: Option<&Payload>, size: usize) {
    let body = &payload.expect("a response with a payload").body;
    assert_eq!(body.len(), size, "the payload's size");
    if let Err(wrong) = verify(body) {
        panic!("response {wrong}");
    }
}

/// Checks that a stream brought a response of `size` bytes.
pub(crate) fn assert_response(
    received: Result<Option<StreamingOutputCallResponse>, Status>,
    size: usize,
) {
    let response = received
        .expect("a response and no error")
        .expect("a response and no end of the stream");
    assert_payload(response.payload.as_ref(), size);
}

/// Checks that a stream ended with OK.
pub(crate) fn assert_end(received: Result<Option<StreamingOutputCallResponse>, Status>) {
    let response = received.expect("the end of the stream and no error");
    assert!(response.is_none(), "one response more than was asked for");
}

/// The status of a unary call that asks for one.
pub(crate) async fn unary_status(
    subject: &Subject,
    bounded: &Bounded,
    code: Code,
    message: &str,
) -> Status {
    let mut client = subject.client();
    let call = client.unary_call(SimpleRequest {
        response_status: echo_status(code, message),
        ..SimpleRequest::default()
    });
    bounded
        .wait("the status of a unary call", call)
        .await
        .expect_err("a status")
}

/// The status of a stream that asks for one. It may come with the headers or after them.
pub(crate) async fn stream_status(
    subject: &Subject,
    bounded: &Bounded,
    code: Code,
    message: &str,
) -> Status {
    let mut client = subject.client();
    let request = StreamingOutputCallRequest {
        response_status: echo_status(code, message),
        ..StreamingOutputCallRequest::default()
    };
    let call = async {
        let response = client
            .full_duplex_call(tokio_stream::iter([request]))
            .await?;
        response.into_inner().message().await
    };
    bounded
        .wait("the status of a stream", call)
        .await
        .expect_err("a status")
}

pub(crate) fn assert_status(status: &Status, code: Code, message: &str) {
    assert_eq!((status.code(), status.message()), (code, message));
}

/// Waits for all tasks; the first panic becomes ours.
pub(crate) async fn join(bounded: &Bounded, awaited: &str, mut calls: JoinSet<()>) {
    let joined = async {
        while let Some(call) = calls.join_next().await {
            if let Err(error) = call {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    };
    bounded.wait(awaited, joined).await;
}
