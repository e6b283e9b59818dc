//! Drives the handshake of [`protocol`](crate::protocol) over a Unix socket, for both roles.

use crate::ancillary::{self, Descriptors};
use crate::limits::{HANDSHAKE_TIMEOUT, MAX_RING_CAPACITY};
use crate::peer_socket::PeerSocket;
use crate::protocol::hello::{
    self, Answer, HELLO_LEN, Hello, Opening, TurnedAway, Welcome, feature,
};

use crate::reason::{Reason, Refusal, ShmMode};
use crate::{Incident, Link, LinkInfo, Violation};
use std::io::{self, IoSlice};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, Interest};

#[cfg(not(target_os = "linux"))]
#[path = "without_records.rs"]
mod records;
#[cfg(target_os = "linux")]
mod records;

#[cfg(target_os = "linux")]
use crate::cpus::cpus;
#[cfg(target_os = "linux")]
use crate::limits::{DEFAULT_RING_CAPACITY, ONE_CPU_RING_CAPACITY};
#[cfg(target_os = "linux")]
use crate::shm_link::ShmSettings;
#[cfg(target_os = "linux")]
use isotonic_shm::RingCapacity;

/// What a side wants of its links.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) mode: ShmMode,
    #[cfg(target_os = "linux")]
    pub(crate) shm: ShmSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: ShmMode::default(),
            #[cfg(target_os = "linux")]
            shm: ShmSettings {
                capacity: default_capacity(),
                largest: MAX_RING_CAPACITY,
            },
        }
    }
}

/// What a ring has unless configured.
#[cfg(target_os = "linux")]
fn default_capacity() -> RingCapacity {
    if cpus() > 1 {
        const { checked(DEFAULT_RING_CAPACITY) }
    } else {
        const { checked(ONE_CPU_RING_CAPACITY) }
    }
}

/// At compile time.
#[cfg(target_os = "linux")]
const fn checked(bytes: u64) -> RingCapacity {
    match RingCapacity::new(bytes) {
        Ok(capacity) => capacity,
        Err(_) => panic!("a default ring capacity is not a capacity"),
    }
}

/// How a client's handshake ended when no link came of it.
#[derive(Debug)]
pub(crate) enum ClientFailure {
    /// The server does not know isotonic: it has to be connected to anew, without a hello.
    PlainPeer {
        /// It said something else. Not so if it only closed the connection, as a server that is about to
        /// end does too, or said nothing for a while, as one that is overloaded does.
        certain: bool,
    },
    /// Shared memory is required but cannot be had.
    Required(Reason),
    /// The server does not serve our user, or not now.
    TurnedAway(TurnedAway),
    /// The server broke the protocol.
    Broken(Violation),
}

/// Runs the client's side on a fresh connection.
pub(crate) async fn connect(
    mut stream: PeerSocket,
    info: LinkInfo,
    settings: Settings,
    patience: Duration,
) -> Result<Link, ClientFailure> {
    let welcome = match tokio::time::timeout(patience, exchange(&mut stream, settings.mode)).await {
        Ok(Ok(Some(welcome))) => welcome,
        Ok(Ok(None)) => return Err(ClientFailure::PlainPeer { certain: true }),
        Ok(Err(error)) => match error.downcast::<Violation>() {
            Ok(violation) => {
                info.incident(violation.incident());
                return Err(ClientFailure::Broken(violation));
            }
            Err(_) => return Err(ClientFailure::PlainPeer { certain: false }),
        },
        Err(_) => return Err(ClientFailure::PlainPeer { certain: false }),
    };
    let reason = match welcome {
        Welcome::Records { attach_now } => {
            return records::connect(stream, info, settings, attach_now).await;
        }
        Welcome::TurnedAway(why) => return Err(ClientFailure::TurnedAway(why)),
        Welcome::Plain(_) if records::FEATURES & feature::SHM == 0 => Reason::Unsupported,
        Welcome::Plain(refusal) => Reason::PeerRefused(refusal),
    };
    if settings.mode == ShmMode::Require {
        return Err(ClientFailure::Required(reason));
    }
    info.set_reason(reason);
    Ok(Link::unix(stream, info))
}

/// Says hello and reads the answer: `None` if it is not a welcome, an error if there is none.
async fn exchange(stream: &mut PeerSocket, mode: ShmMode) -> io::Result<Option<Welcome>> {
    let features = match mode {
        ShmMode::Require => records::FEATURES | feature::ATTACH_NOW,
        ShmMode::Prefer | ShmMode::Off => records::FEATURES,
    };
    let said = stream.write_all(&Hello::ours(features).encode()).await;
    if let Err(error) = said.as_ref()
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // Nobody answers what was not said. A server that turns us away has answered, and closed, without
        // reading it.
        return said.map(|()| None);
    }
    let mut received = [0; HELLO_LEN];
    let mut len = 0;
    loop {
        let read = stream
            .async_io(Interest::READABLE, || {
                ancillary::receive_bytes(&*stream, &mut received[len..], stream.charge())
            })
            .await?;
        len += read;
        match hello::answer(&received[..len]) {
            Answer::Welcome(welcome) => return Ok(Some(welcome)),
            Answer::Incomplete if read > 0 => {}
            Answer::Incomplete => {
                return Err(said.err().unwrap_or(io::ErrorKind::UnexpectedEof.into()));
            }
            Answer::PlainPeer => return Ok(None),
        }
    }
}

