//! A peer that speaks the wire format by hand, and so can say anything. The layouts are those of
//! `src/protocol`, written down a second time on purpose: a change there that breaks compatibility
//! shows here.

use crate::patience::PATIENCE;
use isotonic_link::Address;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

pub(crate) const HELLO_LEN: usize = 32;
pub(crate) const HEADER_LEN: usize = 8;
const MAGIC: &[u8; 8] = b"\x9Eisotonc";

pub(crate) const DATA: u8 = 1;
pub(crate) const ATTACH: u8 = 2;
pub(crate) const ATTACHED: u8 = 3;
pub(crate) const REFUSED: u8 = 4;
pub(crate) const MOVED: u8 = 5;
pub(crate) const DOORBELL: u8 = 6;
pub(crate) const CLOSE: u8 = 7;

pub(crate) const REFUSED_SEGMENT: u16 = 3;
pub(crate) const REFUSED_SIZE: u16 = 4;
pub(crate) const REFUSED_VERSION: u16 = 5;

/// The most descriptors that one message carries (`SCM_MAX_FD`).
pub(crate) const MOST_DESCRIPTORS: usize = 253;

pub(crate) fn hello(least: u16, most: u16, features: u32) -> Vec<u8> {
    opening(least, most, features)
}

pub(crate) fn welcome(version: u16, refusal: u16, features: u32) -> Vec<u8> {
    opening(version, refusal, features)
}

fn opening(first: u16, second: u16, features: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(first.to_le_bytes());
    bytes.extend(second.to_le_bytes());
    bytes.extend(features.to_le_bytes());
    bytes.resize(HELLO_LEN, 0);
    bytes
}

pub(crate) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(kind, body.len() as u32);
    bytes.extend(body);
    bytes
}

pub(crate) fn header(kind: u8, len: u32) -> Vec<u8> {
    let mut bytes = vec![kind, 0, 0, 0];
    bytes.extend(len.to_le_bytes());
    bytes
}

/// `Attach` or `Attached`.
pub(crate) fn attachment(kind: u8, capacity: u64) -> Vec<u8> {
    let mut body = capacity.to_le_bytes().to_vec();
    body.extend(1u32.to_le_bytes());
    body.extend([0; 4]);
    record(kind, &body)
}

pub(crate) fn close(total: u64) -> Vec<u8> {
    record(CLOSE, &total.to_le_bytes())
}

/// A record as received, with the descriptors that came with it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl Received {
    /// The code of a `Refused`.
    pub(crate) fn refusal(&self) -> Option<u16> {
        (self.kind == REFUSED).then(|| u16::from_le_bytes([self.body[0], self.body[1]]))
    }
}

pub(crate) struct RawPeer(UnixStream);

impl AsFd for RawPeer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl RawPeer {
    pub(crate) fn connect(address: &Address) -> Self {
        let Address::Unix(path) = address else {
            panic!("`{address}` is not the path of a socket")
        };
        Self::over(UnixStream::connect(path).unwrap())
    }

    pub(crate) fn over(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    #[track_caller]
    pub(crate) fn send(&self, bytes: &[u8]) {
        self.send_with(bytes, &[]);
    }

    #[track_caller]
    pub(crate) fn send_with(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
        self.try_send_with(bytes, descriptors)
            .expect("the other side has closed too early");
    }

    /// Like [`send_with`](Self::send_with), where the other side may close while we send.
    pub(crate) fn try_send_with(
        &self,
        bytes: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let mut space =
            vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let slices = [IoSlice::new(rest)];
            let sent = sendmsg(&self.0, &slices, &mut control, SendFlags::NOSIGNAL)?;
            rest = &rest[sent..];
            control.clear();
        }
        Ok(())
    }

