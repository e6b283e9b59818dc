//! Records that break off: the connection ends after each of their bytes, at each point of its life. And
//! records that come in as small pieces as can be, which is no offence.

use crate::alone::alone;
use crate::echo_server::survives;
use crate::patience::PATIENCE;
use crate::raw_peer::{
    ATTACH, ATTACHED, DATA, DOORBELL, HELLO_LEN, MOVED, REFUSED, RawPeer, attachment, close, hello,
    record, welcome,
};
use crate::records_to_a_client::{against, read_to_end, reason_of};
use crate::segments::{CAPACITY, PRODUCED, good_segment, segment_with};
use crate::stages::{ClientStage, ServerStage, a_client_sees_a_reset, a_server_sees_a_reset};
use isotonic_link::{Incident, LinkKind, Reason, ShmMode};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// What may come next from a client, whole.
fn next_of_a_client(stage: ClientStage) -> Vec<Vec<u8>> {
    let always = [record(DOORBELL, &[]), close(0)];
    let here = match stage {
        ClientStage::Greeted => vec![record(DATA, b"data"), attachment(ATTACH, CAPACITY)],
        ClientStage::Attached => vec![record(DATA, b"data"), record(MOVED, &[]), refusal()],
        ClientStage::InMemory => vec![],
    };
    here.into_iter().chain(always).collect()
}

/// What may come next from a server, whole.
fn next_of_a_server(stage: ServerStage) -> Vec<Vec<u8>> {
    let always = [record(DOORBELL, &[]), close(0)];
    let here = match stage {
        ServerStage::Greeted => vec![record(DATA, b"data")],
        ServerStage::Offered => vec![attachment(ATTACHED, CAPACITY), refusal()],
        ServerStage::Moving => vec![record(DATA, b"data"), record(MOVED, &[])],
        ServerStage::InMemory => vec![],
    };
    here.into_iter().chain(always).collect()
}

fn refusal() -> Vec<u8> {
    record(REFUSED, &[2, 0, 0, 0, 0, 0, 0, 0])
}

/// Sends the beginning of a record, with a segment if it is one that carries it.
fn send_beginning(peer: &RawPeer, beginning: &[u8]) {
    if [ATTACH, ATTACHED].contains(&beginning[0]) {
        peer.send_with(beginning, &[good_segment().as_fd()]);
    } else {
        peer.send(beginning);
    }
}

#[test]
fn a_client_may_go_after_each_byte_of_each_record() {
    for stage in ClientStage::ALL {
        for record in next_of_a_client(stage) {
            println!("{stage:?}: {record:?}");
            for len in 1..record.len() {
                a_server_sees_a_reset(stage, |client| send_beginning(client, &record[..len]));
            }
        }
    }
}

#[test]
fn a_server_may_go_after_each_byte_of_each_record() {
    for stage in ServerStage::ALL {
        for record in next_of_a_server(stage) {
            println!("{stage:?}: {record:?}");
            for len in 1..record.len() {
                let record = record.clone();
                a_client_sees_a_reset(stage, move |server| send_beginning(server, &record[..len]));
            }
        }
    }
}

#[test]
fn a_server_may_go_after_each_byte_of_its_welcome() {
    let start = Instant::now();
    for len in 0..HELLO_LEN {
        let serve = move |server: RawPeer| server.send(&welcome(1, 0, 1)[..len]);
        against(ShmMode::Require, serve, async |link| {
            assert_eq!(reason_of(link), Reason::NoAnswer);
        });
        // A client that waits for the rest gives up, too, in the end.
        assert!(
            start.elapsed() < PATIENCE,
            "the end of the stream goes unnoticed"
        );
    }
}

#[test]
fn a_client_that_needs_shared_memory_may_go_after_each_byte_of_its_offer() {
    for len in 1..attachment(ATTACH, CAPACITY).len() {
        alone(|| {
            survives(async |server, client| {
                client.send(&hello(1, 1, 3));
                assert_eq!(client.receive(HELLO_LEN), welcome(1, 0, 3));
                send_beginning(&client, &attachment(ATTACH, CAPACITY)[..len]);
                drop(client);
                server.counts(&[(Incident::Vanished, 1)]).await;
            })
        });
    }
}

/// Sends each byte in a message of its own, the first with the descriptor.
#[track_caller]
fn byte_by_byte(peer: &RawPeer, bytes: &[u8], segment: Option<&OwnedFd>) {
    /// Lets the other side take each byte before the next comes.
    const A_MOMENT: Duration = Duration::from_millis(1);
    let (first, rest) = bytes.split_at(1);
    peer.send_with(first, &Vec::from_iter(segment.map(AsFd::as_fd)));
    for byte in rest {
        assert!(!peer.is_closed_within(A_MOMENT), "part of it was refused");
        peer.send(&[*byte]);
    }
}

#[test]
fn a_client_may_send_everything_byte_by_byte() {
    alone(|| {
        survives(async |server, client| {
            let segment = segment_with(&[(PRODUCED, 1000)]);
            byte_by_byte(&client, &hello(1, 1, 1), None);
            assert_eq!(client.receive(HELLO_LEN), welcome(1, 0, 1));
            byte_by_byte(&client, &record(DATA, b"data"), None);
            byte_by_byte(&client, &attachment(ATTACH, CAPACITY), Some(&segment));
            byte_by_byte(&client, &record(MOVED, &[]), None);
            byte_by_byte(&client, &record(DOORBELL, &[]), None);
            byte_by_byte(&client, &close(1000), None);
            client.is_closed_by_the_other_side();
            let ended = server.next_end().await;
            ended.result.unwrap();
            assert_eq!(ended.link.kind(), LinkKind::Shm);
            let counters = ended.link.counters();
            assert_eq!(counters.socket_bytes_received, 4);
            assert_eq!(counters.memory_bytes_received, 1000);
        })
    });
}

#[test]
fn a_server_may_send_everything_byte_by_byte() {
    let serve = |server: RawPeer| {
        let segment = segment_with(&[(PRODUCED, 1000)]);
        byte_by_byte(&server, &welcome(1, 0, 1), None);
        assert_eq!(server.receive_step().kind, ATTACH);
        byte_by_byte(&server, &attachment(ATTACHED, CAPACITY), Some(&segment));
        byte_by_byte(&server, &record(DATA, b"data"), None);
        byte_by_byte(&server, &record(MOVED, &[]), None);
        byte_by_byte(&server, &record(DOORBELL, &[]), None);
        byte_by_byte(&server, &close(1000), None);
        server
    };
    against(ShmMode::Require, serve, async |link| {
        let received = read_to_end(link).await.unwrap();
        assert_eq!(received, [b"data".as_slice(), &[0; 1000]].concat());
    });
}
