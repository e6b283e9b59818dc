//! A server as a child process, reached through its standard input and output.

use crate::connector::{announce, failed, required};
use crate::handshake::{self, ClientFailure};
use crate::limits::{CHILD_END_TIMEOUT, SPAWN_TIMEOUT};
use crate::peer_socket::PeerSocket;
use crate::{Address, ConnectError, Connector, Link, LinkInfo, PeerCredentials, Reason, ShmMode};
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

/// What a child's standard input and output are.
///
/// For an example see [`spawn`](crate::spawn()).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChildStdio {
    /// One socket for both: the link can move into shared memory. The child has to listen on `pipe:`
    /// with this crate.
    #[default]
    Socket,
    /// Two anonymous pipes, with plain HTTP/2 in them: any command that passes bytes on will do, such as
    /// `ssh host server` or `docker exec -i container server`.
    Pipes,
}

/// Starts `command` and makes a link to the server that it becomes. Its standard input and output are
/// taken for the link; its standard error stays as configured.
///
/// The child ends when its server has noticed that the link has ended, or is ended by you: see
/// [`Command::kill_on_drop`].
///
/// # Errors
/// [`ConnectError`]: the command cannot be started, or does not answer within
/// [`SPAWN_TIMEOUT`](crate::limits::SPAWN_TIMEOUT); it is ended then.
///
/// ```no_run
/// use isotonic_link::{ChildStdio, Connector, spawn};
/// use tokio::process::Command;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut command = Command::new("orders-plugin");
/// command.kill_on_drop(true);
/// let (link, child) = spawn(command, ChildStdio::Socket, &Connector::default()).await?;
/// println!("{} to process {:?}", link.info().kind(), child.id());
/// # Ok(())
/// # }
/// ```
pub async fn spawn(
    command: Command,
    stdio: ChildStdio,
    connector: &Connector,
) -> Result<(Link, Child), ConnectError> {
    let (link, child) = match stdio {
        ChildStdio::Socket => over_socket(command, connector).await?,
        ChildStdio::Pipes => over_pipes(command, connector)?,
    };
    announce(&link.info(), "child connected");
    Ok((link, child))
}

async fn over_socket(
    mut command: Command,
    connector: &Connector,
) -> Result<(Link, Child), ConnectError> {
    let failed = |source| failed(&Address::Pipe, source);
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
    let theirs = OwnedFd::from(theirs);
    command
        .stdin(Stdio::from(theirs.try_clone().map_err(failed)?))
        .stdout(Stdio::from(theirs));
    let mut child = command.spawn().map_err(failed)?;
    // The child's end must not stay open in `command`: we would never see the child close it.
    drop(command);
    let stream = ours
        .set_nonblocking(true)
        .and_then(|()| UnixStream::from_std(ours))
        .map(PeerSocket::new)
        .map_err(failed)?;
    // The kernel vouches for who made the pair: us.
    let peer = PeerCredentials::of(&stream).map_err(failed)?;
    let settings = connector.settings();
    let info = LinkInfo::over_unix(Address::Pipe, peer, connector.incidents());
    if settings.mode == ShmMode::Off {
        info.set_reason(Reason::Disabled);
        return Ok((Link::unix(stream, info), child));
    }
    match handshake::connect(stream, info, settings, SPAWN_TIMEOUT).await {
        Ok(link) => Ok((link, child)),
        Err(ClientFailure::Required(reason)) => {
            // The caller does not get it, so nobody else can end it. It may have ended already.
            let _ = child.start_kill();
            Err(required(&Address::Pipe, reason))
        }
        Err(ClientFailure::Broken(source)) => {
            let _ = child.start_kill();
            let address = Address::Pipe;
            Err(ConnectError::Violation { address, source })
        }
        Err(ClientFailure::PlainPeer { .. } | ClientFailure::TurnedAway(_)) => {
            Err(ConnectError::ChildIsSilent {
                seen: what_happened(child).await,
            })
        }
    }
}

async fn what_happened(mut child: Child) -> String {
    // A process that ends closes its files before it can be waited for.
    match tokio::time::timeout(CHILD_END_TIMEOUT, child.wait()).await {
        Ok(Ok(status)) => format!("it ended with {status}"),
        Ok(Err(_)) | Err(_) => {
            let _ = child.start_kill();
            format!("no welcome came (waited for {SPAWN_TIMEOUT:?} at most)")
        }
    }
}

fn over_pipes(mut command: Command, connector: &Connector) -> Result<(Link, Child), ConnectError> {
    if connector.settings().mode == ShmMode::Require {
        return Err(required(&Address::Pipe, Reason::OverPipe));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut start = || -> io::Result<(Link, Child)> {
        let mut child = command.spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let sender = pipe::Sender::from_owned_fd(stdin.into_owned_fd()?)?;
        let receiver = pipe::Receiver::from_owned_fd(stdout.into_owned_fd()?)?;
        Ok((Link::over_pipes(receiver, sender), child))
    };
    start().map_err(|source| failed(&Address::Pipe, source))
}
