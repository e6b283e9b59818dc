//! The one function that copies out of memory that a peer can write.
//!
//! A hostile peer may change the bytes while we copy them. Inside Rust's memory such a race is undefined
//! behaviour. So the peer's ring data is kept out of it: nothing but the volatile reads below ever touches
//! it. A volatile read outside of all Rust allocations does what the hardware does
//! (`std::ptr::read_volatile`): each byte is fetched once and is some value that was there, whoever writes
//! meanwhile, and what is looked at afterwards is our copy. This is also the advice for memory shared with
//! untrusted parties (rust-lang/unsafe-code-guidelines, issue 607). Such reads order nothing: that bytes
//! are there is known from the index, an atomic word, and the fence after it (`PeerMapping::observe`).
//!
//! Why nothing else:
//! - A plain copy asks for memory that nobody writes meanwhile.
//! - Relaxed atomic words are allowed on read-only memory and no faster. But they make the bytes part of
//!   Rust's memory, where racing accesses of different sizes are undefined (`std::sync::atomic`); a peer
//!   writes in any size. Atomic byte-wise copies would do (RFC 3301), but do not exist yet.
//! - `rep movsb` may stand for the same reads, but runs on x86 only, and on some CPUs at a twentieth of its
//!   speed when the destination is not aligned (glibc bug 30994), as it rarely is within a frame.
//!
//! `cargo bench -p isotonic-shm --bench copy` on one core of an AMD EPYC (Zen 5), all in cache, source aligned
//! / at an odd offset, GB/s. Other programs ran as well, so this is the fastest sample of each run, and the
//! median of three runs:
//!
//! | bytes   | this function | volatile u64 | relaxed u64 | `rep movsb` | plain copy |
//! |--------:|--------------:|-------------:|------------:|------------:|-----------:|
//! |      64 |       30 / 14 |      20 / 14 |     20 / 14 |     24 / 24 |    44 / 42 |
//! |   1,024 |       81 / 71 |      52 / 44 |     52 / 43 |     65 / 67 |  157 / 152 |
//! |  16,384 |      121 / 90 |      61 / 52 |     62 / 52 |   162 / 161 |  165 / 163 |
//! | 256 KiB |       97 / 84 |      57 / 51 |     55 / 51 |   128 / 129 |  127 / 129 |
//! |   1 MiB |       56 / 56 |      44 / 47 |     45 / 47 |     65 / 69 |    58 / 58 |

/// What is read at a time: the largest value that every CPU of the target loads with one instruction.
#[cfg(target_arch = "x86_64")]
type Word = std::arch::x86_64::__m128i;
#[cfg(not(target_arch = "x86_64"))]
type Word = u64;

/// Copies `len` bytes from `source`, which a peer may write meanwhile, to `destination`.
///
/// # Safety
/// - `source` is valid for reads of `len` bytes for the whole call, and stays mapped whatever the peer
///   does (its size is sealed and its pages are allocated).
/// - `destination` is valid for writes of `len` bytes, private to the caller, and does not overlap
///   `source`. Neither needs to be aligned.
pub(crate) unsafe fn copy_from_peer(source: *const u8, destination: *mut u8, len: usize) {
    const WORD: usize = size_of::<Word>();
    let head = source.align_offset(WORD).min(len);
    let words = (len - head) / WORD;
    let tail = (len - head) % WORD;

    // SAFETY: `head <= len`, so both pointers are valid for `head` bytes.
    unsafe { copy_bytes(source, destination, head) };
    for word in 0..words {
        let offset = head + word * WORD;
        // SAFETY: `offset + WORD <= len`, and `source + head` is aligned by `align_offset`.
        let value = unsafe { source.add(offset).cast::<Word>().read_volatile() };
        // SAFETY: `offset + WORD <= len`; unaligned is allowed here.
        unsafe {
            destination
                .add(offset)
                .cast::<Word>()
                .write_unaligned(value)
        };
    }
    let offset = len - tail;
    // SAFETY: `offset <= len`, so both stay within (or one past) what the caller vouched for.
    let (source, destination) = unsafe { (source.add(offset), destination.add(offset)) };
    // SAFETY: `tail` bytes are left on both sides.
    unsafe { copy_bytes(source, destination, tail) };
}

/// Copies fewer bytes than a word has, one at a time.
///
/// # Safety
/// As for [`copy_from_peer`].
unsafe fn copy_bytes(source: *const u8, destination: *mut u8, len: usize) {
    for offset in 0..len {
        // SAFETY: `offset < len`.
        let byte = unsafe { source.add(offset).read_volatile() };
        // SAFETY: `offset < len`.
        unsafe { destination.add(offset).write(byte) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alignment_and_length_copies_exactly() {
        let source: Vec<u8> = (0..200u8).collect();
        for start in 0..17 {
            for len in 0..100 {
                for to in 0..17 {
                    let mut destination = [0xEE; 200];
                    // SAFETY: `start + len` and `to + len` are below 200, and the buffers are distinct.
                    unsafe {
                        copy_from_peer(
                            source[start..].as_ptr(),
                            destination[to..].as_mut_ptr(),
                            len,
                        );
                    }
                    assert_eq!(destination[to..to + len], source[start..start + len]);
                    assert!(
                        destination[..to]
                            .iter()
                            .chain(&destination[to + len..])
                            .all(|&b| b == 0xEE)
                    );
                }
            }
        }
    }
}
