//! How long to poll for a peer before going to sleep.
//!
//! Waking a sleeping process costs some 30 µs, a look at a ring far less than one; but looks that find
//! nothing are CPU time taken from somebody. So a side polls, yielding to its runtime between looks,
//! for a bounded time after it ran out of work, and only as long as that has lately been worth it: a
//! peer that usually takes longer than the budget is waited for asleep. With one CPU it never polls,
//! since the peer could not run meanwhile (8 ms a call, a whole time slice, was measured). A link that carries
//! much polls for longer: see [`LARGE_MESSAGES_BUDGET`].
//!
//! A poller may hold the CPU that its answer needs: two runtimes have more threads than CPUs, and the peer,
//! or the other worker of our own runtime that holds a piece of the call, then waits behind us. So once a
//! wait is longer than usual, or long, each further look first offers the CPU to other threads (sched_yield(2)). A
//! thread that has work of its own for a whole time slice, and not just a hand's turn, would take all that
//! is offered; when one does, nothing is offered for a while, and the kernel shares the CPU out as always.

mod traffic;

use crate::limits::{LARGE_MESSAGES_BUDGET, POLL_BUDGET};
use std::time::{Duration, Instant};
use traffic::Traffic;

/// A wait that was slept through without polling counts as worth polling for if it ended within this many times the
/// budget: a sleep includes two wake-ups, ours and often the peer's, that polling would have spared.
const WORTH_POLLING: u32 = 2;

/// A wait that polled in vain because the peer had to be woken says nothing about polling if it ended within this
/// time after its budget. If it counted, a side that sleeps for once would make the other give up polling, and then the
/// other that one, and both would sleep on and on: 64 KiB calls, default runtimes on two cores, p50 of ten runs 34 µs
/// (33 to 125) when it counts, 34 µs (33 to 36) with this; on a noisier day 155 and 44 µs. With 300 µs, small calls
/// beside other work on both cores lose a quarter of their calls/s. While others keep the CPU there is no excuse: a peer
/// sleeps because it has none then. Calls of 1 MiB beside other work on both cores, 11 alternating runs: 834 µs, and 689
/// without excuses (Unix socket: 700).
const EXCUSED: Duration = Duration::from_micros(200);

/// How long a peer may go on having to be woken until that is no excuse any more: longer than a side stays asleep that
/// has given up polling.
const EXCUSED_FOR: Duration = NO_POLLING.saturating_mul(2);

/// How long nothing is polled for after polling was given up. The peer may answer quickly only because we
/// sleep: where other work leaves both of us one CPU, it waits for our polling to end. With both cores busy and
/// no such pause, half of the 64 KiB calls took 222 µs (Unix socket: 78).
const NO_POLLING: Duration = Duration::from_millis(10);

/// A wait that is this many times the usual one offers the CPU at each further look. Unary calls of 64 B in
/// `isotonic-bench compare`, default runtimes on two cores: p99 156 µs and 54,000 calls/s when it is never
/// offered, 16 to 43 µs and 86,000 to 98,000 with 2, about the same with 4; offered from the first look on, the usual call
/// takes 34 µs instead of 10.
const LONGER_THAN_USUAL: u32 = 2;

/// A wait this long offers the CPU whatever is usual, on a runtime that leaves no CPU to the peer. `compare`, default
/// runtimes on two cores, medians of 22 alternating runs without a limit and with this: p99 of 64 KiB calls 216 and
/// 109 µs (Unix socket: 191) at the same p50 of 34 µs; of 1 MiB calls 915 and 784 µs. With 25 or 30 µs the p50 of 64 KiB
/// calls is 38 to 40. With a CPU left, streams of 64 KiB lose 4 % by it.
const LATEST_OFFER: Duration = Duration::from_micros(40);

/// The usual wait is not taken for shorter. With many calls at once there is nearly always something to read, and
/// what looks like a long wait then is none: 16 small calls at once, 1.2 times the calls/s of the Unix socket with
/// 1 µs, 1.3 with this.
const LEAST_USUAL: Duration = Duration::from_micros(5);

