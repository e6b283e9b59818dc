//! When a direction that could move bytes on and on has to let the other one, and other tasks, have a turn.
//!
//! HTTP/2 runs both directions of a link in one task: it reads as long as something comes, then writes as long as
//! there is space, and what other tasks want to send waits meanwhile. A socket makes it stop soon: it takes some
//! hundred kilobytes, and then the peer must be waited for. A ring whose other end keeps up never does, so that a
//! small call beside a bulk stream waits for megabytes of it. A link therefore says "not now" after
//! [`TURN_BYTES`] if the other direction has lately used its turn, and else after [`QUIET_TURN_BYTES`]:
//! nobody can see what has not been written yet.

use crate::limits::{QUIET_TURN_BYTES, TURN_BYTES};

/// The turn of one direction of a link.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Moved in one go so far.
    bytes: usize,
    /// It last stopped because its turn had ended, and not because it had to wait for the peer anyway.
    was_ended: bool,
    /// The other direction has used the last turn that it was given, or has something to move.
    shared: bool,
}

impl Turn {
    /// Bytes have moved in this direction.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// The task begins with this direction anew.
    pub(super) fn begins(&mut self) {
        self.bytes = 0;
    }

    /// This direction waits for the peer: the other one has its turn without being given it.
    pub(super) fn waits(&mut self) {
        self.bytes = 0;
        self.was_ended = false;
    }

    /// The other direction has moved something.
    pub(super) fn other_moved(&mut self) {
        self.shared |= self.was_ended;
    }

    /// The other direction has something to move.
    pub(super) fn other_waits(&mut self) {
        self.shared = true;
    }

    /// Whether it has moved so much that it has to stop if the other direction has something to move.
    pub(super) fn is_long(&self) -> bool {
        self.bytes >= TURN_BYTES
    }

    /// Whether it has to stop now. If so, the next turn has begun.
    pub(super) fn ends(&mut self) -> bool {
        let most = if self.shared {
            TURN_BYTES
        } else {
            QUIET_TURN_BYTES
        };
        let ends = self.bytes >= most;
        if ends {
            *self = Self {
                was_ended: true,
                ..Self::default()
            };
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is moved until the turn ends.
    fn length(turn: &mut Turn) -> usize {
        const STEP: usize = 16 * 1024;
        let mut bytes = 0;
        while !turn.ends() {
            turn.moved(STEP);
            bytes += STEP;
        }
        bytes
    }

    #[test]
    fn turns_are_short_only_while_the_other_direction_uses_them() {
        let mut turn = Turn::default();
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
        turn.other_moved();
        assert_eq!(length(&mut turn), TURN_BYTES);
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES, "it was not used");
        turn.other_waits();
        assert_eq!(length(&mut turn), TURN_BYTES);
    }

    #[test]
    fn an_answer_to_all_that_was_moved_needs_no_turn() {
        let mut turn = Turn::default();
        for _ in 0..10 {
            turn.moved(QUIET_TURN_BYTES - 1);
            assert!(!turn.ends());
            turn.waits();
            turn.other_moved();
        }
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
    }
}
