//! Our halves against a peer that scribbles over its segment while we use it.
//!
//! The ordinary run is short. A long one, under AddressSanitizer, with as many connections as the variable
//! says:
//!
//! ```text
//! RUSTFLAGS=-Zsanitizer=address ISOTONIC_SCRIBBLES=200000 cargo +nightly test -p isotonic-shm \
//!     --target x86_64-unknown-linux-gnu --lib ring::scribbled -- --nocapture
//! ```

use super::pair::{Side, connected};
use super::*;
use crate::hostile::{CONSUMED, DATA, HostileSegment, PRODUCED, READER_SLEEP, WRITER_SLEEP};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread;

/// Connections that are scribbled over, unless `ISOTONIC_SCRIBBLES` says otherwise.
const CONNECTIONS: u64 = 400;

/// Operations of our side on one connection, if no violation ends it before.
const OPERATIONS: u64 = 600;

/// Stores of the peer before our side begins: enough for every kind of word.
const STORES_BEFORE: u64 = 16;

/// Stores of the peer between two chances for our side to run.
const BURST: u64 = 64;

/// How often an index changes to and fro, if it does.
const FLICKERS: u64 = 32;

const CAPACITY: usize = 4096;

/// What no byte of the scribbled data is: those have their highest bit set.
const UNTOUCHED: u8 = 0x11;
const SCRIBBLED: u64 = 0x8080_8080_8080_8080;

/// Bytes on each side of a target.
const MARGIN: usize = 64;

/// An xorshift generator (Marsaglia, 2003).
struct Random(u64);

impl Random {
    /// Seeds that follow one another give unlike numbers all the same.
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    fn up_to(&mut self, most: usize) -> usize {
        self.below(most as u64 + 1) as usize
    }
}

/// How the peer treats its indices.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Each is a possible one.
    Careful,
    /// One in so many is any value.
    Reckless { one_in: u64 },
    /// Each is by turns a possible one and any value: what is checked must be what is used.
    Flickering,
}

/// Mostly the one whose connections are short and which has to hit a moment.
const MANNERS: [Manner; 8] = [
    Manner::Careful,
    Manner::Reckless { one_in: 10 },
    Manner::Reckless { one_in: 1000 },
    Manner::Flickering,
    Manner::Flickering,
    Manner::Flickering,
    Manner::Flickering,
    Manner::Flickering,
];

/// The peer. Its indices are possible ones most of the time: an impossible one ends the connection.
struct Scribbler {
    segment: HostileSegment,
    /// Our segment, as the peer may see it.
    ours: PeerSegment,
    produced: u64,
    consumed: u64,
    manner: Manner,
    random: Random,
    stores: u64,
}

impl Scribbler {
    fn store(&mut self) {
        self.stores += 1;
        let offset = match self.random.below(8) {
            0 => {
                let room = self.ours.0.load_relaxed(Word::Consumed) + CAPACITY as u64;
                self.produced = self.index(PRODUCED, self.produced, room);
                return self.segment.store(PRODUCED, self.produced);
            }
            1 => {
                let end = self.ours.0.load_relaxed(Word::Produced);
                self.consumed = self.index(CONSUMED, self.consumed, end);
                return self.segment.store(CONSUMED, self.consumed);
            }
            2 => READER_SLEEP,
            3 => WRITER_SLEEP,
            4 => {
                let padding = [0, PRODUCED + 8, CONSUMED + 120, WRITER_SLEEP + 8, DATA - 8];
                padding[self.random.up_to(padding.len() - 1)]
            }
            _ => DATA + 8 * self.random.up_to(CAPACITY / 8 - 1),
        };
        let value = self.any_value(0) | if offset >= DATA { SCRIBBLED } else { 0 };
        self.segment.store(offset, value);
    }

    /// The next index, after `last` and at most `most` if it is a possible one.
    fn index(&mut self, word: usize, last: u64, most: u64) -> u64 {
        let step = most.wrapping_sub(last).wrapping_add(1).max(1);
        let possible = last.wrapping_add(self.random.below(step));
        match self.manner {
            Manner::Reckless { one_in } if self.random.below(one_in) == 0 => self.any_value(most),
            Manner::Careful | Manner::Reckless { .. } => possible,
            Manner::Flickering => {
                let any = self.any_value(most);
                for _ in 0..FLICKERS {
                    self.segment.store(word, possible);
                    self.segment.store(word, any);
                }
                possible
            }
        }
    }

