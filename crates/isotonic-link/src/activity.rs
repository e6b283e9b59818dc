//! When shared memory pays: a link that is busy enough.
//!
//! A segment costs its memory, some 0.1 ms to create and map, and two descriptors for a moment. A
//! connection that says little never needs it, so a link starts on the socket and asks for shared
//! memory once it has carried much, or has gone back and forth often, within a short time.

use crate::limits::{BUSY_BYTES, BUSY_TURNS, BUSY_WINDOW};
use std::time::Instant;

/// What a link has carried in the present window of time.
#[derive(Debug)]
pub(crate) struct Activity {
    window_began: Instant,
    bytes: u64,
    /// Writes that followed a read: a conversation's steps.
    turns: u32,
    read_last: bool,
}

impl Activity {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            window_began: now,
            bytes: 0,
            turns: 0,
            read_last: false,
        }
    }

    /// Bytes came in. Returns whether the link is busy.
    pub(crate) fn read(&mut self, bytes: usize, now: Instant) -> bool {
        self.count(bytes, now);
        self.read_last = true;
        self.is_busy()
    }

    /// Bytes go out. Returns whether the link is busy.
    pub(crate) fn written(&mut self, bytes: usize, now: Instant) -> bool {
        self.count(bytes, now);
        self.turns += u32::from(self.read_last);
        self.read_last = false;
        self.is_busy()
    }

    fn count(&mut self, bytes: usize, now: Instant) {
        if now.saturating_duration_since(self.window_began) > BUSY_WINDOW {
            *self = Self::new(now);
        }
        self.bytes += bytes as u64;
    }

    fn is_busy(&self) -> bool {
        self.bytes >= BUSY_BYTES || self.turns >= BUSY_TURNS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_large_write_or_read_is_busy_at_once() {
        let now = Instant::now();
        assert!(Activity::new(now).written(BUSY_BYTES as usize, now));
        assert!(Activity::new(now).read(BUSY_BYTES as usize, now));
        assert!(!Activity::new(now).written(BUSY_BYTES as usize - 1, now));
    }

    #[test]
    fn a_hot_conversation_is_busy_and_a_slow_one_is_not() {
        let turns_until_busy = |pause: Duration| {
            let mut now = Instant::now();
            let mut activity = Activity::new(now);
            (1..1000).find(|_| {
                now += pause;
                activity.read(100, now);
                activity.written(100, now)
            })
        };
        assert_eq!(turns_until_busy(Duration::from_millis(1)), Some(BUSY_TURNS));
        assert_eq!(turns_until_busy(Duration::from_millis(200)), None);
    }

    #[test]
    fn writes_in_a_row_are_no_conversation() {
        let now = Instant::now();
        let mut activity = Activity::new(now);
        assert!((0..100).all(|_| !activity.written(10, now)));
    }
}
