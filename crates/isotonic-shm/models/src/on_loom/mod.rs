//! The models on [loom](https://docs.rs/loom): every interleaving, and every value that a load may
//! return under the memory model of C11 as far as loom knows it.

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
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Executions that a model may need at most: a hundred times the largest in the ordinary tests.
const MOST_EXECUTIONS: usize = 10_000_000;

/// Steps that one execution may need at most, over all threads: five times the longest.
const MOST_STEPS: usize = 1_000;

/// Which interleavings are explored.
#[derive(Debug, Clone, Copy)]
pub enum Extent {
    /// All of them.
    Complete,
    /// Those in which threads that could go on are interrupted at most so often.
    Preemptions(usize),
}

/// Explores a scenario and returns in how many executions.
///
/// # Panics
/// If one of them fails, if there are too many of them, or if one takes too many steps.
pub fn explore(extent: Extent, scenario: impl Fn() + Send + Sync + 'static) -> usize {
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    // Whatever loom's own variables in the environment say: at its limits it would end without a failure.
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.max_branches = MOST_STEPS;
    builder.preemption_bound = match extent {
        Extent::Complete => None,
        Extent::Preemptions(number) => Some(number),
    };
    builder.check(move || {
        let before = counted.fetch_add(1, Ordering::Relaxed);
        assert!(
            before < MOST_EXECUTIONS,
            "the model is too large: {MOST_EXECUTIONS} executions, and more to come"
        );
        scenario();
    });
    executions.load(Ordering::Relaxed)
}