/// Whoever keeps an offered CPU for this many times as long as the wait may poll has work of its own. Other programs kept
/// it for 1.2 to 5.4 ms, nearly a time slice; the peer, and our own other worker, keep it as long as they make a message:
/// up to 0.3 ms for one of 1 MiB, rarely 0.5, where a wait may poll for 0.5. Calls of 1 MiB, default runtimes, medians of
/// 12 alternating runs: p50 403 µs with 0.2 ms for all (and turns that window updates used), 369 with this. Small calls, 64 at
/// once, 8 runs: 79,000 calls/s with 1 ms for all, 93,000 with this, 97,000 with 0.2 ms.
const KEPT: u32 = 2;

/// How long nothing is offered then. With both cores busy with other work, 64 KiB calls took 126 µs (Unix
/// socket: 100) while the CPU was offered all the same, and 29 and 63 µs with this.
const NO_OFFERS: Duration = Duration::from_millis(100);

/// Recent waits that are remembered, one bit each.
const REMEMBERED: u32 = u8::BITS;

/// How a side may poll.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Polling {
    /// No wait polls for longer.
    longest: Duration,
    /// A wait this long offers the CPU, if it has not before.
    latest_offer: Duration,
}

impl Polling {
    /// Where there is one CPU only.
    const NEVER: Self = Self {
        longest: Duration::ZERO,
        latest_offer: Duration::ZERO,
    };

    /// Where another worker may want the CPU that one polls on.
    const ON_SHARED_CPUS: Self = Self {
        longest: LARGE_MESSAGES_BUDGET,
        latest_offer: LATEST_OFFER,
    };

    const WITH_CPUS_LEFT: Self = Self {
        longest: LARGE_MESSAGES_BUDGET,
        latest_offer: POLL_BUDGET,
    };

    /// On a runtime with so many workers, in a process that may run on so many CPUs.
    pub(crate) fn of(workers: usize, cpus: usize) -> Self {
        if cpus == 1 {
            Self::NEVER
        } else if workers >= cpus {
            Self::ON_SHARED_CPUS
        } else {
            Self::WITH_CPUS_LEFT
        }
    }

    /// For space, which comes as soon as the peer reads: it has no answer to work on.
    pub(crate) fn for_space(self) -> Self {
        Self {
            longest: self.longest.min(POLL_BUDGET),
            ..self
        }
    }
}

/// The waiting of one half of a link.
#[derive(Debug)]
pub(crate) struct Waiting {
    polling: Polling,
    /// When the present wait began.
    since: Option<Instant>,
    /// The present wait has polled.
    polled: bool,
    /// The present wait has used up its polling.
    slept: bool,
    /// How long the present wait may poll.
    budget: Duration,
    /// The peer was asleep when it last got something to do, and had to be woken.
    peer_slept: bool,
    /// When the first wait was excused since polling last found something.
    excused_since: Option<Instant>,
    /// When polling may be tried again, if it was given up.
    polls_from: Option<Instant>,
    /// When the CPU may be offered again, if whoever took it last kept it: until then others keep the CPU.
    offers_from: Option<Instant>,
    /// The running median of the waits.
    usual: Duration,
    traffic: Traffic,
    /// The last waits, newest in the lowest bit: 1 if polling was, or would have been, worth it.
    recent: u8,
}

impl Waiting {
    pub(crate) fn new(polling: Polling) -> Self {
        Self {
            polling,
            since: None,
            polled: false,
            slept: false,
            budget: POLL_BUDGET,
            peer_slept: false,
            excused_since: None,
            polls_from: None,
            offers_from: None,
            usual: POLL_BUDGET / LONGER_THAN_USUAL,
            traffic: Traffic::default(),
            // Believe in polling until it fails.
            recent: u8::MAX,
        }
    }

    /// There is nothing to do: whether to look again soon (`true`) or to sleep. If the present wait is long, other
    /// threads have had the CPU before this returns.
    pub(crate) fn keeps_polling(
        &mut self,
        yield_now: impl FnOnce(),
        now: impl Fn() -> Instant,
    ) -> bool {
        if self.polling.longest.is_zero() {
            return false;
        }
        let before = now();
        let since = match self.since {
            Some(since) => since,
            None => {
                self.begin(before);
                before
            }
        };
        let waited = before.saturating_duration_since(since);
        let offers = !self.others_keep_the_cpu(before);
        let polls = self.is_worth_it()
            && self.polls_from.is_none_or(|from| before >= from)
            && waited < self.budget
            && (offers || waited < POLL_BUDGET);
        self.polled |= polls;
        self.slept |= !polls;
        let is_long = waited >= (self.usual * LONGER_THAN_USUAL).min(self.polling.latest_offer);
        if polls && offers && is_long {
            yield_now();
            let after = now();
            self.offers_from = (after.saturating_duration_since(before) >= self.budget * KEPT)
                .then(|| after + NO_OFFERS);
        }
        polls
    }

