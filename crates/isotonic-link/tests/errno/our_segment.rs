//! The kernel gives a side no segment of its own: it goes on without, or fails where it requires one.

use crate::calls::{
    ADD_SEALS, FALLOCATE, FILE_SIZE_LIMIT, MEMFD_CREATE, MEMFD_CREATE_NOEXEC, MMAP_OURS,
};
use crate::injection::Call;
use crate::stage::{Injected, Side, Stage};
use isotonic_link::{CreateError, Reason, Refusal, ShmMode};
use rustix::io::Errno;

const CALLS: [Call; 5] = [
    FILE_SIZE_LIMIT,
    MEMFD_CREATE,
    FALLOCATE,
    MMAP_OURS,
    ADD_SEALS,
];

const ERRNOS: [Errno; 8] = [
    Errno::NOSPC,
    Errno::NOMEM,
    Errno::PERM,
    Errno::MFILE,
    Errno::NFILE,
    Errno::ACCESS,
    Errno::INVAL,
    Errno::NOSYS,
];

fn each_failure(side: Side) -> impl Iterator<Item = Injected> {
    CALLS.into_iter().flat_map(move |call| {
        ERRNOS
            .into_iter()
            .map(move |errno| Injected::new(side, call, errno))
    })
}

/// Whether it names the call and what it returned.
fn tells(reason: &Reason, injected: &Injected) -> bool {
    matches!(reason, Reason::NoMemory(CreateError { call, errno, .. })
        if *call == injected.call.name && *errno == injected.errno.raw_os_error())
}

#[test]
fn a_client_goes_on_without() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for injected in each_failure(Side::Client) {
        let met = stage.survives(ShmMode::Prefer, injected);
        let reason = met.client_stayed();
        assert!(tells(&reason, &injected), "{injected:?}: {reason}");
        assert_eq!(met.server_stayed(), Reason::NotYetBusy);
    }
}

#[test]
fn a_client_that_requires_one_fails() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for injected in each_failure(Side::Client) {
        let met = stage.survives(ShmMode::Require, injected);
        let reason = met.not_to_be_had();
        assert!(tells(reason, &injected), "{injected:?}: {reason}");
    }
}

#[test]
fn a_server_goes_on_without_and_says_so() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for injected in each_failure(Side::Server) {
        let met = stage.survives(ShmMode::Prefer, injected);
        let reason = met.server_stayed();
        assert!(tells(&reason, &injected), "{injected:?}: {reason}");
        let told = Reason::PeerRefused(Refusal::NoMemory);
        assert_eq!(met.client_stayed(), told, "{injected:?}");
    }
}

#[test]
fn a_server_says_so_where_either_side_requires_one() {
    for (client, server) in [
        (ShmMode::Require, ShmMode::Prefer),
        (ShmMode::Prefer, ShmMode::Require),
    ] {
        let mut stage = Stage::new(server);
        for injected in each_failure(Side::Server) {
            let met = stage.survives(client, injected);
            let told = Reason::PeerRefused(Refusal::NoMemory);
            assert_eq!(*met.not_to_be_had(), told, "{injected:?}");
        }
    }
}

/// As before Linux 6.3, which does not know the flag. That the calls with the flag do fail is what the
/// second errno shows.
#[test]
fn a_kernel_without_memory_that_is_never_executed_has_other_memory() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for side in [Side::Client, Side::Server] {
        let unknown = Injected::new(side, MEMFD_CREATE_NOEXEC, Errno::INVAL);
        let met = stage.survives(ShmMode::Prefer, unknown);
        assert!(met.is_in_memory(), "{met:?}");
        let failed = Injected::new(side, MEMFD_CREATE_NOEXEC, Errno::NOSYS);
        let met = stage.survives(ShmMode::Prefer, failed);
        assert!(!met.is_in_memory(), "{met:?}");
    }
}
