//! How much a link has carried lately.

use std::time::{Duration, Instant};

/// Bytes that count at most.
const MUCH: u64 = 1024 * 1024;

/// How long it takes until as many are forgotten. Less than [`MUCH`] in that time is little.
const FORGOTTEN_IN: Duration = Duration::from_millis(1);

/// A bucket that bytes fall into, and that leaks.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    bytes: u64,
    /// When it was last looked at.
    at: Option<Instant>,
}

impl Traffic {
    /// In either direction.
    pub(super) fn carried(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// All of `most` if it was much, and else as large a part of it as it was of that.
    pub(super) fn share_of(&mut self, most: Duration, now: Instant) -> Duration {
        let since = now.saturating_duration_since(*self.at.get_or_insert(now));
        let leaked = MUCH as f64 * since.as_secs_f64() / FORGOTTEN_IN.as_secs_f64();
        self.bytes = self.bytes.saturating_sub(leaked as u64).min(MUCH);
        self.at = Some(now);
        most.mul_f64(self.bytes as f64 / MUCH as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_micros(200);

    #[test]
    fn it_is_forgotten() {
        let mut traffic = Traffic::default();
        let start = Instant::now();
        assert_eq!(traffic.share_of(MOST, start), Duration::ZERO);
        traffic.carried(usize::MAX);
        assert_eq!(traffic.share_of(MOST, start), MOST);
        assert_eq!(
            traffic.share_of(MOST, start + FORGOTTEN_IN / 4),
            MOST * 3 / 4
        );
        assert_eq!(
            traffic.share_of(MOST, start + FORGOTTEN_IN * 2),
            Duration::ZERO
        );
    }

    #[test]
    fn much_without_a_look_is_much() {
        let mut traffic = Traffic::default();
        let start = Instant::now();
        assert_eq!(traffic.share_of(MOST, start), Duration::ZERO);
        traffic.carried(100 << 20);
        let later = start + FORGOTTEN_IN * 10;
        assert_eq!(traffic.share_of(MOST, later), MOST);
    }

    #[test]
    fn many_small_calls_are_little() {
        let mut traffic = Traffic::default();
        let mut now = Instant::now();
        for _ in 0..10_000 {
            traffic.carried(260);
            now += Duration::from_micros(12);
            assert!(traffic.share_of(MOST, now) < MOST / 100);
        }
    }
}
