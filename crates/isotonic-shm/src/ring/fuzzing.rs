//! What is fuzzed of the rings: a consumer whose peer writes whatever it likes into its segment, also
//! while it is being read. Each step is compared with what unbounded arithmetic says of it.

use super::{Consumer, rings};
use crate::hostile::{self, HostileSegment};
use crate::layout::Word;
use crate::{OwnSegment, PeerSegment, RingCapacity, RingViolation};
use arbitrary::{Result, Unstructured};
use bytes::BufMut;
use bytes::buf::UninitSlice;

/// What is behind the target of a read, which must stay as it is.
const UNTOUCHED: [u8; 8] = [0xEE; 8];

/// Takes a step for each few bytes of the input.
pub fn consumer(input: &[u8]) {
    // Never an error: what an input lacks is zero.
    let _ = run(&mut Unstructured::new(input));
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let capacity = *input.choose(&[4096, 8192])?;
    let capacity = RingCapacity::new(capacity).expect("a power of two");
    let mut peer = Peer::new(capacity, input.arbitrary()?);
    while !input.is_empty() {
        peer.step(input)?;
    }
    Ok(())
}

/// A consumer, its hostile peer, and what must be true of both.
///
/// Positions are those of a ring that never wraps: the words in the segments are their low 64 bits.
struct Peer {
    consumer: Consumer,
    segment: HostileSegment,
    /// Our own segment, as the peer sees it.
    ours: PeerSegment,
    capacity: u128,
    /// The ring data that the peer has written.
    data: Vec<u8>,
    /// The words that the peer has written.
    produced: u64,
    writer_sleep: u64,
    /// Where the consumer has read to, and what it believes that the peer has produced.
    consumed: u128,
    believed: u128,
    /// What the peer must see of us.
    published: u64,
    reader_sleep: u64,
    /// What the peer's sleep word was when it was last rung for.
    rung: Option<u64>,
}

impl Peer {
    fn new(capacity: RingCapacity, start: u64) -> Self {
        let (segment, file) = HostileSegment::create(capacity).expect("memory for a segment");
        let (own, own_file) = OwnSegment::create(capacity).expect("memory for a segment");
        let peer = PeerSegment::map(file, capacity).expect("a segment as correct as ours");
        let (_, mut consumer) = rings(own, peer);
        // A link that has carried this much, so that its positions soon wrap.
        (consumer.consumed, consumer.produced) = (start, start);
        segment.store(hostile::PRODUCED, start);
        let mut data = Vec::new();
        for offset in (0..capacity.bytes()).step_by(8) {
            let word = (offset as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            segment.store(hostile::DATA + offset, word);
            data.extend(word.to_ne_bytes());
        }
        Self {
            consumer,
            segment,
            ours: PeerSegment::map(own_file, capacity).expect("our own segment"),
            capacity: capacity.bytes() as u128,
            data,
            produced: start,
            writer_sleep: 0,
            consumed: start.into(),
            believed: start.into(),
            published: 0,
            reader_sleep: 0,
            rung: None,
        }
    }

    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        match input.arbitrary::<u8>()? % 8 {
            0 => self.store(hostile::PRODUCED, input.arbitrary()?),
            1 => {
                let ahead = u128::from(input.arbitrary::<u16>()?) % (2 * self.capacity);
                self.store(hostile::PRODUCED, (self.consumed + ahead) as u64);
            }
            2 => self.store(hostile::WRITER_SLEEP, input.arbitrary::<u8>()?.into()),
            3 => {
                let offset = usize::from(input.arbitrary::<u16>()?) % self.segment.len();
                self.store(offset / 8 * 8, input.arbitrary()?);
            }
            4 => {
                let room = usize::from(input.arbitrary::<u16>()?) % (2 * self.data.len());
                let chunk = usize::from(input.arbitrary::<u16>()?) + 1;
                self.read(room, chunk, input.arbitrary()?);
            }
            5 => self.announce_sleep(),
            6 => self.awake(),
            _ => self.must_wake_writer(),
        }
        self.check();
        Ok(())
    }

    /// The peer writes a word.
    fn store(&mut self, offset: usize, value: u64) {
        self.segment.store(offset, value);
        match offset {
            hostile::PRODUCED => self.produced = value,
            hostile::WRITER_SLEEP => self.writer_sleep = value,
            hostile::DATA.. => {
                let at = offset - hostile::DATA;
                self.data[at..at + 8].copy_from_slice(&value.to_ne_bytes());
            }
            _ => {}
        }
    }

