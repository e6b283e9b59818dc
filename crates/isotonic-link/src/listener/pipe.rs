//! A process's own standard input and output, as the one connection of a server.

use crate::peer_socket::PeerSocket;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::stdio::{dup2_stdin, dup2_stdout};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

/// What standard input and output turned out to be.
#[derive(Debug)]
pub(super) enum Stdio {
    /// One socket.
    Socket(PeerSocket),
    /// Two pipes.
    Pipes(pipe::Receiver, pipe::Sender),
}

/// Takes standard input and output away from the rest of the process: a line printed by some library
/// would otherwise corrupt the stream.
pub(super) fn take_stdio() -> io::Result<Stdio> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    let stdio = recognise(input, output)?;
    dup2_stdin(open(
        "/dev/null",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)?;
    dup2_stdout(io::stderr())?;
    Ok(stdio)
}

fn recognise(input: OwnedFd, output: OwnedFd) -> io::Result<Stdio> {
    let (input_stat, output_stat) = (fstat(&input)?, fstat(&output)?);
    let kind = |mode| FileType::from_raw_mode(mode);
    match (kind(input_stat.st_mode), kind(output_stat.st_mode)) {
        (FileType::Socket, FileType::Socket) if input_stat.st_ino == output_stat.st_ino => {
            let socket = std::os::unix::net::UnixStream::from(input);
            socket.set_nonblocking(true)?;
            Ok(Stdio::Socket(PeerSocket::new(UnixStream::from_std(
                socket,
            )?)))
        }
        (FileType::Fifo, FileType::Fifo) => Ok(Stdio::Pipes(
            pipe::Receiver::from_owned_fd(input)?,
            pipe::Sender::from_owned_fd(output)?,
        )),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "standard input and output are neither one socket nor two pipes; \
             a server on `pipe:` is started by its client",
        )),
    }
}
