//! The records that follow a `Welcome`, and the reader that cuts them out of the socket's bytes.
//!
//! ```text
//! offset  0      1        4       8
//! header  | kind | zero   | len   |   then `len` bytes:
//! Data       1   the stream's next bytes
//! Attach     2   | capacity u64 | descriptors u32 (1) | zero u32 |   with one descriptor
//! Attached   3   the same
//! Refused    4   | code u16 | zero [6] |
//! Moved      5   nothing
//! Doorbell   6   nothing
//! Close      7   | total u64 |   bytes that the sender ever put into its ring
//! ```
//!
//! All numbers are little-endian. A descriptor arrives with the first byte of the record that carries
//! it, or with bytes before it that the kernel delivered together; it is therefore attributed by the
//! count that the record declares, and one that no record declares is a violation.

use crate::ancillary::Descriptors;
use crate::foreign_descriptor::ForeignDescriptor;
use crate::limits::MAX_DATA_RECORD;
use crate::reason::Refusal;
use bytes::{Buf, BytesMut};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The size of a record's header in bytes.
pub(crate) const HEADER_LEN: usize = 8;

/// Descriptors that may be waiting for the record that declares them.
const MAX_PENDING_DESCRIPTORS: usize = 1;

mod kind {
    pub(super) const DATA: u8 = 1;
    pub(super) const ATTACH: u8 = 2;
    pub(super) const ATTACHED: u8 = 3;
    pub(super) const REFUSED: u8 = 4;
    pub(super) const MOVED: u8 = 5;
    pub(super) const DOORBELL: u8 = 6;
    pub(super) const CLOSE: u8 = 7;
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    kind: u8,
    zero: [u8; 3],
    len: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct AttachBody {
    capacity: U64,
    descriptors: U32,
    zero: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RefusedBody {
    code: U16,
    zero: [u8; 6],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct CloseBody {
    total: U64,
}

const _: () = assert!(size_of::<Header>() == HEADER_LEN);
const _: () = assert!(size_of::<AttachBody>() == 16 && size_of::<RefusedBody>() == 8);
const _: () = assert!(size_of::<CloseBody>() == 8);

/// A record as received: parsed once, never looked at as bytes again.
#[derive(Debug)]
pub(crate) enum Record {
    /// The next bytes of the stream: a `Data` record's payload or as much of it as has come.
    Data(BytesMut),
    /// A control record.
    Control(Control),
}

/// Every record but `Data`.
#[derive(Debug)]
pub(crate) enum Control {
    /// The client's segment and the capacity of its ring in bytes, not yet checked.
    Attach { capacity: u64, segment: Segment },
    /// The server's segment and the capacity of its ring in bytes, not yet checked.
    Attached { capacity: u64, segment: Segment },
    /// The sender does not go on with moving into shared memory.
    Refused(Refusal),
    /// The sender's bytes are in its ring from here on.
    Moved,
    /// Look at the rings.
    Doorbell,
    /// The sender's direction has ended.
    Close { total: u64 },
}

/// The descriptor of a segment, to be sent or as received.
#[derive(Debug)]
pub(crate) enum Segment {
    /// Ours.
    Own(OwnedFd),
    /// What the peer says is its segment.
    Foreign(ForeignDescriptor),
    /// The peer sent it, but this process could not take it.
    Lost,
}

impl Segment {
    fn into_own(self) -> Option<OwnedFd> {
        match self {
            Self::Own(descriptor) => Some(descriptor),
            Self::Foreign(_) | Self::Lost => None,
        }
    }
}

/// What a peer did that no correct peer does, in the records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordViolation {
    #[error("unknown record kind {kind}")]
    UnknownKind { kind: u8 },
    #[error("a record of kind {kind} with a body of {len} B")]
    WrongLength { kind: u8, len: u32 },
    #[error("a record that declares {declared} descriptors, {required} is right")]
    WrongCount { declared: u32, required: u32 },
    #[error("a record without the descriptor that it declares")]
    MissingDescriptor,
    #[error("more descriptors than any record declares")]
    StrayDescriptor,
    #[error("refusal code 0")]
    NoRefusal,
}

impl Control {
    /// The record's bytes and its descriptor, ready to be sent.
    pub(crate) fn encode(self) -> (Vec<u8>, Option<OwnedFd>) {
        match self {
            Self::Attach { capacity, segment } => (
                with_header(kind::ATTACH, attach_body(capacity).as_bytes()),
                segment.into_own(),
            ),
            Self::Attached { capacity, segment } => (
                with_header(kind::ATTACHED, attach_body(capacity).as_bytes()),
                segment.into_own(),
            ),
            Self::Refused(refusal) => {
                let body = RefusedBody {
                    code: refusal.code().into(),
                    zero: [0; 6],
                };
                (with_header(kind::REFUSED, body.as_bytes()), None)
            }
            Self::Moved => (with_header(kind::MOVED, &[]), None),
            Self::Doorbell => (with_header(kind::DOORBELL, &[]), None),
            Self::Close { total } => {
                let body = CloseBody {
                    total: total.into(),
                };
                (with_header(kind::CLOSE, body.as_bytes()), None)
            }
        }
    }
}

fn attach_body(capacity: u64) -> AttachBody {
    AttachBody {
        capacity: capacity.into(),
        descriptors: 1.into(),
        zero: 0.into(),
    }
}

fn with_header(kind: u8, body: &[u8]) -> Vec<u8> {
    [&header(kind, body.len()), body].concat()
}

/// The header of a `Data` record with `len` bytes of payload, from 1 to [`MAX_DATA_RECORD`].
pub(crate) fn data_header(len: usize) -> [u8; HEADER_LEN] {
    debug_assert!((1..=MAX_DATA_RECORD).contains(&len));
    header(kind::DATA, len)
}

fn header(kind: u8, len: usize) -> [u8; HEADER_LEN] {
    zerocopy::transmute!(Header {
        kind,
        zero: [0; 3],
        len: (len as u32).into(),
    })
}

/// Cuts records out of the bytes and descriptors of a socket. Holds at most one `Data` payload's worth
/// of unparsed bytes beyond what was last fed in.
///
/// Invariant: `data_left` bytes of an already opened `Data` record come first in `bytes`.
#[derive(Debug, Default)]
pub(crate) struct RecordReader {
    bytes: BytesMut,
    descriptors: VecDeque<Segment>,
    data_left: usize,
}

impl RecordReader {
    /// Takes what one system call received.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        descriptors: Descriptors,
    ) -> Result<(), RecordViolation> {
        self.bytes.extend_from_slice(bytes);
        match descriptors {
            Descriptors::Whole(received) => {
                self.descriptors
                    .extend(received.into_iter().map(Segment::Foreign));
            }
            Descriptors::Lost => self.descriptors.push_back(Segment::Lost),
            Descriptors::TooMany => return Err(RecordViolation::StrayDescriptor),
        }
        if self.descriptors.len() > MAX_PENDING_DESCRIPTORS {
            self.descriptors.clear();
            return Err(RecordViolation::StrayDescriptor);
        }
        Ok(())
    }

    /// Whether bytes of an unfinished record are at hand: an end of the stream now cuts it.
    pub(crate) fn is_mid_record(&self) -> bool {
        !self.bytes.is_empty() || self.data_left > 0
    }

    /// The next record, or `None` if more bytes are needed.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, RecordViolation> {
        if self.data_left == 0 && self.bytes.first() == Some(&kind::DATA) {
            let Ok((header, _)) = Header::ref_from_prefix(&self.bytes) else {
                return self.nothing_yet(false);
            };
            let len = header.len.get();
            if len == 0 || len as usize > MAX_DATA_RECORD {
                return Err(RecordViolation::WrongLength {
                    kind: kind::DATA,
                    len,
                });
            }
            self.data_left = len as usize;
            self.bytes.advance(HEADER_LEN);
        }
        if self.data_left > 0 {
            let len = self.data_left.min(self.bytes.len());
            if len == 0 {
                return self.nothing_yet(false);
            }
            self.data_left -= len;
            return Ok(Some(Record::Data(self.bytes.split_to(len))));
        }
        self.next_control()
    }

