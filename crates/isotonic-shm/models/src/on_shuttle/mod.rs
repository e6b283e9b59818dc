//! The models on [shuttle](https://docs.rs/shuttle): interleavings at random, under sequential
//! consistency.

mod runtime;

/// The product's own files, which find a model in the place of each module around them.
#[path = "../../../src"]
pub mod product {
    use super::{atomics, error, layout, mapping, segment};

    pub mod ring;
    mod sleep;
    #[allow(dead_code, reason = "the model's memory is written in one way only")]
    pub(super) mod stores;
    pub(super) mod words;
}

#[path = "../memory/atomics.rs"]
mod atomics;
#[path = "../memory/mapping.rs"]
mod mapping;
#[path = "../memory/segment.rs"]
pub mod segment;

#[path = "../link/reader.rs"]
mod reader;
#[path = "../link/socket.rs"]
mod socket;
#[path = "../link/two_tasks.rs"]
mod two_tasks;
#[path = "../link/writer.rs"]
mod writer;

#[path = "../scenarios.rs"]
pub mod scenarios;

use crate::{error, layout};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};

/// Steps that an execution may take at most.
const MOST_STEPS: usize = 20_000;

/// Changes of priority that the second scheduler makes in an execution.
const PRIORITY_CHANGES: usize = 3;

/// Runs a scenario in `schedules` executions: half of them choose the next thread at random, half keep
/// to random priorities that change a few times (PCT), which holds one thread back for long.
///
/// # Panics
/// If one of them fails; the message holds the schedule, for `shuttle::replay`.
pub fn run(schedules: usize, scenario: impl Fn() + Copy + Send + Sync + 'static) {
    let seed = 0;
    let half = schedules / 2;
    let random = RandomScheduler::new_from_seed(seed, half);
    let pct = PctScheduler::new_from_seed(seed, PRIORITY_CHANGES, schedules - half);
    let run = run_with(random, scenario) + run_with(pct, scenario);
    assert_eq!(run, schedules, "executions");
}

fn run_with(
    scheduler: impl Scheduler + 'static,
    scenario: impl Fn() + Send + Sync + 'static,
) -> usize {
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    // It would tell, once for each test, that orderings weaker than SeqCst are loom's business.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(scenario)
}
