//! A Unix socket that carries records: cuts what comes into records, and keeps what could not be sent
//! yet in order.

use crate::ancillary::Received;
use crate::info::LinkInfo;
use crate::late_doorbell::LateDoorbell;
use crate::limits::{MAX_DATA_RECORD, RECEIVE_BUFFER};
use crate::peer_socket::PeerSocket;
use crate::protocol::record::{self, Control, HEADER_LEN, Record, RecordReader, RecordViolation};
use crate::watched_socket::WatchedSocket;
use rustix::net::Shutdown;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Slices of one write that are passed to the kernel together with a record's header.
const MAX_SLICES: usize = 64;

/// What ended the use of a socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// The socket itself failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer broke the rules of the records.
    #[error("the peer sent {0}")]
    Violation(#[from] RecordViolation),
}

#[derive(Debug)]
pub(crate) struct RecordSocket {
    stream: WatchedSocket,
    reader: RecordReader,
    received: Box<[u8]>,
    /// Sent before anything else. Bounded: `poll_write_data` adds at most the rest of one record, and
    /// only when it is empty; the attachment and the close add at most three records in a link's life;
    /// doorbells are never queued.
    unsent: VecDeque<Unsent>,
    unsendable: Option<io::Error>,
    ended: bool,
}

#[derive(Debug)]
struct Unsent {
    bytes: Vec<u8>,
    sent: usize,
    descriptor: Option<OwnedFd>,
}

impl RecordSocket {
    pub(crate) fn new(stream: PeerSocket) -> Self {
        Self {
            stream: WatchedSocket::new(stream),
            reader: RecordReader::default(),
            received: vec![0; RECEIVE_BUFFER].into_boxed_slice(),
            unsent: VecDeque::new(),
            unsendable: None,
            ended: false,
        }
    }

