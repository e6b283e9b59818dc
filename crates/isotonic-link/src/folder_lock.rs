//! One server at a time in a folder, while it looks for a predecessor and takes its place.
//!
//! Without it two servers that start together could both find a stale socket, and the second would
//! remove the first one's fresh socket. The lock is on the folder itself (flock(2)), so that no file is
//! left behind, and it ends with the process that holds it.

use crate::retry::Tries;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _folder: OwnedFd,
}

impl FolderLock {
    /// Locks the folder that `path` is in.
    pub(crate) async fn around(path: &Path) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let folder = open(
            folder,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut tries = Tries::new();
        loop {
            match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _folder: folder }),
                Err(Errno::WOULDBLOCK) if tries.another().await => {}
                Err(Errno::WOULDBLOCK) => {
                    let what = "another process holds a lock on its folder";
                    return Err(io::Error::new(io::ErrorKind::TimedOut, what));
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