    fn next_control(&mut self) -> Result<Option<Record>, RecordViolation> {
        let Some(&kind) = self.bytes.first() else {
            return self.nothing_yet(false);
        };
        let carries_descriptor = matches!(kind, kind::ATTACH | kind::ATTACHED);
        let expected = match kind {
            kind::ATTACH | kind::ATTACHED => size_of::<AttachBody>(),
            kind::REFUSED => size_of::<RefusedBody>(),
            kind::CLOSE => size_of::<CloseBody>(),
            kind::MOVED | kind::DOORBELL => 0,
            kind => return Err(RecordViolation::UnknownKind { kind }),
        };
        let Ok((header, _)) = Header::ref_from_prefix(&self.bytes) else {
            return self.nothing_yet(carries_descriptor);
        };
        let len = header.len.get();
        if len as usize != expected {
            return Err(RecordViolation::WrongLength { kind, len });
        }
        if self.bytes.len() < HEADER_LEN + expected {
            return self.nothing_yet(carries_descriptor);
        }
        let record = self.bytes.split_to(HEADER_LEN + expected);
        let body = &record[HEADER_LEN..];
        self.control(kind, body)
            .map(|control| Some(Record::Control(control)))
    }

    fn control(&mut self, kind: u8, body: &[u8]) -> Result<Control, RecordViolation> {
        let wrong_length = || RecordViolation::WrongLength {
            kind,
            len: body.len() as u32,
        };
        match kind {
            kind::ATTACH | kind::ATTACHED => {
                let body = AttachBody::ref_from_bytes(body).map_err(|_| wrong_length())?;
                let declared = body.descriptors.get();
                if declared != 1 {
                    return Err(RecordViolation::WrongCount {
                        declared,
                        required: 1,
                    });
                }
                let segment = self
                    .descriptors
                    .pop_front()
                    .ok_or(RecordViolation::MissingDescriptor)?;
                let capacity = body.capacity.get();
                Ok(if kind == kind::ATTACH {
                    Control::Attach { capacity, segment }
                } else {
                    Control::Attached { capacity, segment }
                })
            }
            kind::REFUSED => {
                let body = RefusedBody::ref_from_bytes(body).map_err(|_| wrong_length())?;
                match body.code.get() {
                    0 => Err(RecordViolation::NoRefusal),
                    code => Ok(Control::Refused(Refusal::from_code(code))),
                }
            }
            kind::CLOSE => {
                let body = CloseBody::ref_from_bytes(body).map_err(|_| wrong_length())?;
                Ok(Control::Close {
                    total: body.total.get(),
                })
            }
            kind::MOVED => Ok(Control::Moved),
            kind::DOORBELL => Ok(Control::Doorbell),
            kind => Err(RecordViolation::UnknownKind { kind }),
        }
    }

