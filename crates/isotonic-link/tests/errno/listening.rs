//! A server that cannot take its place: nothing is left behind, and the next one gets it.

use crate::calls::{
    BIND, FILE_MODE, LISTEN, LOCK, LOOK, MAKE_FIFO, OPEN, REMOVE, SOCKET, SOCKET_MODE, WATCH,
};
use crate::injection::Call;
use crate::panics::panics_so_far;
use crate::patience::within;
use crate::stage::{Stage, one_thread, open_descriptors};
use isotonic_link::{Address, BindError, Listener, PeerPolicy, ShmMode};
use rustix::io::Errno;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ERRNOS: [Errno; 7] = [
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOMEM,
    Errno::NOBUFS,
    Errno::PERM,
    Errno::ACCESS,
    Errno::NOSYS,
];

fn bind(runtime: &Runtime, address: &Address) -> Result<Listener, BindError> {
    let builder = Listener::builder().peer_policy(PeerPolicy::AnyUser);
    runtime.block_on(within("the bind", builder.bind([address.clone()])))
}

/// The bind fails with what the kernel said, and the next succeeds.
fn fails(address: &Address, call: Call, errno: Errno) {
    let (panics, descriptors) = (panics_so_far(), open_descriptors());
    let runtime = one_thread();
    let bound = thread::scope(|scope| {
        let binding = scope.spawn(|| {
            call.fails_with(errno);
            bind(&runtime, address)
        });
        binding.join().unwrap()
    });
    let error = match bound {
        Err(error @ BindError::Io { .. }) => error.to_string(),
        other => panic!("{} with {errno:?}: {other:?}", call.name),
    };
    assert!(error.contains(&address.to_string()), "{error}");
    assert!(error.contains(&errno.to_string()), "{error}");
    let listener = bind(&runtime, address).unwrap();
    runtime.block_on(within("the listener to close", listener.close()));
    drop(runtime);
    assert_eq!(open_descriptors(), descriptors, "{}", call.name);
    assert_eq!(panics_so_far(), panics, "{}", call.name);
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

#[test]
fn on_a_unix_socket() {
    let _alone = Stage::new(ShmMode::Prefer);
    let folder = TempDir::new().unwrap();
    let address = Address::Unix(folder.path().join("s"));
    for call in [
        OPEN,
        LOCK,
        LOOK,
        SOCKET,
        SOCKET_MODE,
        BIND,
        FILE_MODE,
        LISTEN,
        WATCH,
    ] {
        for errno in ERRNOS {
            fails(&address, call, errno);
            assert!(is_empty(folder.path()), "{}", call.name);
        }
    }
}

#[test]
fn on_a_unix_socket_that_was_left_behind() {
    let _alone = Stage::new(ShmMode::Prefer);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("s");
    // What finds out whether anybody listens there still, and what removes the file.
    for call in [SOCKET, crate::calls::CONNECT, REMOVE] {
        for errno in ERRNOS {
            drop(UnixListener::bind(&path).unwrap());
            fails(&Address::Unix(path.clone()), call, errno);
            assert!(is_empty(folder.path()), "{}", call.name);
        }
    }
}

#[test]
fn on_an_abstract_name_and_a_port() {
    let _alone = Stage::new(ShmMode::Prefer);
    let folder = TempDir::new().unwrap();
    let unique = folder.path().file_name().unwrap().to_str().unwrap();
    for address in [
        Address::UnixAbstract(unique.into()),
        "http://127.0.0.1:0".parse().unwrap(),
    ] {
        for call in [SOCKET, BIND, LISTEN, WATCH] {
            for errno in ERRNOS {
                fails(&address, call, errno);
            }
        }
    }
}

#[test]
fn on_fifos() {
    let _alone = Stage::new(ShmMode::Prefer);
    let folder = TempDir::new().unwrap();
    let address = Address::Fifo(folder.path().join("f"));
    for call in [OPEN, LOCK, MAKE_FIFO] {
        for errno in ERRNOS {
            fails(&address, call, errno);
            assert!(is_empty(folder.path()), "{}", call.name);
        }
    }
}
