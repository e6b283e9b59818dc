//! What a user sees when a link cannot be made: what was tried, what was seen, and what to do.

use crate::{Address, AddressError, NotAdmitted, Reason, Violation};
use std::io;
use std::time::Duration;

/// Why a link could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address cannot be used at all.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The address is one that only a server can use.
    #[error("`{address}` is for servers only; a client starts the server with `spawn`")]
    ServerOnly {
        /// The address.
        address: Address,
    },
    /// The operating system refused.
    #[error("cannot connect to `{address}`: {source}{}", advice(source))]
    Io {
        /// Where to.
        address: Address,
        /// What it said.
        source: io::Error,
    },
    /// The other side did not answer in time.
    #[error("cannot connect to `{address}`: no {waited_for} within {after:?}")]
    TimedOut {
        /// Where to.
        address: Address,
        /// What was waited for.
        waited_for: &'static str,
        /// For how long.
        after: Duration,
    },
    /// The server's user is not admitted by our policy.
    #[error("will not talk to `{address}`: {source}")]
    NotAdmitted {
        /// Where to.
        address: Address,
        /// Who it is.
        source: NotAdmitted,
    },
    /// Our user is not admitted by the server's policy.
    #[error(
        "`{address}` does not admit this user ({uid}); the server's peer policy decides who may talk to it"
    )]
    TurnedAway {
        /// Where to.
        address: Address,
        /// Our effective user id.
        uid: u32,
    },
    /// The server serves as many connections of our user as one user may have.
    #[error(
        "`{address}` has as many connections of this user ({uid}) as it allows one user; close some, or raise the server's quota"
    )]
    QuotaReached {
        /// Where to.
        address: Address,
        /// Our effective user id.
        uid: u32,
    },
    /// The server broke the protocol.
    #[error("`{address}` cannot be talked to: {source}")]
    Violation {
        /// Where to.
        address: Address,
        /// How.
        source: Violation,
    },
    /// Shared memory was required but cannot be had.
    #[error("`{address}` cannot be reached through shared memory, which is required: {reason}")]
    ShmRequired {
        /// Where to.
        address: Address,
        /// Why not.
        reason: Reason,
    },
    /// A child process was started but does not speak isotonic's protocol on its standard input.
    #[error(
        "the child does not serve on its standard input: {seen}; it has to listen on `pipe:`, \
         or, if it knows only plain HTTP/2, be started with anonymous pipes"
    )]
    ChildIsSilent {
        /// What came instead.
        seen: String,
    },
}

/// What to do about the usual failures.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; is the server started, and is the path right?",
        io::ErrorKind::ConnectionRefused => "; nobody listens there (any more)",
        io::ErrorKind::PermissionDenied => {
            "; this user may not write to the socket or enter its folder"
        }
        _ => "",
    }
}

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address cannot be used at all.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Somebody listens there already.
    #[error("cannot listen on `{address}`: another process listens there already")]
    InUse {
        /// Where.
        address: Address,
    },
    /// Something else than a socket or FIFO is there, and is left alone.
    #[error(
        "cannot listen on `{address}`: a file that is not {expected} is there; remove it or choose another path"
    )]
    Occupied {
        /// Where.
        address: Address,
        /// What may be there.
        expected: &'static str,
    },
    /// The operating system refused.
    #[error("cannot listen on `{address}`: {source}{}", bind_advice(source))]
    Io {
        /// Where.
        address: Address,
        /// What it said.
        source: io::Error,
    },
    /// No address was given.
    #[error("there is no address to listen on; give one, for example `unix:/run/orders.sock`")]
    NoAddress,
}

fn bind_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; the folder has to exist",
        io::ErrorKind::PermissionDenied => "; this user may not create files in that folder",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}
