//! Calls without which there is no connection, and those of the handshake.

use crate::calls::{
    CONNECT, PEEK, PEER_CREDENTIALS, PENDING_ERROR, RECEIVE, SEND_HELLO, SOCKET, WATCH, WRITE,
};
use crate::stage::{Failed, Injected, Side, Stage};
use isotonic_link::{ConnectError, Reason, ShmMode};
use rustix::io::Errno;
use std::io::ErrorKind;

const ERRNOS: [Errno; 6] = [
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOMEM,
    Errno::NOBUFS,
    Errno::PERM,
    Errno::NOSPC,
];

/// What a client sees of a server that closes a connection.
const CLOSED: [ErrorKind; 3] = [
    ErrorKind::BrokenPipe,
    ErrorKind::ConnectionReset,
    ErrorKind::UnexpectedEof,
];

#[test]
fn a_client_without_a_connection_is_told_what_the_kernel_said() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for call in [SOCKET, CONNECT, PENDING_ERROR, PEER_CREDENTIALS, WATCH] {
        for errno in ERRNOS {
            let injected = Injected::new(Side::Client, call, errno);
            let met = stage.survives(ShmMode::Prefer, injected);
            let error = match met.client {
                Err(Failed::NotConnected(error @ ConnectError::Io { .. })) => error.to_string(),
                other => panic!("{} with {errno:?}: {other:?}", call.name),
            };
            assert!(error.contains(&stage.address.to_string()), "{error}");
            assert!(error.contains(&errno.to_string()), "{error}");
        }
    }
}

#[test]
fn sides_that_cannot_negotiate_go_on_without() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for side in [Side::Client, Side::Server] {
        for errno in ERRNOS {
            let injected = Injected::new(side, SEND_HELLO, errno);
            let met = stage.survives(ShmMode::Prefer, injected);
            assert_eq!(met.client_stayed(), Reason::NoAnswer, "{injected:?}");
            assert_eq!(met.server_stayed(), Reason::PeerIsPlainHttp2);
        }
    }
}

#[test]
fn a_client_that_requires_what_it_cannot_ask_for_does_not_wait_for_an_answer() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for call in [SEND_HELLO, RECEIVE] {
        for errno in ERRNOS {
            let injected = Injected::new(Side::Client, call, errno);
            let met = stage.survives(ShmMode::Require, injected);
            assert_eq!(*met.not_to_be_had(), Reason::NoAnswer, "{injected:?}");
        }
    }
}

/// It takes the server for one that cannot answer, connects again, and sees there what is wrong.
#[test]
fn a_client_that_cannot_talk_is_told_what_the_kernel_said() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for (client_mode, call) in [
        (ShmMode::Prefer, RECEIVE),
        (ShmMode::Off, RECEIVE),
        (ShmMode::Off, WRITE),
    ] {
        for errno in ERRNOS {
            let injected = Injected::new(Side::Client, call, errno);
            let met = stage.survives(client_mode, injected);
            let seen = met.broke_with().raw_os_error();
            assert_eq!(seen, Some(errno.raw_os_error()), "{}", call.name);
        }
    }
}

#[test]
fn a_server_that_cannot_talk_closes() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for call in [PEER_CREDENTIALS, WATCH, PEEK, RECEIVE] {
        for errno in ERRNOS {
            let injected = Injected::new(Side::Server, call, errno);
            let met = stage.survives(ShmMode::Prefer, injected);
            let error = met.broke_with();
            assert!(CLOSED.contains(&error.kind()), "{}: {error}", call.name);
        }
    }
}
