//! Clients in shared memory whose every word is a lie: sleepers that never wake, or that fall asleep more
//! often than they can be woken; positions that jump; the memory of somebody else.

use crate::alone::alone;
use crate::echo_server::{survives, survives_with};
use crate::patience::within;
use crate::raw_peer::{
    ATTACH, ATTACHED, DOORBELL, MOVED, RawPeer, attachment, close, record, welcome,
};
use crate::records_to_a_client::against;
use crate::ring_peer::{RingPeer, byte_at};
use crate::segments::{CAPACITY, good_segment};
use isotonic_link::limits::{DEFAULT_RING_CAPACITY, ONE_CPU_RING_CAPACITY};
use isotonic_link::{Listener, ShmMode};
use isotonic_shm::hostile::{CONSUMED, DATA, PRODUCED, READER_SLEEP, WRITER_SLEEP};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More than the socket has room for doorbells.
const ROUNDS: u64 = 5000;

/// What is sent in a round.
const STEP: u64 = 8;

fn one_cpu() -> bool {
    std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() == 1)
}

/// Has `round` bytes sent and echoed in each of many rounds, in which `before` does what it likes first.
/// The server has then sent as many doorbells as `right` says.
fn rings(before: impl Fn(&RingPeer, u64), right: impl Fn(u64) -> bool) {
    alone(|| {
        survives(async |server, client| {
            let peer = RingPeer::move_over(client);
            for round in 1..=ROUNDS {
                before(&peer, round);
                peer.put_up_to(round * STEP);
                peer.waits_for(PRODUCED, round * STEP);
                peer.set(CONSUMED, round * STEP);
            }
            assert!(peer.got_its_own_back(ROUNDS * STEP), "the bytes differ");
            peer.socket.send(&close(ROUNDS * STEP));
            peer.socket.is_closed_by_the_other_side();
            let ended = server.next_end().await;
            ended.result.unwrap();
            let rung = ended.link.counters().doorbells_sent;
            assert!(right(rung), "{rung} doorbells");
        })
    });
}

#[test]
fn a_peer_that_sleeps_for_ever_is_rung_for_once() {
    let sleep = |peer: &RingPeer, _| {
        peer.set(READER_SLEEP, 1);
        peer.set(WRITER_SLEEP, 1);
    };
    // On one CPU doorbells wait for each other, and one wakes both halves.
    rings(sleep, |rung| rung == 2 || (one_cpu() && rung == 1));
}

#[test]
fn a_peer_that_never_sleeps_is_never_rung_for() {
    let wake = |peer: &RingPeer, round| peer.set(READER_SLEEP, round * 2);
    rings(wake, |rung| rung == 0);
}

/// The socket is full soon, because the peer does not read it; what goes through memory is not held up.
#[test]
fn a_peer_that_falls_asleep_at_each_look_is_rung_for_once_each_and_only_while_it_reads() {
    let sleep = |peer: &RingPeer, round| peer.set(READER_SLEEP, round * 2 + 1);
    rings(sleep, |rung| 0 < rung && rung < ROUNDS);
    let sleep_and_read = |peer: &RingPeer, round| {
        if round > 1 {
            assert_eq!(peer.socket.receive_record().kind, DOORBELL);
        }
        peer.set(READER_SLEEP, round * 2 + 1);
    };
    rings(sleep_and_read, |rung| rung == ROUNDS);
}

/// Neither side's memory grows: the server keeps what its own ring and the service's buffer hold.
#[test]
fn a_peer_that_takes_nothing_gets_no_more_than_a_ring_while_others_are_served() {
    /// Smaller than the peer's, whose bytes repeat with it: a byte that is put over another shows.
    const RING: u64 = 4096;
    const BUFFER: u64 = 64 * 1024;
    let small = Listener::builder().ring_capacity(RING).unwrap();
    alone(|| {
        survives_with(small, async |server, client| {
            let peer = RingPeer::move_over(client);
            let mut put = 0;
            // A round gives the server time for more than it should take.
            let mut rounds_without_progress = 0;
            while rounds_without_progress < 10 {
                let taken = peer.sees(CONSUMED);
                assert!(taken <= RING + BUFFER, "{taken} B are taken");
                let possible = taken + CAPACITY;
                rounds_without_progress = if possible == put {
                    rounds_without_progress + 1
                } else {
                    0
                };
                put = possible;
                peer.put_up_to(put);
                server.serves_a_good_client().await;
            }
            peer.waits_for(PRODUCED, RING);
            assert!(peer.got_its_own_back(RING), "the bytes differ");
            // It goes on once there is room, however little.
            for taken in 1..=100 {
                peer.take_up_to(taken);
                peer.waits_for(PRODUCED, RING + taken);
            }
            drop(peer);
            server.next_end().await.result.unwrap_err();
        })
    });
}