    fn begin(&mut self, now: Instant) {
        self.since = Some(now);
        self.polled = false;
        self.slept = false;
        let longer = self.polling.longest.saturating_sub(POLL_BUDGET);
        self.budget = POLL_BUDGET + self.traffic.share_of(longer, now);
    }

    /// The link has carried so many bytes, in either direction.
    pub(crate) fn carried(&mut self, bytes: usize) {
        self.traffic.carried(bytes);
    }

    /// The peer sleeps, and is being woken.
    pub(crate) fn peer_is_woken(&mut self) {
        self.peer_slept = true;
    }

    /// There was something to do at `now`: learns from the wait before it, if there was one.
    pub(crate) fn ended(&mut self, now: impl FnOnce() -> Instant) {
        let peer_slept = std::mem::take(&mut self.peer_slept);
        if let Some(since) = self.since.take() {
            let now = now();
            let waited = now.saturating_duration_since(since);
            match (self.polled, self.slept) {
                (_, false) => {
                    self.excused_since = None;
                    self.remember(waited < self.budget);
                }
                (false, true) => self.remember(waited < self.budget * WORTH_POLLING),
                // The peer's wake-up took the time; it may poll from now on.
                (true, true)
                    if peer_slept && waited < self.budget + EXCUSED && self.still_excuses(now) => {}
                // It took both the polling and the wake-up.
                (true, true) => self.remember(false),
            }
            if self.polled && !self.is_worth_it() {
                self.polls_from = Some(now + NO_POLLING);
            }
            self.learn_usual(waited);
        }
    }

    fn others_keep_the_cpu(&self, now: Instant) -> bool {
        self.offers_from.is_some_and(|from| now < from)
    }

    fn still_excuses(&mut self, now: Instant) -> bool {
        if self.others_keep_the_cpu(now) {
            self.excused_since = None;
            return false;
        }
        let since = *self.excused_since.get_or_insert(now);
        now.saturating_duration_since(since) < EXCUSED_FOR
    }

    fn remember(&mut self, worth: bool) {
        self.recent = self.recent << 1 | u8::from(worth);
    }

    fn is_worth_it(&self) -> bool {
        self.recent.count_ones() >= REMEMBERED / 2
    }

    /// A median needs no list: a step up for each longer wait and one down for each shorter one end where
    /// there are as many of both, however long the longest are.
    fn learn_usual(&mut self, waited: Duration) {
        const STEP: u32 = 16;
        let step = self.usual / STEP;
        self.usual = if waited > self.usual {
            (self.usual + step).min(POLL_BUDGET)
        } else {
            (self.usual - step).max(LEAST_USUAL)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// One wait that ends after `micros`, as a side would live through it; returns whether it polled.
    fn wait(waiting: &mut Waiting, clock: &mut Instant, micros: u64) -> bool {
        let start = *clock;
        let polled = waiting.keeps_polling(|| (), || start);
        *clock += Duration::from_micros(micros);
        if polled && !waiting.keeps_polling(|| (), || *clock) {
            assert!(micros >= 100, "gave up early");
        }
        waiting.ended(|| *clock);
        polled
    }

    #[test]
    fn a_quick_peer_is_polled_for_and_a_slow_one_is_not() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let mut clock = Instant::now();
        for _ in 0..100 {
            assert!(wait(&mut waiting, &mut clock, 30));
        }
        let polled = (0..100)
            .filter(|_| wait(&mut waiting, &mut clock, 1000))
            .count();
        assert_eq!(polled, 5, "five failures in eight end the belief");
        let slept = (0..100)
            .filter(|_| !wait(&mut waiting, &mut clock, 80))
            .count();
        assert_eq!(slept, 4, "four short sleeps in eight restore it");
    }

    #[test]
    fn a_peer_that_is_quick_only_while_we_sleep_is_rarely_polled_for() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let mut clock = Instant::now();
        let start = clock;
        let mut polled = 0;
        while clock - start < Duration::from_secs(1) {
            let polls = waiting.keeps_polling(|| (), || clock);
            clock += Duration::from_micros(if polls { 110 } else { 40 });
            assert!(!polls || !waiting.keeps_polling(|| (), || clock));
            waiting.ended(|| clock);
            polled += usize::from(polls);
        }
        assert!(
            polled <= 5 * 100,
            "five tries every 10 ms, but {polled} a second"
        );
    }

