//! The system calls of a link's set-up.

use crate::injection::{Argument, Call};

/// Every use of a system call.
const fn every(name: &'static str, numbers: &'static [i64]) -> Call {
    let with = &[];
    Call {
        name,
        numbers,
        with,
    }
}

/// An argument that is just this.
const fn is(index: u8, bits: i32) -> Argument {
    let bits = bits.cast_unsigned();
    Argument {
        index,
        mask: u32::MAX,
        bits,
    }
}

/// Mapping a segment: shared, and writable if it is ours. Memory of other use is private.
const MAP_TYPE: Argument = Argument {
    index: 3,
    mask: libc::MAP_TYPE as u32,
    bits: libc::MAP_SHARED as u32,
};

// Our own segment.
pub(crate) const FILE_SIZE_LIMIT: Call = Call {
    name: "getrlimit(RLIMIT_FSIZE)",
    numbers: &[libc::SYS_prlimit64],
    with: &[is(1, libc::RLIMIT_FSIZE as i32)],
};
pub(crate) const MEMFD_CREATE: Call = every("memfd_create", &[libc::SYS_memfd_create]);
pub(crate) const MEMFD_CREATE_NOEXEC: Call = Call {
    with: &[Argument {
        index: 1,
        mask: libc::MFD_NOEXEC_SEAL,
        bits: libc::MFD_NOEXEC_SEAL,
    }],
    ..MEMFD_CREATE
};
pub(crate) const FALLOCATE: Call = every("fallocate", &[libc::SYS_fallocate]);
pub(crate) const MMAP_OURS: Call = Call {
    name: "mmap",
    numbers: &[libc::SYS_mmap],
    with: &[MAP_TYPE, is(2, libc::PROT_READ | libc::PROT_WRITE)],
};
pub(crate) const ADD_SEALS: Call = Call {
    name: "fcntl(F_ADD_SEALS)",
    numbers: &[libc::SYS_fcntl],
    with: &[is(1, libc::F_ADD_SEALS)],
};

// The peer's segment.
pub(crate) const GET_SEALS: Call = Call {
    name: "fcntl(F_GET_SEALS)",
    numbers: &[libc::SYS_fcntl],
    with: &[is(1, libc::F_GET_SEALS)],
};
pub(crate) const FSTATFS: Call = every("fstatfs", &[libc::SYS_fstatfs]);
pub(crate) const FSTAT: Call = every("fstat", &[libc::SYS_fstat]);
pub(crate) const SEEK_HOLE: Call = Call {
    name: "lseek(SEEK_HOLE)",
    numbers: &[libc::SYS_lseek],
    with: &[is(2, libc::SEEK_HOLE)],
};
pub(crate) const MMAP_PEERS: Call = Call {
    name: "mmap",
    numbers: &[libc::SYS_mmap],
    with: &[MAP_TYPE, is(2, libc::PROT_READ)],
};
