//! A client by hand in shared memory, which goes on writing every word of its segment as it likes.

use crate::patience::PATIENCE;
use crate::raw_peer::{ATTACH, ATTACHED, DOORBELL, MOVED, RawPeer, attachment, record};
use crate::segments::CAPACITY;
use isotonic_shm::RingCapacity;
use isotonic_shm::hostile::{CONSUMED, DATA, HostileSegment, PRODUCED, READER_SLEEP, WRITER_SLEEP};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::time::Instant;

/// The words that mean something; all else in the header is zero, and ignored.
const WORDS: [usize; 4] = [PRODUCED, CONSUMED, READER_SLEEP, WRITER_SLEEP];

pub(crate) struct RingPeer {
    pub(crate) socket: RawPeer,
    segment: HostileSegment,
    theirs: File,
}

impl RingPeer {
    /// Takes a client that has not greeted yet into shared memory. What it will ever send lies in its ring
    /// already, [`byte_at`] each position, and what means nothing is full of ones.
    pub(crate) fn move_over(socket: RawPeer) -> Self {
        let capacity = RingCapacity::new(CAPACITY).unwrap();
        let (segment, descriptor) = HostileSegment::create(capacity).unwrap();
        for offset in (0..DATA)
            .step_by(8)
            .filter(|offset| !WORDS.contains(offset))
        {
            segment.store(offset, u64::MAX);
        }
        for position in (0..CAPACITY).step_by(8) {
            let bytes = std::array::from_fn(|byte| byte_at(position + byte as u64));
            segment.store(DATA + position as usize, u64::from_ne_bytes(bytes));
        }
        socket.shake_hands();
        socket.send_with(&attachment(ATTACH, CAPACITY), &[descriptor.as_fd()]);
        let attached = socket.receive_step();
        assert_eq!(attached.kind, ATTACHED);
        let theirs = attached.descriptors.into_iter().next().unwrap();
        socket.send(&record(MOVED, &[]));
        assert_eq!(socket.receive_step().kind, MOVED);
        Self {
            socket,
            segment,
            theirs: theirs.into(),
        }
    }

    pub(crate) fn set(&self, word: usize, value: u64) {
        self.segment.store(word, value);
    }

    /// Moves our position as a producer, and wakes the server.
    pub(crate) fn put_up_to(&self, position: u64) {
        self.set(PRODUCED, position);
        self.wake();
    }

    /// Moves our position as a consumer, and wakes the server.
    pub(crate) fn take_up_to(&self, position: u64) {
        self.set(CONSUMED, position);
        self.wake();
    }

    fn wake(&self) {
        self.socket.send(&record(DOORBELL, &[]));
    }

    pub(crate) fn their_segment(&self) -> File {
        self.theirs.try_clone().unwrap()
    }

    /// What the server says in its segment.
    pub(crate) fn sees(&self, word: usize) -> u64 {
        let mut bytes = [0; 8];
        self.theirs.read_exact_at(&mut bytes, word as u64).unwrap();
        u64::from_ne_bytes(bytes)
    }

    /// Waits until the server has come as far as this.
    pub(crate) fn waits_for(&self, word: usize, position: u64) {
        let start = Instant::now();
        while self.sees(word) < position {
            assert!(
                start.elapsed() < PATIENCE,
                "the server stays at {}",
                self.sees(word)
            );
            std::thread::yield_now();
        }
    }

    /// Whether the bytes before `end` that the server has sent are those that it got; its ring is larger.
    pub(crate) fn got_its_own_back(&self, end: u64) -> bool {
        let mut ring = vec![0; end as usize];
        self.theirs.read_exact_at(&mut ring, DATA as u64).unwrap();
        let mut expected = (0..end).map(byte_at);
        ring.into_iter().all(|byte| expected.next() == Some(byte))
    }
}

/// What stands at a position of the stream.
pub(crate) fn byte_at(position: u64) -> u8 {
    // Differs from page to page, and repeats with the ring.
    ((position % CAPACITY) * 7 / 5) as u8
}
