//! How much of what has come is handed over at a time, so that calls that came together are answered one after another.
//!
//! HTTP/2 takes all that a read gives before anything else is done. When that is many small calls, the runtime has as
//! many tasks to run, each of them in several steps, and runs them in the order in which they became ready: all first
//! steps, then all second ones. Nothing is written until nearly all calls are done; then the peer, which had nothing to
//! do meanwhile, gets all answers together and does the same. The more tasks are ready, the more workers take of them
//! and wait for the connection's lock. A link therefore hands over a portion, lets everything run that it has made
//! ready, and then goes on with the next: one call is answered while the peer works on another.
//!
//! A link does not know where calls begin and end, but it sees what becomes of its portions. Where calls overlap,
//! something is written before everything is read: the portions are answered. The bytes of a single call are answered
//! only after the last of them, and each portion of it is a way through the runtime for nothing. So
//!
//! - what is no more than a portion is handed over whole, and the portion slowly becomes as small as what comes;
//! - an answered portion is halved, but not below what was lately read for each write, which is about a call;
//! - one that was not answered until everything was read grows;
//! - while none is answered, each further one is twice as large after a time, the sooner the less often portions were
//!   answered before;
//! - what waits too long is handed over whole, and so is what has come as long as it is more than small calls are.
//!
//! `isotonic-bench compare --patterns unary`, default runtimes on two cores, medians of 2 or 3 alternating runs, calls/s
//! with everything handed over and with portions (Unix socket):
//!
//! | calls at once |                      64 B |                    4 KiB |
//! |--------------:|--------------------------:|-------------------------:|
//! |             4 | 125,000, 136,000 (33,000) | 96,000, 115,000 (26,000) |
//! |            16 |  69,000, 124,000 (60,000) | 52,000, 100,000 (34,000) |
//! |            64 |  74,000, 106,000 (74,000) |  57,000, 91,000 (44,000) |
//! |           256 |   69,000, 84,000 (73,000) |  50,000, 62,000 (42,000) |
//!
//! With one worker a process nobody waits for another one, and nothing is gained (64 calls of 64 B at once: 161,000
//! calls/s, and 155,000 in a throw-away build with portions there, too): there everything is handed over.

use crate::limits::{LARGEST_PORTION, LEAST_PORTION, LONGEST_IN_PORTIONS, PORTION_PATIENCE};
use std::time::{Duration, Instant};

/// So many writes are remembered, with what was read meanwhile.
const REMEMBERED: usize = 64;

/// After so many arrivals that were handed over whole, half of one is: calls that are always read together would go on
/// being answered together for ever.
const TRIED_AFTER: u32 = 64;

/// How much one direction of a link hands over at a time.
#[derive(Debug)]
pub(super) struct Portion {
    /// In bytes.
    size: usize,
    /// What may still be read of the present one.
    left: usize,
    /// More than that has come, which has to wait.
    rest_waits: bool,
    /// Portions that were not answered yet.
    run: Option<Run>,
    /// Since when something has waited for the portions before it.
    waits_since: Option<Instant>,
    /// The last runs, newest in the lowest bit: 1 if it was answered.
    answered: u8,
    /// Arrivals since the last portion, all of which were handed over whole.
    whole: u32,
    /// Bytes that were lately read.
    read: usize,
    /// Writes that were made meanwhile.
    writes: usize,
}

/// Portions in a row that nothing is written between.
#[derive(Debug)]
struct Run {
    since: Instant,
    /// How much larger its portions have become.
    times: usize,
    /// What had come at most.
    most: usize,
    /// Everything that has come was read.
    all_was_read: bool,
}

impl Portion {
    /// On a runtime with so many workers. None: everything is handed over.
    pub(super) fn of_runtime(workers: usize) -> Option<Self> {
        (workers > 1).then_some(Self {
            size: LARGEST_PORTION,
            left: 0,
            rest_waits: false,
            run: None,
            waits_since: None,
            answered: 0,
            whole: 0,
            read: 0,
            writes: 0,
        })
    }

    /// How many of the bytes that have come may be read now. There is at least one, and at least one may.
    pub(super) fn of(&mut self, come: usize, now: impl FnOnce() -> Instant) -> usize {
        if come > LARGEST_PORTION {
            return come;
        }
        if self.left == 0 {
            let portion = self.next(come, now);
            self.left = portion.unwrap_or(come);
            self.rest_waits = portion.is_some();
            if portion.is_none() {
                self.waits_since = None;
            }
        }
        self.left
    }

