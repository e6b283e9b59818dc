//! Clients that scribble over their segment while they send: every word of it, while others are served.
//!
//! The ordinary run is short. A long one, under AddressSanitizer, with as many clients as the variable says:
//!
//! ```text
//! RUSTFLAGS=-Zsanitizer=address ISOTONIC_SCRIBBLES=100000 cargo +nightly test -p isotonic-link \
//!     --target x86_64-unknown-linux-gnu --test hostile scribbling -- --nocapture
//! ```

use crate::alone::alone;
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::echo_server::{EchoServer, echoes};
use crate::patience::within;
use crate::random::{Random, bytes};
use crate::raw_peer::{ATTACH, ATTACHED, DOORBELL, MOVED, RawPeer, attachment, record};
use crate::segments::CAPACITY;
use isotonic_link::{Address, Connector, LinkKind, ShmMode};
use isotonic_shm::RingCapacity;
use isotonic_shm::hostile::{CONSUMED, DATA, HostileSegment, PRODUCED, READER_SLEEP, WRITER_SLEEP};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::thread;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Clients that scribble, unless `ISOTONIC_SCRIBBLES` says otherwise.
const CLIENTS: u64 = 60;

/// What one client stores.
const STORES: usize = 10_000;

/// The words that one client scribbles over.
type Words = &'static [usize];

const EVERY_WORD: Words = &[PRODUCED, CONSUMED, READER_SLEEP, WRITER_SLEEP, DATA];

const WORDS: [Words; 5] = [
    &[PRODUCED, DATA],
    &[PRODUCED, CONSUMED],
    &[PRODUCED, CONSUMED, READER_SLEEP, WRITER_SLEEP],
    &[READER_SLEEP, WRITER_SLEEP],
    EVERY_WORD,
];

struct Scribbler {
    segment: HostileSegment,
    /// The server's segment, which tells what is possible.
    servers: File,
    words: Words,
    produced: u64,
    consumed: u64,
    random: Random,
}

impl Scribbler {
    /// Stores into any of the words. An index is a possible one: others end the link at once.
    fn store(&mut self) {
        let word = self.words[self.random.up_to(self.words.len()) - 1];
        match word {
            PRODUCED => {
                let most = self.servers_word(CONSUMED) + CAPACITY;
                self.produced += self.random.next() % (most - self.produced + 1);
                self.segment.store(PRODUCED, self.produced);
            }
            CONSUMED => {
                let most = self.servers_word(PRODUCED);
                self.consumed += self.random.next() % (most - self.consumed + 1);
                self.segment.store(CONSUMED, self.consumed);
            }
            DATA => {
                let offset = DATA + 8 * (self.random.up_to(CAPACITY as usize / 8) - 1);
                self.segment.store(offset, self.random.next());
            }
            sleep => {
                let edges = [0, 1, u64::MAX - 1, u64::MAX];
                let value = match self.random.up_to(edges.len() + 2) {
                    edge @ 1..=4 => edges[edge - 1],
                    _ => self.random.next(),
                };
                self.segment.store(sleep, value);
            }
        }
    }

    fn servers_word(&self, offset: usize) -> u64 {
        let mut word = [0; 8];
        self.servers
            .read_exact_at(&mut word, offset as u64)
            .unwrap();
        u64::from_ne_bytes(word)
    }

    /// Stores indices that nobody can believe.
    fn break_the_indices(&mut self) {
        let impossible = [1 << 63, u64::MAX, 1 << 40, CAPACITY << 32];
        let claimed = impossible[self.random.up_to(impossible.len()) - 1];
        self.segment.store(PRODUCED, claimed);
        self.segment.store(CONSUMED, claimed);
    }
}