    /// Any value, with a liking for those beside an edge.
    fn any_value(&mut self, edge: u64) -> u64 {
        match self.random.below(4) {
            0 => self.random.next(),
            1 => [0, 1, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX][self.random.up_to(5)],
            2 => edge
                .wrapping_add(self.random.below(5))
                .wrapping_sub(2 + CAPACITY as u64),
            _ => edge.wrapping_add(self.random.below(5)).wrapping_sub(2),
        }
    }
}

/// What our side saw on all connections together.
#[derive(Debug, Default)]
struct Seen {
    operations: u64,
    received: u64,
    sent: u64,
    rung: u64,
    impossible_produced: u64,
    impossible_consumed: u64,
    unharmed: u64,
}

/// Our side of a scribbled connection.
struct Victim {
    producer: Producer,
    consumer: Consumer,
    /// Our segment, to be compared with what it should hold.
    file: File,
    /// What we have put into its ring.
    data: Vec<u8>,
    /// Announcements of each half, each taken back at once.
    announced: u64,
    random: Random,
}

impl Victim {
    /// Uses the connection until the peer breaks the rules, or long enough, and an honest one by turns.
    fn run(mut self, honest: &mut Honest, seen: &mut Seen) {
        let mut end = Ok(());
        for _ in 0..OPERATIONS {
            seen.operations += 1;
            end = match self.random.below(8) {
                0..=2 => self.read(seen),
                3..=5 => self.write(seen),
                6 => self.sleep(),
                _ => {
                    honest.exchange(&mut self.random);
                    thread::yield_now();
                    Ok(())
                }
            };
            if end.is_err() {
                break;
            }
        }
        match end {
            Ok(()) => seen.unharmed += 1,
            Err(RingViolation::Produced { .. }) => seen.impossible_produced += 1,
            Err(RingViolation::Consumed { .. }) => seen.impossible_consumed += 1,
        }
        self.own_segment_is_undisturbed();
    }

    fn read(&mut self, seen: &mut Seen) -> Result<(), RingViolation> {
        let room = self.random.up_to(CAPACITY + 100);
        let mut memory = vec![UNTOUCHED; room + 2 * MARGIN];
        let before = self.consumer.consumed();
        let result = self.consumer.read(&mut &mut memory[MARGIN..MARGIN + room]);
        let read = result.unwrap_or(0);
        assert!(read <= room.min(CAPACITY));
        assert_eq!(self.consumer.consumed(), before + read as u64);
        let (received, untouched) = memory[MARGIN..].split_at(read);
        assert!(
            received.iter().all(|byte| byte & 0x80 != 0),
            "bytes that are not the peer's"
        );
        let mut outside = memory[..MARGIN].iter().chain(untouched);
        assert!(outside.all(|&byte| byte == UNTOUCHED));
        seen.received += read as u64;
        seen.rung += u64::from(read > 0 && self.consumer.must_wake_writer());
        result.map(drop).map_err(really_impossible)
    }

    fn write(&mut self, seen: &mut Seen) -> Result<(), RingViolation> {
        let lens = [(); 3].map(|()| self.random.up_to(1500));
        let byte = self.random.next() as u8;
        let bytes = lens.map(|len| vec![byte; len]);
        let wanted = lens.iter().sum();
        let before = self.producer.produced();
        let slices = [0, 1, 2].map(|slice| IoSlice::new(&bytes[slice]));
        let result = self.producer.write_vectored(&slices);
        let written = result.unwrap_or(0);
        assert!(written <= CAPACITY.min(wanted));
        assert_eq!(self.producer.produced(), before + written as u64);
        for position in before..self.producer.produced() {
            self.data[position as usize % CAPACITY] = byte;
        }
        seen.sent += written as u64;
        seen.rung += u64::from(written > 0 && self.producer.must_wake_reader());
        result.map(drop).map_err(really_impossible)
    }

    fn sleep(&mut self) -> Result<(), RingViolation> {
        let reader = self.consumer.announce_sleep();
        let writer = self.producer.announce_sleep();
        self.consumer.awake();
        self.producer.awake();
        self.announced += 1;
        reader.and(writer).map(drop).map_err(really_impossible)
    }

