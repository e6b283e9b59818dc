//! Why a link is not in shared memory.

#[cfg(target_os = "linux")]
use isotonic_shm::{CreateError, SegmentRefused};

/// How much a side wants shared memory.
///
/// ```
/// assert_eq!(isotonic_link::ShmMode::default(), isotonic_link::ShmMode::Prefer);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ShmMode {
    /// Use it where both sides can, once the link is busy enough to pay for it; else stay on the socket
    /// and tell the [`Reason`].
    #[default]
    Prefer,
    /// Move into shared memory before anything else, or fail with the [`Reason`].
    Require,
    /// Never use it. On the client's side nothing is negotiated then: a server takes the link for that of
    /// a plain HTTP/2 client, and refuses one whose first byte is not HTTP/2's.
    Off,
}

/// The answer to "why is this link not shared memory?".
///
/// ```
/// use isotonic_link::Reason;
/// assert!(Reason::PeerIsPlainHttp2.to_string().contains("HTTP/2"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Our own side has switched shared memory off.
    #[error("shared memory is switched off on this side")]
    Disabled,
    /// The peer speaks plain HTTP/2: it does not know isotonic or, seen from a server, has switched shared
    /// memory off.
    #[error("the peer speaks plain HTTP/2")]
    PeerIsPlainHttp2,
    /// The peer knows isotonic but declined.
    #[error("the peer refused: {0}")]
    PeerRefused(Refusal),
    /// The client has no protocol version in common with us. (A client of such a server is told
    /// [`Refusal::Version`].)
    #[error("the peer speaks protocol versions {least} to {most}, this side speaks version {ours}")]
    VersionMismatch {
        /// The version that this side speaks.
        ours: u16,
        /// The lowest version of the peer.
        least: u16,
        /// The highest version of the peer.
        most: u16,
    },
    /// Our kernel gave us no segment.
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    NoMemory(CreateError),
    /// What the peer sent as its segment failed a check.
    #[cfg(target_os = "linux")]
    #[error("the peer's segment is not acceptable: {0}")]
    SegmentRefused(SegmentRefused),
    /// The peer declared a ring of a size that we do not map.
    #[error("the peer's ring of {declared} B is not a power of two up to {largest} B")]
    PeerRingSize {
        /// The capacity that the peer declared, in bytes.
        declared: u64,
        /// The largest that this side maps, in bytes.
        largest: u64,
    },
    /// The client's user has as much shared memory at this listener as one user may have
    /// ([`Quota`](crate::Quota)).
    #[error("its user has used up the {quota} B of shared memory that one user may have here")]
    QuotaReached {
        /// How much that is, in bytes.
        quota: u64,
    },
    /// This process has no descriptors left to take the peer's segment (`RLIMIT_NOFILE`).
    #[error("this process has no descriptors left for the peer's segment")]
    NoDescriptors,
    /// The kernel would not pass our segment's descriptor on.
    #[error("our segment could not be sent: {error}")]
    NotSent {
        /// What it said: too many descriptors are on their way already, or the peer wants none.
        error: String,
    },
    /// The server did not answer our hello, so it was taken for a plain HTTP/2 server.
    #[error(
        "the server did not answer isotonic's hello, as a plain HTTP/2 server or an overloaded one does"
    )]
    NoAnswer,
    /// The peer agreed to shared memory and then did not follow.
    #[error("the peer agreed to shared memory, but then: {seen}")]
    NotAttached {
        /// What came instead.
        seen: String,
    },
    /// Both sides can, but the link has carried too little so far to pay for it.
    #[error("the link is not busy enough yet to pay for shared memory")]
    NotYetBusy,
    /// The link runs over TCP, which cannot carry descriptors.
    #[error("the link runs over TCP")]
    OverTcp,
    /// The link runs over anonymous pipes, which cannot carry descriptors.
    #[error("the link runs over anonymous pipes")]
    OverPipe,
    /// The link runs over FIFOs, which cannot carry descriptors.
    #[error("the link runs over FIFOs")]
    OverFifo,
    /// A local address was given but could not be reached, so the link runs over TCP.
    #[error("the local address could not be used: {error}")]
    LocalUnreachable {
        /// Why not.
        error: String,
    },
    /// This platform has no sealed memory.
    #[error("shared memory is not supported on this platform")]
    Unsupported,
}

/// Why a peer declined shared memory, as it said on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It has switched shared memory off.
    #[error("shared memory is switched off there")]
    Disabled,
    /// It could not create its segment.
    #[error("it has no memory or descriptors for a segment")]
    NoMemory,
    /// It did not accept our segment.
    #[error("it did not accept our segment")]
    SegmentRefused,
    /// It asked for more than the limit of the side that refused.
    #[error("the ring asked for is larger than its limit")]
    TooLarge,
    /// It has no protocol version in common with us.
    #[error("no protocol version in common")]
    Version,
    /// Our user has as much shared memory there as one user may have.
    #[error("our user has used up the shared memory that one user may have there")]
    QuotaReached,
    /// It said something that this version does not know.
    #[error("refusal code {0}")]
    Other(u16),
}

impl Refusal {
    /// The number on the wire; 0 is not a refusal.
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::Disabled => 1,
            Self::NoMemory => 2,
            Self::SegmentRefused => 3,
            Self::TooLarge => 4,
            Self::Version => 5,
            Self::QuotaReached => 6,
            Self::Other(code) => code,
        }
    }

    /// The meaning of a number from the wire, which is not 0.
    pub(crate) fn from_code(code: u16) -> Self {
        match code {
            1 => Self::Disabled,
            2 => Self::NoMemory,
            3 => Self::SegmentRefused,
            4 => Self::TooLarge,
            5 => Self::Version,
            6 => Self::QuotaReached,
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_keep_their_numbers() {
        for code in 1..100 {
            assert_eq!(Refusal::from_code(code).code(), code);
        }
        assert_eq!(Refusal::from_code(5), Refusal::Version);
        assert_eq!(Refusal::from_code(7), Refusal::Other(7));
    }
}
