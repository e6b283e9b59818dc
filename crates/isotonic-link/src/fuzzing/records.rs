//! What is fuzzed of the records: the recognition of a peer by its first bytes, and the reader that is
//! fed whatever comes however it is cut, with descriptors wherever they come. Each answer is compared
//! with what the bytes at this place say, which know nothing of how they were cut.

use crate::ancillary::Descriptors;
use crate::foreign_descriptor::ForeignDescriptor;
use crate::limits::MAX_DATA_RECORD;
use crate::protocol::hello::{self, Answer, HELLO_LEN, Hello, Opening};
use crate::protocol::record::{Control, HEADER_LEN, Record, RecordReader, RecordViolation};
use arbitrary::{Result, Unstructured};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Takes a step for each piece in the input: what one system call would have received.
pub fn records(input: &[u8]) {
    recognise(input);
    // Never an error: what an input lacks is zero.
    let _ = read(&mut Unstructured::new(input));
}

/// A peer is recognised at the first byte that tells, and never taken for something else when more come.
fn recognise(input: &[u8]) {
    let input = &input[..input.len().min(HELLO_LEN + 1)];
    let ours = Hello::ours(0).encode();
    let mut opening = Opening::Incomplete;
    let mut answer = Answer::Incomplete;
    for len in 0..=input.len() {
        let seen = &input[..len];
        let longer = (hello::opening(seen), hello::answer(seen));
        assert!(opening == Opening::Incomplete || opening == longer.0);
        assert!(answer == Answer::Incomplete || answer == longer.1);
        (opening, answer) = longer;
        let may_be_ours = len < HELLO_LEN && ours[..8].starts_with(&seen[..len.min(8)]);
        assert_eq!(opening == Opening::Incomplete, may_be_ours);
        assert_eq!(answer == Answer::Incomplete, may_be_ours);
    }
    let http2 = input.first() == Some(&b'P');
    assert_eq!(opening == Opening::PlainHttp2, http2);
    if let Opening::Hello(hello) = opening {
        assert_eq!(hello.encode()[..16], input[..16]);
    }
    if let Answer::Welcome(welcome) = answer {
        assert_eq!(
            hello::answer(&welcome.encode()),
            Answer::Welcome(welcome),
            "it is told to others otherwise than it was understood"
        );
    }
}

/// More than closing a descriptor takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn read(input: &mut Unstructured<'_>) -> Result<()> {
    // Every descriptor that the reader is given is a copy of `original`: once all are closed, the stream ends.
    let (end, original) = UnixStream::pair().expect("two sockets");
    // They are closed by another thread.
    end.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut stream = Stream::default();
    while !input.is_empty() {
        let bytes = match input.arbitrary::<u8>()? {
            len @ 0..0xFF => {
                let len = usize::from(len).min(input.len());
                input.bytes(len)?.to_vec()
            }
            0xFF => vec![0xFF; input.arbitrary::<u16>()?.into()],
        };
        let descriptors = match input.arbitrary::<u8>()? % 8 {
            0 => whole(&original, 1),
            1 => whole(&original, 2),
            2 => Descriptors::Lost,
            3 => Descriptors::TooMany,
            _ => Descriptors::Whole(Vec::new()),
        };
        if let Err(violation) = stream.receive(&bytes, descriptors) {
            if violation == RecordViolation::StrayDescriptor && stream.descriptors > 1 {
                drop(original);
                assert!(has_ended(&end), "stray descriptors are kept");
                return Ok(());
            }
            break;
        }
    }
    drop((stream, original));
    assert!(has_ended(&end), "a descriptor leaked");
    Ok(())
}

fn whole(original: &UnixStream, count: usize) -> Descriptors {
    let copy = || ForeignDescriptor::new(original.try_clone().expect("a descriptor").into(), None);
    Descriptors::Whole((0..count).map(|_| copy()).collect())
}

fn has_ended(mut end: &UnixStream) -> bool {
    end.read(&mut [0]).is_ok_and(|read| read == 0)
}

/// Everything that was received, and what has come of it.
#[derive(Default)]
struct Stream {
    reader: RecordReader,
    bytes: Vec<u8>,
    /// The bytes before this were told of by records.
    parsed: usize,
    /// Bytes of the open `Data` record that are still to come out.
    payload_left: usize,
    /// Descriptors that no record has declared yet.
    descriptors: usize,
}

/// What the bytes that were not told of yet are.
#[derive(Debug, PartialEq, Eq)]
enum Rest {
    Payload,
    Control,
    Incomplete,
    Wrong,
}

