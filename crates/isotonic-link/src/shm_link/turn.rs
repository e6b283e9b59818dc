//! When a direction that could move bytes on and on has to let the other one, and other tasks, have a turn.
//!
//! HTTP/2 runs both directions of a link in one task: it reads as long as something comes, then writes as long as
//! there is space, and what other tasks want to send waits meanwhile. A socket makes it stop soon: it takes some
//! hundred kilobytes, and then the peer must be waited for. A ring whose other end keeps up never does, so that a
//! small call beside a bulk stream waits for megabytes of it. A link therefore says "not now" after
//! [`TURN_BYTES`] if the other direction has lately used its turn, and else after [`QUIET_TURN_BYTES`]:
//! nobody can see what has not been written yet.

use crate::limits::{QUIET_TURN_BYTES, TURN_BYTES};

/// How many turns given in vain show that the other direction has no use for them.
const UNUSED: u32 = 16;

/// The turn of one direction of a link.
#[derive(Debug)]
pub(super) struct Turn {
    /// Moved in one go so far.
    bytes: usize,
    /// It last stopped because its turn had ended, and not because it had to wait for the peer anyway.
    was_ended: bool,
    /// Turns that it has given to the other direction since that last used one, at most [`UNUSED`].
    unused: u32,
    /// The other direction has something to move now.
    other_waits: bool,
}

impl Turn {
    pub(super) fn new() -> Self {
        Self {
            bytes: 0,
            was_ended: false,
            unused: UNUSED,
            other_waits: false,
        }
    }

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
        if self.was_ended {
            self.unused = 0;
        }
    }

    /// The other direction has something to move.
    pub(super) fn other_waits(&mut self) {
        self.other_waits = true;
    }

    /// Whether it has moved so much that it has to stop if the other direction has something to move.
    pub(super) fn is_long(&self) -> bool {
        self.bytes >= TURN_BYTES
    }

    /// Whether it has to stop now. If so, the next turn has begun.
    pub(super) fn ends(&mut self) -> bool {
        let most = if self.other_waits || self.unused < UNUSED {
            TURN_BYTES
        } else {
            QUIET_TURN_BYTES
        };
        let ends = self.bytes >= most;
        if ends {
            self.bytes = 0;
            self.was_ended = true;
            self.unused = (self.unused + 1).min(UNUSED);
            self.other_waits = false;
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
    fn turns_are_short_while_the_other_direction_uses_some() {
        let mut turn = Turn::new();
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
        for _ in 0..2 {
            turn.other_moved();
            for _ in 0..UNUSED {
                assert_eq!(length(&mut turn), TURN_BYTES);
            }
            assert_eq!(length(&mut turn), QUIET_TURN_BYTES, "they were not used");
        }
    }

    #[test]
    fn what_the_other_direction_has_to_move_now_ends_one_turn() {
        let mut turn = Turn::new();
        turn.other_waits();
        assert_eq!(length(&mut turn), TURN_BYTES);
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
    }

    #[test]
    fn an_answer_to_all_that_was_moved_needs_no_turn() {
        let mut turn = Turn::new();
        for _ in 0..10 {
            turn.moved(QUIET_TURN_BYTES - 1);
            assert!(!turn.ends());
            turn.waits();
            turn.other_moved();
        }
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
    }
}
