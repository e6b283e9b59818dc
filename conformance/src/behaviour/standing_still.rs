//! A server that stands still with all its connections open.

use std::time::Duration;

use tokio::task::JoinSet;
use tonic::{Code, Request, Status};

use crate::messages::{assert_payload, join, simple_request};
use crate::{
    Bounded, SeparateRuntime, Way,
    limits::MAX_MESSAGE,
    link::{Settings, SharedLink},
    proto::test_service_client::TestServiceClient,
    service::TestService,
};

/// How long a call to it may take: any time will do.
const DEADLINE: Duration = Duration::from_millis(50);

/// What is sent to it: one call that fits into what is on the way, and one that does not.
const SIZES: [usize; 2] = [1000, 8 * 1024 * 1024];

/// A deadline ends calls to it, other servers answer meanwhile, and when it goes on its connection is as good as before.
pub(super) async fn deadline_while_server_stands_still(link: SharedLink) {
    let bounded = Bounded::start("deadline_while_server_stands_still");
    let server = SeparateRuntime::start();
    let way = serve_on(&server, &link, &bounded).await;
    let other_server = SeparateRuntime::start();
    let other_link = link.another();
    let other_way = serve_on(&other_server, &other_link, &bounded).await;
    call(&bounded, &way, 1000, None).await.expect("an answer");

    let held = server.hold(&bounded).await;
    let mut calls = JoinSet::new();
    for size in SIZES {
        let way = way.clone();
        calls.spawn(async move {
            let answer = call(&bounded, &way, size, Some(DEADLINE)).await;
            let status = answer.expect_err("an answer of a server that stands still");
            // tonic tells of its own timer so.
            assert_eq!(status.code(), Code::Cancelled, "{status}");
            assert_eq!(status.message(), "Timeout expired");
        });
    }
    for number in 0..20 {
        let answer = call(&bounded, &other_way, number * 1000, None).await;
        answer.expect("an answer of another server");
    }
    join(&bounded, "the deadlines", calls).await;

    drop(held);
    for size in SIZES {
        let answer = call(&bounded, &way, size, None).await;
        answer.expect("an answer of a server that goes on");
    }
}

/// Serves the test service, and connects to it.
async fn serve_on(server: &SeparateRuntime, link: &SharedLink, bounded: &Bounded) -> Way {
    let serving = SharedLink::clone(link);
    let served = server.run(async move {
        let routes = TestService::new().into_routes();
        serving.serve(routes, Settings::default()).await.detach();
    });
    bounded.wait("the service to be up", served).await;
    let way = link.connect(Settings::default());
    let way = bounded.wait("the connection", way).await;
    way.expect("a connection")
}

/// Sends a payload there, and gets half of it back.
async fn call(
    bounded: &Bounded,
    way: &Way,
    size: usize,
    deadline: Option<Duration>,
) -> Result<(), Status> {
    let mut request = Request::new(simple_request(size, size / 2));
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    let mut client = TestServiceClient::new(way.clone()).max_decoding_message_size(MAX_MESSAGE);
    let answer = bounded
        .wait("an answer", client.unary_call(request))
        .await?;
    assert_payload(answer.into_inner().payload.as_ref(), size / 2);
    Ok(())
}
