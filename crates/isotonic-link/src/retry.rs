//! Trying again for something that another process is about to give up.

use crate::limits::{HANDSHAKE_TIMEOUT, RETRY_BACK_OFF};
use std::time::Duration;
use tokio::time::Instant;

/// Pauses that double from the first to the longest of a pair.
#[derive(Debug)]
pub(crate) struct BackOff {
    next: Duration,
    first: Duration,
    longest: Duration,
}

impl BackOff {
    pub(crate) fn new((first, longest): (Duration, Duration)) -> Self {
        Self {
            next: first,
            first,
            longest,
        }
    }

    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(self.longest);
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Tries that end after the time of a handshake.
#[derive(Debug)]
pub(crate) struct Tries {
    back_off: BackOff,
    deadline: Instant,
}

impl Tries {
    pub(crate) fn new() -> Self {
        Self {
            back_off: BackOff::new(RETRY_BACK_OFF),
            deadline: Instant::now() + HANDSHAKE_TIMEOUT,
        }
    }

    /// Pauses before another try. Returns `false`, at once, if there is no time left for one.
    pub(crate) async fn another(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        self.back_off.pause().await;
        true
    }
}
