//! When a direction that could move bytes on and on has to let the other one, and other tasks, have a turn.
//!
//! HTTP/2 runs both directions of a link in one task: it reads as long as something comes, then writes as long as
//! there is space, and what other tasks want to send waits meanwhile. A socket makes it stop soon: it takes some
//! hundred kilobytes, and then the peer must be waited for. A ring whose other end keeps up never does, so that a
//! small call beside a bulk stream waits for megabytes of it. A link therefore says "not now" after
//! [`TURN_BYTES`] if the other direction has lately used its turn. If that has not, nobody can see what
//! has not been written yet: one turn finds out, whenever the other direction lags [`QUIET_TURN_BYTES`] behind.

use crate::limits::{LEAST_TURN_USE, QUIET_TURN_BYTES, TURN_BYTES};

/// How many turns given in vain show that the other direction has no use for them.
const UNUSED: u32 = 16;

/// The turn of one direction of a link.
#[derive(Debug)]
pub(super) struct Turn {
    /// Moved in one go so far.
    bytes: usize,
    /// The lead over the other direction since that last caught up or was given a turn.
    ahead: usize,
    /// It has stopped because its turn had ended, and not because it had to wait for the peer anyway, and has moved
    /// nothing since.
    was_ended: bool,
    /// Turns that it has given to the other direction since that last used one, at most [`UNUSED`].
    unused: u32,
}

impl Turn {
    pub(super) fn new() -> Self {
        Self {
            bytes: 0,
            ahead: 0,
            was_ended: false,
            unused: UNUSED,
        }
    }

    /// Bytes have moved in this direction: a turn that it gave before is over.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.ahead = self.ahead.saturating_add(bytes);
        self.was_ended = false;
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

    /// The other direction has moved so many bytes.
    pub(super) fn other_moved(&mut self, bytes: usize) {
        self.ahead = self.ahead.saturating_sub(bytes);
        if self.was_ended && bytes >= LEAST_TURN_USE {
            self.unused = 0;
        }
    }

    /// Whether it has moved so much that it has to stop if the other direction has something to move.
    pub(super) fn is_long(&self) -> bool {
        self.bytes >= TURN_BYTES
    }

    /// Whether it has to stop now; the other direction is known to have so many bytes to move. If so, the next turn has
    /// begun.
    pub(super) fn ends(&mut self, other_has: usize) -> bool {
        let has_use = other_has >= LEAST_TURN_USE || self.unused < UNUSED;
        let ends = self.is_long() && (has_use || self.ahead >= QUIET_TURN_BYTES);
        if ends {
            self.bytes = 0;
            self.ahead = 0;
            self.was_ended = true;
            self.unused = (self.unused + 1).min(UNUSED);
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: usize = 16 * 1024;

    /// What is moved until the turn ends, nothing being known of the other direction.
    fn length(turn: &mut Turn) -> usize {
        let mut bytes = 0;
        while !turn.ends(0) {
            turn.moved(STEP);
            bytes += STEP;
            assert!(bytes <= QUIET_TURN_BYTES, "the turn does not end");
        }
        bytes
    }

    #[test]
    fn turns_are_short_while_the_other_direction_uses_some() {
        let mut turn = Turn::new();
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
        for _ in 0..2 {
            turn.other_moved(LEAST_TURN_USE);
            for _ in 0..UNUSED {
                assert_eq!(length(&mut turn), TURN_BYTES);
            }
            assert_eq!(length(&mut turn), QUIET_TURN_BYTES, "they were not used");
        }
    }

    #[test]
    fn what_the_other_direction_has_to_move_now_ends_one_turn() {
        let mut turn = Turn::new();
        turn.moved(TURN_BYTES - 1);
        assert!(!turn.ends(LEAST_TURN_USE));
        turn.moved(1);
        assert!(turn.ends(LEAST_TURN_USE));
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
    }

    #[test]
    fn window_updates_are_no_use_of_a_turn() {
        let mut turn = Turn::new();
        length(&mut turn);
        turn.other_moved(LEAST_TURN_USE - 1);
        turn.moved(QUIET_TURN_BYTES - 1);
        assert!(!turn.ends(LEAST_TURN_USE - 1));
    }

    #[test]
    fn an_answer_after_more_was_moved_is_no_use_of_a_turn() {
        let mut turn = Turn::new();
        length(&mut turn);
        turn.moved(STEP + LEAST_TURN_USE);
        turn.other_moved(LEAST_TURN_USE);
        turn.begins();
        assert_eq!(STEP + length(&mut turn), QUIET_TURN_BYTES);
    }

    #[test]
    fn an_answer_while_the_peer_is_waited_for_is_no_use_of_a_turn() {
        let mut turn = Turn::new();
        length(&mut turn);
        turn.waits();
        turn.other_moved(LEAST_TURN_USE);
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
    }

    #[test]
    fn whoever_often_waits_gives_a_turn_all_the_same() {
        const MOVED: usize = QUIET_TURN_BYTES / 4 + LEAST_TURN_USE;
        let mut turn = Turn::new();
        for _ in 0..3 {
            turn.moved(MOVED);
            assert!(!turn.ends(0));
            turn.waits();
            turn.other_moved(LEAST_TURN_USE);
        }
        turn.moved(MOVED);
        assert!(turn.ends(0), "one in so many bytes");
        turn.other_moved(LEAST_TURN_USE);
        assert_eq!(length(&mut turn), TURN_BYTES, "it was used");
    }

    #[test]
    fn directions_that_move_the_same_need_not_give_any() {
        let mut turn = Turn::new();
        for _ in 0..10 {
            turn.moved(QUIET_TURN_BYTES - 1);
            assert!(!turn.ends(0));
            turn.waits();
            turn.other_moved(QUIET_TURN_BYTES - 1);
        }
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
    }

    #[test]
    fn what_the_other_direction_has_moved_before_is_not_saved_up() {
        let mut turn = Turn::new();
        turn.other_moved(QUIET_TURN_BYTES);
        assert_eq!(length(&mut turn), QUIET_TURN_BYTES);
    }

    #[test]
    fn whoever_moves_little_in_one_go_need_not_give_any() {
        let mut turn = Turn::new();
        for _ in 0..2 * QUIET_TURN_BYTES / STEP {
            turn.moved(STEP);
            assert!(!turn.ends(LEAST_TURN_USE));
            turn.waits();
        }
    }
}