    /// Reads into `room` bytes that come in chunks, while the peer goes on to claim `meanwhile`.
    fn read(&mut self, room: usize, chunk: usize, meanwhile: u64) {
        let mut memory = vec![0; room];
        memory.extend(UNTOUCHED);
        let mut target = Meddled {
            left: &mut memory[..room],
            chunk,
            segment: &self.segment,
            meanwhile,
        };
        let seen = self.consumer.read(&mut target);
        let begun = target.left.len() < room;

        let available = self.believed - self.consumed;
        let looked = if available < room as u128 {
            self.look()
        } else {
            Ok(())
        };
        let expected = looked.map(|()| (self.believed - self.consumed).min(room as u128));
        assert_eq!(seen.map(|read| read as u128), expected);
        assert_eq!(memory[room..], UNTOUCHED);
        if begun {
            self.produced = meanwhile;
        }
        if let Ok(read @ 1..) = seen {
            let start = (self.consumed % self.capacity) as usize;
            let first = read.min(self.data.len() - start);
            assert_eq!(memory[..first], self.data[start..start + first]);
            assert_eq!(memory[first..read], self.data[..read - first]);
            self.consumed += read as u128;
            self.published = self.consumed as u64;
        }
    }

    fn announce_sleep(&mut self) {
        let seen = self.consumer.announce_sleep();
        let expected = self.look().map(|()| self.believed == self.consumed);
        assert_eq!(seen, expected);
        let announced = self.announced();
        assert!(announced % 2 == 1, "it says that it is awake");
        assert_ne!(
            announced, self.reader_sleep,
            "a sleep without its own epoch"
        );
        self.reader_sleep = announced;
    }

    fn awake(&mut self) {
        self.consumer.awake();
        self.reader_sleep = self.announced();
        assert!(
            self.reader_sleep.is_multiple_of(2),
            "it says that it sleeps"
        );
    }

    fn must_wake_writer(&mut self) {
        let half_free = self.believed - self.consumed <= self.capacity / 2;
        let sleeps = self.writer_sleep % 2 == 1;
        let expected = half_free && sleeps && self.rung != Some(self.writer_sleep);
        assert_eq!(self.consumer.must_wake_writer(), expected);
        if expected {
            self.rung = Some(self.writer_sleep);
        }
    }

    /// What a look at the peer's index has to find: the least position from the last one on that has
    /// these low 64 bits is possible if the ring can hold it.
    fn look(&mut self) -> Result<(), RingViolation> {
        let wraps = 1 << 64;
        let low = self.believed % wraps;
        let claimed = self.believed + (u128::from(self.produced) + wraps - low) % wraps;
        if claimed > self.consumed + self.capacity {
            return Err(RingViolation::Produced {
                claimed: self.produced,
                least: self.believed as u64,
                most: (self.consumed + self.capacity) as u64,
            });
        }
        self.believed = claimed;
        Ok(())
    }

    /// What holds after each step.
    fn check(&self) {
        assert_eq!(self.consumer.consumed(), self.consumed as u64);
        assert!(self.consumed <= self.believed && self.believed <= self.consumed + self.capacity);
        assert_eq!(self.ours.0.load_relaxed(Word::Consumed), self.published);
        assert_eq!(self.announced(), self.reader_sleep);
    }

    fn announced(&self) -> u64 {
        self.ours.0.load_relaxed(Word::ReaderSleep)
    }
}

/// A target that gives the peer the chance to write between any two chunks of one read.
struct Meddled<'a> {
    left: &'a mut [u8],
    chunk: usize,
    segment: &'a HostileSegment,
    meanwhile: u64,
}

// SAFETY: `remaining_mut` and `chunk_mut` tell of initialised memory that is exclusively ours, and
// `advance_mut` moves within it.
unsafe impl BufMut for Meddled<'_> {
    fn remaining_mut(&self) -> usize {
        self.left.len()
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        self.segment.store(hostile::PRODUCED, self.meanwhile);
        let len = self.chunk.min(self.left.len());
        UninitSlice::new(&mut self.left[..len])
    }

    unsafe fn advance_mut(&mut self, count: usize) {
        self.left = &mut std::mem::take(&mut self.left)[count..];
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    /// The corpus is in the repository only, not in the package.
    #[test]
    fn the_corpus_of_the_consumer_passes() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/consumer");
        let mut replayed = 0;
        for file in fs::read_dir(folder).expect("the corpus") {
            let path = file.unwrap().path();
            println!("{}", path.display());
            super::consumer(&fs::read(path).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{folder} is empty");
    }
}
