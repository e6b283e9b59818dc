//! Peers that nobody wants to talk to.

use crate::alone::alone;
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::echo_server::EchoServer;
use crate::patience::within;
use crate::raw_peer::RawPeer;
use isotonic_link::{ConnectError, Connector, Incident, Listener, NotAdmitted, PeerPolicy};

/// A policy that admits nobody who could run this test, and our own user id.
fn strangers_only() -> (PeerPolicy, u32) {
    let own = rustix::process::geteuid().as_raw();
    (PeerPolicy::Users(vec![own ^ 1]), own)
}

#[test]
fn a_client_that_is_not_admitted_is_turned_away_before_it_has_spoken() {
    alone(async || {
        let (policy, _) = strangers_only();
        let server = EchoServer::with(Listener::builder().peer_policy(policy)).await;
        RawPeer::connect(&server.address).is_closed_by_the_other_side();
        let before = open_descriptors();
        for _ in 0..3 {
            RawPeer::connect(&server.address).is_closed_by_the_other_side();
        }
        closed_down_to(before).await;
        server.counts(&[(Incident::NotAdmitted, 4)]).await;
    });
}

#[test]
fn a_server_that_is_not_admitted_is_not_talked_to() {
    alone(async || {
        let (policy, own) = strangers_only();
        let mut server = EchoServer::start().await;
        server.serves_a_good_client().await;
        let before = open_descriptors();
        let connector = Connector::default().peer_policy(policy);
        let error = within("the connector", connector.connect(&server.address))
            .await
            .unwrap_err();
        assert!(
            matches!(error, ConnectError::NotAdmitted { source: NotAdmitted { uid, .. }, .. } if uid == own),
            "{error}"
        );
        assert_eq!(connector.incidents().count(Incident::NotAdmitted), 1);
        closed_down_to(before).await;
        server.serves_a_good_client().await;
    });
}

#[test]
fn our_own_client_that_is_not_admitted_is_told_so() {
    alone(async || {
        let (policy, own) = strangers_only();
        let server = EchoServer::with(Listener::builder().peer_policy(policy)).await;
        let connector = Connector::default();
        for _ in 0..20 {
            let error = within("the connector", connector.connect(&server.address))
                .await
                .unwrap_err();
            assert!(
                matches!(error, ConnectError::TurnedAway { uid, .. } if uid == own),
                "{error}"
            );
        }
    });
}
