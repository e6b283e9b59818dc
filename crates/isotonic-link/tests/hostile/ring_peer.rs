//! A peer by hand in shared memory, which goes on writing every word of its segment as it likes.

use crate::patience::PATIENCE;
use crate::raw_peer::{
    ATTACH, ATTACHED, DOORBELL, HELLO_LEN, MOVED, RawPeer, Received, attachment, hello, record,
    welcome,
};
use crate::segments::CAPACITY;
use isotonic_shm::RingCapacity;
use isotonic_shm::hostile::{CONSUMED, DATA, HostileSegment, PRODUCED, READER_SLEEP, WRITER_SLEEP};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
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
    /// Takes a client that has not greeted yet into shared memory, before anything else.
    #[track_caller]
    pub(crate) fn move_over(socket: RawPeer) -> Self {
        let (segment, descriptor) = filled_segment();
        socket.send(&hello(1, 1, 3));
        assert_eq!(socket.receive(HELLO_LEN), welcome(1, 0, 3));
        socket.send_with(&attachment(ATTACH, CAPACITY), &[descriptor.as_fd()]);
        let attached = socket.receive_step();
        assert_eq!(attached.kind, ATTACHED);
        socket.send(&record(MOVED, &[]));
        assert_eq!(socket.receive_step().kind, MOVED);
        Self::with(socket, segment, attached)
    }

    /// Follows a client that has been welcomed, and that requires shared memory, as its server.
    #[track_caller]
    pub(crate) fn follow(socket: RawPeer) -> Self {
        let (segment, descriptor) = filled_segment();
        let attach = socket.receive_step();
        assert_eq!(attach.kind, ATTACH);
        socket.send_with(&attachment(ATTACHED, CAPACITY), &[descriptor.as_fd()]);
        assert_eq!(socket.receive_step().kind, MOVED);
        socket.send(&record(MOVED, &[]));
        Self::with(socket, segment, attach)
    }

    fn with(socket: RawPeer, segment: HostileSegment, theirs: Received) -> Self {
        let theirs = theirs.descriptors.into_iter().next().unwrap().into();
        Self {
            socket,
            segment,
            theirs,
        }
    }

    pub(crate) fn set(&self, word: usize, value: u64) {
        self.segment.store(word, value);
    }

    /// Moves our position as a producer, and wakes the other side.
    #[track_caller]
    pub(crate) fn put_up_to(&self, position: u64) {
        self.set(PRODUCED, position);
        self.wake();
    }

    /// Moves our position as a consumer, and wakes the other side.
    #[track_caller]
    pub(crate) fn take_up_to(&self, position: u64) {
        self.set(CONSUMED, position);
        self.wake();
    }

    #[track_caller]
    fn wake(&self) {
        self.socket.send(&record(DOORBELL, &[]));
    }

    pub(crate) fn their_segment(&self) -> File {
        self.theirs.try_clone().unwrap()
    }

    /// What the other side says in its segment.
    pub(crate) fn sees(&self, word: usize) -> u64 {
        let mut bytes = [0; 8];
        self.theirs.read_exact_at(&mut bytes, word as u64).unwrap();
        u64::from_ne_bytes(bytes)
    }

    /// Waits until the other side has come as far as this.
    #[track_caller]
    pub(crate) fn waits_for(&self, word: usize, position: u64) {
        let start = Instant::now();
        while self.sees(word) < position {
            assert!(
                start.elapsed() < PATIENCE,
                "the other side stays at {}, short of {position}",
                self.sees(word)
            );
            std::thread::yield_now();
        }
    }

    /// Waits until the other side has announced that it sleeps.
    #[track_caller]
    pub(crate) fn waits_for_odd(&self, word: usize) {
        let start = Instant::now();
        while self.sees(word).is_multiple_of(2) {
            assert!(start.elapsed() < PATIENCE, "the other side does not sleep");
            std::thread::yield_now();
        }
    }

    /// Whether the bytes before `end` that a server has sent are those that it got; its ring is larger.
    pub(crate) fn got_its_own_back(&self, end: u64) -> bool {
        let mut ring = vec![0; end as usize];
        self.theirs.read_exact_at(&mut ring, DATA as u64).unwrap();
        let mut expected = (0..end).map(byte_at);
        ring.into_iter().all(|byte| expected.next() == Some(byte))
    }
}

/// A segment in whose ring lies all that will ever be sent, [`byte_at`] each position, and which is full of
/// ones where nothing has a meaning.
fn filled_segment() -> (HostileSegment, OwnedFd) {
    let (segment, descriptor) =
        HostileSegment::create(RingCapacity::new(CAPACITY).unwrap()).unwrap();
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
    (segment, descriptor)
}

/// What stands at a position of the stream.
pub(crate) fn byte_at(position: u64) -> u8 {
    // Differs from page to page, and repeats with the ring.
    ((position % CAPACITY) * 7 / 5) as u8
}
