//! That a connection outlives what is done to it.
//!
//! tonic's channel connects anew by itself, so a call that is answered does not show that the connection before it still
//! stands. A stream does: it ends with its connection.

use tokio::sync::mpsc::Sender;
use tonic::Streaming;

use crate::{
    Bounded, Way,
    messages::{assert_end, assert_response, open_stream, stream_request},
    proto::{
        StreamingOutputCallRequest, StreamingOutputCallResponse,
        test_service_client::TestServiceClient,
    },
};

/// An open stream to a test service.
pub(super) struct Witness {
    requests: Sender<StreamingOutputCallRequest>,
    responses: Streaming<StreamingOutputCallResponse>,
}

impl Witness {
    /// Opens it over the connection that `way` has.
    pub(super) async fn start(bounded: &Bounded, way: Way) -> Self {
        let mut client = TestServiceClient::new(way);
        let (requests, outgoing) = open_stream();
        let call = client.full_duplex_call(outgoing);
        let response = bounded.wait("the headers of the witness", call).await;
        let mut witness = Self {
            requests,
            responses: response.expect("a stream").into_inner(),
        };
        witness.asked(bounded).await;
        witness
    }

    /// The connection is still the one that it was.
    pub(super) async fn asked(&mut self, bounded: &Bounded) {
        const SIZE: usize = 70_000;
        let sent = self.requests.send(stream_request(3, [SIZE]));
        sent.await.expect("the connection that there was");
        let response = self.responses.message();
        let response = bounded.wait("the answer of the witness", response).await;
        assert_response(response, SIZE);
    }

    /// The same, and the stream ends.
    pub(super) async fn dismissed(mut self, bounded: &Bounded) {
        self.asked(bounded).await;
        drop(self.requests);
        let end = bounded.wait("the end of the witness", self.responses.message());
        assert_end(end.await);
    }
}
