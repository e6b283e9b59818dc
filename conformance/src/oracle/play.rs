//! Makes the calls.

use std::{collections::VecDeque, pin::pin};

use tokio::{sync::mpsc, task::yield_now};
use tonic::{Response, Status, Streaming, codec::CompressionEncoding::Gzip};

use super::{
    call::{Call, Cancel, Kind, Message},
    outcome::{Content, End, Outcome, Passing},
};
use crate::{
    Way,
    messages::open_stream,
    proto::{
        Empty, StreamingOutputCallRequest, StreamingOutputCallResponse,
        test_service_client::TestServiceClient,
        unimplemented_service_client::UnimplementedServiceClient,
    },
};

/// Makes `call` over `way`.
pub(super) async fn play(way: Way, call: &Call) -> Outcome {
    let passing = Passing::default();
    let way = passing.watch(way);
    let mut unimplemented = UnimplementedServiceClient::new(way.clone());
    let mut client = client(way, call);
    let empty = call.request(Empty {});
    let nothing = |_| Content::Nothing;
    let input = |message: &Message| message.input(call.compressed);
    let output = |message: &Message| message.output(call.compressed);
    let player = Player { call, passing };
    match &call.kind {
        Kind::Empty => player.one(client.empty_call(empty), nothing).await,
        Kind::UnimplementedMethod => player.one(client.unimplemented_call(empty), nothing).await,
        Kind::UnimplementedService => {
            let answer = unimplemented.unimplemented_call(empty);
            player.one(answer, nothing).await
        }
        Kind::Unary(message) => {
            let answer = client.unary_call(call.request(message.unary(call.compressed)));
            player
                .one(answer, |response| response.payload.as_ref().into())
                .await
        }
        Kind::ClientStream(messages) => {
            let messages: Vec<_> = messages.iter().map(input).collect();
            let answer = client.streaming_input_call(call.request(tokio_stream::iter(messages)));
            player
                .one(answer, |response| {
                    Content::Counted(response.aggregated_payload_size)
                })
                .await
        }
        Kind::ServerStream(message) => {
            let answer = client.streaming_output_call(call.request(output(message)));
            player.many(answer, Steps::none()).await
        }
        Kind::HalfDuplex(messages) => {
            let messages: Vec<_> = messages.iter().map(output).collect();
            let answer = client.half_duplex_call(call.request(tokio_stream::iter(messages)));
            player.many(answer, Steps::none()).await
        }
        Kind::FullDuplex {
            messages,
            lock_step: false,
        } => {
            let messages: Vec<_> = messages.iter().map(output).collect();
            let answer = client.full_duplex_call(call.request(tokio_stream::iter(messages)));
            player.many(answer, Steps::none()).await
        }
        Kind::FullDuplex {
            messages,
            lock_step: true,
        } => {
            let (requests, outgoing) = open_stream();
            let steps = Steps {
                requests: Some(requests),
                unsent: messages.iter().map(output).collect(),
                awaited: 0,
            };
            let answer = client.full_duplex_call(call.request(outgoing));
            player.many(answer, steps).await
        }
    }
}

fn client(way: Way, call: &Call) -> TestServiceClient<Way> {
    let client = TestServiceClient::new(way).max_decoding_message_size(call.limit);
    if call.compressed {
        client.send_compressed(Gzip).accept_compressed(Gzip)
    } else {
        client
    }
}

/// A call under way.
struct Player<'a> {
    call: &'a Call,
    passing: Passing,
}

impl Player<'_> {
    /// A call with one response at most.
    async fn one<M>(
        self,
        answer: impl Future<Output = Result<Response<M>, Status>>,
        content: impl FnOnce(M) -> Content,
    ) -> Outcome {
        match unless_given_up(answer, self.call.cancel).await {
            Some(Ok(response)) => {
                let content = content(response.into_inner());
                self.passing.outcome(vec![content], End::Ok)
            }
            Some(Err(status)) => self.passing.outcome(Vec::new(), status.into()),
            // How far it came is a matter of time, so nothing is known of it.
            None => Outcome::unknown(End::GivenUp),
        }
    }

    /// A call with a stream of responses, which is read to its end or to where it is given up.
    async fn many(
        self,
        answer: impl Future<Output = Result<Response<Streaming<StreamingOutputCallResponse>>, Status>>,
        mut steps: Steps,
    ) -> Outcome {
        let mut contents = Vec::new();
        let mut responses = match answer.await {
            Ok(response) => response.into_inner(),
            Err(status) => return self.passing.outcome(contents, status.into()),
        };
        let end = loop {
            if let Some(Cancel { after }) = self.call.cancel
                && after == contents.len()
            {
                break End::GivenUp;
            }
            steps.go_on(contents.len()).await;
            match responses.message().await {
                Ok(Some(response)) => contents.push(response.payload.as_ref().into()),
                Ok(None) => break End::Ok,
                Err(status) => break status.into(),
            }
        };
        self.passing.outcome(contents, end)
    }
}

/// Drops `future` after it has run as often as `cancel` says; whether it had ended by then counts for nothing.
async fn unless_given_up<F: Future>(future: F, cancel: Option<Cancel>) -> Option<F::Output> {
    let Some(Cancel { after }) = cancel else {
        return Some(future.await);
    };
    let mut future = pin!(future);
    for _ in 0..=after {
        tokio::select! {
            biased;
            _ = &mut future => break,
            () = yield_now() => {}
        }
    }
    None
}

/// The messages of a conversation that goes on in lock step.
struct Steps {
    /// `None` once the client has ended its stream.
    requests: Option<mpsc::Sender<StreamingOutputCallRequest>>,
    unsent: VecDeque<StreamingOutputCallRequest>,
    /// How many responses the messages ask for that were sent up to now.
    awaited: usize,
}

impl Steps {
    /// The messages go their own way.
    fn none() -> Self {
        Self {
            requests: None,
            unsent: VecDeque::new(),
            awaited: 0,
        }
    }

    /// Sends what has waited for the response number `received`, and ends the stream after the last message.
    async fn go_on(&mut self, received: usize) {
        while received == self.awaited
            && let Some(requests) = &self.requests
        {
            let Some(message) = self.unsent.pop_front() else {
                self.requests = None;
                return;
            };
            self.awaited += message.response_parameters.len();
            if requests.send(message).await.is_err() {
                // The service has ended the call: with the status that is read next.
                self.requests = None;
            }
        }
    }
}