    /// All bytes are parsed but for the beginning of one record: a descriptor can only belong to it.
    fn nothing_yet(&self, carries_descriptor: bool) -> Result<Option<Record>, RecordViolation> {
        if self.descriptors.is_empty() || carries_descriptor {
            Ok(None)
        } else {
            Err(RecordViolation::StrayDescriptor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn descriptor() -> OwnedFd {
        File::open("/dev/null").unwrap().into()
    }

    fn attach(capacity: u64) -> Vec<u8> {
        let (bytes, _) = Control::Attach {
            capacity,
            segment: Segment::Own(descriptor()),
        }
        .encode();
        bytes
    }

    fn data(payload: &[u8]) -> Vec<u8> {
        [&data_header(payload.len()), payload].concat()
    }

    /// Feeds `bytes` in pieces of `step`, with `descriptors` at the first, and prints what comes out.
    fn read(bytes: &[u8], step: usize, descriptors: usize) -> Result<String, RecordViolation> {
        let mut reader = RecordReader::default();
        let mut seen = String::new();
        let mut descriptors: Vec<_> = (0..descriptors)
            .map(|_| ForeignDescriptor::new(descriptor(), None))
            .collect();
        for piece in bytes.chunks(step) {
            reader.feed(piece, Descriptors::Whole(std::mem::take(&mut descriptors)))?;
            while let Some(record) = reader.next()? {
                match record {
                    Record::Data(payload) => seen.push_str(&String::from_utf8_lossy(&payload)),
                    Record::Control(Control::Attach { capacity, .. }) => {
                        seen.push_str(&format!("[attach {capacity}]"));
                    }
                    Record::Control(Control::Attached { capacity, .. }) => {
                        seen.push_str(&format!("[attached {capacity}]"));
                    }
                    Record::Control(Control::Refused(refusal)) => {
                        seen.push_str(&format!("[refused {}]", refusal.code()));
                    }
                    Record::Control(Control::Moved) => seen.push_str("[moved]"),
                    Record::Control(Control::Doorbell) => seen.push_str("[doorbell]"),
                    Record::Control(Control::Close { total }) => {
                        seen.push_str(&format!("[close {total}]"));
                    }
                }
            }
        }
        assert!(!reader.is_mid_record());
        Ok(seen)
    }

    #[test]
    fn records_come_out_as_they_went_in_however_they_are_cut() {
        let bytes = [
            attach(65536),
            data(b"hello "),
            Control::Moved.encode().0,
            Control::Doorbell.encode().0,
            Control::Refused(Refusal::NoMemory).encode().0,
            data(b"world"),
            Control::Close { total: 1 << 40 }.encode().0,
        ]
        .concat();
        for step in 1..=bytes.len() {
            assert_eq!(
                read(&bytes, step, 1).unwrap(),
                "[attach 65536]hello [moved][doorbell][refused 2]world[close 1099511627776]"
            );
        }
    }

    #[test]
    fn a_descriptor_may_come_with_bytes_before_its_record() {
        let bytes = [data(b"before"), attach(4096)].concat();
        assert_eq!(read(&bytes, bytes.len(), 1).unwrap(), "before[attach 4096]");
        let cut = bytes.len() - 3;
        assert_eq!(read(&bytes, cut, 1).unwrap(), "before[attach 4096]");
    }

    #[test]
    fn descriptors_that_no_record_declares_are_a_violation() {
        let stray = Err(RecordViolation::StrayDescriptor);
        assert_eq!(read(&data(b"x"), 100, 1), stray);
        assert_eq!(read(&Control::Doorbell.encode().0, 100, 1), stray);
        assert_eq!(read(&Control::Doorbell.encode().0, 3, 1), stray);
        assert_eq!(read(&attach(4096), 100, 2), stray);
        assert_eq!(
            read(&attach(4096), 100, 0),
            Err(RecordViolation::MissingDescriptor)
        );
        for declared in [0, 2, u32::MAX] {
            let mut bytes = attach(4096);
            bytes[16..20].copy_from_slice(&declared.to_le_bytes());
            let wrong = Err(RecordViolation::WrongCount {
                declared,
                required: 1,
            });
            assert_eq!(read(&bytes, 100, 1), wrong);
        }
    }

    #[test]
    fn wrong_kinds_and_lengths_are_violations() {
        for kind in [0, 8, 255] {
            let wrong = Err(RecordViolation::UnknownKind { kind });
            assert_eq!(read(&header(kind, 0), 100, 0), wrong);
        }
        for (kind, len) in [
            (kind::DATA, 0),
            (kind::DATA, MAX_DATA_RECORD as u32 + 1),
            (kind::DATA, u32::MAX),
            (kind::ATTACH, 15),
            (kind::CLOSE, 9),
            (kind::MOVED, 1),
            (kind::DOORBELL, u32::MAX),
        ] {
            let wrong = Err(RecordViolation::WrongLength { kind, len });
            assert_eq!(read(&header(kind, len as usize), 100, 0), wrong);
        }
        let refused_nothing = with_header(kind::REFUSED, &[0; 8]);
        assert_eq!(
            read(&refused_nothing, 100, 0),
            Err(RecordViolation::NoRefusal)
        );
    }
}
