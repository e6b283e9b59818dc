//! A limit on waiting that says who waited, and for what.

use std::future::Future;

use tokio::time::{Instant, timeout_at};

use crate::limits::SCENARIO_TIME;

/// The time of one scenario. All its waits share it, and each wait has a name: a test that hangs then ends with a
/// message that tells where, and not with the job's own timeout an hour later.
#[derive(Clone, Copy, Debug)]
pub struct Bounded {
    scenario: &'static str,
    end: Instant,
}

impl Bounded {
    /// Starts the clock of `scenario`.
    pub fn start(scenario: &'static str) -> Self {
        Self {
            scenario,
            end: Instant::now() + SCENARIO_TIME,
        }
    }

    /// Waits for `future`, which brings what `awaited` says.
    ///
    /// # Panics
    ///
    /// When the scenario's time is over.
    pub async fn wait<F: Future>(&self, awaited: &str, future: F) -> F::Output {
        match timeout_at(self.end, future).await {
            Ok(output) => output,
            Err(_) => panic!(
                "scenario `{}` took more than {SCENARIO_TIME:?} and still waits for {awaited}",
                self.scenario
            ),
        }
    }
}
