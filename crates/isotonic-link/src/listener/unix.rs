//! Unix sockets to listen on, and their files.

use crate::folder_lock::FolderLock;
use crate::limits::BACKLOG;
use crate::peer_socket::ListeningSocket;
use crate::{Address, BindError, PeerPolicy, address};
use rustix::fs::{Mode, chmod, fchmod};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// A listening Unix socket; removes its file, if it has one, when dropped.
#[derive(Debug)]
pub(super) struct BoundUnix {
    /// Before the listener: while that is open no successor takes the file for a stale one, so that what
    /// is removed is ours.
    _file: Option<SocketFile>,
    pub(super) listener: ListeningSocket,
}

/// Binds a socket in the file system, in place of one that nobody listens on any more.
pub(super) async fn bind_path(
    address: &Address,
    path: &Path,
    policy: &PeerPolicy,
) -> Result<BoundUnix, BindError> {
    let failed = |source| BindError::Io {
        address: address.clone(),
        source,
    };
    let _lock = FolderLock::around(path).await.map_err(failed)?;
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(BindError::Occupied {
                address: address.clone(),
                expected: "a socket",
            });
        }
        Ok(_) if is_listened_on(path).map_err(failed)? => {
            return Err(BindError::InUse {
                address: address.clone(),
            });
        }
        Ok(_) => std::fs::remove_file(path).map_err(failed)?,
    }
    let open = || -> io::Result<BoundUnix> {
        let socket = new_socket()?;
        // Before the bind: the file gets the socket's mode, and there is no moment in which others
        // could connect (Linux, `unix_bind_bsd`).
        fchmod(&socket, Mode::from_raw_mode(policy.socket_mode()))?;
        bind(&socket, &SocketAddrUnix::new(path)?)?;
        let file = SocketFile::of(path);
        // The umask has been taken off; where others are to connect, they need to write to the file.
        if *policy != PeerPolicy::SameUserOrRoot {
            chmod(path, Mode::from_raw_mode(policy.socket_mode()))?;
        }
        let listener = listening(socket)?;
        Ok(BoundUnix {
            listener: ListeningSocket(listener),
            _file: file,
        })
    };
    open().map_err(failed)
}

/// Binds a socket in the abstract namespace.
pub(super) fn bind_abstract(address: &Address, name: &str) -> Result<BoundUnix, BindError> {
    let open = || -> io::Result<UnixListener> {
        let path = address::abstract_path(name);
        // tokio sets the backlog that we set for files (1024).
        UnixListener::bind(path)
    };
    match open() {
        Ok(listener) => Ok(BoundUnix {
            listener: ListeningSocket(listener),
            _file: None,
        }),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(BindError::InUse {
            address: address.clone(),
        }),
        Err(source) => Err(BindError::Io {
            address: address.clone(),
            source,
        }),
    }
}

fn new_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        flags,
        None,
    )?)
}

fn listening(socket: OwnedFd) -> io::Result<UnixListener> {
    listen(&socket, BACKLOG.cast_signed())?;
    UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))
}

/// Whether somebody listens. Not blocking.
fn is_listened_on(path: &Path) -> io::Result<bool> {
    let socket = new_socket()?;
    match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
        // A full backlog and a socket of another type are signs of life, too.
        Ok(()) | Err(Errno::AGAIN | Errno::PROTOTYPE) => Ok(true),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// A socket's file, recognised by its inode: somebody else's in its place is left alone.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> Option<Self> {
        let inode = inode_of(path)?;
        // The working folder may change before the file is removed.
        let path = std::path::absolute(path).ok()?;
        Some(Self { path, inode })
    }
}

fn inode_of(path: &Path) -> Option<(u64, u64)> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode_of(&self.path) == Some(self.inode) {
            // Nobody can be told about an error here, and the next server replaces the file.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