    /// The size of a new portion. None if everything is handed over.
    fn next(&mut self, come: usize, now: impl FnOnce() -> Instant) -> Option<usize> {
        let mut portion = self.size;
        if come <= self.size + self.size / 4 {
            self.shrink_to(self.size - self.size.saturating_sub(come) / 64);
            self.whole = self.whole.saturating_add(1);
            if self.whole < TRIED_AFTER || come < 2 * LEAST_PORTION {
                return None;
            }
            portion = come / 2;
        }
        self.whole = 0;
        let now = now();
        if now - *self.waits_since.get_or_insert(now) >= LONGEST_IN_PORTIONS {
            return None;
        }
        let patience = self.patience();
        let run = self.run.get_or_insert(Run {
            since: now,
            times: 1,
            most: 0,
            all_was_read: false,
        });
        if now - run.since >= patience {
            run.times = run.times.saturating_mul(2);
        }
        run.most = run.most.max(come);
        let portion = portion.saturating_mul(run.times);
        (portion < come).then_some(portion)
    }

    /// How long portions may go unanswered before they become larger.
    fn patience(&self) -> Duration {
        PORTION_PATIENCE * self.answered.count_ones().max(1) / u8::BITS
    }

    /// So many bytes were read.
    pub(super) fn read(&mut self, bytes: usize) {
        self.read = self.read.saturating_add(bytes);
        self.left = self.left.saturating_sub(bytes);
    }

    /// The task goes on reading. Returns whether what has come has to wait until other tasks have run.
    pub(super) fn ends(&mut self) -> bool {
        if self.run.as_ref().is_some_and(|run| run.all_was_read) {
            self.run_ended(false);
        }
        self.left == 0 && std::mem::take(&mut self.rest_waits)
    }

    /// Everything that has come was read.
    pub(super) fn all_was_read(&mut self) {
        self.left = 0;
        self.rest_waits = false;
        self.waits_since = None;
        if let Some(run) = &mut self.run {
            // What is written before the task reads again answers it.
            run.all_was_read = true;
        }
    }

    /// So many bytes were written.
    pub(super) fn wrote(&mut self, bytes: usize) {
        // A large message that is on its way out anyway is not an answer.
        if bytes <= LARGEST_PORTION {
            self.run_ended(true);
        }
        self.writes += 1;
        if self.writes == REMEMBERED {
            self.writes /= 2;
            self.read /= 2;
        }
    }

    fn run_ended(&mut self, answered: bool) {
        if let Some(run) = self.run.take() {
            self.answered = self.answered << 1 | u8::from(answered);
            if answered {
                self.shrink_to(self.size / 2);
            } else {
                let step = if run.times > 1 { 1 } else { 8 };
                let more = self.size + self.size / step;
                self.size = more.min(run.most).max(self.size);
            }
        }
    }

    /// But not to less than what was lately read for each write.
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

    /// What the buffer of HTTP/2 has room for.
    const BUFFER: usize = 8 * 1024;

    /// A way through a runtime that has nothing else to do.
    const PASS: Duration = Duration::from_nanos(600);

    struct Side {
        portion: Portion,
        clock: Instant,
        pass: Duration,
    }

    impl Side {
        fn new() -> Self {
            Self {
                portion: Portion::of_runtime(2).unwrap(),
                clock: Instant::now(),
                pass: PASS,
            }
        }

        /// The task reads until it has to let others run. Returns what it has read.
        fn read(&mut self, come: usize) -> usize {
            let mut read = 0;
            self.portion.ends();
            while !self.portion.ends() {
                if read == come {
                    self.portion.all_was_read();
                    break;
                }
                let some = self.portion.of(come - read, || self.clock);
                let some = some.min(come - read).min(BUFFER);
                self.portion.read(some);
                read += some;
            }
            self.clock += self.pass;
            read
        }

        /// A call that comes alone and is answered. Returns how many times the task had to read.
        fn one_call(&mut self, bytes: usize) -> usize {
            let (mut read, mut times) = (0, 0);
            while read < bytes {
                read += self.read(bytes - read);
                times += 1;
            }
            assert_eq!(self.read(0), 0);
            self.portion.wrote(100);
            times
        }

