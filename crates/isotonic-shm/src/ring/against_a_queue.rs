//! The ring compared with a `VecDeque<u8>`, over random operations of both sides.
//!
//! Positions and sleep epochs begin anywhere, often just below the wrap of their integers. The cases are
//! the same in each run; `PROPTEST_CASES` asks for more of them and `PROPTEST_RNG_SEED` for others. A case
//! that fails is kept under `proptest-regressions`, to be committed with what mends it.

use super::pair::{Side, connected_with};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::VecDeque;

/// What a target of a read holds before.
const UNTOUCHED: u8 = 0xEE;

/// One step of a side, which sends through its own ring and receives from the other's.
#[derive(Debug, Clone)]
enum Operation {
    Write { lens: Vec<usize> },
    Read { rooms: [usize; 3] },
    AnnounceReaderSleep,
    ReaderAwake,
    AnnounceWriterSleep,
    WriterAwake,
    Close,
}

/// Where a ring begins.
#[derive(Debug, Clone)]
struct Start {
    capacity: usize,
    position: u64,
    reader_epoch: u64,
    writer_epoch: u64,
}

/// What a waker knows of the other side's sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sleep {
    Awake,
    Asleep,
    /// Asleep, and the waker has been told so.
    Rung,
}

impl Sleep {
    /// Whether the waker is told now, as it is once per sleep.
    fn must_ring(&mut self) -> bool {
        let ring = *self == Self::Asleep;
        if ring {
            *self = Self::Rung;
        }
        ring
    }
}

/// What one direction's ring should do.
struct Model {
    queue: VecDeque<u8>,
    capacity: usize,
    produced: u64,
    consumed: u64,
    /// How much of `queue` the consumer has seen when it last looked.
    seen: usize,
    reader: Sleep,
    writer: Sleep,
}

impl Model {
    fn new(start: &Start) -> Self {
        Self {
            queue: VecDeque::new(),
            capacity: start.capacity,
            produced: start.position,
            consumed: start.position,
            seen: 0,
            reader: Sleep::Awake,
            writer: Sleep::Awake,
        }
    }

    fn is_full(&self) -> bool {
        self.queue.len() == self.capacity
    }

    /// The next bytes to send: no shift and no gap leaves them the same.
    fn next_bytes(&self, len: usize) -> Vec<u8> {
        let position = self.produced;
        let byte = |at: u64| (position.wrapping_add(at).wrapping_mul(0x9E37_79B9) >> 24) as u8;
        (0..len as u64).map(byte).collect()
    }
}

/// Both sides, and what should become of what the first and the second sends.
struct Comparison {
    sides: [Option<Side>; 2],
    models: [Model; 2],
}

impl Comparison {
    fn new(starts: &[Start; 2]) -> Self {
        let mut sides = connected_with([starts[0].capacity, starts[1].capacity]);
        for (sender, start) in starts.iter().enumerate() {
            begin(&mut sides, sender, start);
        }
        Self {
            sides: sides.map(Some),
            models: [Model::new(&starts[0]), Model::new(&starts[1])],
        }
    }

    fn step(&mut self, who: usize, operation: &Operation) {
        let Some(side) = &mut self.sides[who] else {
            return;
        };
        let outbound = &mut self.models[who];
        match operation {
            Operation::Write { lens } => write(&mut side.producer, outbound, lens),
            Operation::AnnounceWriterSleep => {
                let full = side.producer.announce_sleep().unwrap();
                assert_eq!(full, outbound.is_full());
                outbound.writer = Sleep::Asleep;
            }
            Operation::WriterAwake => {
                side.producer.awake();
                outbound.writer = Sleep::Awake;
            }
            Operation::Read { rooms } => {
                read(&mut side.consumer, &mut self.models[1 - who], rooms);
            }
            Operation::AnnounceReaderSleep => {
                let inbound = &mut self.models[1 - who];
                let empty = side.consumer.announce_sleep().unwrap();
                assert_eq!(empty, inbound.queue.is_empty());
                inbound.seen = inbound.queue.len();
                inbound.reader = Sleep::Asleep;
            }
            Operation::ReaderAwake => {
                side.consumer.awake();
                self.models[1 - who].reader = Sleep::Awake;
            }
            // The other side can still read what was sent, and write until its ring is full.
            Operation::Close => self.sides[who] = None,
        }
    }

    /// Whoever is still there reads to the end.
    fn drain(&mut self) {
        for who in [0, 1] {
            let rooms = [1, 0, self.models[1 - who].capacity];
            self.step(who, &Operation::Read { rooms });
            if self.sides[who].is_some() {
                assert!(self.models[1 - who].queue.is_empty());
            }
        }
    }
}

