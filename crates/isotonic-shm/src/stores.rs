//! Which stores put bytes into the ring: ordinary ones, or streaming ones, which go past the caches.
//!
//! An ordinary store takes the cache line into our core's cache first, from the core of the peer, which has
//! read it the last time around; the peer then takes it back. Between cores with a cache in common that is
//! the fastest way. Between cores without one (other chiplets of a server's CPU, other sockets; virtual
//! machines are moved from one to the other without being told) each line costs two such journeys, and
//! memory is nearer than the peer: streaming stores send whole lines there and fetch nothing.
//!
//! Nobody tells us how far away the peer runs, and it may change at any time. But what our own copies cost
//! shows it. On a virtual machine with two cores of an AMD EPYC (Zen 4) that move now and then, copies of 4 to
//! 64 KiB in one-way streams, in microseconds for each MiB:
//!
//! | cores (a line there and back)  | ordinary stores           | streaming stores |
//! |--------------------------------|---------------------------|------------------|
//! | near each other (50 to 120 ns) | 28 to 50, at times to 165 | 25 to 50         |
//! | far apart (350 to 700 ns)      | 250 to 570                | 25 to 100        |
//!
//! The costs of the writer alone are the same when near, but the reader then has to wait for memory: streaming
//! stores for all would cost a third of the throughput. Hence the factor [`FAR`]. What the choice is worth,
//! medians of alternating runs of `compare --workers 1`, 11 or 12 far apart and 43 or 44 near each other:
//!
//! | case                  | far, ordinary | far, this choice | near, ordinary | near, this choice |
//! |-----------------------|--------------:|-----------------:|---------------:|------------------:|
//! | calls of 64 KiB       |         87 µs |            40 µs |          33 µs |             33 µs |
//! | calls of 1 MiB        |      1,099 µs |           341 µs |         309 µs |            292 µs |
//! | stream of 64 KiB      |      2.0 GB/s |         6.9 GB/s |       9.5 GB/s |          9.3 GB/s |
//! | stream of 1 MiB       |      2.0 GB/s |         7.0 GB/s |       9.4 GB/s |          9.5 GB/s |

use std::time::{Duration, Instant};

/// A way to put bytes into the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stores {
    /// Into our core's cache, from where the peer's core fetches them.
    Ordinary,
    /// Into memory.
    Streaming,
}

/// Copies of fewer bytes are done with ordinary stores and not measured: looking at the clock would be a good
/// part of their cost. With this length it is no cost that shows: streams of 4 KiB messages, near each other, 6.3 GB/s
/// with this choice and 6.2 without (14 alternating runs).
const LEAST_MEASURED: usize = 4096;

/// How many times the cost of streaming stores makes ordinary ones be given up: more than is seen between cores
/// that are near each other (up to 4.5 times), less than between others (6 times and more).
const FAR: u64 = 5;

/// After so many copies with ordinary stores, one is done with streaming stores, to know what these cost.
const ORDINARY_COPIES: u32 = 256;

/// The same for the first time.
const FIRST_COPIES: u32 = 8;

/// For how many times the ring's capacity streaming stores are used before ordinary ones are tried again. With
/// the lap that warms up and the copies that tell, some 0.6 % of the bytes then travel the dear way.
const STREAMED_LAPS: usize = 256;

/// The choice between the two for one ring, from what copies into it have cost lately.
#[derive(Debug)]
pub(crate) struct StoreChoice {
    capacity: usize,
    now: Phase,
    ordinary: RecentCosts<8>,
    streaming: RecentCosts<4>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Ordinary stores, once around the ring: they fetch what streaming stores had sent away.
    Warming { bytes: usize },
    /// Ordinary stores. After `copies`, one with streaming stores.
    Ordinary { copies: u32 },
    /// Streaming stores, for so many bytes.
    Streaming { bytes: usize },
}

impl StoreChoice {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            now: Phase::Ordinary {
                copies: FIRST_COPIES,
            },
            ordinary: RecentCosts::taken_for(0),
            streaming: RecentCosts::taken_for(u64::MAX),
        }
    }

    /// Has `copy` copy `len` bytes in the better way, and learns from the time that it takes.
    pub(crate) fn copy(&mut self, len: usize, copy: impl FnOnce(Stores)) {
        if len < LEAST_MEASURED {
            return copy(Stores::Ordinary);
        }
        let stores = self.next();
        let start = Instant::now();
        copy(stores);
        self.learn(len, start.elapsed());
    }

    fn are_far_apart(&self) -> bool {
        self.ordinary.least() / FAR > self.streaming.least()
    }

    fn next(&self) -> Stores {
        match self.now {
            Phase::Warming { .. } => Stores::Ordinary,
            Phase::Ordinary { copies } if copies > 0 => Stores::Ordinary,
            Phase::Ordinary { .. } | Phase::Streaming { .. } => Stores::Streaming,
        }
    }

    fn learn(&mut self, len: usize, took: Duration) {
        match self.now {
            Phase::Warming { bytes } => {
                self.now = if bytes > len {
                    Phase::Warming { bytes: bytes - len }
                } else {
                    self.ordinary = RecentCosts::taken_for(0);
                    Phase::Ordinary {
                        copies: ORDINARY_COPIES,
                    }
                };
            }
            Phase::Ordinary { copies: 0 } => {
                self.streaming.add(len, took);
                self.now = Phase::Ordinary {
                    copies: ORDINARY_COPIES,
                };
            }
            Phase::Ordinary { copies } => {
                self.ordinary.add(len, took);
                self.now = match self.are_far_apart() {
                    false => Phase::Ordinary { copies: copies - 1 },
                    // What streaming stores cost is known from just before.
                    true if copies == ORDINARY_COPIES => Phase::Streaming {
                        bytes: STREAMED_LAPS.saturating_mul(self.capacity),
                    },
                    // It may be memory that has become slow, for both.
                    true => {
                        self.streaming = RecentCosts::taken_for(u64::MAX);
                        Phase::Ordinary { copies: 0 }
                    }
                };
            }
            Phase::Streaming { bytes } => {
                self.streaming.add(len, took);
                self.now = if bytes > len {
                    Phase::Streaming { bytes: bytes - len }
                } else {
                    Phase::Warming {
                        bytes: self.capacity,
                    }
                };
            }
        }
    }
}