    /// Our segment holds what we put there and nothing else.
    fn own_segment_is_undisturbed(&self) {
        let mut expected = vec![0; DATA];
        let words = [
            (PRODUCED, self.producer.produced()),
            (CONSUMED, self.consumer.consumed()),
            (READER_SLEEP, 2 * self.announced),
            (WRITER_SLEEP, 2 * self.announced),
        ];
        for (offset, value) in words {
            expected[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
        }
        expected.extend(&self.data);
        let mut segment = vec![0; expected.len()];
        self.file.read_exact_at(&mut segment, 0).unwrap();
        assert!(segment == expected, "our own segment was disturbed");
    }
}

/// Passes a violation on if it is one.
fn really_impossible(violation: RingViolation) -> RingViolation {
    let (RingViolation::Produced {
        claimed,
        least,
        most,
    }
    | RingViolation::Consumed {
        claimed,
        least,
        most,
    }) = violation;
    assert!(most.wrapping_sub(least) <= CAPACITY as u64, "{violation}");
    assert!(
        claimed.wrapping_sub(least) > most.wrapping_sub(least),
        "{violation}"
    );
    violation
}

/// A connection of the same process that nobody scribbles over.
struct Honest(Side, Side);

impl Honest {
    fn exchange(&mut self, random: &mut Random) {
        let sent = vec![random.next() as u8; random.up_to(CAPACITY)];
        assert_eq!(
            self.0.producer.write_vectored(&[IoSlice::new(&sent)]),
            Ok(sent.len())
        );
        assert!(!self.0.producer.must_wake_reader());
        let mut received = Vec::new();
        assert_eq!(self.1.consumer.read(&mut received), Ok(sent.len()));
        assert!(!self.1.consumer.must_wake_writer());
        assert_eq!(received, sent);
    }
}

/// Both ends of a connection, the peer's with its whole ring filled and some words scribbled already.
fn scribbled_connection(seed: u64) -> (Victim, Scribbler) {
    let capacity = RingCapacity::new(CAPACITY as u64).unwrap();
    let (segment, their_file) = HostileSegment::create(capacity).unwrap();
    let (own, our_file) = OwnSegment::create(capacity).unwrap();
    let ours = PeerSegment::map(&our_file, capacity).unwrap();
    let (producer, consumer) = rings(own, PeerSegment::map(their_file, capacity).unwrap());
    let mut scribbler = Scribbler {
        segment,
        ours,
        produced: 0,
        consumed: 0,
        manner: MANNERS[seed as usize % MANNERS.len()],
        random: Random::new(seed),
        stores: 0,
    };
    for offset in (DATA..DATA + CAPACITY).step_by(8) {
        scribbler.segment.store(offset, SCRIBBLED);
    }
    for _ in 0..STORES_BEFORE {
        scribbler.store();
    }
    let victim = Victim {
        producer,
        consumer,
        file: our_file.into(),
        data: vec![0; CAPACITY],
        announced: 0,
        random: Random::new(!seed),
    };
    (victim, scribbler)
}

/// Names the connection that failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the connection of seed {} failed", self.0);
        }
    }
}

#[test]
fn a_peer_that_scribbles_over_its_segment_gets_a_violation_at_worst() {
    let connections =
        std::env::var("ISOTONIC_SCRIBBLES").map_or(CONNECTIONS, |count| count.parse().unwrap());
    let (a, b) = connected(CAPACITY);
    let (mut honest, mut seen, mut stores) = (Honest(a, b), Seen::default(), 0);
    for seed in 1..=connections {
        let _seed = Seed(seed);
        let (victim, mut scribbler) = scribbled_connection(seed);
        thread::scope(|scope| {
            let ours = scope.spawn(|| victim.run(&mut honest, &mut seen));
            while !ours.is_finished() {
                (0..BURST).for_each(|_| scribbler.store());
                // Both may have to share one CPU.
                thread::yield_now();
            }
        });
        stores += scribbler.stores;
    }
    eprintln!("{connections} connections, {stores} stores, {seen:?}");
    assert!(seen.received > 0 && seen.sent > 0 && seen.rung > 0);
    assert!(seen.impossible_produced > 0 && seen.impossible_consumed > 0 && seen.unharmed > 0);
}
