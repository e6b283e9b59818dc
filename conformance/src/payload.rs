//! Payloads with content that both sides can foretell.
//!
//! Each byte depends on its position and on the payload's size. A transport that loses, repeats, shifts or mixes up
//! bytes is found by that, and so is one that swaps two messages, as long as their sizes differ: scenarios that stream
//! therefore give each message another size.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use bytes::{BufMut, Bytes, BytesMut};

use crate::proto::Payload;

/// The content is made, and checked, in words of this many bytes.
const WORD: usize = size_of::<u64>();

/// A payload is not what its size says it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "payload of {size} bytes is wrong at byte {offset}: {found:#04x} instead of {expected:#04x}"
)]
pub struct WrongContent {
    /// The payload's size in bytes.
    pub size: usize,
    /// The first wrong byte; `offset < size`.
    pub offset: usize,
    /// What should be there.
    pub expected: u8,
    /// What is there.
    pub found: u8,
}

/// The bytes of a payload of `size` bytes. Large ones are made once and kept for a while: making them takes a debug build longer than sending
/// them, and cases use the same sizes a thousand times.
pub fn content(size: usize) -> Bytes {
    if size < WORTH_KEEPING {
        return make(size);
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = kept.get(&size) {
        return bytes.clone();
    }
    let bytes = make(size);
    if kept.values().map(Bytes::len).sum::<usize>() + size > MAX_KEPT {
        kept.clear();
    }
    kept.insert(size, bytes.clone());
    bytes
}

/// What was made, by its size.
static KEPT: Mutex<BTreeMap<usize, Bytes>> = Mutex::new(BTreeMap::new());

/// The least of the sizes that are kept.
const WORTH_KEEPING: usize = 16 * 1024;

/// How many bytes are kept.
const MAX_KEPT: usize = 128 * 1024 * 1024;

fn make(size: usize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(size);
    for start in (0..size).step_by(WORD) {
        let word = word_at(size, start);
        bytes.put_slice(&word[..WORD.min(size - start)]);
    }
    bytes.freeze()
}

/// A payload message of `size` bytes.
pub fn payload(size: usize) -> Payload {
    Payload {
        body: content(size),
        ..Payload::default()
    }
}

/// Checks that `bytes` are [`content`] of their own length.
pub fn verify(bytes: &[u8]) -> Result<(), WrongContent> {
    let size = bytes.len();
    if content(size) == bytes {
        return Ok(());
    }
    for (index, found) in bytes.chunks(WORD).enumerate() {
        let start = index * WORD;
        let expected = word_at(size, start);
        if found != &expected[..found.len()] {
            let wrong = found.iter().zip(expected).position(|(&f, e)| f != e);
            let within = wrong.unwrap_or_default();
            return Err(WrongContent {
                size,
                offset: start + within,
                expected: expected[within],
                found: found[within],
            });
        }
    }
    Ok(())
}

/// The word at byte `start` of a payload of `size` bytes: the two, mixed by the finaliser of SplitMix64.
fn word_at(size: usize, start: usize) -> [u8; WORD] {
    // Odd constants keep (size, start) pairs apart; the sum need not be unique for huge sizes, only unlikely to repeat.
    let mut z = (size as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(start as u64 + 1);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_what_verify_wants() {
        for size in [0, 1, 7, 8, 9, 4096, 65_537] {
            assert_eq!(content(size).len(), size);
            assert_eq!(verify(&content(size)), Ok(()));
        }
    }

    #[test]
    fn content_depends_on_position_and_size() {
        let bytes = content(4096);
        assert_ne!(bytes[..8], bytes[8..16]);
        assert_ne!(bytes[..8], content(4097)[..8]);
    }

    #[test]
    fn one_wrong_byte_is_found_and_named() {
        for offset in [0, 7, 8, 1000, 1002] {
            let mut bytes = content(1003).to_vec();
            bytes[offset] ^= 0x10;
            let wrong = verify(&bytes).expect_err("a wrong byte");
            assert_eq!((wrong.size, wrong.offset), (1003, offset));
            assert_eq!(wrong.found, wrong.expected ^ 0x10);
        }
    }

    #[test]
    fn shifted_and_shortened_content_is_found() {
        let bytes = content(1000);
        assert!(verify(&bytes[..999]).is_err());
        let mut shifted = bytes.to_vec();
        shifted.rotate_left(8);
        assert!(verify(&shifted).is_err());
    }
}
