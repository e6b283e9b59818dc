//! Clients that do not know how to greet.

use crate::alone::alone;
use crate::echo_server::{EchoServer, survives};
use crate::raw_peer::{HELLO_LEN, MOST_DESCRIPTORS, REFUSED_VERSION, RawPeer, hello, welcome};
use isotonic_link::{Incident, Reason};
use std::fs::File;
use std::os::fd::AsFd;

/// Long enough to be recognised as HTTP/2; the echo server does not mind that it is not.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[test]
fn a_client_of_another_protocol_is_turned_away() {
    for noise in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01",
        &[0; 64],
        b"\x9Eisotonic",
    ] {
        alone(|| {
            survives(async |server, client| {
                client.send(noise);
                client.is_closed_by_the_other_side();
                server.counts(&[(Incident::NeitherProtocol, 1)]).await;
            })
        });
    }
}

#[test]
fn a_client_that_says_nothing_is_turned_away_while_others_are_served() {
    alone(|| {
        survives(async |server, client| {
            server.serves_a_good_client().await;
            // After the handshake timeout.
            client.is_closed_by_the_other_side();
            server.counts(&[(Incident::TooSlow, 1)]).await;
        })
    });
}

#[test]
fn a_client_that_stops_within_its_hello_is_turned_away_while_others_are_served() {
    alone(|| {
        survives(async |server, client| {
            client.send(&hello(1, 1, 1)[..HELLO_LEN - 1]);
            server.serves_a_good_client().await;
            client.is_closed_by_the_other_side();
            server.counts(&[(Incident::TooSlow, 1)]).await;
        })
    });
}

#[test]
fn a_hello_may_be_cut_anywhere_by_a_client_that_leaves() {
    alone(|| {
        survives(async |server, client| {
            drop(client);
            for len in 0..HELLO_LEN {
                RawPeer::connect(&server.address).send(&hello(1, 1, 1)[..len]);
            }
            // And the first, which said nothing at all.
            let left = HELLO_LEN as u64 + 1;
            server.counts(&[(Incident::LeftEarly, left)]).await;
        })
    });
}

#[test]
fn a_hello_may_come_byte_by_byte() {
    alone(|| {
        survives(async |server, client| {
            for byte in hello(1, 1, 1) {
                client.send(&[byte]);
            }
            assert_eq!(client.receive(HELLO_LEN), welcome(1, 0, 1));
            client.echoes(b"records");
            drop(client);
            server.next_end().await;
        })
    });
}

#[test]
fn a_client_of_another_version_stays_on_the_socket() {
    alone(|| {
        survives(async |server, client| {
            client.send(&hello(2, 7, 1));
            assert_eq!(client.receive(HELLO_LEN), welcome(0, REFUSED_VERSION, 0));
            client.send(HTTP2_PREFACE);
            assert_eq!(client.receive(HTTP2_PREFACE.len()), HTTP2_PREFACE);
            drop(client);
            let ended = server.next_end().await;
            ended.result.unwrap();
            assert_eq!(
                ended.link.reason(),
                Some(Reason::VersionMismatch {
                    ours: 1,
                    least: 2,
                    most: 7
                })
            );
        })
    });
}

#[test]
fn unknown_features_and_a_range_of_versions_are_no_obstacle() {
    alone(|| {
        survives(async |server, client| {
            // All but "at once".
            client.send(&hello(0, u16::MAX, !2));
            assert_eq!(client.receive(HELLO_LEN), welcome(1, 0, 1));
            client.echoes(b"records");
            drop(client);
            server.next_end().await;
        })
    });
}

#[test]
fn a_hello_with_descriptors_is_refused() {
    for count in [1, 2, MOST_DESCRIPTORS] {
        alone(|| {
            survives(async |server, client| {
                let file = File::open("/dev/null").unwrap();
                client.send_with(&hello(1, 1, 1), &vec![file.as_fd(); count]);
                client.is_closed_by_the_other_side();
                server.counts(&[(Incident::StrayDescriptors, 1)]).await;
            })
        });
    }
}

#[test]
fn descriptors_within_a_hello_are_refused() {
    alone(|| {
        survives(async |server, client| {
            let (hello, file) = (hello(1, 1, 1), File::open("/dev/null").unwrap());
            client.send(&hello[..20]);
            // The server may have read the first part or not; it must see them either way.
            client.send_with(&hello[20..], &[file.as_fd()]);
            client.is_closed_by_the_other_side();
            server.counts(&[(Incident::StrayDescriptors, 1)]).await;
        })
    });
}

#[test]
fn many_silent_clients_do_not_keep_others_out_for_longer_than_a_handshake() {
    alone(async || {
        let mut server = EchoServer::start().await;
        let places = isotonic_link::limits::MAX_UNFINISHED_HANDSHAKES_PER_USER;
        let silent: Vec<RawPeer> = (0..places)
            .map(|_| RawPeer::connect(&server.address))
            .collect();
        // Not a `Connector`: it would take the silence for that of a plain HTTP/2 server.
        let client = RawPeer::connect(&server.address);
        client.shake_hands();
        client.echoes(b"served");
        drop((client, silent));
        server.next_end().await;
    });
}
