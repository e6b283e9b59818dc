//! Records that cannot be sent or received.

use crate::calls::{RECEIVE, SEND_RECORD, WATCH};
use crate::stage::{Injected, Side, Stage};
use isotonic_link::{Reason, ShmMode};
use rustix::io::Errno;

/// The first two are for descriptors only: too many on their way, and none wanted.
const ERRNOS: [Errno; 5] = [
    Errno::TOOMANYREFS,
    Errno::PERM,
    Errno::NOMEM,
    Errno::NOBUFS,
    Errno::IO,
];

/// A client that requires shared memory offers its segment before it sends any other record.
#[test]
fn a_segment_that_cannot_be_sent_is_told_of_at_once() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for errno in ERRNOS {
        let injected = Injected::new(Side::Client, SEND_RECORD, errno);
        let met = stage.survives(ShmMode::Require, injected);
        let error = errno.to_string();
        assert_eq!(*met.not_to_be_had(), Reason::NotSent { error });
    }
}

#[test]
fn a_server_that_can_send_nothing_closes() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for errno in ERRNOS {
        let injected = Injected::new(Side::Server, SEND_RECORD, errno);
        let met = stage.survives(ShmMode::Require, injected);
        match met.not_to_be_had() {
            Reason::NotAttached { seen } => assert_eq!(seen, "the peer closed the connection"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_link_that_cannot_send_or_receive_fails_with_what_the_kernel_said() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for call in [SEND_RECORD, RECEIVE] {
        for errno in ERRNOS {
            let injected = Injected::into_its_link(call, errno);
            let met = stage.survives(ShmMode::Prefer, injected);
            let seen = met.broke_with().raw_os_error();
            assert_eq!(seen, Some(errno.raw_os_error()), "{}", call.name);
        }
    }
}

/// A link in shared memory is watched for less.
#[test]
fn a_link_that_cannot_be_watched_any_more_fails_with_what_the_kernel_said() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for errno in [Errno::NOMEM, Errno::NOSPC] {
        let injected = Injected::into_its_link(WATCH, errno);
        let met = stage.survives(ShmMode::Require, injected);
        let seen = met.broke_with().raw_os_error();
        assert_eq!(seen, Some(errno.raw_os_error()));
    }
}
