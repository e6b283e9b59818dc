//! The kernel fails a check of the peer's segment, or its mapping: the peer is told that it was refused.

use crate::calls::{FSTAT, FSTATFS, GET_SEALS, MINCORE, MMAP_PEERS};
use crate::injection::Call;
use crate::stage::{Injected, Side, Stage};
use isotonic_link::{Reason, Refusal, SegmentRefused, ShmMode};
use rustix::io::Errno;

const CALLS: [Call; 5] = [GET_SEALS, FSTATFS, FSTAT, MINCORE, MMAP_PEERS];

const ERRNOS: [Errno; 6] = [
    Errno::NOMEM,
    Errno::PERM,
    Errno::MFILE,
    Errno::ACCESS,
    Errno::INVAL,
    Errno::NOSYS,
];

const REFUSED: Reason = Reason::PeerRefused(Refusal::SegmentRefused);

fn each_failure(side: Side) -> impl Iterator<Item = Injected> {
    CALLS.into_iter().flat_map(move |call| {
        ERRNOS
            .into_iter()
            .map(move |errno| Injected::new(side, call, errno))
    })
}

/// What is to be told of a failure.
fn reason_for(injected: &Injected) -> Reason {
    Reason::SegmentRefused(match (injected.call.name, injected.errno) {
        // That is what a file returns which cannot be sealed.
        ("fcntl(F_GET_SEALS)", Errno::INVAL) => SegmentRefused::MissingSeals {
            seen: 0,
            required: (libc::F_SEAL_SHRINK
                | libc::F_SEAL_GROW
                | libc::F_SEAL_FUTURE_WRITE
                | libc::F_SEAL_SEAL)
                .cast_unsigned(),
        },
        (call, errno) => SegmentRefused::Syscall {
            call,
            errno: errno.raw_os_error(),
        },
    })
}

#[test]
fn a_client_goes_on_without() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for injected in each_failure(Side::Client) {
        let met = stage.survives(ShmMode::Prefer, injected);
        assert_eq!(met.client_stayed(), reason_for(&injected));
        assert_eq!(met.server_stayed(), REFUSED, "{injected:?}");
    }
}

#[test]
fn a_client_that_requires_it_fails() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for injected in each_failure(Side::Client) {
        let met = stage.survives(ShmMode::Require, injected);
        assert_eq!(*met.not_to_be_had(), reason_for(&injected));
    }
}

#[test]
fn a_server_goes_on_without_and_says_so() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for injected in each_failure(Side::Server) {
        let met = stage.survives(ShmMode::Prefer, injected);
        assert_eq!(met.server_stayed(), reason_for(&injected));
        assert_eq!(met.client_stayed(), REFUSED, "{injected:?}");
    }
}

#[test]
fn a_server_says_so_where_either_side_requires_it() {
    for (client, server) in [
        (ShmMode::Require, ShmMode::Prefer),
        (ShmMode::Prefer, ShmMode::Require),
    ] {
        let mut stage = Stage::new(server);
        for injected in each_failure(Side::Server) {
            let met = stage.survives(client, injected);
            assert_eq!(*met.not_to_be_had(), REFUSED, "{injected:?}");
        }
    }
}
