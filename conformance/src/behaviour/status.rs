//! The status that ends a call.

use tonic::{Code, Status};

use super::messages::{assert_response, echo_status, stream_request};
use crate::{
    Bounded, Reach, Subject,
    proto::{SimpleRequest, StreamingOutputCallRequest},
};

/// "status_code_and_message": the service's choice arrives, from a unary call and from a stream.
pub async fn status_code_and_message<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("status_code_and_message");
    let message = "test status message";
    let status = unary_status(&subject, &bounded, Code::Unknown, message).await;
    assert_status(&status, Code::Unknown, message);
    let status = stream_status(&subject, &bounded, Code::Unknown, message).await;
    assert_status(&status, Code::Unknown, message);
}

/// "special_status_message": blanks at both ends, control characters, Unicode of up to four bytes, and the percent sign
/// by which they are all encoded on the way.
pub async fn special_status_message<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("special_status_message");
    for message in [
        "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
        "100 % %41 %zz %",
        " ",
        "",
    ] {
        let status = unary_status(&subject, &bounded, Code::Unknown, message).await;
        assert_status(&status, Code::Unknown, message);
        let status = stream_status(&subject, &bounded, Code::Unknown, message).await;
        assert_status(&status, Code::Unknown, message);
    }
}

/// Each of the 16 error codes arrives as itself.
pub async fn every_status_code<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("every_status_code");
    for code in (1..=16).map(Code::from_i32) {
        let message = format!("asked for {code:?}");
        let status = unary_status(&subject, &bounded, code, &message).await;
        assert_status(&status, code, &message);
    }
}

/// A status that comes after responses takes none of them away: on HTTP/2 it is in the trailers, behind the data.
pub async fn status_after_responses<T: Reach>(subject: Subject<T>) {
    let bounded = Bounded::start("status_after_responses");
    let mut client = subject.client();
    let requests = [
        stream_request(5, [100_000, 7, 200_000]),
        StreamingOutputCallRequest {
            response_status: echo_status(Code::DataLoss, "after three responses"),
            ..StreamingOutputCallRequest::default()
        },
    ];
    let call = client.full_duplex_call(tokio_stream::iter(requests));
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    for size in [100_000, 7, 200_000] {
        assert_response(bounded.wait("a response", responses.message()).await, size);
    }
    let status = bounded.wait("the status", responses.message()).await;
    let status = status.expect_err("a status after the responses");
    assert_status(&status, Code::DataLoss, "after three responses");
}

/// The status of a unary call that asks for one.
async fn unary_status<T: Reach>(
    subject: &Subject<T>,
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
async fn stream_status<T: Reach>(
    subject: &Subject<T>,
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

fn assert_status(status: &Status, code: Code, message: &str) {
    assert_eq!((status.code(), status.message()), (code, message));
}
