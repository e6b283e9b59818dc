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

/// Calls `attempt` until it gives something, for the time of a handshake at most. `None`: it never did.
pub(crate) async fn until_some<T, E>(
    mut attempt: impl AsyncFnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
    let mut back_off = BackOff::new(RETRY_BACK_OFF);
    loop {
        if let Some(value) = attempt().await? {
            return Ok(Some(value));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        back_off.pause().await;
    }
}