impl Stream {
    /// Feeds what one system call received and takes all records out.
    fn receive(
        &mut self,
        bytes: &[u8],
        descriptors: Descriptors,
    ) -> std::result::Result<(), RecordViolation> {
        let too_many = matches!(descriptors, Descriptors::TooMany);
        self.descriptors += match &descriptors {
            Descriptors::Whole(descriptors) => descriptors.len(),
            Descriptors::Lost => 1,
            Descriptors::TooMany => 0,
        };
        self.bytes.extend_from_slice(bytes);
        let fed = self.reader.feed(bytes, descriptors);
        assert_eq!(fed.is_err(), too_many || self.descriptors > 1, "{fed:?}");
        fed?;
        loop {
            let rest = self.rest();
            let next = self.reader.next();
            match &next {
                Ok(Some(Record::Data(payload))) => {
                    assert_eq!(rest, Rest::Payload);
                    self.came_out(payload);
                }
                Ok(Some(Record::Control(_))) => assert_eq!(rest, Rest::Control),
                Ok(None) => {
                    assert_eq!(rest, Rest::Incomplete);
                    assert!(self.descriptors == 0 || self.may_declare());
                    self.is_bounded();
                    return Ok(());
                }
                Err(RecordViolation::StrayDescriptor) => {
                    assert_eq!(rest, Rest::Incomplete);
                    assert!(self.descriptors > 0 && !self.may_declare());
                }
                Err(_) => assert_eq!(rest, Rest::Wrong),
            }
            if let Some(Record::Control(record)) = next? {
                self.control_came_out(record);
            }
        }
    }

    /// What the bytes say, as the table in `protocol::record` has it.
    fn rest(&self) -> Rest {
        let rest = &self.bytes[self.parsed..];
        if self.payload_left > 0 {
            return if rest.is_empty() {
                Rest::Incomplete
            } else {
                Rest::Payload
            };
        }
        let lengths = match rest.first() {
            None => return Rest::Incomplete,
            Some(1) => 1..=MAX_DATA_RECORD as u32,
            Some(2 | 3) => 16..=16,
            Some(4 | 7) => 8..=8,
            Some(5 | 6) => 0..=0,
            Some(_) => return Rest::Wrong,
        };
        let Some(len) = rest.get(4..8) else {
            return Rest::Incomplete;
        };
        let len = u32::from_le_bytes(len.try_into().expect("four bytes"));
        if !lengths.contains(&len) {
            return Rest::Wrong;
        }
        let body = &rest[HEADER_LEN..];
        match rest[0] {
            1 if body.is_empty() => Rest::Incomplete,
            1 => Rest::Payload,
            _ if body.len() < len as usize => Rest::Incomplete,
            2 | 3 if body[8..12] != [1, 0, 0, 0] || self.descriptors == 0 => Rest::Wrong,
            4 if body[..2] == [0, 0] => Rest::Wrong,
            _ => Rest::Control,
        }
    }

    /// Whether a descriptor can belong to the record that has only begun.
    fn may_declare(&self) -> bool {
        self.payload_left == 0 && matches!(self.bytes.get(self.parsed), Some(2 | 3))
    }

    /// The reader keeps less than the longest control record when it asks for more.
    fn is_bounded(&self) {
        let left = self.bytes.len() - self.parsed;
        assert!(left < HEADER_LEN + 16 && self.descriptors <= 1);
        let mid_record = left > 0 || self.payload_left > 0;
        assert_eq!(self.reader.is_mid_record(), mid_record);
    }

    fn came_out(&mut self, payload: &[u8]) {
        if self.payload_left == 0 {
            let header = &self.bytes[self.parsed..][..HEADER_LEN];
            let len = u32::from_le_bytes(header[4..].try_into().expect("four bytes"));
            self.payload_left = len as usize;
            self.parsed += HEADER_LEN;
        }
        assert!(!payload.is_empty() && payload.len() <= self.payload_left);
        assert_eq!(payload, &self.bytes[self.parsed..][..payload.len()]);
        self.parsed += payload.len();
        self.payload_left -= payload.len();
    }

    /// A record that came out is sent as it was received, but for what is ignored in it.
    fn control_came_out(&mut self, record: Control) {
        let declares = matches!(record, Control::Attach { .. } | Control::Attached { .. });
        self.descriptors -= usize::from(declares);
        let (sent, _) = record.encode();
        let mut received = self.bytes[self.parsed..][..sent.len()].to_vec();
        received[1..4].fill(0);
        match received[0] {
            2 | 3 => received[20..24].fill(0),
            4 => received[10..16].fill(0),
            _ => {}
        }
        assert_eq!(sent, received);
        self.parsed += sent.len();
    }
}
