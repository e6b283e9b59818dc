//! What is in the messages: words that follow from the first, which differs from message to message. So every
//! byte is written by the sender and read by the receiver, and one that is lost, stale or out of order is seen.

use crate::Result;

const WORD: usize = size_of::<u64>();

/// The difference between a word and the next: odd, so that none comes twice.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Marks the last message of a measurement, in the first word.
const LAST: u64 = 1;

/// The first word of a client's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct First {
    pub(super) number: u64,
    pub(super) last: bool,
}

impl First {
    fn word(self) -> u64 {
        self.number << 1 | if self.last { LAST } else { 0 }
    }
}

/// Fills the client's message; its length is a multiple of a word's.
pub(super) fn fill(message: &mut [u8], first: First) {
    fill_words(message, first.word());
}

/// Checks a client's message that is to have this number; returns whether it is the last.
pub(super) fn check(message: &[u8], number: u64) -> Result<bool> {
    let last = message.first().is_some_and(|byte| byte & 1 == 1);
    check_words(message, First { number, last }.word())?;
    Ok(last)
}

/// Fills the answer to the client's message with this number.
pub(super) fn fill_answer(message: &mut [u8], number: u64) {
    fill_words(message, !number);
}

/// Checks the answer to the client's message with this number.
pub(super) fn check_answer(message: &[u8], number: u64) -> Result<()> {
    check_words(message, !number)
}

fn fill_words(message: &mut [u8], first: u64) {
    debug_assert!(message.len().is_multiple_of(WORD));
    let mut word = first;
    for target in message.chunks_exact_mut(WORD) {
        target.copy_from_slice(&word.to_le_bytes());
        word = word.wrapping_add(STEP);
    }
}

fn check_words(message: &[u8], first: u64) -> Result<()> {
    let mut word = first;
    // Gathered and not asked for each word: several are compared at once then.
    let mut wrong = 0;
    for source in message.chunks_exact(WORD) {
        let mut seen = [0; WORD];
        seen.copy_from_slice(source);
        wrong |= u64::from_le_bytes(seen) ^ word;
        word = word.wrapping_add(STEP);
    }
    if wrong == 0 {
        Ok(())
    } else {
        Err(format!(
            "a message of {} B came that is not what was sent",
            message.len()
        )
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_is_what_is_expected() {
        let mut message = vec![0; 1024];
        for last in [false, true] {
            fill(&mut message, First { number: 7, last });
            assert_eq!(check(&message, 7).unwrap(), last);
        }
        fill_answer(&mut message, 7);
        check_answer(&message, 7).unwrap();
    }

    #[test]
    fn each_changed_byte_is_seen() {
        let mut message = vec![0; 256];
        let first = First {
            number: 1,
            last: false,
        };
        for index in 0..message.len() {
            fill(&mut message, first);
            // Not the mark of the last message, which may be either.
            message[index] ^= 0x80;
            assert!(check(&message, 1).is_err(), "byte {index}");
        }
    }

    #[test]
    fn messages_out_of_order_are_seen() {
        let mut message = vec![0; 64];
        let first = First {
            number: 1,
            last: false,
        };
        fill(&mut message, first);
        assert!(check(&message, 2).is_err());
        assert!(check_answer(&message, 1).is_err());
    }
}
