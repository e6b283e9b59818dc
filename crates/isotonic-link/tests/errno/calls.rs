//! The system calls of a link's set-up.

use crate::injection::{Argument, Call};
use crate::numbers;

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
pub(crate) const MINCORE: Call = Call {
    name: "mincore",
    numbers: &[libc::SYS_mincore],
    with: &[],
};
pub(crate) const MMAP_PEERS: Call = Call {
    name: "mmap",
    numbers: &[libc::SYS_mmap],
    with: &[MAP_TYPE, is(2, libc::PROT_READ)],
};

// A connection.
pub(crate) const SOCKET: Call = every("socket", &[libc::SYS_socket]);
pub(crate) const CONNECT: Call = every("connect", &[libc::SYS_connect]);
pub(crate) const ACCEPT: Call = every("accept4", &[libc::SYS_accept4]);
pub(crate) const PENDING_ERROR: Call = Call {
    name: "getsockopt(SO_ERROR)",
    numbers: &[libc::SYS_getsockopt],
    with: &[is(1, libc::SOL_SOCKET), is(2, libc::SO_ERROR)],
};
pub(crate) const PEER_CREDENTIALS: Call = Call {
    name: "getsockopt(SO_PEERCRED)",
    numbers: &[libc::SYS_getsockopt],
    with: &[is(1, libc::SOL_SOCKET), is(2, libc::SO_PEERCRED)],
};
pub(crate) const WATCH: Call = Call {
    name: "epoll_ctl(EPOLL_CTL_ADD)",
    numbers: &[libc::SYS_epoll_ctl],
    with: &[is(1, libc::EPOLL_CTL_ADD)],
};

// The handshake, and what follows.
pub(crate) const SEND_HELLO: Call = every("sendto", &[libc::SYS_sendto]);
pub(crate) const PEEK: Call = Call {
    name: "recvfrom(MSG_PEEK)",
    numbers: &[libc::SYS_recvfrom],
    with: &[Argument {
        index: 3,
        mask: libc::MSG_PEEK.cast_unsigned(),
        bits: libc::MSG_PEEK.cast_unsigned(),
    }],
};
pub(crate) const RECEIVE: Call = every("recvmsg", &[libc::SYS_recvmsg]);
pub(crate) const SEND_RECORD: Call = every("sendmsg", &[libc::SYS_sendmsg]);
/// Of a link that is not negotiated.
pub(crate) const WRITE: Call = every("writev", &[libc::SYS_writev]);

// What nobody misses.
pub(crate) const COUNT_CPUS: Call = every("sched_getaffinity", &[libc::SYS_sched_getaffinity]);

// A place to listen at.
pub(crate) const OPEN: Call = every("open", numbers::OPEN);
pub(crate) const LOCK: Call = every("flock", &[libc::SYS_flock]);
pub(crate) const LOOK: Call = every("statx", &[libc::SYS_statx, libc::SYS_newfstatat]);
pub(crate) const REMOVE: Call = every("unlink", numbers::UNLINK);
pub(crate) const SOCKET_MODE: Call = every("fchmod", &[libc::SYS_fchmod]);
pub(crate) const FILE_MODE: Call = every("chmod", numbers::CHMOD);
pub(crate) const BIND: Call = every("bind", &[libc::SYS_bind]);
pub(crate) const LISTEN: Call = every("listen", &[libc::SYS_listen]);
pub(crate) const MAKE_FIFO: Call = every("mknodat", &[libc::SYS_mknodat]);
