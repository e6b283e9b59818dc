//! The sleep words: how a side says "wake me" and how the other side hears it, without lost wake-ups. The
//! fences (1) and (2) are those of the table in `MEMORY.md`, which says why both are needed.

use super::atomics::{Ordering, fence};
use super::layout::Word;
use super::mapping::{OwnMapping, PeerMapping};

/// Our own sleep word. Invariant: `epoch` is what the shared word holds; odd while asleep.
#[derive(Debug)]
pub(crate) struct SleepWord {
    word: Word,
    epoch: u64,
}

impl SleepWord {
    pub(crate) fn new(word: Word) -> Self {
        Self { word, epoch: 0 }
    }

    /// One that has slept before: `epoch` is even, and in the shared word already.
    #[cfg(test)]
    pub(crate) fn after(word: Word, epoch: u64) -> Self {
        Self { word, epoch }
    }

    /// Tells the peer that we are about to sleep. The caller must look at the peer's index once more
    /// afterwards and sleep only if there is still nothing.
    pub(crate) fn announce(&mut self, own: &OwnMapping) {
        // Each sleep has an epoch of its own, so that the peer rings for it again.
        self.epoch = (self.epoch | 1).wrapping_add(if self.is_asleep() { 2 } else { 0 });
        own.store_relaxed(self.word, self.epoch);
        // SYNC: fence (1); pairs with the one in `PeerSleepWord::must_ring`.
        fence(Ordering::SeqCst);
    }

    /// Tells the peer that we are awake and look for ourselves.
    pub(crate) fn awake(&mut self, own: &OwnMapping) {
        if self.is_asleep() {
            self.epoch = self.epoch.wrapping_add(1);
            // No ordering needed: a peer that still sees the old value rings once for nothing.
            own.store_relaxed(self.word, self.epoch);
        }
    }

    fn is_asleep(&self) -> bool {
        self.epoch % 2 == 1
    }
}

/// The peer's sleep word, as we see it.
#[derive(Debug)]
pub(crate) struct PeerSleepWord {
    word: Word,
    /// The last epoch that we rang for; even (0) before the first.
    rung: u64,
}

impl PeerSleepWord {
    pub(crate) fn new(word: Word) -> Self {
        Self { word, rung: 0 }
    }

    /// Whether the peer sleeps and has not been rung for this sleep. To be called after publishing the
    /// index that the peer waits for; each `true` obliges the caller to ring.
    pub(crate) fn must_ring(&mut self, peer: &PeerMapping) -> bool {
        // SYNC: fence (2); pairs with the one in `SleepWord::announce`.
        fence(Ordering::SeqCst);
        // Whatever a hostile peer writes here, the worst is a doorbell that it asked for itself.
        let epoch = peer.load_relaxed(self.word);
        let ring = epoch % 2 == 1 && epoch != self.rung;
        if ring {
            self.rung = epoch;
        }
        ring
    }
}
