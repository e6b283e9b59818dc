//! What a checker reports once a fault is switched on.

use isotonic_shm_models::mutation::{Mutation, switch_on};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Asserts that `run` panics with a message that contains `expected` when it has to do with `fault`.
pub(crate) fn assert_found(fault: Mutation, expected: &str, run: impl FnOnce()) {
    switch_on(Some(fault));
    let result = catch_unwind(AssertUnwindSafe(run));
    switch_on(None);
    let Err(payload) = result else {
        panic!("{fault:?} was not found");
    };
    let message = match (payload.downcast_ref::<String>(), payload.downcast_ref()) {
        (Some(message), _) => message,
        (None, Some(message)) => *message,
        (None, None) => "a panic without a message",
    };
    assert!(
        message.contains(expected),
        "{fault:?} should be reported as {expected:?}, but was as {message:?}"
    );
}
