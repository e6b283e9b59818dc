//! The status that ends a call.

use tonic::Code;

use crate::{
    Bounded, Subject,
    messages::{assert_status, stream_status, unary_status},
};

/// The service's choice arrives, from a unary call and from a stream.
pub(super) async fn status_code_and_message(subject: Subject) {
    let bounded = Bounded::start("status_code_and_message");
    arrives(&subject, &bounded, "test status message").await;
}

/// Blanks at both ends, control characters, Unicode of up to four bytes, and the percent sign by which they are all
/// encoded on the way.
pub(super) async fn special_status_message(subject: Subject) {
    let bounded = Bounded::start("special_status_message");
    for message in [
        "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
        "100 % %41 %zz %",
    ] {
        arrives(&subject, &bounded, message).await;
    }
}

async fn arrives(subject: &Subject, bounded: &Bounded, message: &str) {
    let status = unary_status(subject, bounded, Code::Unknown, message).await;
    assert_status(&status, Code::Unknown, message);
    let status = stream_status(subject, bounded, Code::Unknown, message).await;
    assert_status(&status, Code::Unknown, message);
}