        /// So many calls are under way all the time; each is answered when it was read. Returns how much is read at a
        /// time at most in the end.
        fn overlapping(&mut self, calls: usize, bytes: usize) -> usize {
            let mut come = calls * bytes;
            let (mut read, mut answered) = (0, 0);
            let mut most = 0;
            for count in 0..5000 {
                let some = self.read(come);
                come -= some;
                read += some;
                while answered < read / bytes {
                    self.portion.wrote(100);
                    answered += 1;
                    come += bytes;
                }
                if count > 4900 {
                    most = most.max(some);
                }
            }
            most
        }
    }

    #[test]
    fn overlapping_calls_are_handed_over_one_after_another() {
        for (calls, bytes) in [(4, CALL), (16, CALL), (40, CALL), (16, 1100), (8, 4200)] {
            let most = Side::new().overlapping(calls, bytes);
            assert!(most <= bytes * 3 / 2, "{most} B of {calls} times {bytes} B");
        }
    }

    #[test]
    fn portions_become_as_small_as_what_comes() {
        let mut side = Side::new();
        side.one_call(LARGEST_PORTION);
        for _ in 0..600 {
            side.one_call(CALL);
        }
        assert!(side.read(40 * CALL) < 2 * CALL);
    }

    #[test]
    fn portions_are_not_less_than_a_call() {
        let mut side = Side::new();
        side.overlapping(12, 4200);
        assert!(side.read(12 * 4200) >= 2100);
    }

    #[test]
    fn a_call_that_comes_alone_is_handed_over_whole() {
        let mut side = Side::new();
        for count in 0..1000 {
            assert_eq!(side.one_call(CALL), 1, "call {count}");
        }
        side.overlapping(40, CALL);
        for bytes in [CALL, 4200, CALL, 300] {
            // It takes some calls to learn that they come alone.
            for _ in 0..100 {
                side.one_call(bytes);
            }
            let cut = (0..640).filter(|_| side.one_call(bytes) > 1).count();
            assert!(cut <= 640 / TRIED_AFTER as usize, "{bytes} B: {cut}");
        }
    }

    #[test]
    fn what_is_larger_than_usual_is_not_cut_into_many() {
        let mut side = Side::new();
        side.overlapping(40, CALL);
        for _ in 0..100 {
            side.one_call(CALL);
            side.one_call(4200);
        }
        for small in [1, 8, 30, 300] {
            for large in [4200, LARGEST_PORTION] {
                for _ in 0..20 {
                    for _ in 0..small {
                        side.one_call(CALL);
                    }
                    let times = side.one_call(large);
                    assert!(times <= 30, "{large} B after {small}: {times}");
                }
            }
        }
        assert!(side.one_call(LARGEST_PORTION * 4) <= 30);
    }

    #[test]
    fn nothing_waits_long_where_other_tasks_take_their_time() {
        let mut side = Side::new();
        side.overlapping(40, CALL);
        side.pass = Duration::from_millis(1);
        let passes = side.one_call(LARGEST_PORTION);
        assert!(passes > 1, "or this test shows nothing");
        assert!(side.pass * passes as u32 <= LONGEST_IN_PORTIONS + side.pass * 2);
    }

    #[test]
    fn nothing_waits_long_behind_what_is_written_all_the_time() {
        let mut side = Side::new();
        side.overlapping(40, CALL);
        for written in [100, LARGEST_PORTION + 1] {
            let mut come = LARGEST_PORTION;
            let begin = side.clock;
            while come > 0 {
                come -= side.read(come);
                side.portion.wrote(written);
            }
            let most = if written == 100 {
                LONGEST_IN_PORTIONS
            } else {
                2 * PORTION_PATIENCE
            };
            assert!(side.clock - begin <= most);
            side.read(0);
        }
    }

    #[test]
    fn what_nobody_answers_is_handed_over_whole() {
        let mut side = Side::new();
        side.overlapping(40, CALL);
        let reads_all = |side: &mut Side| {
            let whole = side.read(30 * CALL) == 30 * CALL;
            while side.read(0) > 0 {}
            whole
        };
        let whole = (0..200).filter(|_| reads_all(&mut side)).count();
        assert!(whole > 150, "{whole}");
    }

    #[test]
    fn a_runtime_with_one_worker_is_handed_everything() {
        assert!(Portion::of_runtime(1).is_none());
    }
}