/// Why a server closed a connection during the handshake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerFailure {
    #[error("the client closed the connection before it had said what it wants")]
    Closed,
    #[error("the client speaks neither HTTP/2 nor isotonic's protocol")]
    NeitherProtocol,
    #[error("the client sent descriptors with its hello")]
    StrayDescriptors,
    #[error("the client did not finish the handshake within {HANDSHAKE_TIMEOUT:?}")]
    TimedOut,
    #[error("shared memory is required: {0}")]
    Required(Reason),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ServerFailure {
    /// What it is counted as, if it is the client's doing and the link has not counted it.
    pub(crate) fn incident(&self) -> Option<Incident> {
        match self {
            // An error of a socket means that the client is gone.
            Self::Closed | Self::Io(_) => Some(Incident::LeftEarly),
            Self::NeitherProtocol => Some(Incident::NeitherProtocol),
            Self::StrayDescriptors => Some(Incident::StrayDescriptors),
            Self::TimedOut => Some(Incident::TooSlow),
            Self::Required(
                Reason::PeerIsPlainHttp2
                | Reason::PeerRefused(_)
                | Reason::VersionMismatch { .. }
                | Reason::OverTcp
                | Reason::OverPipe
                | Reason::OverFifo,
            ) => Some(Incident::ShmRequired),
            Self::Required(_) => None,
        }
    }
}

/// Runs the server's side on a fresh connection.
pub(crate) async fn accept(
    stream: PeerSocket,
    info: LinkInfo,
    settings: Settings,
) -> Result<Link, ServerFailure> {
    tokio::time::timeout(HANDSHAKE_TIMEOUT, accept_in_time(stream, info, settings))
        .await
        .unwrap_or(Err(ServerFailure::TimedOut))
}

async fn accept_in_time(
    mut stream: PeerSocket,
    info: LinkInfo,
    settings: Settings,
) -> Result<Link, ServerFailure> {
    let plain = |stream, reason| {
        if settings.mode == ShmMode::Require {
            return Err(ServerFailure::Required(reason));
        }
        info.set_reason(reason);
        Ok(Link::unix(stream, info.clone()))
    };
    let hello = match read_opening(&stream).await? {
        None => return plain(stream, Reason::PeerIsPlainHttp2),
        Some(hello) => hello,
    };
    let welcome = hello.answer(
        settings.mode != ShmMode::Off && records::FEATURES & feature::SHM != 0,
        settings.mode == ShmMode::Require,
    );
    stream.write_all(&welcome.encode()).await?;
    match welcome {
        Welcome::Plain(Refusal::Version) => plain(
            stream,
            Reason::VersionMismatch {
                ours: hello::VERSION,
                least: hello.least,
                most: hello.most,
            },
        ),
        // `answer` does not turn away.
        Welcome::TurnedAway(_) => Err(ServerFailure::Closed),
        Welcome::Plain(_) if settings.mode == ShmMode::Off => plain(stream, Reason::Disabled),
        Welcome::Plain(_) if records::FEATURES & feature::SHM == 0 => {
            plain(stream, Reason::Unsupported)
        }
        Welcome::Plain(_) => plain(stream, Reason::PeerRefused(Refusal::Disabled)),
        Welcome::Records { attach_now } => {
            records::accept(stream, info, settings, attach_now).await
        }
    }
}

/// Tells a client that it is not served, and why, if it is not seen to be a plain one. Does not wait: such a
/// client gets none of our time.
pub(crate) fn turn_away(stream: &PeerSocket, why: TurnedAway) {
    let mut first = [0];
    let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
    let seen = rustix::net::recv(stream, &mut first, flags);
    if seen.is_ok_and(|_| hello::opening(&first) == Opening::PlainHttp2) {
        return;
    }
    // There is nothing to be done if it is gone.
    let _ = ancillary::send(
        stream,
        &[IoSlice::new(&Welcome::TurnedAway(why).encode())],
        None,
    );
}

/// Reads a client's hello; `None` if it speaks HTTP/2, whose bytes are left in the socket.
async fn read_opening(stream: &PeerSocket) -> Result<Option<Hello>, ServerFailure> {
    let mut received = [0; HELLO_LEN];
    // Looking does not receive descriptors, so none can be lost or leak here.
    let seen = peek(stream, &mut received).await?;
    match hello::opening(&received[..seen]) {
        Opening::PlainHttp2 => return Ok(None),
        Opening::Neither => return Err(ServerFailure::NeitherProtocol),
        Opening::Hello(_) | Opening::Incomplete => {}
    }
    let mut len = 0;
    loop {
        let read = stream
            .async_io(Interest::READABLE, || {
                ancillary::receive(stream, &mut received[len..], stream.charge())
            })
            .await?;
        if !matches!(&read.descriptors, Descriptors::Whole(none) if none.is_empty()) {
            return Err(ServerFailure::StrayDescriptors);
        }
        let read = read.len;
        len += read;
        match hello::opening(&received[..len]) {
            Opening::Hello(hello) => return Ok(Some(hello)),
            Opening::Incomplete if read > 0 => {}
            Opening::Incomplete => return Err(ServerFailure::Closed),
            Opening::PlainHttp2 | Opening::Neither => return Err(ServerFailure::NeitherProtocol),
        }
    }
}

/// Looks at the first bytes of a connection without taking them.
async fn peek(stream: &PeerSocket, target: &mut [u8]) -> Result<usize, ServerFailure> {
    let seen = stream
        .async_io(Interest::READABLE, || {
            let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
            let (len, _) = rustix::net::recv(stream, &mut *target, flags)?;
            Ok(len)
        })
        .await?;
    if seen == 0 {
        Err(ServerFailure::Closed)
    } else {
        Ok(seen)
    }
}
