//! Ways to copy bytes out of memory that a peer can write. `src/copy.rs` says which one was chosen and why.
//!
//! ```text
//! cargo bench -p isotonic-shm --bench copy
//! ```
#![allow(unsafe_code, reason = "what is measured is unsafe")]
#![allow(missing_docs, reason = "criterion's macros make public items")]

#[expect(unused_imports, reason = "its tests are not run here")]
#[path = "../src/copy.rs"]
mod copy;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

const LENS: [usize; 5] = [64, 1024, 16 * 1024, 256 * 1024, 1024 * 1024];

/// Where the bytes begin: at a page, and where no word does.
const OFFSETS: [(&str, usize); 2] = [("aligned", 0), ("odd", 1)];

/// A copy of `len` bytes with the contract of [`copy::copy_from_peer`].
type CopyFunction = unsafe fn(source: *const u8, destination: *mut u8, len: usize);

const CANDIDATES: &[(&str, CopyFunction)] = &[
    ("copy_from_peer", copy::copy_from_peer),
    ("volatile u64", volatile_words),
    ("relaxed u64", relaxed_words),
    #[cfg(target_arch = "x86_64")]
    ("rep movsb", rep_movsb),
    ("plain", plain),
];

/// # Safety
/// As for [`copy::copy_from_peer`].
unsafe fn volatile_words(source: *const u8, destination: *mut u8, len: usize) {
    // SAFETY: each pointer is valid for a read of this size, says the caller.
    let read = |from: *const u64| unsafe { from.read_volatile() };
    // SAFETY: the same.
    let read_byte = |from: *const u8| unsafe { from.read_volatile() };
    // SAFETY: as the caller's.
    unsafe { words(source, destination, len, read, read_byte) };
}

/// # Safety
/// As for [`copy::copy_from_peer`].
unsafe fn relaxed_words(source: *const u8, destination: *mut u8, len: usize) {
    // SAFETY: each pointer is valid and aligned for a read of this size, says the caller; only a relaxed load
    // is done, as read-only memory allows.
    let read = |from: *const u64| unsafe { &*from.cast::<AtomicU64>() }.load(Ordering::Relaxed);
    // SAFETY: the same.
    let read_byte = |from: *const u8| unsafe { &*from.cast::<AtomicU8>() }.load(Ordering::Relaxed);
    // SAFETY: as the caller's.
    unsafe { words(source, destination, len, read, read_byte) };
}

/// Copies with `read` what is aligned, and with `read_byte` what is before and after.
///
/// # Safety
/// As for [`copy::copy_from_peer`].
#[inline(always)]
unsafe fn words(
    source: *const u8,
    destination: *mut u8,
    len: usize,
    read: impl Fn(*const u64) -> u64,
    read_byte: impl Fn(*const u8) -> u8,
) {
    const WORD: usize = size_of::<u64>();
    let head = source.align_offset(WORD).min(len);
    let tail = len - (len - head) % WORD;
    // SAFETY: `offset < len` on both sides.
    let byte = |offset: usize| unsafe {
        let value = read_byte(source.add(offset));
        destination.add(offset).write(value);
    };
    (0..head).for_each(byte);
    for offset in (head..tail).step_by(WORD) {
        // SAFETY: `offset + 8 <= len`, aligned to 8 by `align_offset`.
        let value = read(unsafe { source.add(offset) }.cast());
        // SAFETY: `offset + 8 <= len`; unaligned is allowed here.
        unsafe { destination.add(offset).cast::<u64>().write_unaligned(value) };
    }
    (tail..len).for_each(byte);
}

/// # Safety
/// As for [`copy::copy_from_peer`].
#[cfg(target_arch = "x86_64")]
unsafe fn rep_movsb(source: *const u8, destination: *mut u8, len: usize) {
    // SAFETY: reads `len` bytes at `source` and writes as many at `destination`, no more; the direction flag
    // is clear at the beginning of every block.
    unsafe {
        std::arch::asm!(
            "rep movsb",
            inout("rcx") len => _,
            inout("rsi") source => _,
            inout("rdi") destination => _,
            options(nostack, preserves_flags),
        );
    }
}

/// Nobody writes the source here; over a live ring this would be a data race.
///
/// # Safety
/// As for [`copy::copy_from_peer`].
unsafe fn plain(source: *const u8, destination: *mut u8, len: usize) {
    // SAFETY: both valid for `len` bytes and distinct, says the caller.
    unsafe { std::ptr::copy_nonoverlapping(source, destination, len) };
}

/// A shared mapping of `len` bytes, filled through another one and read-only.
fn shared_bytes(len: usize) -> MmapRaw {
    let file = memfd_create(c"copy", MemfdFlags::CLOEXEC).expect("memory");
    ftruncate(&file, len as u64).expect("memory");
    let map = |options: &MmapOptions| options.map_raw(file.as_raw_fd()).expect("memory");
    let writable = map(MmapOptions::new().len(len).populate());
    // SAFETY: the mapping is `len` bytes long, and nobody else knows of it.
    unsafe { writable.as_mut_ptr().write_bytes(7, len) };
    MmapOptions::new()
        .len(len)
        .populate()
        .map_raw_read_only(file.as_raw_fd())
        .expect("memory")
}

fn copies(c: &mut Criterion) {
    for len in LENS {
        for (alignment, offset) in OFFSETS {
            let source = shared_bytes(offset + len);
            let mut destination = vec![0; len];
            let mut group = c.benchmark_group(format!("{len} B, {alignment}"));
            group.throughput(Throughput::Bytes(len as u64));
            for &(name, copy) in CANDIDATES {
                group.bench_function(name, |bencher| {
                    bencher.iter(|| {
                        // SAFETY: the mapping has `offset + len` bytes.
                        let from = unsafe { black_box(source.as_ptr()).add(offset) };
                        let to = black_box(destination.as_mut_ptr());
                        // SAFETY: `len` bytes on both sides, the destination's private.
                        unsafe { copy(from, to, black_box(len)) };
                    });
                });
                assert!(destination.iter().all(|&byte| byte == 7));
                destination.fill(0);
            }
            group.finish();
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = copies
}
criterion_main!(benches);
