//! `Hello` and `Welcome`: the two records that find out whom we talk to.
//!
//! ```text
//! offset  0        8            10           12         16           32
//! Hello   | magic  | version    | version    | features | zero       |
//!         |        |    least   |    most    |          |            |
//! Welcome | magic  | version    | refusal    | features | zero       |
//! ```
//!
//! All numbers are little-endian. `Hello` begins with a byte other than the `P` of HTTP/2's preface and
//! is longer than it (24 bytes), because some HTTP/2 servers read that much before they complain.
//! `Welcome` begins like `Hello` and unlike any HTTP/2 frame: the first byte of a SETTINGS frame, with
//! which a plain server begins, is the high byte of a length below 2^16.

use crate::reason::Refusal;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The size of both records in bytes.
pub(crate) const HELLO_LEN: usize = 32;

/// The protocol version that this code speaks.
pub(crate) const VERSION: u16 = 1;

/// In place of a refusal in a `Welcome`: see [`Welcome::TurnedAway`]. Far from the codes of refusals.
const NOT_ADMITTED: u16 = 0xFFFF;
/// The same.
const QUOTA_REACHED: u16 = 0xFFFE;

const MAGIC: [u8; 8] = *b"\x9Eisotonc";

/// The first byte of HTTP/2's connection preface, `PRI * HTTP/2.0` (RFC 9113, section 3.4).
const HTTP2_FIRST_BYTE: u8 = b'P';

/// Feature bits. Unknown ones are ignored.
pub(crate) mod feature {
    /// The side can use shared memory and is willing to.
    pub(crate) const SHM: u32 = 1 << 0;
    /// The link has to move into shared memory before anything else: the side's mode is `require`. A
    /// server repeats it in its `Welcome`, whichever side it came from.
    pub(crate) const ATTACH_NOW: u32 = 1 << 1;
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RawHello {
    magic: [u8; 8],
    version_least: U16,
    version_most: U16,
    features: U32,
    zero: [u8; 16],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RawWelcome {
    magic: [u8; 8],
    version: U16,
    refusal: U16,
    features: U32,
    zero: [u8; 16],
}

const _: () = assert!(size_of::<RawHello>() == HELLO_LEN && size_of::<RawWelcome>() == HELLO_LEN);
const _: () = assert!(MAGIC[0] != HTTP2_FIRST_BYTE && HELLO_LEN >= 24);

/// The client's opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The lowest protocol version that the client speaks.
    pub(crate) least: u16,
    /// The highest protocol version that the client speaks.
    pub(crate) most: u16,
    /// See [`feature`].
    pub(crate) features: u32,
}

/// The server's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// Records follow, and the link may move into shared memory; at once if so asked.
    Records {
        /// The client has to attach before anything else.
        attach_now: bool,
    },
    /// Plain bytes follow.
    Plain(Refusal),
    /// Nothing follows: the server does not serve the client.
    TurnedAway(TurnedAway),
}

/// Why a server does not serve a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// It does not admit the client's user.
    NotAdmitted,
    /// The client's user has as many connections as one user may have.
    QuotaReached,
}

/// What a server makes of the first bytes of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// HTTP/2; the bytes belong to it.
    PlainHttp2,
    /// An isotonic client.
    Hello(Hello),
    /// More bytes are needed to tell.
    Incomplete,
    /// Neither protocol.
    Neither,
}

/// What a client makes of the first bytes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An isotonic server.
    Welcome(Welcome),
    /// More bytes are needed to tell.
    Incomplete,
    /// Anything else: the server does not know isotonic.
    PlainPeer,
}

impl Hello {
    /// What this code says of itself, with what this platform can do.
    pub(crate) fn ours(features: u32) -> Self {
        Self {
            least: VERSION,
            most: VERSION,
            features,
        }
    }

    pub(crate) fn encode(self) -> [u8; HELLO_LEN] {
        zerocopy::transmute!(RawHello {
            magic: MAGIC,
            version_least: self.least.into(),
            version_most: self.most.into(),
            features: self.features.into(),
            zero: [0; 16],
        })
    }

    /// The server's decision, from the client's hello and its own willingness.
    pub(crate) fn answer(self, shm: bool, required: bool) -> Welcome {
        if self.least > VERSION || self.most < VERSION {
            Welcome::Plain(Refusal::Version)
        } else if !shm || self.features & feature::SHM == 0 {
            Welcome::Plain(Refusal::Disabled)
        } else {
            Welcome::Records {
                attach_now: required || self.features & feature::ATTACH_NOW != 0,
            }
        }
    }
}

impl Welcome {
    pub(crate) fn encode(self) -> [u8; HELLO_LEN] {
        let (version, refusal, features) = match self {
            Self::Records { attach_now: true } => (VERSION, 0, feature::SHM | feature::ATTACH_NOW),
            Self::Records { attach_now: false } => (VERSION, 0, feature::SHM),
            Self::TurnedAway(TurnedAway::NotAdmitted) => (VERSION, NOT_ADMITTED, 0),
            Self::TurnedAway(TurnedAway::QuotaReached) => (VERSION, QUOTA_REACHED, 0),
            Self::Plain(Refusal::Version) => (0, Refusal::Version.code(), 0),
            Self::Plain(refusal) => (VERSION, refusal.code(), 0),
        };
        zerocopy::transmute!(RawWelcome {
            magic: MAGIC,
            version: version.into(),
            refusal: refusal.into(),
            features: features.into(),
            zero: [0; 16],
        })
    }

