//! What a client can tell of a call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, header::DATE};
use http_body_util::BodyExt;
use tonic::{Code, Status, body::Body};
use tower::ServiceExt;

use crate::{
    Way,
    message_flags::MessageFlags,
    payload::{WrongContent, verify},
    proto::Payload,
    reach,
};

/// All that a call gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) headers: Option<Fields>,
    pub(super) responses: Vec<Response>,
    pub(super) end: End,
    pub(super) trailers: Option<Fields>,
}

/// How a call ended, or did not.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Ok,
    Status {
        code: Code,
        message: String,
        details: Vec<u8>,
        metadata: Fields,
    },
    /// The client did not want more.
    GivenUp,
    /// It went on for longer than any call needs.
    StillRunning,
}

/// A response, and whether it came compressed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) content: Content,
    pub(super) compressed: Option<bool>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    /// The service has counted so many bytes.
    Counted(i32),
    /// The payload's size decides what it must hold.
    Payload(Result<usize, WrongContent>),
}

/// Headers or trailers without `date`, by name; those of one name are in their order.
pub(super) type Fields = Vec<(HeaderName, HeaderValue)>;

impl Outcome {
    /// A call of which nothing is known but its end.
    pub(super) fn unknown(end: End) -> Self {
        Self {
            headers: None,
            responses: Vec::new(),
            end,
            trailers: None,
        }
    }
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::Status {
            code: status.code(),
            message: status.message().to_owned(),
            details: status.details().to_vec(),
            metadata: fields(status.metadata().as_ref()),
        }
    }
}

impl From<Option<&Payload>> for Content {
    fn from(payload: Option<&Payload>) -> Self {
        match payload {
            Some(payload) => Self::Payload(verify(&payload.body).map(|()| payload.body.len())),
            None => Self::Nothing,
        }
    }
}

/// What passes of a response, noted on its way: tonic shows the headers and trailers of a unary call in one map, and of a
/// status only a part.
#[derive(Clone, Debug, Default)]
pub(super) struct Passing {
    flags: MessageFlags,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    headers: Option<Fields>,
    trailers: Option<Fields>,
}

impl Passing {
    /// `way`, whose responses are noted here. It is meant for one call.
    pub(super) fn watch(&self, way: Way) -> Way {
        let passing = self.clone();
        reach::way(way.map_response(move |response| {
            passing.lock().headers = Some(fields(response.headers()));
            response.map(|body| passing.watch_body(body))
        }))
    }

    /// The outcome of the call that has passed.
    pub(super) fn outcome(&self, contents: Vec<Content>, end: End) -> Outcome {
        // Of a call that was given up more may have passed than was read, so flags are taken for responses only.
        let with_flag = |content| Response {
            content,
            compressed: self.flags.next(),
        };
        let mut seen = self.lock();
        Outcome {
            headers: seen.headers.take(),
            responses: contents.into_iter().map(with_flag).collect(),
            end,
            trailers: seen.trailers.take(),
        }
    }

    fn watch_body(&self, body: Body) -> Body {
        let passing = self.clone();
        let body = self.flags.watch(body).map_frame(move |frame| {
            if let Some(trailers) = frame.trailers_ref() {
                passing.lock().trailers = Some(fields(trailers));
            }
            frame
        });
        Body::new(body)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Nothing can panic halfway through a change.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fields(headers: &HeaderMap) -> Fields {
    let all = headers.iter().filter(|(name, _)| *name != DATE);
    let mut fields: Fields = all
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    fields.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    fields
}