#[test]
fn a_position_that_jumps_closes_the_connection() {
    const PUT: u64 = CAPACITY + STEP;
    const TAKEN: u64 = CAPACITY / 2;
    let jumps = [
        (PRODUCED, PUT - 1),
        (PRODUCED, 0),
        (PRODUCED, PUT + CAPACITY + 1),
        (PRODUCED, PUT + (1 << 63)),
        (PRODUCED, u64::MAX),
        (CONSUMED, TAKEN - 1),
        (CONSUMED, 0),
        (CONSUMED, 1 << 40),
        (CONSUMED, TAKEN + (1 << 63)),
        (CONSUMED, u64::MAX),
    ];
    for (word, position) in jumps {
        println!("{word}: {position}");
        let small = Listener::builder().ring_capacity(CAPACITY).unwrap();
        alone(|| {
            survives_with(small, async |server, client| {
                let peer = RingPeer::move_over(client);
                // The server looks at what we have taken only when its ring is full.
                peer.put_up_to(CAPACITY);
                peer.waits_for(PRODUCED, CAPACITY);
                peer.set(CONSUMED, TAKEN);
                peer.put_up_to(PUT);
                peer.waits_for(PRODUCED, PUT);
                peer.set(word, position);
                if word == CONSUMED {
                    // It is full again.
                    peer.set(PRODUCED, PUT + TAKEN);
                }
                let _ = peer.socket.try_send_with(&record(DOORBELL, &[]), &[]);
                peer.socket.is_closed_by_the_other_side();
                server.next_end_is(ErrorKind::InvalidData).await;
            })
        });
    }
}

/// The server's segment of a new link.
fn attached(client: &RawPeer, segment: &OwnedFd) -> File {
    client.send_with(&attachment(ATTACH, CAPACITY), &[segment.as_fd()]);
    let attached = client.receive_step();
    assert_eq!(attached.kind, ATTACHED);
    attached.descriptors.into_iter().next().unwrap().into()
}

/// What one client was sent, or has left behind, the next must not see.
#[test]
fn each_connection_has_a_new_and_empty_segment() {
    alone(|| {
        survives(async |server, first| {
            let peer = RingPeer::move_over(first);
            peer.put_up_to(CAPACITY);
            peer.waits_for(PRODUCED, CAPACITY);
            let theirs = peer.their_segment();
            drop(peer);
            server.next_end().await.result.unwrap_err();
            for _ in 0..10 {
                let next = RawPeer::connect(&server.address);
                next.shake_hands();
                let segment = attached(&next, &good_segment());
                assert_ne!(
                    segment.metadata().unwrap().ino(),
                    theirs.metadata().unwrap().ino()
                );
                let mut bytes = vec![1; segment.metadata().unwrap().len() as usize];
                segment.read_exact_at(&mut bytes, 0).unwrap();
                assert!(bytes.iter().all(|&byte| byte == 0), "it is not empty");
                drop(next);
                server.next_end().await.result.unwrap_err();
            }
        })
    });
}

/// It is a good segment, though not the client's own: what the server reads from it, it has itself
/// written for another.
#[test]
fn a_server_may_be_offered_its_own_segment_of_another_connection() {
    alone(async || {
        let small = Listener::builder().ring_capacity(CAPACITY).unwrap();
        survives_with(small, async |server, client| {
            let first = RingPeer::move_over(client);
            first.put_up_to(STEP);
            first.waits_for(PRODUCED, STEP);

            let second = RawPeer::connect(&server.address);
            second.shake_hands();
            let answer = attached(&second, &first.their_segment().into());
            second.send(&record(MOVED, &[]));
            assert_eq!(second.receive_step().kind, MOVED);
            second.send(&close(STEP));
            second.is_closed_by_the_other_side();
            let ended = server.next_end().await;
            ended.result.unwrap();
            assert_eq!(ended.link.counters().memory_bytes_received, STEP);
            let mut bytes = [0; STEP as usize];
            answer.read_exact_at(&mut bytes, DATA as u64).unwrap();
            assert_eq!(bytes, std::array::from_fn(|at| byte_at(at as u64)));

            first.put_up_to(2 * STEP);
            first.waits_for(PRODUCED, 2 * STEP);
            assert!(first.got_its_own_back(2 * STEP), "the first is disturbed");
            drop(first);
            server.next_end().await.result.unwrap_err();
        })
        .await;
    });
}

/// The client then reads what it writes, and nothing worse.
#[test]
fn a_client_may_be_answered_with_its_own_segment() {
    let serve = |server: RawPeer| {
        server.send(&welcome(1, 0, 1));
        let offer = server.receive_step();
        let segment = offer.descriptors.first().unwrap().as_fd();
        let capacity = if one_cpu() {
            ONE_CPU_RING_CAPACITY
        } else {
            DEFAULT_RING_CAPACITY
        };
        server.send_with(&attachment(ATTACHED, capacity), &[segment]);
        assert_eq!(server.receive_step().kind, MOVED);
        server.send(&record(MOVED, &[]));
        server
    };
    against(ShmMode::Require, serve, async |link| {
        let mut link = link.unwrap();
        for round in 0..1000 {
            let mut received = [0; 1000];
            let there_and_back = async {
                link.write_all(&[round as u8; 1000]).await.unwrap();
                link.read_exact(&mut received).await.unwrap();
            };
            within("its own bytes", there_and_back).await;
            assert_eq!(received, [round as u8; 1000]);
        }
    });
}