    fn decode(raw: &RawWelcome) -> Self {
        match (raw.version.get(), raw.refusal.get()) {
            (VERSION, 0) if raw.features.get() & feature::SHM != 0 => Self::Records {
                attach_now: raw.features.get() & feature::ATTACH_NOW != 0,
            },
            (VERSION, NOT_ADMITTED) => Self::TurnedAway(TurnedAway::NotAdmitted),
            (VERSION, QUOTA_REACHED) => Self::TurnedAway(TurnedAway::QuotaReached),
            // Whatever else a Welcome says, it promises plain bytes: a client can always go on.
            (VERSION, 0) => Self::Plain(Refusal::Disabled),
            (VERSION, code) => Self::Plain(Refusal::from_code(code)),
            _ => Self::Plain(Refusal::Version),
        }
    }
}

/// Recognises what a client wants from all of its bytes so far.
pub(crate) fn opening(received: &[u8]) -> Opening {
    match received.first() {
        None => return Opening::Incomplete,
        Some(&HTTP2_FIRST_BYTE) => return Opening::PlainHttp2,
        Some(_) if !begins_with_magic(received) => return Opening::Neither,
        Some(_) => {}
    }
    match RawHello::ref_from_prefix(received) {
        Err(_) => Opening::Incomplete,
        Ok((raw, _)) => Opening::Hello(Hello {
            least: raw.version_least.get(),
            most: raw.version_most.get(),
            features: raw.features.get(),
        }),
    }
}

/// Recognises what a server is from all of its bytes so far.
pub(crate) fn answer(received: &[u8]) -> Answer {
    if !begins_with_magic(received) {
        return Answer::PlainPeer;
    }
    match RawWelcome::ref_from_prefix(received) {
        Err(_) => Answer::Incomplete,
        Ok((raw, _)) => Answer::Welcome(Welcome::decode(raw)),
    }
}

fn begins_with_magic(received: &[u8]) -> bool {
    let len = received.len().min(MAGIC.len());
    received[..len] == MAGIC[..len]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_arrives_as_it_was_sent_however_it_is_cut() {
        let hello = Hello {
            least: 1,
            most: 7,
            features: 0xF000_0001,
        };
        let bytes = hello.encode();
        for len in 0..bytes.len() {
            assert_eq!(opening(&bytes[..len]), Opening::Incomplete, "{len} bytes");
        }
        assert_eq!(opening(&bytes), Opening::Hello(hello));
    }

    #[test]
    fn a_welcome_arrives_as_it_was_sent_however_it_is_cut() {
        for welcome in [
            Welcome::Records { attach_now: false },
            Welcome::Records { attach_now: true },
            Welcome::Plain(Refusal::Disabled),
            Welcome::Plain(Refusal::Version),
            Welcome::Plain(Refusal::Other(999)),
            Welcome::TurnedAway(TurnedAway::NotAdmitted),
            Welcome::TurnedAway(TurnedAway::QuotaReached),
        ] {
            let bytes = welcome.encode();
            for len in 0..bytes.len() {
                assert_eq!(answer(&bytes[..len]), Answer::Incomplete);
            }
            assert_eq!(answer(&bytes), Answer::Welcome(welcome));
        }
    }

    #[test]
    fn http2_and_noise_are_told_apart_at_the_first_byte() {
        assert_eq!(opening(b"P"), Opening::PlainHttp2);
        assert_eq!(opening(b"PRI * HTTP/2.0\r\n"), Opening::PlainHttp2);
        assert_eq!(opening(b"G"), Opening::Neither);
        assert_eq!(opening(b"\x16\x03\x01"), Opening::Neither);
        // A SETTINGS frame, empty and with one setting; an HTTP/1 error.
        assert_eq!(answer(&[0, 0, 0, 4, 0, 0, 0, 0, 0]), Answer::PlainPeer);
        assert_eq!(answer(&[0, 0, 6]), Answer::PlainPeer);
        assert_eq!(answer(b"HTTP/1.1 400"), Answer::PlainPeer);
    }

    #[test]
    fn the_server_decides_by_version_and_willingness() {
        let hello = Hello::ours(feature::SHM);
        let records = |attach_now| Welcome::Records { attach_now };
        assert_eq!(hello.answer(true, false), records(false));
        assert_eq!(hello.answer(true, true), records(true));
        assert_eq!(
            hello.answer(false, false),
            Welcome::Plain(Refusal::Disabled)
        );
        let requiring = Hello {
            features: feature::SHM | feature::ATTACH_NOW,
            ..hello
        };
        assert_eq!(requiring.answer(true, false), records(true));
        let newer = Hello {
            least: 2,
            most: 9,
            ..hello
        };
        assert_eq!(newer.answer(true, false), Welcome::Plain(Refusal::Version));
        let ranging = Hello {
            least: 0,
            most: 9,
            ..hello
        };
        assert_eq!(ranging.answer(true, false), records(false));
        let backwards = Hello {
            least: 9,
            most: 0,
            ..hello
        };
        assert_eq!(
            backwards.answer(true, false),
            Welcome::Plain(Refusal::Version)
        );
        let unwilling = Hello {
            features: !feature::SHM,
            ..hello
        };
        assert_eq!(
            unwilling.answer(true, false),
            Welcome::Plain(Refusal::Disabled)
        );
    }
}
