//! How long to poll for a peer before going to sleep.
//!
//! Waking a sleeping process costs some 30 µs, a look at a ring far less than one; but looks that find
//! nothing are CPU time taken from somebody. So a side polls, yielding to its runtime between looks,
//! for a bounded time after it ran out of work, and only as long as that has lately been worth it: a
//! peer that usually takes longer than the budget is waited for asleep. With one CPU it never polls,
//! since the peer could not run meanwhile (8 ms a call, a whole time slice, was measured).

use crate::limits::POLL_BUDGET;
use std::time::{Duration, Instant};

/// A wait that was slept through still counts as worth polling for if it ended within this time: a
/// sleep includes two wake-ups, ours and often the peer's, that polling would have spared.
const WORTH_POLLING: Duration = POLL_BUDGET.saturating_mul(2);

/// Recent waits that are remembered, one bit each.
const REMEMBERED: u32 = u8::BITS;

/// The waiting of one half of a link.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Polling can pay at all.
    several_cpus: bool,
    /// When the present wait began.
    since: Option<Instant>,
    /// The present wait has used up its polling.
    slept: bool,
    /// The last waits, newest in the lowest bit: 1 if polling was, or would have been, worth it.
    recent: u8,
}

impl Waiting {
    pub(crate) fn new(several_cpus: bool) -> Self {
        Self {
            several_cpus,
            since: None,
            slept: false,
            // Believe in polling until it fails.
            recent: u8::MAX,
        }
    }

    /// There is nothing to do at `now`: whether to look again soon (`true`) or to sleep.
    pub(crate) fn keeps_polling(&mut self, now: impl FnOnce() -> Instant) -> bool {
        if !self.several_cpus {
            return false;
        }
        let now = now();
        let since = *self.since.get_or_insert(now);
        let polls = self.recent.count_ones() >= REMEMBERED / 2
            && now.saturating_duration_since(since) < POLL_BUDGET;
        self.slept |= !polls;
        polls
    }

    /// There was something to do at `now`: learns from the wait before it, if there was one.
    pub(crate) fn ended(&mut self, now: impl FnOnce() -> Instant) {
        if let Some(since) = self.since.take() {
            let worth = if self.slept {
                WORTH_POLLING
            } else {
                POLL_BUDGET
            };
            let waited = now().saturating_duration_since(since);
            self.recent = self.recent << 1 | u8::from(waited < worth);
            self.slept = false;
        }
    }
}

/// Whether this process may run on more than one CPU (`sched_getaffinity(2)` of its main thread; a process
/// pinned by `taskset` or a cpuset has fewer than the machine).
pub(crate) fn has_several_cpus() -> bool {
    // A failure means a machine with more CPUs than the set can show.
    rustix::thread::sched_getaffinity(Some(rustix::process::getpid()))
        .map_or(true, |cpus| cpus.count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One wait that ends after `micros`, as a side would live through it; returns whether it polled.
    fn wait(waiting: &mut Waiting, clock: &mut Instant, micros: u64) -> bool {
        let start = *clock;
        let polled = waiting.keeps_polling(|| start);
        *clock += Duration::from_micros(micros);
        if polled && !waiting.keeps_polling(|| *clock) {
            assert!(micros >= 100, "gave up early");
        }
        waiting.ended(|| *clock);
        polled
    }

    #[test]
    fn a_quick_peer_is_polled_for_and_a_slow_one_is_not() {
        let mut waiting = Waiting::new(true);
        let mut clock = Instant::now();
        for _ in 0..100 {
            assert!(wait(&mut waiting, &mut clock, 30));
        }
        let polled = (0..100)
            .filter(|_| wait(&mut waiting, &mut clock, 1000))
            .count();
        assert_eq!(polled, 5, "five failures in eight end the belief");
        let slept = (0..100)
            .filter(|_| !wait(&mut waiting, &mut clock, 150))
            .count();
        assert_eq!(slept, 4, "four short sleeps in eight restore it");
    }

    #[test]
    fn one_wait_polls_no_longer_than_the_budget() {
        let mut waiting = Waiting::new(true);
        let start = Instant::now();
        assert!(waiting.keeps_polling(|| start));
        assert!(waiting.keeps_polling(|| start + POLL_BUDGET - Duration::from_nanos(1)));
        assert!(!waiting.keeps_polling(|| start + POLL_BUDGET));
        // Woken for something else: the same wait goes on, and does not poll again.
        assert!(!waiting.keeps_polling(|| start + POLL_BUDGET * 9));
    }

    #[test]
    fn one_cpu_never_polls() {
        assert!(!Waiting::new(false).keeps_polling(Instant::now));
    }
}
