//! How far apart the two CPUs are at the moment.
//!
//! Memory that two processes share is as fast as the way between their caches, and on a virtual machine that way
//! changes: its CPUs are moved between cores that have a cache in common and cores that have none. Without knowing,
//! one takes the difference for that of two links.

use super::runtime::{self, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A cache line that takes longer than this many nanoseconds from one CPU to the other and back goes between cores
/// without a cache in common. On a virtual machine on an AMD EPYC (Zen 4) it takes 50 to 120 or 350 to 700, and nothing between
/// for long; which cores its CPUs are on is not told.
pub(super) const FAR_NS: f64 = 200.0;

/// How often the line goes there and back for one sample.
const ROUND_TRIPS: u32 = 100;

/// The least of the samples in this time is the distance: in the others something else may have had one of the CPUs.
const TIME: Duration = Duration::from_millis(5);

/// Nobody asks for longer. Who answers gives up then, if the other has not started or has no CPU.
const PATIENCE: Duration = Duration::from_millis(20);

/// Nobody asks any more.
const OVER: u32 = u32::MAX;

/// The two CPUs that client and server run on.
#[derive(Debug)]
pub(super) struct Cores(Option<[u16; 2]>);

impl Cores {
    /// Of those that were asked for, or that there are. With more than two nobody knows which will be used, with one
    /// there is no way between them.
    pub(super) fn of(asked_for: &[u16]) -> Self {
        Self(runtime::cpus(asked_for).try_into().ok())
    }

    /// How many nanoseconds a cache line takes from one to the other and back. `None` if there are not two CPUs, or if
    /// something else has one of them all the time.
    pub(super) async fn distance_ns(&self) -> Option<f64> {
        let cpus = self.0?;
        tokio::task::spawn_blocking(move || measure(Some(cpus)))
            .await
            .ok()?
    }
}

/// A number that two threads take turns to raise, on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Turn(AtomicU32);

/// Between the two CPUs, or any two if there are none given.
fn measure(cpus: Option<[u16; 2]>) -> Option<f64> {
    let pinned = |index: usize| cpus.is_none_or(|cpus| pin(&[cpus[index]]).is_ok());
    let turn = Turn::default();
    thread::scope(|scope| {
        scope.spawn(|| pinned(0).then(|| answer(&turn.0)));
        let asking = scope.spawn(|| pinned(1).then(|| ask(&turn.0)).flatten());
        asking.join().ok().flatten()
    })
}

/// Raises every even number.
fn ask(turn: &AtomicU32) -> Option<f64> {
    let end = Instant::now() + TIME;
    let mut number = 0;
    let mut least: Option<f64> = None;
    'samples: loop {
        let start = Instant::now();
        for _ in 0..ROUND_TRIPS {
            turn.store(number + 1, Ordering::Release);
            number += 2;
            if wait_for(turn, |there| there == number, end).is_none() {
                break 'samples;
            }
        }
        let distance = start.elapsed().as_nanos() as f64 / f64::from(ROUND_TRIPS);
        least = Some(least.map_or(distance, |least| least.min(distance)));
    }
    turn.store(OVER, Ordering::Release);
    least
}

/// Raises every odd number.
fn answer(turn: &AtomicU32) {
    let end = Instant::now() + PATIENCE;
    while let Some(number) = wait_for(turn, |there| there % 2 == 1, end)
        && number != OVER
    {
        turn.store(number + 1, Ordering::Release);
    }
}

/// Looks as often as it can, and at the clock only now and then: either would count as distance.
fn wait_for(turn: &AtomicU32, wanted: impl Fn(u32) -> bool, end: Instant) -> Option<u32> {
    const LOOKS: usize = 1000;
    loop {
        for _ in 0..LOOKS {
            let there = turn.load(Ordering::Acquire);
            if wanted(there) {
                return Some(there);
            }
        }
        if Instant::now() > end {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_a_way_between_two_cpus_only() {
        assert_eq!(Cores::of(&[0]).distance_ns().await, None);
        assert_eq!(Cores::of(&[0, 1, 2]).distance_ns().await, None);
    }

    #[test]
    fn the_line_comes_back() {
        if thread::available_parallelism().unwrap().get() < 2 {
            return;
        }
        let start = Instant::now();
        // Other tests may have the CPUs for a while.
        while !matches!(measure(None), Some(distance) if distance > 0.0) {
            assert!(start.elapsed().as_secs() < 60, "it never came back in 60 s");
        }
    }
}
