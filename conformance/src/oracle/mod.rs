//! Random sequences of calls, made over the link under test and over tonic's own Unix socket. All answers must be equal.
//!
//! No scenario has to know what is right here, so it can be anything: all kinds of calls, one after the other and at
//! once, large and small, cancelled, refused, compressed. The connections are kept from sequence to sequence, so that
//! what one leaves behind is found by the next.
//!
//! The sequences are the same in each run; `PROPTEST_CASES` asks for more of them and `PROPTEST_RNG_SEED` for others.

mod call;
mod outcome;
mod pair;
mod play;
mod strategy;

use std::{cell::RefCell, panic::resume_unwind};

use proptest::test_runner::{
    Config, RngSeed, TestCaseError, TestError, TestRunner, contextualize_config,
};
use tokio::{runtime::Handle, task::spawn_blocking};

use crate::{
    case::{Case, Makers, cases},
    limits::SHRINK_TIME,
};
use pair::Pair;

/// What is compared.
pub const CASES: &[Case] = cases![Comparison:
    self::as_over_stock_uds,
];

/// Enough for some seconds in a debug build.
const SEQUENCES: u32 = 80;

/// Every answer is as tonic gives it over its own Unix socket.
async fn as_over_stock_uds(makers: Makers) {
    let runtime = Handle::current();
    let compared = spawn_blocking(move || compare(&runtime, makers));
    if let Err(error) = compared.await {
        resume_unwind(error.into_panic());
    }
}

fn compare(runtime: &Handle, makers: Makers) {
    let kept: RefCell<Option<Pair>> = RefCell::new(None);
    let mut runner = TestRunner::new(settings());
    let compared = runner.run(&strategy::sequence(), |sequence| {
        let played = runtime.block_on(async {
            let pair = match kept.take() {
                Some(pair) => pair,
                None => Pair::new(makers).await,
            };
            pair.play(&sequence).await.map(|()| pair)
        });
        // After a difference the next begins anew: what is broken would spoil the search for the smallest sequence.
        kept.replace(Some(played.map_err(TestCaseError::fail)?));
        Ok(())
    });
    match compared {
        Ok(()) => {}
        Err(TestError::Fail(difference, sequence)) => {
            panic!("{difference}\nin the smallest sequence that was found: {sequence:#?}")
        }
        Err(TestError::Abort(reason)) => panic!("no sequences: {reason}"),
    }
    if let Some(pair) = kept.take() {
        runtime.block_on(pair.end());
    }
}

fn settings() -> Config {
    contextualize_config(Config {
        cases: SEQUENCES,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        max_shrink_time: SHRINK_TIME.as_millis() as u32,
        ..Config::default()
    })
}
