//! Messages through shared memory in parts of a fixed size, for the mechanisms that only count or wake: each
//! direction has some places for parts, one semaphore that counts those filled and one that counts those emptied.

use super::mechanism::{End, Side};
use super::shared_memory::SharedMemory;
use crate::Result;
use std::rc::Rc;

const PART: usize = 64 * 1024;

/// Places of one direction: enough that one side can fill while the other empties, and few enough for the cache.
const PLACES: usize = 4;

/// Bytes of data for both directions.
pub(super) const DATA: usize = 2 * PLACES * PART;

/// Counts events from one process to the other; none at first.
pub(super) trait Semaphore {
    /// Adds one. What was written before is seen by whoever takes it.
    fn signal(&mut self) -> Result<()>;

    /// Waits for one, and takes it.
    fn wait(&mut self) -> Result<()>;
}

/// The semaphores of one direction.
#[derive(Debug)]
pub(super) struct Counts<S> {
    pub(super) filled: S,
    pub(super) emptied: S,
}

#[derive(Debug)]
struct Direction<S> {
    counts: Counts<S>,
    /// Where its places begin in the data.
    start: usize,
    /// The place whose turn it is.
    next: usize,
    /// Places that were never filled, so that nobody will signal them as emptied.
    unused: usize,
}

impl<S: Semaphore> Direction<S> {
    fn new(counts: Counts<S>, start: usize) -> Self {
        Self {
            counts,
            start,
            next: 0,
            unused: PLACES,
        }
    }

    /// The offset of the next place in the data.
    fn advance(&mut self) -> usize {
        let place = self.next;
        self.next = (place + 1) % PLACES;
        self.start + place * PART
    }

    fn wait_for_room(&mut self) -> Result<()> {
        if self.unused > 0 {
            self.unused -= 1;
            return Ok(());
        }
        self.counts.emptied.wait()
    }
}

pub(super) struct PartsEnd<S> {
    memory: Rc<SharedMemory>,
    outgoing: Direction<S>,
    incoming: Direction<S>,
}

impl<S: Semaphore> PartsEnd<S> {
    /// `memory` has [`DATA`] bytes of data. Client and server are the sides that send in this direction.
    pub(super) fn new(
        memory: Rc<SharedMemory>,
        side: Side,
        from_client: Counts<S>,
        from_server: Counts<S>,
    ) -> Self {
        let from_client = Direction::new(from_client, 0);
        let from_server = Direction::new(from_server, DATA / 2);
        let (outgoing, incoming) = match side {
            Side::Client => (from_client, from_server),
            Side::Server => (from_server, from_client),
        };
        Self {
            memory,
            outgoing,
            incoming,
        }
    }

    /// With semaphores that are words of `memory`; `semaphore` makes one of its index.
    pub(super) fn with_words(
        memory: Rc<SharedMemory>,
        side: Side,
        semaphore: impl Fn(usize) -> S,
    ) -> Self {
        let counts = |first| Counts {
            filled: semaphore(first),
            emptied: semaphore(first + 1),
        };
        Self::new(memory, side, counts(0), counts(2))
    }
}

impl<S: Semaphore> End for PartsEnd<S> {
    fn send(&mut self, message: &mut Vec<u8>) -> Result<()> {
        for part in message.chunks(PART) {
            self.outgoing.wait_for_room()?;
            self.memory.write(self.outgoing.advance(), part)?;
            self.outgoing.counts.filled.signal()?;
        }
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        for part in message.chunks_mut(PART) {
            self.incoming.counts.filled.wait()?;
            self.memory.read(self.incoming.advance(), part)?;
            self.incoming.counts.emptied.signal()?;
        }
        Ok(())
    }
}
