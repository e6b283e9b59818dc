//! Errnos that no call of the set-up is known to give: no panic, no hang, and a link or an error.

use crate::calls::{
    ADD_SEALS, CONNECT, COUNT_CPUS, FALLOCATE, FILE_SIZE_LIMIT, FSTAT, FSTATFS, GET_SEALS,
    MEMFD_CREATE, MINCORE, MMAP_OURS, MMAP_PEERS, PEEK, PEER_CREDENTIALS, PENDING_ERROR, RECEIVE,
    SEND_HELLO, SEND_RECORD, SOCKET, WATCH,
};
use crate::injection::Call;
use crate::stage::{Injected, Side, Stage};
use isotonic_link::ShmMode;
use rustix::io::Errno;

/// Not among them: those that ask to try again (EAGAIN, EINTR), as a kernel that says so for ever is none, and
/// EBADF, which the standard library takes for a descriptor closed behind its back.
const ERRNOS: [Errno; 8] = [
    Errno::IO,
    Errno::NOSYS,
    Errno::INVAL,
    Errno::NODEV,
    Errno::OPNOTSUPP,
    Errno::DQUOT,
    Errno::FAULT,
    // The highest that Linux has.
    Errno::HWPOISON,
];

const OF_BOTH: [Call; 15] = [
    FILE_SIZE_LIMIT,
    MEMFD_CREATE,
    FALLOCATE,
    MMAP_OURS,
    ADD_SEALS,
    GET_SEALS,
    FSTATFS,
    FSTAT,
    MINCORE,
    MMAP_PEERS,
    PEER_CREDENTIALS,
    WATCH,
    SEND_HELLO,
    RECEIVE,
    SEND_RECORD,
];
const OF_A_CLIENT: [Call; 3] = [SOCKET, CONNECT, PENDING_ERROR];
const OF_A_SERVER: [Call; 1] = [PEEK];

fn sweep(side: Side, calls: impl IntoIterator<Item = Call>) {
    let mut stage = Stage::new(ShmMode::Prefer);
    for call in OF_BOTH.into_iter().chain(calls) {
        for errno in ERRNOS {
            let injected = Injected::new(side, call, errno);
            let met = stage.survives(ShmMode::Prefer, injected);
            // Nothing would have changed if the call had not been made.
            assert!(!met.is_in_memory(), "{injected:?}");
            let met = stage.survives(ShmMode::Require, injected);
            assert!(met.client.is_err(), "{injected:?}: {met:?}");
        }
    }
}

#[test]
fn at_a_client() {
    sweep(Side::Client, OF_A_CLIENT);
}

#[test]
fn at_a_server() {
    sweep(Side::Server, OF_A_SERVER);
}

#[test]
fn of_a_call_that_nobody_misses() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for side in [Side::Client, Side::Server] {
        for errno in ERRNOS {
            let injected = Injected::new(side, COUNT_CPUS, errno);
            let met = stage.survives(ShmMode::Prefer, injected);
            assert!(met.is_in_memory(), "{met:?}");
        }
    }
}