/// Moves into shared memory with a segment that can be scribbled over.
fn attached(client: &RawPeer, seed: u64) -> Scribbler {
    let (segment, file) = HostileSegment::create(RingCapacity::new(CAPACITY).unwrap()).unwrap();
    client.shake_hands();
    client.send_with(&attachment(ATTACH, CAPACITY), &[file.as_fd()]);
    let mut attached = client.receive_step();
    assert_eq!(attached.kind, ATTACHED);
    client.send(&record(MOVED, &[]));
    assert_eq!(client.receive_step().kind, MOVED);
    Scribbler {
        segment,
        servers: attached.descriptors.pop().unwrap().into(),
        words: WORDS[seed as usize % WORDS.len()],
        produced: 0,
        consumed: 0,
        random: Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
    }
}

/// One client's life. Half of them break their indices in the end; the others just go.
async fn scribble(server: &mut EchoServer, seed: u64) {
    let client = RawPeer::connect(&server.address);
    let mut scribbler = attached(&client, seed);
    let doorbell = record(DOORBELL, &[]);
    thread::scope(|scope| {
        let scribbling = scope.spawn(|| (0..STORES).for_each(|_| scribbler.store()));
        while !scribbling.is_finished() {
            client.send(&doorbell);
        }
    });
    let is_broken = seed.is_multiple_of(2);
    if is_broken {
        scribbler.break_the_indices();
        // The server may have seen it without being told.
        let _ = client.try_send_with(&doorbell, &[]);
        client.is_closed_by_the_other_side();
    }
    drop(client);

    let ended = server.next_end().await;
    assert_eq!(ended.link.kind(), LinkKind::Shm);
    let error = ended.result.unwrap_err();
    // A server notices that a client has gone while it reads, or while it sends the bytes back.
    let right: &[_] = if is_broken {
        &[ErrorKind::InvalidData]
    } else {
        &[ErrorKind::ConnectionReset, ErrorKind::BrokenPipe]
    };
    assert!(right.contains(&error.kind()), "{error}");
}

/// A client that is served all the time.
struct GoodClient {
    echoes: watch::Receiver<u64>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl GoodClient {
    async fn start(address: &Address) -> Self {
        let connector = Connector::default().shm_mode(ShmMode::Require);
        let mut link = within("a good client to connect", connector.connect(address))
            .await
            .unwrap();
        let (count, echoed) = watch::channel(0);
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut random = Random::new(7);
            while stopped.try_recv().is_err() {
                let len = random.up_to(20_000);
                echoes(&mut link, &bytes(random.next(), len)).await;
                count.send_modify(|count| *count += 1);
            }
        });
        let mut client = Self {
            echoes: echoed,
            stop,
            task,
        };
        client.is_served().await;
        client
    }

    /// Waits for an echo that was not complete before.
    async fn is_served(&mut self) {
        self.echoes.mark_unchanged();
        within("a good client to be served", self.echoes.changed())
            .await
            .expect("a good client was not served");
    }

    /// Ends its link, and returns how many echoes it had.
    async fn stop(self) -> u64 {
        self.stop.send(()).unwrap();
        within("a good client to stop", self.task).await.unwrap();
        *self.echoes.borrow()
    }
}

/// Names the client that failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the client of seed {} failed", self.0);
        }
    }
}

#[test]
fn a_client_that_scribbles_over_its_segment_ends_only_its_own_link() {
    let clients =
        std::env::var("ISOTONIC_SCRIBBLES").map_or(CLIENTS, |count| count.parse().unwrap());
    let seeds: Vec<u64> = (1..=clients).collect();
    // A good client for every few, so that a long run is no test that hangs.
    for seeds in seeds.chunks(CLIENTS as usize) {
        alone(|| scribble_beside_a_good_client(seeds));
    }
}

async fn scribble_beside_a_good_client(seeds: &[u64]) {
    let mut server = EchoServer::start().await;
    let mut good = GoodClient::start(&server.address).await;
    let before = open_descriptors();
    for &seed in seeds {
        let _seed = Seed(seed);
        scribble(&mut server, seed).await;
        good.is_served().await;
        closed_down_to(before).await;
    }
    let echoes = good.stop().await;
    eprintln!(
        "{} clients, {STORES} stores each, {echoes} echoes of a good client",
        seeds.len()
    );
    server.next_end().await.result.unwrap();
    server.serves_a_good_client().await;
}
