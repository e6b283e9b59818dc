//! A peer that sends and does not read, over the socket: what it makes us keep is bounded, however much it
//! would like to send, and it holds up nobody but itself.

use crate::alone::alone;
use crate::echo_server::survives;
use crate::raw_peer::{DATA, RawPeer, record};
use isotonic_link::limits::{MAX_DATA_RECORD, MAX_UNREAD, RECEIVE_BUFFER};
use std::os::fd::AsFd;

/// What a socket holds for one direction, of which the kernel counts more than the bytes alone.
fn socket_buffer(peer: &RawPeer) -> usize {
    rustix::net::sockopt::socket_send_buffer_size(peer.as_fd()).unwrap()
}

/// The service's own buffer.
const BUFFER: usize = 64 * 1024;

#[test]
fn a_client_that_never_reads_is_stopped_while_others_are_served_and_loses_nothing() {
    const ROUNDS_WITHOUT_PROGRESS: usize = 10;
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            let most = 2 * socket_buffer(&client)
                + MAX_UNREAD
                + 2 * MAX_DATA_RECORD
                + RECEIVE_BUFFER
                + BUFFER;
            let payload = Vec::from_iter((0..MAX_DATA_RECORD).map(|byte| byte as u8));
            let whole = record(DATA, &payload);
            let (mut sent, mut stuck) = (0, 0);
            while stuck < ROUNDS_WITHOUT_PROGRESS {
                match client.send_now(&whole[sent % whole.len()..]) {
                    0 => {
                        stuck += 1;
                        // Time enough for the server to take more.
                        server.serves_a_good_client().await;
                    }
                    len => (sent, stuck) = (sent + len, 0),
                }
                assert!(
                    sent <= most,
                    "{sent} B were taken from a client that reads none"
                );
            }
            // Now it reads, one byte at a time; and sends the rest of a record that was cut.
            let rest = (whole.len() - sent % whole.len()) % whole.len();
            let expected = (sent + rest) / whole.len() * payload.len();
            let mut unsent = &whole[whole.len() - rest..];
            let mut received = 0;
            while received < expected {
                unsent = &unsent[client.send_now(unsent)..];
                let (kind, body) = client.receive_byte_by_byte();
                assert_eq!(kind, DATA);
                for byte in body {
                    assert_eq!(byte, payload[received % payload.len()]);
                    received += 1;
                }
            }
            drop(client);
            server.next_end().await.result.unwrap_err();
        })
    });
}
