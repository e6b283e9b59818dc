//! Payloads: written by the sender of every message, and every byte compared by the receiver.

use crate::proto::Message;
use bytes::{Bytes, BytesMut};
use std::sync::LazyLock;
use tonic::Status;

/// Payloads repeat a table of this many bytes. A prime, so that no piece that came at the wrong place fits there: the
/// frames and rings of all links have other lengths. Small, so that comparing is reading the payload and little else.
const PERIOD: usize = 65_521;

static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 1_u32;
    (0..PERIOD)
        .map(|_| {
            // A linear congruential generator (Numerical Recipes); its high byte is the least regular.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
});

/// The pieces of the table that make the payload of the message with this number.
fn pieces(sequence: u64, len: usize) -> impl Iterator<Item = &'static [u8]> {
    let table: &'static [u8] = &TABLE;
    let mut start = (sequence % PERIOD as u64) as usize;
    let mut rest = len;
    std::iter::from_fn(move || {
        let piece = &table[start..PERIOD.min(start + rest)];
        start = 0;
        rest -= piece.len();
        (!piece.is_empty()).then_some(piece)
    })
}

/// The message with this number, its payload newly written.
pub(crate) fn message(sequence: u64, len: usize) -> Message {
    let mut payload = BytesMut::with_capacity(len);
    for piece in pieces(sequence, len) {
        payload.extend_from_slice(piece);
    }
    let payload: Bytes = payload.freeze();
    Message { sequence, payload }
}

/// The answer to a message that was received: another payload of the same size.
pub(crate) fn answer(received: &Message) -> Message {
    message(received.sequence.wrapping_add(1), received.payload.len())
}

/// Checks every byte of a message that was received.
pub(crate) fn check(received: &Message) -> Result<(), Status> {
    let mut rest: &[u8] = &received.payload;
    for piece in pieces(received.sequence, rest.len()) {
        let (compared, unread) = rest.split_at(piece.len());
        if compared != piece {
            let Message { sequence, payload } = received;
            let len = payload.len();
            return Err(Status::data_loss(format!(
                "the payload of message {sequence}, {len} B, is not what was sent"
            )));
        }
        rest = unread;
    }
    Ok(())
}

/// Checks that a message is the one that must come: number, size and every byte.
pub(crate) fn check_expected(received: &Message, sequence: u64, len: usize) -> Result<(), Status> {
    let came = (received.sequence, received.payload.len());
    if came != (sequence, len) {
        return Err(Status::data_loss(format!(
            "a message of number and size {came:?} came, not {:?}",
            (sequence, len)
        )));
    }
    check(received)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_accepted() {
        for len in [0, 1, 64, PERIOD - 1, PERIOD, PERIOD + 1, 3 * PERIOD + 7] {
            for sequence in [0, 1, PERIOD as u64 - 1, PERIOD as u64, u64::MAX] {
                let sent = message(sequence, len);
                assert_eq!(sent.payload.len(), len);
                check_expected(&sent, sequence, len).expect("as sent");
                check_expected(&answer(&sent), sequence.wrapping_add(1), len).expect("an answer");
            }
        }
    }

    #[test]
    fn one_wrong_byte_anywhere_is_seen() {
        let len = PERIOD + 100;
        for position in [0, 1, PERIOD - 2, PERIOD, len - 1] {
            let sent = message(7, len);
            let mut payload = sent.payload.to_vec();
            payload[position] ^= 1;
            let received = Message {
                payload: payload.into(),
                ..sent
            };
            assert!(check(&received).is_err(), "byte {position}");
        }
    }

    #[test]
    fn pieces_that_changed_places_are_seen() {
        const FRAME: usize = 16 * 1024;
        let sent = message(7, 4 * FRAME);
        let mut payload = sent.payload.to_vec();
        payload.rotate_left(FRAME);
        let received = Message {
            payload: payload.into(),
            ..sent
        };
        assert!(check(&received).is_err());
    }

    #[test]
    fn another_message_is_seen() {
        assert!(check_expected(&message(8, 64), 7, 64).is_err());
        assert!(check_expected(&message(7, 65), 7, 64).is_err());
    }
}
