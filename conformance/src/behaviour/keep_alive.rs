//! A side that asks its silent peer if it is still there.

use std::time::Duration;

use tonic::Code;

use super::reconnecting::{answered_soon, way_onwards};
use crate::messages::{assert_end, assert_response, simple_request, stream_request};
use crate::{
    Bounded, SeparateRuntime,
    link::{KeepAlive, Settings, SharedLink},
    proto::{StreamingOutputCallRequest, test_service_client::TestServiceClient},
    service::TestService,
};

/// Long enough for a peer that lives, on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Asks soon.
const ASKING: Settings = Settings {
    keep_alive: Some(KeepAlive {
        interval: Duration::from_millis(100),
        timeout: TIMEOUT,
    }),
};

/// The client finds out that its server stands still: its calls end, and it connects anew.
pub(super) async fn client_gives_up_still_server(link: SharedLink) {
    let bounded = Bounded::start("client_gives_up_still_server");
    let server = SeparateRuntime::start();
    let (service, gate) = TestService::behind_gate();
    let observer = service.observer();
    let serving = SharedLink::clone(&link);
    let served = server.run(async move {
        let served = serving.serve(service.into_routes(), Settings::default());
        served.await.detach();
    });
    bounded.wait("the service to be up", served).await;
    let way = bounded.wait("the connection", link.connect(ASKING)).await;
    let way = way.expect("a connection");
    let mut client = TestServiceClient::new(way.clone());
    let unary = tokio::spawn(async move { client.unary_call(simple_request(1, 1)).await });
    let mut client = TestServiceClient::new(way.clone());
    let call = client.streaming_output_call(one_and_much_later_another());
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    let first = bounded.wait("the first response", responses.message());
    assert_response(first.await, 1000);
    let begun = observer.until(|counts| counts.in_flight() == 2);
    bounded.wait("both calls to be under way", begun).await;

    let held = server.hold(&bounded).await;
    let end = bounded.wait("the client to give up its server", unary);
    let status = end.await.expect("no panic").expect_err("a held answer");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let end = bounded.wait("the stream to end, too", responses.message());
    let status = end.await.expect_err("a held response");
    assert_eq!(status.code(), Code::Unknown, "{status:?}");
    drop((gate, held));
    let way = way_onwards(&link, way, ASKING, &bounded).await;
    answered_soon(way, &bounded).await;
}

/// The server finds out that its client stands still: the service's calls end, and so does the connection.
pub(super) async fn server_gives_up_still_client(link: SharedLink) {
    let bounded = Bounded::start("server_gives_up_still_client");
    let service = TestService::new();
    let observer = service.observer();
    let served = link.serve(service.into_routes(), ASKING);
    let served = bounded.wait("the service to be up", served).await;
    let client = SeparateRuntime::start();
    let connecting = SharedLink::clone(&link);
    let stream = client.run(async move {
        let way = connecting.connect(Settings::default()).await;
        let mut client = TestServiceClient::new(way.expect("a connection"));
        let call = client.streaming_output_call(one_and_much_later_another());
        let mut responses = call.await.expect("a stream").into_inner();
        assert_response(responses.message().await, 1000);
        responses
    });
    let mut responses = bounded.wait("the first response", stream).await;
    assert_eq!(observer.counts().in_flight(), 1);

    let held = client.hold(&bounded).await;
    let noticed = observer.abandoned(1);
    bounded
        .wait("the server to give up its client", noticed)
        .await;
    // Nothing is left of the connection: a graceful end would wait for it.
    served.stop().end(&bounded).await;
    drop(held);
    let end = bounded.wait("the client to notice", responses.message());
    end.await
        .expect_err("an answer on a connection that was given up");
}

/// Both sides ask, and nothing else is said for longer than they wait for an answer: nobody is given up.
pub(super) async fn silence_is_no_death(link: SharedLink) {
    let bounded = Bounded::start("silence_is_no_death");
    let served = link.serve(TestService::new().into_routes(), ASKING);
    let served = bounded.wait("the service to be up", served).await;
    let way = bounded.wait("the connection", link.connect(ASKING)).await;
    let mut client = TestServiceClient::new(way.expect("a connection"));
    let mut request = stream_request(0, [1000, 2000]);
    let pause = (TIMEOUT * 5 / 4).as_micros();
    request.response_parameters[1].interval_us = i32::try_from(pause).expect("a short pause");
    let call = client.streaming_output_call(request);
    let response = bounded.wait("the response's headers", call).await;
    let mut responses = response.expect("a stream").into_inner();
    for size in [1000, 2000] {
        let response = bounded.wait("a response", responses.message());
        assert_response(response.await, size);
    }
    let end = bounded.wait("the end of the stream", responses.message());
    assert_end(end.await);
    drop((client, responses));
    served.stop().end(&bounded).await;
}

/// A server stream at which the service works for longer than any scenario takes.
fn one_and_much_later_another() -> StreamingOutputCallRequest {
    let mut request = stream_request(0, [1000, 2000]);
    request.response_parameters[1].interval_us = i32::MAX;
    request
}
