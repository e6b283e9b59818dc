//! The limits on the size of a message that a client and a service set for themselves, each for both directions.
//!
//! The codes are tonic's: OUT_OF_RANGE and INTERNAL, where gRPC says RESOURCE_EXHAUSTED. A refusal must not end the
//! connection, nor keep what it leaves unread.

use prost::Message;
use tonic::{Code, Status, service::Routes};

use super::{served::Serving, witness::Witness};
use crate::{
    Bounded, Way,
    link::SharedLink,
    messages::{
        assert_end, assert_payload, assert_response, simple_request, stream_request, wire_size,
    },
    payload::payload,
    proto::{
        SimpleResponse, StreamingInputCallRequest, StreamingOutputCallResponse,
        test_service_client::TestServiceClient, test_service_server::TestServiceServer,
    },
    service::TestService,
};

/// The limit, in bytes of an encoded message. It takes several HTTP/2 frames, so that what is refused is still on its
/// way, and the witness stays below it.
const LIMIT: usize = 200_000;

/// Messages over the limit: together more than any window on the way holds, if each left its bytes behind in it.
const REFUSALS: usize = 100;

type Client = TestServiceClient<Way>;
type Server = TestServiceServer<TestService>;

/// What a client sends. tonic resets the call, and takes its own reset for the status.
pub(super) async fn client_encoding_limit(link: SharedLink) {
    let client = |client: Client| client.max_encoding_message_size(LIMIT);
    let calls = Calls::start("client_encoding_limit", &link, client, |server| server);
    calls.await.examine(Large::Request, Code::Internal).await;
}

/// What a client receives.
pub(super) async fn client_decoding_limit(link: SharedLink) {
    let client = |client: Client| client.max_decoding_message_size(LIMIT);
    let calls = Calls::start("client_decoding_limit", &link, client, |server| server);
    calls.await.examine(Large::Response, Code::OutOfRange).await;
}

/// What a service receives.
pub(super) async fn service_decoding_limit(link: SharedLink) {
    let server = |server: Server| server.max_decoding_message_size(LIMIT);
    let calls = Calls::start("service_decoding_limit", &link, |client| client, server);
    calls.await.examine(Large::Request, Code::OutOfRange).await;
}

/// What a service sends.
pub(super) async fn service_encoding_limit(link: SharedLink) {
    let server = |server: Server| server.max_encoding_message_size(LIMIT);
    let calls = Calls::start("service_encoding_limit", &link, |client| client, server);
    calls.await.examine(Large::Response, Code::OutOfRange).await;
}

/// What is large.
#[derive(Clone, Copy, Debug)]
enum Large {
    Request,
    Response,
}

/// Calls between a client and a service one of which has a limit.
struct Calls {
    serving: Serving,
    client: Client,
}

impl Calls {
    async fn start(
        scenario: &'static str,
        link: &SharedLink,
        client: fn(Client) -> Client,
        server: fn(Server) -> Server,
    ) -> Self {
        let routes = Routes::new(server(TestServiceServer::new(TestService::new())));
        let serving = Serving::start(scenario, link, routes).await;
        let client = client(TestServiceClient::new(serving.way()));
        Self { serving, client }
    }

    /// Messages at the limit pass; those that are one byte larger are refused with `code`, and nothing else is.
    async fn examine(mut self, large: Large, code: Code) {
        let bounded = self.serving.bounded;
        let mut witness = Witness::start(&bounded, self.serving.way()).await;
        for (over, expected) in [(0, None), (1, Some(code)), (0, None)] {
            let unary = unary(&mut self.client, &bounded, large, over).await;
            assert_eq!(code_of(unary), expected, "unary, {over} bytes over");
            witness.asked(&bounded).await;
            let stream = stream(&mut self.client, &bounded, large, over).await;
            assert_eq!(code_of(stream), expected, "in a stream, {over} bytes over");
            witness.asked(&bounded).await;
        }
        for number in 0..REFUSALS {
            let refused = unary(&mut self.client, &bounded, large, 1).await;
            assert_eq!(code_of(refused), Some(code), "refusal {number}");
            // In between, since h2 takes more than 20 calls that are reset before the server got to them for an attack.
            witness.asked(&bounded).await;
        }
        let unary = unary(&mut self.client, &bounded, large, 0).await;
        assert_eq!(code_of(unary), None, "after {REFUSALS} refusals");
        witness.dismissed(&bounded).await;
        drop(self.client);
        self.serving.end().await;
    }
}

/// The code of a refusal.
fn code_of(outcome: Result<(), Status>) -> Option<Code> {
    outcome.err().map(|status| status.code())
}

/// A unary call with one message that is `over` bytes over the limit.
async fn unary(
    client: &mut Client,
    bounded: &Bounded,
    large: Large,
    over: usize,
) -> Result<(), Status> {
    let (request, response) = match large {
        Large::Request => (filling(|size| simple_request(size, 1)) + over, 1),
        Large::Response => (1, filling(simple_response) + over),
    };
    let call = client.unary_call(simple_request(request, response));
    let answer = bounded.wait("an answer or a refusal", call).await?;
    assert_payload(answer.into_inner().payload.as_ref(), response);
    Ok(())
}

/// The same in a stream, behind a message that is small.
async fn stream(
    client: &mut Client,
    bounded: &Bounded,
    large: Large,
    over: usize,
) -> Result<(), Status> {
    match large {
        Large::Request => {
            let sizes = [1, filling(input) + over];
            let call = client.streaming_input_call(tokio_stream::iter(sizes.map(input)));
            let answer = bounded.wait("an answer or a refusal", call).await?;
            let size = answer.into_inner().aggregated_payload_size;
            assert_eq!(size, wire_size(sizes[0] + sizes[1]));
        }
        Large::Response => {
            let size = filling(stream_response) + over;
            let call = client.streaming_output_call(stream_request(1, [1, size]));
            let answer = bounded.wait("the response's headers", call).await?;
            let mut responses = answer.into_inner();
            let small = bounded.wait("the small response", responses.message());
            assert_response(small.await, 1);
            let last = bounded.wait("the large response", responses.message());
            assert_response(Ok(last.await?), size);
            assert_end(bounded.wait("the end", responses.message()).await);
        }
    }
    Ok(())
}

/// The size of the payload with which a message is just as large as the limit.
fn filling<M: Message>(message: impl Fn(usize) -> M) -> usize {
    // The fields around a payload take as much for every size near the limit.
    let near = LIMIT - 100;
    let filling = LIMIT - (message(near).encoded_len() - near);
    assert_eq!(message(filling).encoded_len(), LIMIT);
    filling
}

fn simple_response(size: usize) -> SimpleResponse {
    SimpleResponse {
        payload: Some(payload(size)),
        ..SimpleResponse::default()
    }
}

fn stream_response(size: usize) -> StreamingOutputCallResponse {
    StreamingOutputCallResponse {
        payload: Some(payload(size)),
    }
}

fn input(size: usize) -> StreamingInputCallRequest {
    StreamingInputCallRequest {
        payload: Some(payload(size)),
        ..StreamingInputCallRequest::default()
    }
}
