//! What is in the payloads: words that follow from the first, so that every byte is written by the sender and read
//! by the receiver. The answer's words follow from the complement of the request's first.

use crate::Result;

const WORD: usize = size_of::<u64>();

/// The difference between a word and the next: odd, so that none comes twice.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The word at `index` of the payload that begins with `first`.
pub(crate) fn word(first: u64, index: usize) -> u64 {
    first.wrapping_add(STEP.wrapping_mul(index as u64))
}

/// The first word of the answer to a request that begins with `first`.
pub(crate) fn answer_to(first: u64) -> u64 {
    !first
}

pub(crate) fn fill(payload: &mut [u8], first: u64) {
    let mut word = first;
    for target in payload.chunks_exact_mut(WORD) {
        target.copy_from_slice(&word.to_le_bytes());
        word = word.wrapping_add(STEP);
    }
}

pub(crate) fn filled(bytes: usize, first: u64) -> Vec<u8> {
    let mut payload = vec![0; bytes];
    fill(&mut payload, first);
    payload
}

/// Checks that `payload` is whole.
pub(crate) fn check(payload: &[u8], bytes: usize, first: u64) -> Result<()> {
    let words = payload.chunks_exact(WORD).map(|bytes| {
        let mut word = [0; WORD];
        word.copy_from_slice(bytes);
        u64::from_le_bytes(word)
    });
    check_words(words, first)?;
    if payload.len() == bytes {
        Ok(())
    } else {
        Err(format!("{} B came, not {bytes} B", payload.len()).into())
    }
}

pub(crate) fn check_words(words: impl Iterator<Item = u64>, first: u64) -> Result<()> {
    let mut expected = first;
    // Gathered and not asked for each word: several are compared at once then.
    let mut wrong = 0;
    for word in words {
        wrong |= word ^ expected;
        expected = expected.wrapping_add(STEP);
    }
    if wrong == 0 {
        Ok(())
    } else {
        Err("a payload came that is not what was sent".into())
    }
}

/// Checks a request of any number, and returns the first word of its answer.
pub(crate) fn check_request(payload: &[u8]) -> Result<u64> {
    let first = payload.first_chunk().ok_or("a request of no words")?;
    let first = u64::from_le_bytes(*first);
    check(payload, payload.len(), first)?;
    Ok(answer_to(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_changed_byte_is_seen() {
        let request = filled(256, 7);
        assert_eq!(check_request(&request).unwrap(), answer_to(7));
        for index in 0..request.len() {
            let mut changed = request.clone();
            changed[index] ^= 1;
            assert!(check_request(&changed).is_err(), "byte {index}");
        }
    }

    #[test]
    fn another_answer_and_another_size_are_seen() {
        let answer = filled(64, answer_to(7));
        check(&answer, 64, answer_to(7)).unwrap();
        assert!(check(&answer, 64, answer_to(8)).is_err());
        assert!(check(&answer, 128, answer_to(7)).is_err());
    }

    #[test]
    fn words_are_those_of_bytes() {
        let bytes = filled(64, 7);
        let words: Vec<u64> = (0..8).map(|index| word(7, index)).collect();
        let as_bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(bytes, as_bytes);
    }
}
