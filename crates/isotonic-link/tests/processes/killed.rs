//! Peers that are killed, at each point of a connection's life and in the midst of traffic. What they had
//! sent arrives, then the link fails; and nothing of them stays, neither descriptors nor memory.

use crate::child::{Peer, this_program};
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::patience::within;
use crate::raw_peer::{
    ATTACH, ATTACHED, DATA, HELLO_LEN, MOVED, RawPeer, attachment, record, welcome,
};
use crate::ring_peer::{RingPeer, byte_at};
use crate::segments::{CAPACITY, good_segment};
use crate::watched::watched;
use crate::{roles, stream};
use isotonic_link::{Address, Connector, Link, Listener, ShmMode};
use isotonic_shm::hostile::{READER_SLEEP, WRITER_SLEEP};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

/// How many processes to kill.
const KILLS: &str = "ISOTONIC_KILLS";
const FEW: usize = 42;

/// What an unread ring holds.
const UNREAD: u64 = 50_000;

/// How much has passed before a process is killed in the midst of traffic: another amount each time.
fn some(kill: usize) -> u64 {
    kill as u64 * 7919 % 2_000_000
}

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// After hello and welcome.
    Greeted,
    /// Both segments are mapped; the victim has not moved.
    Attached,
    /// It sends over the socket.
    OverTheSocket,
    /// Our reader has announced that it sleeps.
    OurReaderSleeps,
    /// There are bytes in its ring that we have not looked at.
    UnreadBytes,
    /// Our writer has announced that it waits for space.
    OurWriterWaits,
    /// Both sides send and take in shared memory; the victim is isotonic itself.
    UnderLoad,
}

const POINTS: [Point; 7] = [
    Point::Greeted,
    Point::Attached,
    Point::OverTheSocket,
    Point::OurReaderSleeps,
    Point::UnreadBytes,
    Point::OurWriterWaits,
    Point::UnderLoad,
];

impl Point {
    /// A client that requires shared memory goes there before anything else.
    fn mode(self) -> ShmMode {
        match self {
            Self::Greeted | Self::OverTheSocket => ShmMode::Prefer,
            _ => ShmMode::Require,
        }
    }
}

/// Plays the victim; does not return.
pub(crate) fn be(victim: &str, address: &Address) {
    let (side, point) = victim.split_once(' ').unwrap();
    let point = *POINTS
        .iter()
        .find(|known| format!("{known:?}") == point)
        .unwrap();
    match side {
        "client" if point == Point::UnderLoad => be_under_load_as_a_client(address),
        "server" if point == Point::UnderLoad => be_under_load_as_a_server(address),
        "client" => be_at(point, roles::connect(address), true),
        "server" => be_at(point, roles::accept(address), false),
        other => panic!("no such side: {other}"),
    }
    println!("there");
    loop {
        std::thread::park();
    }
}

fn be_at(point: Point, socket: RawPeer, is_client: bool) {
    let greet = || {
        if is_client {
            socket.shake_hands();
        } else {
            socket.receive(HELLO_LEN);
            socket.send(&welcome(1, 0, 1));
        }
    };
    match point {
        Point::Greeted => greet(),
        Point::Attached => {
            greet();
            let segment = good_segment();
            if is_client {
                socket.send_with(&attachment(ATTACH, CAPACITY), &[segment.as_fd()]);
                assert_eq!(socket.receive_step().kind, ATTACHED);
            } else {
                assert_eq!(socket.receive_step().kind, ATTACH);
                socket.send_with(&attachment(ATTACHED, CAPACITY), &[segment.as_fd()]);
                assert_eq!(socket.receive_step().kind, MOVED);
            }
        }
        Point::OverTheSocket => {
            greet();
            println!("there");
            for place in (0..).step_by(10_000) {
                socket.send(&record(DATA, &stream::bytes(place, 10_000)));
            }
        }
        Point::OurReaderSleeps | Point::UnreadBytes | Point::OurWriterWaits => {
            let peer = if is_client {
                RingPeer::move_over(socket)
            } else {
                greet();
                RingPeer::follow(socket)
            };
            match point {
                Point::UnreadBytes => peer.put_up_to(UNREAD),
                Point::OurReaderSleeps => peer.waits_for_odd(READER_SLEEP),
                _ => peer.waits_for_odd(WRITER_SLEEP),
            }
            // It is killed with its socket open.
            std::mem::forget(peer);
            return;
        }
        Point::UnderLoad => unreachable!(),
    }
    std::mem::forget(socket);
}

#[tokio::main]
async fn be_under_load_as_a_client(address: &Address) {
    let connector = Connector::default().shm_mode(ShmMode::Require);
    be_under_load(connector.connect(address).await.unwrap()).await;
}

#[tokio::main]
async fn be_under_load_as_a_server(address: &Address) {
    let mut listener = Listener::bind([address.clone()]).await.unwrap();
    println!("listening");
    be_under_load(listener.accept().await.unwrap()).await;
}