/// Moves the ring that `sender` sends through, and the sleep words of its two ends, to where `start` says.
fn begin(sides: &mut [Side; 2], sender: usize, start: &Start) {
    let producer = &mut sides[sender].producer;
    (producer.produced, producer.consumed) = (start.position, start.position);
    producer.own.publish(Word::Produced, start.position);
    producer.sleep = SleepWord::after(Word::WriterSleep, start.writer_epoch);
    producer.own.publish(Word::WriterSleep, start.writer_epoch);

    let consumer = &mut sides[1 - sender].consumer;
    (consumer.produced, consumer.consumed) = (start.position, start.position);
    consumer.own.publish(Word::Consumed, start.position);
    consumer.sleep = SleepWord::after(Word::ReaderSleep, start.reader_epoch);
    consumer.own.publish(Word::ReaderSleep, start.reader_epoch);
}

fn write(producer: &mut Producer, model: &mut Model, lens: &[usize]) {
    let bytes = model.next_bytes(lens.iter().sum());
    let mut rest = bytes.as_slice();
    let mut slices = Vec::new();
    for &len in lens {
        let (slice, after) = rest.split_at(len);
        slices.push(IoSlice::new(slice));
        rest = after;
    }
    let expected = bytes.len().min(model.capacity - model.queue.len());
    assert_eq!(producer.write_vectored(&slices), Ok(expected));
    model.queue.extend(&bytes[..expected]);
    model.produced = model.produced.wrapping_add(expected as u64);
    assert_eq!(producer.produced(), model.produced);
    if expected > 0 {
        assert_eq!(producer.must_wake_reader(), model.reader.must_ring());
        assert!(!producer.must_wake_reader(), "rung twice for one sleep");
    }
}

fn read(consumer: &mut Consumer, model: &mut Model, rooms: &[usize; 3]) {
    let [mut first, mut second, mut third] = rooms.map(|room| vec![UNTOUCHED; room]);
    let mut target = (&mut first[..])
        .chain_mut(&mut second[..])
        .chain_mut(&mut third[..]);
    let room = rooms.iter().sum();
    let expected = model.queue.len().min(room);
    assert_eq!(consumer.read(&mut target), Ok(expected));

    let received = [first, second, third].concat();
    assert!(
        model
            .queue
            .drain(..expected)
            .eq(received[..expected].iter().copied())
    );
    assert!(received[expected..].iter().all(|&byte| byte == UNTOUCHED));
    model.consumed = model.consumed.wrapping_add(expected as u64);
    assert_eq!(consumer.consumed(), model.consumed);
    if model.seen < room {
        model.seen = model.queue.len();
    } else {
        model.seen -= expected;
    }
    if expected > 0 {
        let half_free = model.seen <= model.capacity / 2;
        let expected = half_free && model.writer.must_ring();
        assert_eq!(consumer.must_wake_writer(), expected);
        assert!(!consumer.must_wake_writer(), "rung twice for one sleep");
    }
}

/// Nothing, a little, much, half of the smallest ring, and about as much as it or a larger one holds.
fn len() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(0),
        1..64usize,
        1..3000usize,
        Just(2048),
        4090..4100usize,
        8190..8200usize
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        40 => vec(len(), 0..5).prop_map(|lens| Operation::Write { lens }),
        40 => [len(), len(), len()].prop_map(|rooms| Operation::Read { rooms }),
        12 => Just(Operation::AnnounceReaderSleep),
        6 => Just(Operation::ReaderAwake),
        12 => Just(Operation::AnnounceWriterSleep),
        6 => Just(Operation::WriterAwake),
        // Rare, because little can happen afterwards.
        1 => Just(Operation::Close),
    ]
}

fn start() -> impl Strategy<Value = Start> {
    let capacity = prop_oneof![4 => Just(4096), 1 => Just(8192), 1 => Just(65536)];
    let position = || prop_oneof![Just(0), u64::MAX - 20_000..=u64::MAX, any::<u64>()];
    let epoch = || prop_oneof![Just(0), u64::MAX - 9..=u64::MAX].prop_map(|epoch| epoch & !1);
    (capacity, position(), epoch(), epoch()).prop_map(
        |(capacity, position, reader_epoch, writer_epoch)| Start {
            capacity,
            position,
            reader_epoch,
            writer_epoch,
        },
    )
}

fn settings() -> ProptestConfig {
    let asked_for = ProptestConfig::default();
    ProptestConfig {
        rng_seed: match asked_for.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            fixed => fixed,
        },
        ..asked_for
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_ring_behaves_as_a_queue(
        starts in [start(), start()],
        operations in vec((0..2usize, operation()), 0..120),
    ) {
        let mut comparison = Comparison::new(&starts);
        for (who, operation) in &operations {
            comparison.step(*who, operation);
        }
        comparison.drain();
    }
}
