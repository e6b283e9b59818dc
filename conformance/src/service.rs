//! The service of gRPC's interoperability tests, with payloads that both sides check.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Request, Response, Status, Streaming,
    codec::{CompressionEncoding, SingleMessageCompressionOverride},
    service::Routes,
};

use crate::{
    echo::EchoMetadata,
    limits::MAX_MESSAGE,
    message_flags::{MessageFlags, WithMessageFlags},
    observer::{Observer, Recorder},
    payload,
    proto::{
        BoolValue, EchoStatus, Empty, Payload, ResponseParameters, SimpleRequest, SimpleResponse,
        StreamingInputCallRequest, StreamingInputCallResponse, StreamingOutputCallRequest,
        StreamingOutputCallResponse,
        test_service_server::{self, TestServiceServer},
    },
};

/// Implements `grpc.testing.TestService` as gRPC's interop servers do, but for two things: payloads have the content of
/// [`payload::content`], and a request whose payload has another is refused with INVALID_ARGUMENT; and an [`Observer`]
/// can be had.
#[derive(Clone, Debug, Default)]
pub struct TestService {
    recorder: Recorder,
    gate: Option<watch::Receiver<()>>,
}

/// As long as it is there, the unary calls of its service are not answered.
#[derive(Debug)]
#[must_use]
pub struct Gate {
    _until_dropped: watch::Sender<()>,
}

/// A request that carries this asks for a status with these bytes as its details.
pub const STATUS_DETAILS: &str = "x-test-status-details-bin";

/// The service as it is given to a server's `add_service`.
pub type ServedTestService = EchoMetadata<WithMessageFlags<TestServiceServer<TestService>>>;

impl TestService {
    /// A service that has seen no call.
    pub fn new() -> Self {
        Self::default()
    }

    /// One whose unary calls wait at a gate.
    pub fn behind_gate() -> (Self, Gate) {
        let (until_dropped, gate) = watch::channel(());
        let service = Self {
            gate: Some(gate),
            ..Self::default()
        };
        let gate = Gate {
            _until_dropped: until_dropped,
        };
        (service, gate)
    }

    /// Watches this service and all its clones.
    pub fn observer(&self) -> Observer {
        self.recorder.observer()
    }

    /// Ready for a server: with raised message limits, compression for those who ask for it, and the metadata echo.
    pub fn into_service(self) -> ServedTestService {
        self.with_limit(MAX_MESSAGE)
    }

    /// The same, but it takes no request above `limit` bytes.
    pub fn with_limit(self, limit: usize) -> ServedTestService {
        EchoMetadata::new(WithMessageFlags(
            TestServiceServer::new(self)
                .max_decoding_message_size(limit)
                .max_encoding_message_size(MAX_MESSAGE)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip),
        ))
    }

    /// The same as the only service of a server.
    pub fn into_routes(self) -> Routes {
        Routes::new(self.into_service())
    }

    async fn answer(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        // Dropped with this future: by a reset or by a deadline.
        let call = self.recorder.begin();
        if let Some(mut gate) = self.gate.clone() {
            // Nothing is ever sent through it; the error means that it is open.
            let _ = gate.changed().await;
        }
        let flags = flags_of(&request);
        let details = details_of(&request);
        let request = request.into_inner();
        let answer = check_compression(request.expect_compressed, &flags)
            .and_then(|()| simple_response(&request, &details));
        call.finish();
        let mut response = Response::new(answer?);
        if !wants_compression(request.response_compressed) {
            response.disable_compression();
        }
        Ok(response)
    }
}

#[tonic::async_trait]
impl test_service_server::TestService for TestService {
    type StreamingOutputCallStream = Responses;
    type FullDuplexCallStream = Responses;
    type HalfDuplexCallStream = Responses;

    async fn empty_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.recorder.begin().finish();
        Ok(Response::new(Empty {}))
    }

    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        self.answer(request).await
    }

    async fn cacheable_unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        self.answer(request).await
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
    ) -> Result<Response<Responses>, Status> {
        let details = details_of(&request);
        let request = request.into_inner();
        // All responses or none.
        let compress = request
            .response_parameters
            .iter()
            .any(|wanted| wants_compression(wanted.compressed));
        let mut response = respond(&self.recorder, async move |sender| {
            respond_to(&request, &details, &sender).await
        });
        if compress {
            response
                .extensions_mut()
                .remove::<SingleMessageCompressionOverride>();
        }
        Ok(response)
    }

    async fn streaming_input_call(
        &self,
        request: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        // Dropped with this future: by an error of the stream, by a reset or by a deadline.
        let call = self.recorder.begin();
        let flags = flags_of(&request);
        let mut requests = request.into_inner();
        let mut total = 0;
        while let Some(request) = requests.message().await? {
            let checked = check_compression(request.expect_compressed, &flags)
                .and_then(|()| check(request.payload.as_ref()));
            match checked {
                Ok(size) => total += size,
                Err(status) => {
                    call.finish();
                    return Err(status);
                }
            }
        }
        call.finish();
        let aggregated_payload_size = i32::try_from(total).map_err(|_| {
            Status::out_of_range(format!("{total} bytes are more than an int32 tells"))
        })?;
        Ok(Response::new(StreamingInputCallResponse {
            aggregated_payload_size,
        }))
    }

    async fn full_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Responses>, Status> {
        let details = details_of(&request);
        let mut requests = request.into_inner();
        Ok(respond(&self.recorder, async move |sender| {
            while let Some(request) = requests.message().await.map_err(|_| Ended::ByClient)? {
                respond_to(&request, &details, &sender).await?;
            }
            Ok(())
        }))
    }

    async fn half_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Responses>, Status> {
        let details = details_of(&request);
        let mut requests = request.into_inner();
        Ok(respond(&self.recorder, async move |sender| {
            let mut kept = Vec::new();
            while let Some(request) = requests.message().await.map_err(|_| Ended::ByClient)? {
                kept.push(request);
            }
            for request in &kept {
                respond_to(request, &details, &sender).await?;
            }
            Ok(())
        }))
    }

    async fn unimplemented_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented(
            "UnimplementedCall is not implemented, on purpose",
        ))
    }
}

