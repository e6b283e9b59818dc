//! What can go wrong, by who is to blame: a bad argument ([`CapacityError`]), our kernel's limits
//! ([`CreateError`]), the descriptor a peer sent ([`SegmentRefused`]), or what a peer wrote into its
//! segment ([`RingViolation`]).

use crate::layout::{MAX_CAPACITY, MIN_CAPACITY};
use std::io::Error;

/// A ring capacity that is not a power of two within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "ring capacity {bytes} B is not a power of two from {MIN_CAPACITY} to {MAX_CAPACITY} B; try 262144"
)]
pub struct CapacityError {
    /// The capacity that was asked for, in bytes.
    pub bytes: u64,
}

/// Our own kernel refused to give us a segment: no memory, no descriptors, or a policy against memfds.
///
/// The usual errnos are `ENOMEM` and `ENOSPC` (no memory), `EMFILE` and `ENFILE` (no descriptors),
/// `EFBIG` (`RLIMIT_FSIZE` is smaller than the segment), `EPERM` and `EACCES` (a sandbox). None of
/// them concerns the bytes of a connection: the caller goes on without shared memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot create a shared-memory segment of {bytes} B: {call} failed: {}", Error::from_raw_os_error(*errno))]
pub struct CreateError {
    /// The system call that failed.
    pub call: &'static str,
    /// Its errno (errno(3)).
    pub errno: i32,
    /// The size of the segment that was to be created, in bytes.
    pub bytes: usize,
}

/// Why a descriptor that a peer sent is not accepted as a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentRefused {
    /// The descriptor lacks seals that keep its size and our view of it stable. A descriptor that
    /// cannot be sealed at all (a pipe, a socket, a directory) shows no seals.
    #[error("the descriptor has seals {seen:#x}, but {required:#x} are required")]
    MissingSeals {
        /// The seals found, as the kernel's `F_SEAL_*` bits.
        seen: u32,
        /// The seals that must all be set.
        required: u32,
    },
    /// The descriptor does not live on tmpfs (a huge-page memfd, for one, does not).
    #[error("the descriptor is on a file system of type {seen:#x}, not on tmpfs")]
    NotTmpfs {
        /// The file system's magic number, as `statfs(2)` gives it.
        seen: i64,
    },
    /// The file's size is not the one that the declared ring capacity calls for.
    #[error("the segment has {seen} B, but its declared capacity calls for {expected} B")]
    WrongSize {
        /// The file's size in bytes.
        seen: u64,
        /// The size that belongs to the declared capacity, in bytes.
        expected: u64,
    },
    /// The file has holes: reading them would allocate pages at our expense.
    #[error("only {allocated} B of the segment's {expected} B are allocated")]
    NotAllocated {
        /// Bytes allocated, from `st_blocks`.
        allocated: u64,
        /// The size of the segment in bytes.
        expected: u64,
    },
    /// The file has a hole, or a page that was never written: reading it would allocate a page at our
    /// expense.
    #[error("the segment has a hole at byte {at}")]
    Hole {
        /// Where it begins, in bytes.
        at: u64,
    },
    /// The kernel failed a check or the mapping itself; this is not the peer's fault.
    #[error("cannot map the peer's segment: {call} failed: {}", Error::from_raw_os_error(*errno))]
    Syscall {
        /// The system call that failed.
        call: &'static str,
        /// Its errno (errno(3)).
        errno: i32,
    },
}

/// The peer wrote an index that no correct peer can write. The connection must be closed: nothing
/// that follows in the ring can be trusted to be in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RingViolation {
    /// The peer's producer index is ahead of what it can hold, or went backwards.
    #[error("the peer claims to have produced {claimed} B; possible were {least} to {most} B")]
    Produced {
        /// The index that the peer wrote.
        claimed: u64,
        /// The smallest index that would have been possible.
        least: u64,
        /// The largest index that would have been possible.
        most: u64,
    },
    /// The peer's consumer index is ahead of what we produced, or went backwards.
    #[error("the peer claims to have consumed {claimed} B; possible were {least} to {most} B")]
    Consumed {
        /// The index that the peer wrote.
        claimed: u64,
        /// The smallest index that would have been possible.
        least: u64,
        /// The largest index that would have been possible.
        most: u64,
    },
}
