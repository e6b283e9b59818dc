//! The calls of a sequence, as plain values: proptest makes, shrinks and prints them.

use std::time::Duration;

use tonic::{Code, metadata::MetadataMap, metadata::MetadataValue};

use crate::{
    echo::{DETAILS, INITIAL, TRAILING},
    messages::{echo_status, wire_size},
    payload::payload,
    proto::{
        BoolValue, EchoStatus, Payload, ResponseParameters, SimpleRequest,
        StreamingInputCallRequest, StreamingOutputCallRequest,
    },
};

/// Calls that are made at once; the next batch begins when they all have ended.
pub(super) type Batch = Vec<Call>;

/// One call, and all that the client does about it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) kind: Kind,
    /// Whether messages are compressed, in both directions as far as the service does so.
    pub(super) compressed: bool,
    /// The largest response that the client takes, in bytes.
    pub(super) limit: usize,
    /// Where the client gives the call up, if it has not ended by then.
    pub(super) cancel: Option<Cancel>,
    /// Metadata of the request, which comes back in headers and trailers.
    pub(super) texts: Vec<String>,
    pub(super) binaries: Vec<Vec<u8>>,
    /// The details of the status.
    pub(super) details: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Empty,
    UnimplementedMethod,
    UnimplementedService,
    Unary(Message),
    ClientStream(Vec<Message>),
    ServerStream(Message),
    HalfDuplex(Vec<Message>),
    FullDuplex {
        messages: Vec<Message>,
        /// Each message waits for all responses to the one before it.
        lock_step: bool,
    },
}

/// When a call is given up. A stream of responses counts these; a call with one response at most has nothing that could
/// be counted but how often its task has run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cancel {
    pub(super) after: usize,
}

/// One message from the client, and what it asks for.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) size: usize,
    /// One byte of it is wrong, so the service refuses it, unless there is none.
    pub(super) spoilt: bool,
    pub(super) responses: Vec<Response>,
    /// The status that ends the call here, in place of the responses.
    pub(super) status: Option<(i32, String)>,
}

/// One response that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) size: usize,
    /// How long the service waits before it.
    pub(super) delay: Duration,
}

impl Call {
    /// A request of this call.
    pub(super) fn request<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        self.add_metadata(request.metadata_mut());
        request
    }

    fn add_metadata(&self, metadata: &mut MetadataMap) {
        for text in &self.texts {
            let value = text.parse().expect("printable ASCII");
            metadata.append(INITIAL, value);
        }
        for binary in &self.binaries {
            metadata.append_bin(TRAILING, MetadataValue::from_bytes(binary));
        }
        if let Some(details) = &self.details {
            metadata.append_bin(DETAILS, MetadataValue::from_bytes(details));
        }
    }
}

impl Message {
    pub(super) fn unary(&self, compressed: bool) -> SimpleRequest {
        let response = self.responses.first();
        SimpleRequest {
            response_size: response.map_or(0, |response| wire_size(response.size)),
            response_compressed: said(compressed),
            expect_compressed: said(compressed),
            payload: Some(self.payload()),
            response_status: self.echo_status(),
            ..SimpleRequest::default()
        }
    }

    pub(super) fn input(&self, compressed: bool) -> StreamingInputCallRequest {
        StreamingInputCallRequest {
            payload: Some(self.payload()),
            expect_compressed: said(compressed),
        }
    }

    pub(super) fn output(&self, compressed: bool) -> StreamingOutputCallRequest {
        let parameters = |response: &Response| ResponseParameters {
            size: wire_size(response.size),
            interval_us: wire_size(response.delay.subsec_micros() as usize),
            compressed: said(compressed),
        };
        StreamingOutputCallRequest {
            response_parameters: self.responses.iter().map(parameters).collect(),
            payload: Some(self.payload()),
            response_status: self.echo_status(),
            ..StreamingOutputCallRequest::default()
        }
    }

    fn payload(&self) -> Payload {
        let mut payload = payload(self.size);
        if self.spoilt && self.size > 0 {
            let mut body = payload.body.to_vec();
            body[self.size / 2] ^= 1;
            payload.body = body.into();
        }
        payload
    }

    fn echo_status(&self) -> Option<EchoStatus> {
        let (code, message) = self.status.as_ref()?;
        echo_status(Code::from_i32(*code), message)
    }
}

fn said(value: bool) -> Option<BoolValue> {
    Some(BoolValue { value })
}
