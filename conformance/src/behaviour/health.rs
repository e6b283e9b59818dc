//! gRPC's health service beside another one.

use tonic::{Code, service::Routes};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_check_response, health_client::HealthClient},
    server::{HealthReporter, health_reporter},
};

use super::{served::Serving, witness::Witness};
use crate::{Way, link::SharedLink, service::TestService};

/// A service whose health is asked for.
const NAME: &str = "grpc.testing.TestService";

/// Asked again and again while it changes.
pub(super) async fn health_check(link: SharedLink) {
    let (health, serving) = start("health_check", &link).await;
    let bounded = serving.bounded;
    let mut witness = Witness::start(&bounded, serving.way()).await;
    let mut client = HealthClient::new(serving.way());
    for status in [
        ServingStatus::Serving,
        ServingStatus::NotServing,
        ServingStatus::Unknown,
        ServingStatus::Serving,
    ] {
        health.set_service_status(NAME, status).await;
        let call = client.check(request(NAME));
        let answer = bounded.wait("its health", call).await.expect("an answer");
        assert_eq!(
            answer.into_inner().status(),
            health_check_response::ServingStatus::from(status)
        );
        let call = client.check(request(""));
        let answer = bounded.wait("the server's health", call).await;
        let answer = answer.expect("an answer").into_inner();
        assert_eq!(
            answer.status(),
            health_check_response::ServingStatus::Serving
        );
        witness.asked(&bounded).await;
    }
    let call = client.check(request("nobody"));
    let status = bounded.wait("a refusal", call).await;
    let status = status.expect_err("the health of nobody");
    assert_eq!(status.code(), Code::NotFound, "{status}");
    witness.dismissed(&bounded).await;
    drop(client);
    serving.end().await;
}

/// Told of each change while other calls run.
pub(super) async fn health_watch(link: SharedLink) {
    let (mut health, serving) = start("health_watch", &link).await;
    let bounded = serving.bounded;
    let mut witness = Witness::start(&bounded, serving.way()).await;
    let mut client = HealthClient::<Way>::new(serving.way());
    let call = client.watch(request("nobody"));
    let status = bounded.wait("a refusal", call).await;
    let status = status.expect_err("the health of nobody");
    assert_eq!(status.code(), Code::NotFound, "{status}");

    health
        .set_service_status(NAME, ServingStatus::NotServing)
        .await;
    let call = client.watch(request(NAME));
    let response = bounded.wait("the headers", call).await;
    let mut changes = response.expect("a stream").into_inner();
    let status = bounded.wait("the health at first", changes.message()).await;
    let status = status.expect("no error").map(|change| change.status());
    assert_eq!(
        status,
        Some(health_check_response::ServingStatus::NotServing)
    );
    for next in [
        Some(ServingStatus::Serving),
        Some(ServingStatus::Unknown),
        Some(ServingStatus::NotServing),
        None,
    ] {
        match next {
            Some(status) => health.set_service_status(NAME, status).await,
            None => health.clear_service_status(NAME).await,
        }
        let change = bounded.wait("a change", changes.message()).await;
        let change = change.expect("no error");
        let status = change.map(|change| change.status());
        assert_eq!(status, next.map(health_check_response::ServingStatus::from));
        witness.asked(&bounded).await;
    }
    witness.dismissed(&bounded).await;
    drop((client, changes));
    serving.end().await;
}

/// A test service, and the health that it shall have.
async fn start(scenario: &'static str, link: &SharedLink) -> (HealthReporter, Serving) {
    let (reporter, health) = health_reporter();
    let routes = Routes::new(TestService::new().into_service()).add_service(health);
    (reporter, Serving::start(scenario, link, routes).await)
}

fn request(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}