    /// Sends what the socket takes at once, and returns how much that was.
    #[track_caller]
    pub(crate) fn send_now(&self, bytes: &[u8]) -> usize {
        if bytes.is_empty() {
            return 0;
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match rustix::net::send(&self.0, bytes, flags) {
            Ok(sent) => sent,
            Err(rustix::io::Errno::AGAIN) => 0,
            Err(error) => panic!("the other side has closed too early: {error}"),
        }
    }

    /// Sends `bytes` with a descriptor of this very connection.
    #[track_caller]
    pub(crate) fn send_itself_with(&self, bytes: &[u8]) {
        self.send_with(bytes, &[self.0.as_fd()]);
    }

    /// Says hello as an isotonic client does, and takes the welcome.
    #[track_caller]
    pub(crate) fn shake_hands(&self) {
        self.send(&hello(1, 1, 1));
        assert_eq!(self.receive(HELLO_LEN), welcome(1, 0, 1));
    }

    #[track_caller]
    pub(crate) fn receive(&self, len: usize) -> Vec<u8> {
        self.receive_with(len).0
    }

    #[track_caller]
    pub(crate) fn receive_record(&self) -> Received {
        let (header, descriptors) = self.receive_with(HEADER_LEN);
        let len = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        Received {
            kind: header[0],
            body: self.receive(len as usize),
            descriptors,
        }
    }

    /// The next record's kind and body, taken one byte at a time.
    #[track_caller]
    pub(crate) fn receive_byte_by_byte(&self) -> (u8, Vec<u8>) {
        let next = || self.receive(1)[0];
        let header: [u8; HEADER_LEN] = std::array::from_fn(|_| next());
        let len = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        (header[0], (0..len).map(|_| next()).collect())
    }

    /// The next record that is not a doorbell.
    #[track_caller]
    pub(crate) fn receive_step(&self) -> Received {
        loop {
            let record = self.receive_record();
            if record.kind != DOORBELL {
                return record;
            }
        }
    }

    #[track_caller]
    fn receive_with(&self, len: usize) -> (Vec<u8>, Vec<OwnedFd>) {
        let (mut bytes, mut descriptors) = (vec![0; len], Vec::new());
        let mut filled = 0;
        while filled < len {
            let read = self.read(&mut bytes[filled..], &mut descriptors);
            match read.unwrap_or_else(|error| panic!("no more comes from the other side: {error}"))
            {
                0 => panic!("the other side closed after {filled} of {len} bytes"),
                read => filled += read,
            }
        }
        (bytes, descriptors)
    }

    fn read(&self, target: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let message = recvmsg(&self.0, &mut [IoSliceMut::new(target)], &mut control, flags)?;
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = part {
                descriptors.extend(received);
            }
        }
        Ok(message.bytes)
    }

    /// Sends `bytes` in a `Data` record and gets them back in others.
    #[track_caller]
    pub(crate) fn echoes(&self, bytes: &[u8]) {
        self.send(&record(DATA, bytes));
        let mut received = Vec::new();
        while received.len() < bytes.len() {
            let record = self.receive_step();
            assert_eq!(record.kind, DATA);
            received.extend(record.body);
        }
        assert_eq!(received, bytes);
    }

    /// How much comes until the other side closes the connection.
    #[track_caller]
    pub(crate) fn receives_to_the_end(&self) -> usize {
        let mut len = 0;
        loop {
            match self.read(&mut [0; 4096], &mut Vec::new()) {
                Ok(0) => return len,
                Ok(read) => len += read,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return len,
                Err(error) => {
                    panic!("the other side does not close the connection: {error}")
                }
            }
        }
    }

    /// Whether nothing has come from the other side, not even its end.
    pub(crate) fn has_heard_nothing(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let seen = rustix::net::recv(&self.0, &mut [0], flags);
        matches!(seen, Err(rustix::io::Errno::AGAIN))
    }

    /// Whether the other side closes the connection in this time; what it says before is passed over.
    pub(crate) fn is_closed_within(&self, time: Duration) -> bool {
        self.0.set_read_timeout(Some(time)).unwrap();
        let closed = loop {
            match self.read(&mut [0; 4096], &mut Vec::new()) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break error.kind() == io::ErrorKind::ConnectionReset,
            }
        };
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        closed
    }

    /// Waits until the other side closes the connection; what it says before is passed over.
    #[track_caller]
    pub(crate) fn is_closed_by_the_other_side(&self) {
        self.receives_to_the_end();
    }
}