/// Streamed responses.
type Responses = ReceiverStream<Result<StreamingOutputCallResponse, Status>>;

/// Where a stream's producer puts its responses.
struct Sender {
    responses: mpsc::Sender<Result<StreamingOutputCallResponse, Status>>,
    recorder: Recorder,
}

impl Sender {
    async fn send(&self, response: StreamingOutputCallResponse) -> Result<(), Ended> {
        let sent = self.responses.send(Ok(response)).await;
        sent.map_err(|_| Ended::ByClient)?;
        self.recorder.streamed();
        Ok(())
    }
}

/// Why a stream of responses ended early.
enum Ended {
    /// The service chose to, with this status.
    ByService(Status),
    /// The client cancelled, or its connection broke.
    ByClient,
}

/// Answers with what `produce` sends.
fn respond<P, F>(recorder: &Recorder, produce: P) -> Response<Responses>
where
    P: FnOnce(Sender) -> F,
    F: Future<Output = Result<(), Ended>> + Send + 'static,
{
    // One response waits at most: the producer must feel it when nobody reads.
    let (sender, responses) = mpsc::channel(1);
    let call = recorder.begin();
    let produced = produce(Sender {
        responses: sender.clone(),
        recorder: recorder.clone(),
    });
    tokio::spawn(async move {
        // The receiver goes when hyper drops the response's body: on a reset as on a broken connection.
        let ended = tokio::select! {
            ended = produced => ended,
            () = sender.closed() => Err(Ended::ByClient),
        };
        match ended {
            Ok(()) => call.finish(),
            Err(Ended::ByService(status)) => {
                if sender.send(Err(status)).await.is_ok() {
                    call.finish();
                }
            }
            Err(Ended::ByClient) => drop(call),
        }
    });
    let mut response = Response::new(ReceiverStream::new(responses));
    response.disable_compression();
    response
}

/// Sends what `request` asks for.
async fn respond_to(
    request: &StreamingOutputCallRequest,
    details: &Bytes,
    sender: &Sender,
) -> Result<(), Ended> {
    check(request.payload.as_ref()).map_err(Ended::ByService)?;
    if let Some(wanted) = &request.response_status {
        end_with(wanted, details).map_err(Ended::ByService)?;
    }
    for wanted in &request.response_parameters {
        let &ResponseParameters {
            size, interval_us, ..
        } = wanted;
        if let Some(interval) = u64::try_from(interval_us).ok().filter(|&us| us > 0) {
            tokio::time::sleep(Duration::from_micros(interval)).await;
        }
        let payload = Some(payload_of(size).map_err(Ended::ByService)?);
        sender.send(StreamingOutputCallResponse { payload }).await?;
    }
    Ok(())
}

/// The answer to one unary request.
fn simple_response(request: &SimpleRequest, details: &Bytes) -> Result<SimpleResponse, Status> {
    check(request.payload.as_ref())?;
    if let Some(wanted) = &request.response_status {
        end_with(wanted, details)?;
    }
    let payload = Some(payload_of(request.response_size)?);
    Ok(SimpleResponse {
        payload,
        ..SimpleResponse::default()
    })
}

/// Whether a response shall be compressed; only then it is, even if the client could take more.
fn wants_compression(wanted: Option<BoolValue>) -> bool {
    wanted.is_some_and(|wanted| wanted.value)
}

/// The compression of a request's messages.
fn flags_of<M>(request: &Request<M>) -> MessageFlags {
    let flags = request.extensions().get::<MessageFlags>();
    flags.cloned().unwrap_or_default()
}

/// Checks that the next message was compressed, or not, as its client says.
fn check_compression(expected: Option<BoolValue>, flags: &MessageFlags) -> Result<(), Status> {
    let compressed = flags.next();
    match expected {
        Some(expected) if Some(expected.value) != compressed => {
            Err(Status::invalid_argument(format!(
                "the message should have compressed={}, but has {compressed:?}",
                expected.value
            )))
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks a request's payload and returns its size in bytes; no payload is one of none.
fn check(payload: Option<&Payload>) -> Result<usize, Status> {
    let body = payload.map(|payload| &payload.body[..]).unwrap_or_default();
    payload::verify(body).map_err(|wrong| Status::invalid_argument(wrong.to_string()))?;
    Ok(body.len())
}

/// A payload of a size that a client asked for.
fn payload_of(size: i32) -> Result<Payload, Status> {
    match usize::try_from(size) {
        Ok(size) if size <= MAX_MESSAGE => Ok(payload::payload(size)),
        _ => Err(Status::invalid_argument(format!(
            "no payload has {size} bytes"
        ))),
    }
}

/// The details that a client wants a status to have; mostly none.
fn details_of<M>(request: &Request<M>) -> Bytes {
    let wanted = request.metadata().get_bin(STATUS_DETAILS);
    let wanted = wanted.and_then(|details| details.to_bytes().ok());
    wanted.unwrap_or_default()
}

/// The status that a client asked for; `Ok` if that is OK.
fn end_with(wanted: &EchoStatus, details: &Bytes) -> Result<(), Status> {
    match Code::from_i32(wanted.code) {
        Code::Ok => Ok(()),
        code => Err(Status::with_details(
            code,
            wanted.message.clone(),
            details.clone(),
        )),
    }
}
