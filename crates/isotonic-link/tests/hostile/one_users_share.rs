//! One user's clients cannot use up what the listener has for others: connections beyond the user's
//! quota are turned away, handshakes wait, links without memory left stay on the socket; and what was
//! used is free again afterwards. (That users are counted apart is seen in `src/quota.rs`.)

use crate::alone::alone;
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::echo_server::{EchoServer, echoes};
use crate::patience::within;
use crate::raw_peer::{ATTACH, ATTACHED, HELLO_LEN, REFUSED, RawPeer, attachment, hello, welcome};
use crate::segments::{CAPACITY, good_segment};
use isotonic_link::{
    ConnectError, Connector, Incident, LinkKind, Listener, ListenerBuilder, Quota, Reason, Refusal,
    ShmMode,
};
use std::os::fd::AsFd;

const QUOTA_REACHED: u16 = 0xFFFE;
const REFUSED_QUOTA: u16 = 6;

fn with(quota: Quota) -> ListenerBuilder {
    let small = Listener::builder().ring_capacity(CAPACITY).unwrap();
    small.quota(quota)
}

#[test]
fn connections_beyond_the_quota_are_turned_away_and_told_so() {
    alone(async || {
        let quota = Quota {
            connections: 2,
            ..Quota::default()
        };
        let mut server = EchoServer::with(with(quota)).await;
        server.serves_a_good_client().await;
        let before = open_descriptors();
        let held = [0, 1].map(|_| RawPeer::connect(&server.address));
        for client in &held {
            client.shake_hands();
        }

        let raw = RawPeer::connect(&server.address);
        assert_eq!(raw.receive(HELLO_LEN), welcome(1, QUOTA_REACHED, 0));
        raw.is_closed_by_the_other_side();
        let connector = Connector::default();
        let connected = within("the connector", connector.connect(&server.address)).await;
        let error = connected.unwrap_err();
        assert!(
            matches!(error, ConnectError::QuotaReached { .. }),
            "{error}"
        );
        server.counts(&[(Incident::QuotaReached, 2)]).await;

        drop((raw, held));
        server.next_end().await;
        server.next_end().await;
        closed_down_to(before).await;
        server.serves_a_good_client().await;
    });
}

#[test]
fn a_connection_counts_from_its_first_moment() {
    alone(async || {
        let quota = Quota {
            connections: 1,
            ..Quota::default()
        };
        let server = EchoServer::with(with(quota)).await;
        let silent = RawPeer::connect(&server.address);
        // Whichever way the second is served, the first was accepted before it.
        let second = RawPeer::connect(&server.address);
        assert_eq!(second.receive(HELLO_LEN), welcome(1, QUOTA_REACHED, 0));
        drop(silent);
    });
}

#[test]
fn handshakes_beyond_the_quota_wait_for_one_to_end() {
    const BEYOND: u64 = 100;
    alone(async || {
        let quota = Quota {
            connections: 2,
            unfinished_handshakes: 1,
            ..Quota::default()
        };
        let mut server = EchoServer::with(with(quota)).await;
        // Its handshake has begun, and ends with its offer.
        let slow = RawPeer::connect(&server.address);
        slow.send(&hello(1, 1, 3));
        assert_eq!(slow.receive(HELLO_LEN), welcome(1, 0, 3));
        let waiting = RawPeer::connect(&server.address);
        waiting.send(&hello(1, 1, 1));
        // Each gives the server time for more than it should do.
        for _ in 0..BEYOND {
            let beyond = RawPeer::connect(&server.address);
            assert_eq!(beyond.receive(HELLO_LEN), welcome(1, QUOTA_REACHED, 0));
        }
        assert!(waiting.has_heard_nothing(), "it does not wait");
        drop(slow);
        assert_eq!(waiting.receive(HELLO_LEN), welcome(1, 0, 1));
        waiting.echoes(b"at last");
        let counts = [(Incident::Vanished, 1), (Incident::QuotaReached, BEYOND)];
        server.counts(&counts).await;
        drop(waiting);
        server.next_end().await;
    });
}

#[test]
fn links_beyond_the_quota_of_memory_stay_on_the_socket() {
    alone(async || {
        let quota = Quota {
            mapped_bytes: 2 * CAPACITY,
            ..Quota::default()
        };
        let mut server = EchoServer::with(with(quota)).await;
        let attach = |client: &RawPeer| {
            client.shake_hands();
            client.send_with(&attachment(ATTACH, CAPACITY), &[good_segment().as_fd()]);
            client.receive_step()
        };
        // A user who has left begins anew; this one has not.
        let stays = RawPeer::connect(&server.address);
        stays.shake_hands();
        let first = RawPeer::connect(&server.address);
        assert_eq!(attach(&first).kind, ATTACHED);

        let second = RawPeer::connect(&server.address);
        assert_eq!(attach(&second).refusal(), Some(REFUSED_QUOTA));
        second.echoes(b"on the socket");
        server.counts(&[(Incident::MemoryQuotaReached, 1)]).await;
        drop(second);
        let reason = server.next_end().await.link.reason();
        let quota = quota.mapped_bytes;
        assert_eq!(reason, Some(Reason::QuotaReached { quota }));

        let require = Connector::default().shm_mode(ShmMode::Require);
        let connected = within("the connector", require.connect(&server.address)).await;
        let refused = Reason::PeerRefused(Refusal::QuotaReached);
        match connected.unwrap_err() {
            ConnectError::ShmRequired { reason, .. } => assert_eq!(reason, refused),
            other => panic!("{other}"),
        }

        drop(first);
        server.next_end().await;
        let small = require.ring_capacity(CAPACITY).unwrap();
        let mut link = within("the connector", small.connect(&server.address))
            .await
            .unwrap();
        assert_eq!(link.info().kind(), LinkKind::Shm);
        echoes(&mut link, b"memory again").await;
        drop(stays);
    });
}

#[test]
fn a_refused_segment_gives_its_memory_back() {
    alone(async || {
        let quota = Quota {
            mapped_bytes: 2 * CAPACITY,
            ..Quota::default()
        };
        let server = EchoServer::with(with(quota)).await;
        let nothing = std::fs::File::open("/dev/null").unwrap();
        let refused: Vec<RawPeer> = (0..3)
            .map(|_| {
                let client = RawPeer::connect(&server.address);
                client.shake_hands();
                client.send_with(&attachment(ATTACH, CAPACITY), &[nothing.as_fd()]);
                assert_eq!(client.receive_step().kind, REFUSED);
                client
            })
            .collect();
        server.counts(&[(Incident::SegmentRefused, 3)]).await;
        let connector = Connector::default()
            .shm_mode(ShmMode::Require)
            .ring_capacity(CAPACITY)
            .unwrap();
        let connected = within("the connector", connector.connect(&server.address)).await;
        assert_eq!(connected.unwrap().info().kind(), LinkKind::Shm);
        drop(refused);
    });
}