    /// The next record, or `None` at the end of the stream, however it came about: a reset is an end
    /// too (the peer was gone before it had read everything).
    pub(crate) fn poll_record(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Record>, SocketError>> {
        loop {
            if let Some(record) = self.reader.next()? {
                return Poll::Ready(Ok(Some(record)));
            }
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            match ready!(self.poll_receive(cx)) {
                Ok(batch) if batch.len == 0 => self.ended = true,
                Ok(batch) => self
                    .reader
                    .feed(&self.received[..batch.len], batch.descriptors)?,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                    io::ErrorKind::ConnectionReset => self.ended = true,
                    _ => return Poll::Ready(Err(error.into())),
                },
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Received>> {
        ready!(self.stream.poll_read_ready(cx))?;
        Poll::Ready(self.stream.try_receive(&mut self.received))
    }

    /// From now on its runtime does not watch it for space: for when only doorbells, which do not wait for space, and
    /// few other records are sent. Whoever waits for it has to poll again, or is woken no more.
    pub(crate) fn watch_for_bytes_only(&mut self) -> io::Result<()> {
        self.stream.watch_for_bytes_only()
    }

    /// A doorbell that rings later than [`ring_doorbell`](Self::ring_doorbell). `None` while it is watched for space.
    pub(crate) fn late_doorbell(&self, info: &LinkInfo) -> Option<Arc<LateDoorbell>> {
        let socket = self.stream.shared()?;
        Some(LateDoorbell::new(socket, info.clone()))
    }

    /// Ends the stream after what the kernel holds now, whoever else may still send.
    pub(crate) fn sender_is_gone(&self) {
        self.stream.shut_down(Shutdown::Read);
    }

    /// Whether the stream ended within a record.
    pub(crate) fn ended_mid_record(&self) -> bool {
        self.ended && self.reader.is_mid_record()
    }

    /// Puts a record behind everything that was sent so far. [`poll_flush`](Self::poll_flush) sends it.
    pub(crate) fn push(&mut self, record: Control) {
        let (bytes, descriptor) = record.encode();
        self.unsent.push_back(Unsent {
            bytes,
            sent: 0,
            descriptor,
        });
    }

    /// Whether nothing is waiting to be sent.
    pub(crate) fn is_flushed(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Sends what is waiting to be sent.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(first) = self.unsent.front() {
            let rest = [IoSlice::new(&first.bytes[first.sent..])];
            let sent = ready!(self.stream.poll_send(cx, &rest, first.descriptor.as_ref()));
            self.first_was_sent(sent)?;
        }
        Poll::Ready(Ok(()))
    }

    /// How much of the first record that waits was sent.
    fn first_was_sent(&mut self, sent: io::Result<usize>) -> io::Result<()> {
        let Some(first) = self.unsent.front_mut() else {
            return Ok(());
        };
        match sent {
            Ok(sent) => {
                // The kernel took the descriptor with the first byte; ours is closed here.
                first.descriptor = None;
                first.sent += sent;
                if first.sent == first.bytes.len() {
                    self.unsent.pop_front();
                }
                Ok(())
            }
            Err(error)
                if first.descriptor.is_some() && !is_temporary(&error) && !is_end(&error) =>
            {
                // Too many descriptors on their way (ETOOMANYREFS), or none wanted (EPERM, SO_PASSRIGHTS).
                self.unsent.pop_front();
                self.unsendable = Some(error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Why a record with a descriptor could not be sent and was dropped, once.
    pub(crate) fn take_unsendable(&mut self) -> Option<io::Error> {
        self.unsendable.take()
    }

    /// Sends the stream's next bytes in a `Data` record and returns how many were taken: all that fit
    /// into one record. What the kernel does not take at once is kept and sent first next time.
    pub(crate) fn poll_write_data(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut used = 1;
        let mut len = 0;
        for buffer in buffers {
            let part = &buffer[..buffer.len().min(MAX_DATA_RECORD - len)];
            if part.is_empty() {
                continue;
            }
            if used == MAX_SLICES {
                break;
            }
            slices[used] = IoSlice::new(part);
            used += 1;
            len += part.len();
        }
        if len == 0 {
            return Poll::Ready(Ok(0));
        }
        let header = record::data_header(len);
        slices[0] = IoSlice::new(&header);
        let sent = ready!(self.stream.poll_send(cx, &slices[..used], None))?;
        if sent < HEADER_LEN + len {
            let bytes = slices[..used]
                .iter()
                .flat_map(|slice| slice.to_vec())
                .collect();
            self.unsent.push_back(Unsent {
                bytes,
                sent,
                descriptor: None,
            });
        }
        Poll::Ready(Ok(len))
    }

    /// Sends what is waiting to be sent, as far as the socket takes it at once. Returns whether that is all.
    pub(crate) fn flush_now(&mut self) -> io::Result<bool> {
        while let Some(first) = self.unsent.front() {
            let rest = [IoSlice::new(&first.bytes[first.sent..])];
            let sent = self.stream.send_now(&rest, first.descriptor.as_ref());
            match self.first_was_sent(sent) {
                Ok(()) => {}
                Err(error) if is_temporary(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Wakes the peer. Returns whether a doorbell was sent: where the peer has not read so many records
    /// that the socket is full, or where others are still waiting to be sent, those wake it.
    pub(crate) fn ring_doorbell(&mut self) -> io::Result<bool> {
        if !self.flush_now()? {
            return Ok(false);
        }
        let (bytes, _) = Control::Doorbell.encode();
        // A stream socket takes a message this small as a whole or not at all: it is one buffer of the
        // kernel's (unix(7), `unix_stream_sendmsg`).
        match self.stream.send_now(&[IoSlice::new(&bytes)], None) {
            Ok(_) => Ok(true),
            Err(error) if is_temporary(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends both directions at once: the peer sees it, and nothing more is read or written.
    pub(crate) fn abort(&mut self) {
        self.unsent.clear();
        self.ended = true;
        self.stream.shut_down(Shutdown::Both);
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// The peer is gone.
fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected
    )
}
