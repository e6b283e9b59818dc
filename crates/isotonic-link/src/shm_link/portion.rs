//! How much of what has come is handed over at a time, so that calls that came together are answered one after another.
//!
//! HTTP/2 takes all that a read gives before anything else is done. When that is many small calls, the runtime has as
//! many tasks to run, each of them in several steps, and runs them in the order in which they became ready: all first
//! steps, then all second ones. Nothing is written until nearly all calls are done; then the peer, which had nothing to do
//! meanwhile, gets all answers together and does the same. The more tasks are ready, the more workers take of them
//! and wait for the connection's lock. A link therefore hands over a portion, lets everything run that it has made ready, and then
//! goes on with the next: one call is answered while the peer works on another.
//!
//! A link does not know where calls begin and end, but it sees what becomes of its portions. Where calls overlap,
//! something is written before everything is read, and portions may be small. The bytes of a single call are
//! answered only after the last of them, and each portion of it would be a way through the runtime for nothing: then they
//! become as large as what comes together.
//!
//! `isotonic-bench compare`, unary calls, default runtimes on two cores, medians of 4 alternating runs, calls/s with everything
//! handed over and with portions (Unix socket):
//!
//! | calls at once |                     64 B |                  4 KiB |
//! |--------------:|-------------------------:|-----------------------:|
//! |             4 | 103,000, 116,000 (29,000) | 96,000, 115,000 (24,000) |
//! |            16 |  66,000, 119,000 (53,000) |  50,000, 99,000 (32,000) |
//! |            64 |  57,000, 114,000 (67,000) |  57,000, 77,000 (42,000) |
//! |           256 |   68,000, 84,000 (71,000) |  51,000, 53,000 (40,000) |
//!
//! With 64 calls at once the cores were idle for a quarter of the time, and are for a tenth now; the CPU per call, both
//! sides, fell from 26 to 16 µs. With one worker a process nobody waits for another one, and nothing is gained
//! (161,000 and 155,000 calls/s with 64 at once): there everything is handed over.

use crate::limits::{LARGEST_PORTION, LEAST_PORTION, UNANSWERED_PORTIONS};

/// So many writes are remembered, with what was read meanwhile.
const REMEMBERED: usize = 64;

/// After so many reads that gave everything, one gives half of it: calls that are always read together would go on being answered
/// together for ever.
const TRIED_AFTER: u32 = 64;

/// How much one direction of a link hands over at a time.
#[derive(Debug)]
pub(super) struct Portion {
    /// More at once than this is not handed over in portions, in bytes.
    largest: usize,
    /// In bytes.
    size: usize,
    /// What may still be read of the present one. None if everything may.
    left: Option<usize>,
    /// Portions since the last write, or since everything was read.
    unanswered: u32,
    /// What had come at most when one of these began.
    had_come: usize,
    /// Reads since the last portion; each gave everything.
    whole: u32,
    /// Bytes that were lately read.
    read: usize,
    /// Writes that were made meanwhile.
    writes: usize,
}

