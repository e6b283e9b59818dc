//! Links over two FIFOs, for one client at a time.
//!
//! ```text
//! PREFIX.lock   locked by the server as long as it lives
//! PREFIX.s2c    server to client
//! PREFIX.c2s    client to server; its existence is the offer to connect
//! ```
//!
//! Each client gets fresh FIFOs, so that no byte of one connection can reach the next. The server makes
//! the two and waits for the first byte; then it removes both names, and makes new ones when the link
//! has ended. A client opens both and locks `PREFIX.s2c`, so that a second one that opened the same
//! two knows that it came too late. While the names are gone the server's lock tells "busy" from "not
//! there".

use crate::address::with_suffix;
use crate::connector::failed;
use crate::limits::HANDSHAKE_TIMEOUT;
use crate::retry::Tries;
use crate::{Address, BindError, ConnectError, Link, LinkInfo, LinkKind, Reason};
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, mkfifoat, open, stat};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use tokio::net::unix::pipe;

/// How often a lock is tried that somebody may hold for a moment only.
const LOCK_TRIES: usize = 100;

/// Where the files of a FIFO address are.
#[derive(Debug)]
struct Paths {
    lock: PathBuf,
    to_server: PathBuf,
    to_client: PathBuf,
}

impl Paths {
    fn new(prefix: &Path) -> Self {
        Self {
            lock: with_suffix(prefix, ".lock"),
            to_server: with_suffix(prefix, ".c2s"),
            to_client: with_suffix(prefix, ".s2c"),
        }
    }
}

/// The server's place at a FIFO address.
#[derive(Debug)]
pub(crate) struct FifoListener {
    address: Address,
    paths: Paths,
    _lock: OwnedFd,
}

impl FifoListener {
    /// Takes the place, if nobody has it.
    pub(crate) fn bind(address: &Address, prefix: &Path) -> Result<Self, BindError> {
        let failed = |source: io::Error| BindError::Io {
            address: address.clone(),
            source,
        };
        let paths = Paths::new(prefix);
        for path in [&paths.to_server, &paths.to_client] {
            if path
                .symlink_metadata()
                .is_ok_and(|meta| !meta.file_type().is_fifo())
            {
                return Err(BindError::Occupied {
                    address: address.clone(),
                    expected: "a FIFO",
                });
            }
        }
        let lock = take_lock(&paths.lock)
            .map_err(failed)?
            .ok_or_else(|| BindError::InUse {
                address: address.clone(),
            })?;
        let listener = Self {
            address: address.clone(),
            paths,
            _lock: lock,
        };
        // Errors here, a folder that cannot be written to for one, belong to the bind.
        listener.make_fifos().map_err(failed)?;
        Ok(listener)
    }

    /// Waits for a client.
    pub(crate) async fn accept(&self) -> io::Result<Link> {
        loop {
            self.make_fifos()?;
            let receiver = pipe::OpenOptions::new().open_receiver(&self.paths.to_server)?;
            // Ready at the first byte, or when a client came and went.
            receiver.readable().await?;
            let sender = pipe::OpenOptions::new().open_sender(&self.paths.to_client);
            self.remove_fifos();
            match sender {
                Ok(sender) => {
                    let info =
                        LinkInfo::new(self.address.clone(), LinkKind::Fifo, Reason::OverFifo);
                    return Ok(Link::pipe(receiver, sender, info));
                }
                // Nobody reads any more: the client has gone.
                Err(error) if is(&error, Errno::NXIO) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes both FIFOs anew; the offer last.
    fn make_fifos(&self) -> io::Result<()> {
        self.remove_fifos();
        for path in [&self.paths.to_client, &self.paths.to_server] {
            mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?;
        }
        Ok(())
    }

    /// Takes the offer back first.
    fn remove_fifos(&self) {
        for path in [&self.paths.to_server, &self.paths.to_client] {
            // Already gone, or making them anew will say what is wrong.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for FifoListener {
    fn drop(&mut self) {
        self.remove_fifos();
        let _ = std::fs::remove_file(&self.paths.lock);
    }
}

/// Takes a server's lock; `None` if another server has it.
fn take_lock(path: &Path) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    for _ in 0..LOCK_TRIES {
        let lock = open(path, flags, Mode::RUSR | Mode::WUSR)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            // Unless a server that ended has just removed the file that we opened.
            Ok(()) if is_at(&lock, path) => return Ok(Some(lock)),
            Ok(()) => {}
            // A server, or a client that looks for one and lets go at once.
            Err(Errno::WOULDBLOCK) => std::thread::yield_now(),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(None)
}

/// Whether `path` still leads to `file`.
fn is_at(file: impl AsFd, path: &Path) -> bool {
    match (fstat(file), stat(path)) {
        (Ok(file), Ok(there)) => (file.st_dev, file.st_ino) == (there.st_dev, there.st_ino),
        _ => false,
    }
}

/// Connects to a FIFO address, waiting for an earlier client to leave for the time of a handshake.
pub(crate) async fn connect(address: &Address, prefix: &Path) -> Result<Link, ConnectError> {
    let paths = Paths::new(prefix);
    let mut tries = Tries::new();
    let (receiver, sender) = loop {
        match open_both(&paths) {
            Ok(Some(both)) => break both,
            Ok(None) => {}
            // Between two clients there is no offer, or nobody reads it yet.
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused if is_served(&paths) => {
                }
                _ => return Err(failed(address, error)),
            },
        }
        if !tries.another().await {
            return Err(ConnectError::TimedOut {
                address: address.clone(),
                waited_for: "place (it serves another client)",
                after: HANDSHAKE_TIMEOUT,
            });
        }
    };
    let info = LinkInfo::new(address.clone(), LinkKind::Fifo, Reason::OverFifo);
    Ok(Link::pipe(receiver, sender, info))
}

/// Opens both FIFOs; `None` if another client has done so before.
fn open_both(paths: &Paths) -> io::Result<Option<(pipe::Receiver, pipe::Sender)>> {
    let receiver = pipe::OpenOptions::new().open_receiver(&paths.to_client)?;
    // Held by the receiving end, which a link keeps to its end, and given up when that is closed.
    match flock(&receiver, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    }
    match pipe::OpenOptions::new().open_sender(&paths.to_server) {
        // Nobody reads: what is there was left behind.
        Err(error) if is(&error, Errno::NXIO) => Err(io::ErrorKind::ConnectionRefused.into()),
        // The server may have made both anew after we had opened the first. It makes that one first, so that
        // they belong together if it is still there.
        Ok(_) if !is_at(&receiver, &paths.to_client) => {
            Err(io::ErrorKind::ConnectionRefused.into())
        }
        sender => Ok(Some((receiver, sender?))),
    }
}

/// Whether a server holds the lock.
fn is_served(paths: &Paths) -> bool {
    let Ok(lock) = open(&paths.lock, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else {
        return false;
    };
    flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

fn is(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}
