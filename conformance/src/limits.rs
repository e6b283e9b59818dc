//! Every limit of the suite, in one place.

use std::time::Duration;

/// The largest message that either side takes, in bytes. tonic's own limit of 4 MiB for received messages is below
/// what `unary_16_mib` sends; four times its 16 MiB leaves room for larger ones.
pub const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// How long one scenario may take, all told. Every one needs a few seconds at most, on a slow machine and in a debug
/// build; whatever lasts longer hangs.
pub const SCENARIO_TIME: Duration = Duration::from_secs(60);

/// How long one call of a random sequence may take: more than any of them needs on a slow machine, among others. Less
/// than a scenario, as a call that hangs is tried again and again to find the smallest sequence that has it.
pub const CALL_TIME: Duration = Duration::from_secs(15);

/// How long proptest may look for the smallest sequence.
pub const SHRINK_TIME: Duration = Duration::from_secs(180);