impl Portion {
    /// On a runtime with so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            largest: if workers == 1 { 0 } else { LARGEST_PORTION },
            size: LARGEST_PORTION,
            left: None,
            unanswered: 0,
            whole: 0,
            had_come: 0,
            read: 0,
            writes: 0,
        }
    }

    /// How many of the bytes that have come may be read now.
    pub(super) fn of(&mut self, come: usize) -> usize {
        if let Some(left) = self.left {
            return left;
        }
        if come > self.largest {
            return come;
        }
        let mut portion = self.size;
        if come <= self.size + self.size / 4 {
            // What comes may have become less.
            let less = self.size - self.size.saturating_sub(come) / 64;
            self.shrink_to(less);
            self.whole += 1;
            if self.whole < TRIED_AFTER || come < 2 * LEAST_PORTION {
                return come;
            }
            portion = come / 2;
        }
        self.whole = 0;
        self.unanswered += 1;
        self.had_come = self.had_come.max(come);
        if self.unanswered > UNANSWERED_PORTIONS {
            self.size *= 2;
        }
        self.left = Some(portion);
        portion
    }

    /// So many bytes were read.
    pub(super) fn read(&mut self, bytes: usize) {
        self.read = self.read.saturating_add(bytes);
        self.left = self.left.map(|left| left.saturating_sub(bytes));
    }

    /// Whether the portion has ended, and the rest has to wait. If so, the next read begins another one.
    pub(super) fn ends(&mut self) -> bool {
        self.left.take_if(|left| *left == 0).is_some()
    }

    /// Everything that has come was read.
    pub(super) fn all_was_read(&mut self) {
        if self.unanswered > 0 {
            let more = self.size + self.size / 8;
            self.size = more.min(self.had_come).max(self.size);
            self.begin_anew();
        }
    }

    /// Something was written.
    pub(super) fn wrote(&mut self) {
        if self.unanswered > 0 {
            self.shrink_to(self.size / 2);
            self.begin_anew();
        }
        self.writes += 1;
        if self.writes == REMEMBERED {
            self.writes /= 2;
            self.read /= 2;
        }
    }

    fn begin_anew(&mut self) {
        self.unanswered = 0;
        self.had_come = 0;
    }

    /// But not to less than what was lately read for each write: about a call.
    fn shrink_to(&mut self, size: usize) {
        let each = self.read / self.writes.max(1);
        let least = each.clamp(LEAST_PORTION, LARGEST_PORTION);
        self.size = size.max(least).min(self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: usize = 111;

    /// Reads all that has come, which nobody answers meanwhile. Returns the number of portions.
    fn read_all(portion: &mut Portion, mut come: usize) -> u32 {
        let mut portions = 0;
        while come > 0 {
            let some = portion.of(come).min(come);
            portion.read(some);
            come -= some;
            portions += 1;
            if !portion.ends() && come > 0 {
                portions -= 1; // Read on in the same go.
            }
        }
        portion.all_was_read();
        portions
    }

    /// A call that comes alone and is answered. Returns the number of portions.
    fn one_call(portion: &mut Portion, bytes: usize) -> u32 {
        let portions = read_all(portion, bytes);
        portion.wrote();
        portions
    }

    /// So many calls are under way all the time; each is answered after the portion that has its last byte. Returns
    /// the bytes of the largest of the last portions.
    fn overlapping(portion: &mut Portion, calls: usize, bytes: usize) -> usize {
        let mut come = calls * bytes;
        let (mut read, mut answered) = (0, 0);
        let mut largest = 0;
        for count in 0..5000 {
            let some = portion.of(come).min(come);
            portion.read(some);
            portion.ends();
            come -= some;
            read += some;
            if come == 0 {
                portion.all_was_read();
            }
            while answered < read / bytes {
                portion.wrote();
                answered += 1;
                come += bytes;
            }
            if count > 4900 {
                largest = largest.max(some);
            }
        }
        largest
    }

    #[test]
    fn overlapping_calls_are_handed_over_one_after_another() {
        for (calls, bytes) in [(4, CALL), (16, CALL), (64, CALL), (16, 1100), (15, 4200)] {
            let largest = overlapping(&mut Portion::new(2), calls, bytes);
            assert!(
                largest <= bytes * 3 / 2,
                "{largest} B of {calls} calls of {bytes} B"
            );
        }
    }

    #[test]
    fn a_call_that_comes_alone_is_handed_over_whole() {
        let mut portion = Portion::new(2);
        for count in 0..1000 {
            assert_eq!(one_call(&mut portion, CALL), 1, "call {count}");
        }
        overlapping(&mut portion, 64, CALL);
        // Larger ones, too, as soon as that is known.
        let cut = |portion: &mut Portion, bytes| {
            let calls = (0..640).map(|_| one_call(portion, bytes));
            calls.filter(|portions| *portions > 1).count()
        };
        for bytes in [CALL, 4200, CALL, 300] {
            cut(&mut portion, bytes);
            let tries = 640 / TRIED_AFTER as usize;
            assert!(cut(&mut portion, bytes) <= tries, "{bytes} B");
        }
    }

    #[test]
    fn a_large_message_after_small_calls_comes_in_few_portions() {
        let mut portion = Portion::new(2);
        overlapping(&mut portion, 64, CALL);
        let doublings = (LARGEST_PORTION / LEAST_PORTION).ilog2();
        let portions = one_call(&mut portion, LARGEST_PORTION);
        assert!(portions > 1, "or this test shows nothing");
        assert!(portions <= UNANSWERED_PORTIONS + doublings, "{portions}");
        assert_eq!(one_call(&mut portion, LARGEST_PORTION + 1), 1);
    }

    #[test]
    fn a_runtime_with_one_worker_is_handed_everything() {
        let mut portion = Portion::new(1);
        assert_eq!(overlapping(&mut portion, 64, CALL), 64 * CALL);
    }

    #[test]
    fn what_nobody_answers_is_handed_over_whole() {
        let mut portion = Portion::new(2);
        overlapping(&mut portion, 64, CALL);
        let last = (0..200).map(|_| read_all(&mut portion, 30 * CALL)).last();
        assert_eq!(last, Some(1));
    }

    #[test]
    fn a_portion_may_be_read_in_pieces() {
        let mut portion = Portion::new(2);
        overlapping(&mut portion, 64, CALL);
        let size = portion.of(40 * CALL);
        assert!(size < 2 * CALL);
        portion.read(size - 1);
        assert!(!portion.ends());
        assert_eq!(portion.of(40 * CALL), 1);
        portion.read(1);
        assert!(portion.ends());
        assert!(!portion.ends(), "the next one has not begun");
    }
}