    /// One wait that polls in vain; the peer had to be woken for it.
    fn wait_for_a_sleeper(waiting: &mut Waiting, clock: &mut Instant, micros: u64) -> bool {
        waiting.peer_is_woken();
        wait(waiting, clock, micros)
    }

    #[test]
    fn a_peer_that_sleeps_for_once_is_polled_for_all_the_same() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let mut clock = Instant::now();
        for _ in 0..50 {
            assert!(wait_for_a_sleeper(&mut waiting, &mut clock, 250));
        }
        assert!(wait(&mut waiting, &mut clock, 30), "it polls again");
        for _ in 0..50 {
            assert!(wait_for_a_sleeper(&mut waiting, &mut clock, 250));
        }
        let polled = (0..100)
            .filter(|_| wait_for_a_sleeper(&mut waiting, &mut clock, 350))
            .count();
        assert_eq!(polled, 5, "that long it takes nobody to wake");
    }

    #[test]
    fn a_peer_that_always_sleeps_is_not_polled_for() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let mut clock = Instant::now();
        let start = clock;
        let mut polled = 0;
        while clock - start < Duration::from_secs(1) {
            polled += u32::from(wait_for_a_sleeper(&mut waiting, &mut clock, 250));
            clock += Duration::from_micros(750);
        }
        assert!(polled < 40, "{polled} of a thousand waits");
    }

    #[test]
    fn only_the_wait_for_a_woken_peer_is_excused() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let mut clock = Instant::now();
        assert!(wait_for_a_sleeper(&mut waiting, &mut clock, 250));
        let polled = (0..100)
            .filter(|_| wait(&mut waiting, &mut clock, 250))
            .count();
        assert_eq!(polled, 5);
    }

    #[test]
    fn one_wait_polls_no_longer_than_the_budget() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let start = Instant::now();
        assert!(waiting.keeps_polling(|| (), || start));
        assert!(waiting.keeps_polling(|| (), || start + POLL_BUDGET - Duration::from_nanos(1)));
        assert!(!waiting.keeps_polling(|| (), || start + POLL_BUDGET));
        // Woken for something else: the same wait goes on, and does not poll again.
        assert!(!waiting.keeps_polling(|| (), || start + POLL_BUDGET * 9));
    }

    #[test]
    fn a_link_that_carries_much_polls_for_longer() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let start = Instant::now();
        let nearly = LARGE_MESSAGES_BUDGET - Duration::from_nanos(1);
        let polls_until = |waiting: &mut Waiting, waited, kept| {
            let clock = Cell::new(start);
            assert!(waiting.keeps_polling(|| (), || clock.get()));
            clock.set(start + waited);
            let yield_now = || clock.set(clock.get() + kept);
            let polls = waiting.keeps_polling(yield_now, || clock.get());
            waiting.ended(|| start);
            polls
        };
        assert!(!polls_until(&mut waiting, POLL_BUDGET, Duration::ZERO));
        waiting.carried(10 << 20);
        assert!(polls_until(&mut waiting, nearly, Duration::ZERO));
        waiting.carried(10 << 20);
        assert!(!polls_until(
            &mut waiting,
            LARGE_MESSAGES_BUDGET,
            Duration::ZERO
        ));
        // Nor less for a hand's turn, which takes longer with large messages, but not while others have work for the CPU.
        let kept = LARGE_MESSAGES_BUDGET * KEPT;
        waiting.carried(10 << 20);
        assert!(polls_until(
            &mut waiting,
            nearly,
            kept - Duration::from_nanos(1)
        ));
        waiting.carried(10 << 20);
        assert!(polls_until(&mut waiting, nearly, kept));
        assert!(!polls_until(&mut waiting, POLL_BUDGET, Duration::ZERO));
    }

    #[test]
    fn the_cpu_is_offered_early_where_the_workers_take_all_cpus() {
        assert_eq!(Polling::of(1, 1).longest, Duration::ZERO);
        assert_eq!(Polling::of(2, 2).latest_offer, LATEST_OFFER);
        assert_eq!(Polling::of(1, 2).latest_offer, POLL_BUDGET);
    }

    #[test]
    fn space_is_never_polled_for_longer() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS.for_space());
        let start = Instant::now();
        waiting.carried(10 << 20);
        assert!(waiting.keeps_polling(|| (), || start));
        assert!(!waiting.keeps_polling(|| (), || start + POLL_BUDGET));
    }

    /// Whether the CPU is offered at a look `micros` into a wait; whoever gets it keeps it for `kept` more.
    fn offered(waiting: &mut Waiting, clock: &Cell<Instant>, micros: u64, kept: u64) -> bool {
        let start = clock.get();
        assert!(waiting.keeps_polling(|| (), || start));
        clock.set(start + Duration::from_micros(micros));
        let offered = Cell::new(false);
        let yield_now = || {
            offered.set(true);
            clock.set(clock.get() + Duration::from_micros(kept));
        };
        assert!(waiting.keeps_polling(yield_now, || clock.get()));
        waiting.ended(|| start + Duration::from_micros(micros));
        offered.get()
    }

    #[test]
    fn a_wait_longer_than_usual_offers_the_cpu() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let clock = Cell::new(Instant::now());
        for _ in 0..100 {
            offered(&mut waiting, &clock, 10, 0);
        }
        assert!(!offered(&mut waiting, &clock, 10, 0));
        assert!(offered(&mut waiting, &clock, 25, 0));
        // The rare long wait does not make long waits usual.
        for count in 0..100 {
            offered(
                &mut waiting,
                &clock,
                if count % 10 == 0 { 90 } else { 10 },
                0,
            );
        }
        assert!(offered(&mut waiting, &clock, 25, 0));
        // Waits that have become longer do.
        for _ in 0..100 {
            offered(&mut waiting, &clock, 15, 0);
        }
        assert!(!offered(&mut waiting, &clock, 25, 0));
    }

    #[test]
    fn where_others_may_want_the_cpu_even_a_usual_wait_offers_it_in_the_end() {
        for (polling, offers) in [
            (Polling::ON_SHARED_CPUS, true),
            (Polling::WITH_CPUS_LEFT, false),
        ] {
            let mut waiting = Waiting::new(polling);
            let clock = Cell::new(Instant::now());
            for _ in 0..100 {
                offered(&mut waiting, &clock, 35, 0);
            }
            assert!(!offered(&mut waiting, &clock, 39, 0));
            assert_eq!(offered(&mut waiting, &clock, 40, 0), offers);
        }
    }

    #[test]
    fn nothing_is_offered_for_a_while_to_those_who_kept_it() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let clock = Cell::new(Instant::now());
        for _ in 0..100 {
            offered(&mut waiting, &clock, 10, 0);
        }
        assert!(offered(&mut waiting, &clock, 50, 200));
        assert!(!offered(&mut waiting, &clock, 50, 0));
        clock.set(clock.get() + NO_OFFERS);
        assert!(offered(&mut waiting, &clock, 50, 199));
        assert!(offered(&mut waiting, &clock, 50, 20), "only a hand's turn");
    }

    #[test]
    fn a_woken_peer_is_no_excuse_while_others_keep_the_cpu() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let clock = Cell::new(Instant::now());
        offered(&mut waiting, &clock, 90, 3000);
        let mut now = clock.get();
        let polled = (0..20)
            .filter(|_| wait_for_a_sleeper(&mut waiting, &mut now, 250))
            .count();
        assert_eq!(polled, 5);
    }

    #[test]
    fn excuses_begin_anew_after_others_have_kept_the_cpu() {
        let mut waiting = Waiting::new(Polling::ON_SHARED_CPUS);
        let mut now = Instant::now();
        wait_for_a_sleeper(&mut waiting, &mut now, 250);
        assert_eq!(waiting.excused_since, Some(now));
        waiting.offers_from = Some(now + NO_OFFERS);
        wait_for_a_sleeper(&mut waiting, &mut now, 250);
        now += NO_OFFERS;
        wait_for_a_sleeper(&mut waiting, &mut now, 250);
        assert_eq!(waiting.excused_since, Some(now));
    }

    #[test]
    fn one_cpu_never_polls() {
        assert!(!Waiting::new(Polling::NEVER).keeps_polling(|| (), Instant::now));
    }
}
