//! A copy with streaming stores: whole cache lines go to memory and are not fetched before.

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use std::ptr::copy_nonoverlapping as copy_streaming;

#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::copy_streaming;

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

    /// What goes to memory at a time: a cache line.
    const LINE: usize = 64;

    /// Copies `len` bytes from `source` to `destination`, past the caches as far as they are whole lines there.
    ///
    /// # Safety
    /// Both are valid for `len` bytes, and do not overlap. Neither needs to be aligned.
    pub(crate) unsafe fn copy_streaming(source: *const u8, destination: *mut u8, len: usize) {
        const WORD: usize = size_of::<__m128i>();
        let head = destination.align_offset(LINE).min(len);
        let tail = (len - head) % LINE;

        // SAFETY: `head <= len`.
        unsafe { source.copy_to_nonoverlapping(destination, head) };
        for line in (head..len - tail).step_by(LINE) {
            // SAFETY: `line + LINE <= len` on both sides.
            let (source, destination) = unsafe {
                (
                    source.add(line).cast::<__m128i>(),
                    destination.add(line).cast::<__m128i>(),
                )
            };
            // All loads before the first store, so that the stores of a line follow each other.
            // SAFETY: four words are a line; unaligned is allowed here.
            let words: [_; LINE / WORD] =
                std::array::from_fn(|word| unsafe { _mm_loadu_si128(source.add(word)) });
            for (word, value) in words.into_iter().enumerate() {
                // SAFETY: within the line, and aligned to 16, since the line is to 64. The fence is below.
                unsafe { _mm_stream_si128(destination.add(word), value) };
            }
        }
        // Streaming stores are not ordered by a later release store (and Rust knows nothing of them) without this.
        // SAFETY: every x86-64 CPU has SSE.
        unsafe { _mm_sfence() };
        // SAFETY: `tail <= len`, on both sides.
        unsafe {
            source
                .add(len - tail)
                .copy_to_nonoverlapping(destination.add(len - tail), tail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alignment_and_length_copies_exactly() {
        let source: Vec<u8> = (0..=250).collect();
        for from in [0, 1, 7, 16] {
            for to in 0..65 {
                for len in 0..=source.len() - from {
                    let mut target = [0xFF; 400];
                    // SAFETY: `from + len` is at most the source's length, `to + len` is below 400, and the
                    // buffers are distinct.
                    unsafe {
                        copy_streaming(source[from..].as_ptr(), target[to..].as_mut_ptr(), len);
                    }
                    assert_eq!(target[to..to + len], source[from..from + len]);
                    let mut around = target[..to].iter().chain(&target[to + len..]);
                    assert!(around.all(|&byte| byte == 0xFF), "{from} {to} {len}");
                }
            }
        }
    }
}