async fn be_under_load(link: Link) {
    println!("there");
    let (mut reader, writer) = tokio::io::split(link);
    // Until it is killed, or the other side ends.
    let _ = tokio::join!(stream::send(writer), stream::take(&mut reader, |_| ()));
}

pub(crate) async fn tests() {
    let kills = std::env::var(KILLS).map_or(FEW, |kills| kills.parse().unwrap());
    // As many as one likes: it is each of them that is watched.
    println!("test killed::each_side_at_each_point");
    each_side_at_each_point(kills).await;
}

async fn each_side_at_each_point(kills: usize) {
    let folder = TempDir::new().unwrap();
    let ours = Address::Unix(folder.path().join("ours"));
    let mut listener = Listener::bind([ours.clone()]).await.unwrap();
    good_client(&mut listener, &ours).await;
    let (before, mapped) = (open_descriptors(), mapped_segments());
    let mut latencies = Vec::new();
    for kill in 0..kills {
        let _watched = watched("a kill");
        let point = POINTS[kill / 2 % POINTS.len()];
        let (link, victim) = if kill % 2 == 0 {
            let role = format!("client {point:?}");
            let victim = Peer::start(this_program(), &role, &ours);
            let link = within("the victim", listener.accept()).await.unwrap();
            (link, victim)
        } else {
            let role = format!("server {point:?}");
            let theirs = Address::Unix(folder.path().join(kill.to_string()));
            let mut victim = Peer::start(this_program(), &role, &theirs);
            assert_eq!(victim.says(), "listening");
            let connector = Connector::default().shm_mode(point.mode());
            let link = within("the victim", connector.connect(&theirs)).await;
            (link.unwrap(), victim)
        };
        latencies.push(survive(link, victim, point, some(kill)).await);
        closed_down_to(before).await;
        assert_eq!(
            mapped_segments(),
            mapped,
            "memory of the dead is kept: {point:?}"
        );
    }
    good_client(&mut listener, &ours).await;
    tell(latencies);
}

async fn good_client(listener: &mut Listener, address: &Address) {
    let connector = Connector::default().shm_mode(ShmMode::Require);
    let both = async { tokio::join!(connector.connect(address), listener.accept()) };
    let (client, server) = within("a good client", both).await;
    let (mut client, serving) = (client.unwrap(), tokio::spawn(roles::echo(server.unwrap())));
    let mut received = [0; 6];
    let echo = async {
        client.write_all(b"served").await.unwrap();
        client.read_exact(&mut received).await.unwrap();
    };
    within("an echo", echo).await;
    assert_eq!(&received, b"served");
    drop(client);
    within("its end", serving).await.unwrap().unwrap();
}

/// How many segments are mapped into this process.
fn mapped_segments() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("/memfd:")).count()
}

/// Has the victim killed when it is there, and what it did sent arrive. Returns how long it took to notice.
async fn survive(link: Link, mut victim: Peer, point: Point, amount: u64) -> Duration {
    let (dead, died) = oneshot::channel();
    let (come, came) = oneshot::channel();
    let mut come = Some(come);
    let (mut reader, writer) = tokio::io::split(link);
    let surviving = tokio::spawn(async move {
        match point {
            Point::OurWriterWaits => is_an_end(stream::send(writer).await),
            Point::UnreadBytes => {
                died.await.unwrap();
                let mut received = Vec::new();
                let ended = reader.read_to_end(&mut received).await;
                is_a_reset(ended.map(drop));
                assert!(received.into_iter().eq((0..UNREAD).map(byte_at)));
            }
            Point::UnderLoad => {
                let sending = tokio::spawn(stream::send(writer));
                let (_, ended) = stream::take(&mut reader, |place| {
                    if place >= amount {
                        come.take().map(|come| come.send(()));
                    }
                })
                .await;
                is_a_reset(ended);
                is_an_end(sending.await.unwrap());
            }
            _ => {
                let (_, ended) = stream::take(&mut reader, |place| {
                    if place >= amount {
                        come.take().map(|come| come.send(()));
                    }
                })
                .await;
                is_a_reset(ended);
            }
        }
    });
    let there = tokio::task::spawn_blocking(move || {
        assert_eq!(victim.says(), "there");
        victim
    });
    let mut victim = within("the victim to get there", there).await.unwrap();
    if matches!(point, Point::OverTheSocket | Point::UnderLoad) {
        within("the traffic", came).await.unwrap();
    }
    let start = Instant::now();
    victim.kill();
    // Only one point waits for it.
    let _ = dead.send(());
    within("the link to fail", surviving).await.unwrap();
    start.elapsed()
}

fn is_a_reset(ended: io::Result<()>) {
    let error = ended.expect_err("the link ended as if nothing were wrong");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
}

/// A writer may notice by itself, or by what the reader has noticed.
fn is_an_end(error: io::Error) {
    let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(kinds.contains(&error.kind()), "{error}");
}

/// For those who want to know; nothing is asserted about it.
fn tell(mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    println!(
        "{} killed; until the survivor knew: median {:?}, 99 % {:?}, most {:?}",
        latencies.len(),
        at(50),
        at(99),
        at(100)
    );
}