/// What the last `N` copies of one kind have cost, in nanoseconds for each MiB.
#[derive(Debug)]
struct RecentCosts<const N: usize> {
    costs: [u64; N],
    next: usize,
}

impl<const N: usize> RecentCosts<N> {
    /// Until there were `N` copies, `cost` stands for the rest.
    fn taken_for(cost: u64) -> Self {
        Self {
            costs: [cost; N],
            next: 0,
        }
    }

    fn add(&mut self, len: usize, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.costs[self.next] = nanos.saturating_mul(1 << 20) / len as u64;
        self.next = (self.next + 1) % N;
    }

    /// The least of them: in the others, the thread may have been interrupted.
    fn least(&self) -> u64 {
        self.costs.into_iter().min().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: usize = 1 << 20;
    const LEN: usize = 64 << 10;
    /// Of one copy.
    const CHEAP: Duration = Duration::from_nanos(2_000);
    const DEAR: Duration = Duration::from_nanos(25_000);

    /// Does as many copies as are asked for, and tells which of them were done with streaming stores.
    fn streamed(choice: &mut StoreChoice, copies: usize, ordinary: Duration) -> Vec<usize> {
        let mut streamed = Vec::new();
        for copy in 0..copies {
            match choice.next() {
                Stores::Ordinary => choice.learn(LEN, ordinary),
                Stores::Streaming => {
                    choice.learn(LEN, CHEAP);
                    streamed.push(copy);
                }
            }
        }
        streamed
    }

    #[test]
    fn near_cores_stream_only_to_know_the_cost() {
        let mut choice = StoreChoice::new(CAPACITY);
        let period = ORDINARY_COPIES as usize + 1;
        let first = FIRST_COPIES as usize;
        assert_eq!(
            streamed(&mut choice, 3 * period, CHEAP),
            [first, first + period, first + 2 * period]
        );
    }

    #[test]
    fn far_cores_stream_nearly_all() {
        let mut choice = StoreChoice::new(CAPACITY);
        streamed(&mut choice, 100, DEAR);
        let copies = 100 * STREAMED_LAPS * CAPACITY / LEN;
        let streamed = streamed(&mut choice, copies, DEAR).len();
        assert!(
            streamed * 1000 >= copies * 993,
            "{streamed} of {copies} copies"
        );
    }

    #[test]
    fn memory_that_becomes_slow_for_both_does_not_start_it() {
        let mut choice = StoreChoice::new(CAPACITY);
        streamed(&mut choice, 1000, CHEAP);
        let slow = (0..1000).filter(|_| {
            let stores = choice.next();
            choice.learn(LEN, DEAR);
            stores == Stores::Streaming
        });
        assert!(slow.count() <= 5);
    }

    #[test]
    fn cores_that_come_near_end_the_streaming() {
        let mut choice = StoreChoice::new(CAPACITY);
        assert!(streamed(&mut choice, 100, DEAR).len() > 50);
        streamed(&mut choice, STREAMED_LAPS * CAPACITY / LEN, CHEAP);
        assert!(streamed(&mut choice, 2000, CHEAP).len() <= 8);
    }

    #[test]
    fn cores_that_part_start_it() {
        let mut choice = StoreChoice::new(CAPACITY);
        streamed(&mut choice, 1000, CHEAP);
        assert!(streamed(&mut choice, 100, DEAR).len() > 85);
    }

    #[test]
    fn interruptions_do_not_start_it() {
        let mut choice = StoreChoice::new(CAPACITY);
        streamed(&mut choice, 100, CHEAP);
        for _ in 0..1000 {
            // Two, since one of them may be the one with streaming stores.
            let seven =
                streamed(&mut choice, 5, DEAR).len() + streamed(&mut choice, 2, CHEAP).len();
            assert!(seven <= 1, "{seven} of 7 copies");
        }
    }

    #[test]
    fn the_lap_that_warms_up_is_not_judged() {
        let mut choice = StoreChoice::new(CAPACITY);
        streamed(&mut choice, 100, DEAR);
        while choice.next() == Stores::Streaming {
            choice.learn(LEN, CHEAP);
        }
        assert_eq!(streamed(&mut choice, CAPACITY / LEN, DEAR), []);
        assert_eq!(streamed(&mut choice, 100, CHEAP), []);
    }

    #[test]
    fn small_copies_are_ordinary_and_teach_nothing() {
        let mut choice = StoreChoice::new(CAPACITY);
        streamed(&mut choice, 100, DEAR);
        let before = format!("{choice:?}");
        choice.copy(LEAST_MEASURED - 1, |stores| {
            assert_eq!(stores, Stores::Ordinary);
        });
        assert_eq!(format!("{choice:?}"), before);
        choice.copy(LEAST_MEASURED, |stores| {
            assert_eq!(stores, Stores::Streaming);
        });
        assert_ne!(format!("{choice:?}"), before);
    }
}
