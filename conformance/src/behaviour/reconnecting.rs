//! What becomes of a way whose connection ends.
//!
//! A call that comes at the moment in which a connection ends can be given to it all the same. gRPC wants such a call to
//! be given to the next connection; tonic ends it, with a code that depends on how far it had come. So these scenarios call
//! again.

use tonic::{Code, Status};

use crate::messages::{assert_payload, simple_request};
use crate::{
    Bounded, Way,
    link::{Settings, SharedLink},
    proto::{Empty, test_service_client::TestServiceClient},
    service::TestService,
};

/// Serves at the place of a server that is gone, and checks that [the way that is left](way_onwards) leads there.
pub(super) async fn next_server_answers(link: &SharedLink, way: Way, bounded: &Bounded) {
    let service = TestService::new();
    let observer = service.observer();
    let next = link.serve(service.into_routes(), Settings::default());
    let next = bounded.wait("the next server", next).await;
    let way = way_onwards(link, way, Settings::default(), bounded).await;
    answered_soon(way, bounded).await;
    assert_eq!(observer.counts().finished, 1);
    next.stop().end(bounded).await;
}

/// The same way, if it connects anew by itself. Else it has to say that it leads nowhere, and what is returned is new.
pub(super) async fn way_onwards(
    link: &SharedLink,
    way: Way,
    settings: Settings,
    bounded: &Bounded,
) -> Way {
    if link.connects_anew() {
        return way;
    }
    leads_nowhere_soon(way, bounded).await;
    let way = link.connect(settings);
    let way = bounded.wait("a new connection", way).await;
    way.expect("a connection")
}

/// Calls until there is an answer.
pub(super) async fn answered_soon(way: Way, bounded: &Bounded) {
    let mut client = TestServiceClient::new(way);
    loop {
        let call = client.unary_call(simple_request(27_182, 31_415));
        match bounded.wait("an answer on the next connection", call).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                return assert_payload(answer.payload.as_ref(), 31_415);
            }
            Err(status) => assert_given_to_an_end(&status),
        }
    }
}

/// Calls until UNAVAILABLE is the answer.
async fn leads_nowhere_soon(way: Way, bounded: &Bounded) {
    let mut client = TestServiceClient::new(way);
    loop {
        let call = client.empty_call(Empty {});
        match bounded.wait("the way to lead nowhere", call).await {
            // A connection that is ended in good order.
            Ok(_) => {}
            Err(status) if status.code() == Code::Unavailable => return,
            Err(status) => assert_given_to_an_end(&status),
        }
    }
}

/// Checks that a call ended because its connection did at this moment.
pub(super) fn assert_given_to_an_end(status: &Status) {
    let code = status.code();
    assert!(
        matches!(code, Code::Cancelled | Code::Unknown | Code::Internal),
        "{status:?}"
    );
}
