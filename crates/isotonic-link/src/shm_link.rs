//! A link between two isotonic sides of one machine: records on a Unix socket, and, once the link has
//! moved, two rings in shared memory with the socket for wake-ups.
//!
//! A call to read or write goes through these steps until one answers:
//!
//! 1. look: take what has come, or put what there is space for;
//! 2. poll: while it has lately paid off, yield to the runtime and look again;
//! 3. read the socket: it may hold bytes, steps of the attachment, a doorbell, or the end;
//! 4. sleep: announce it to the peer, look once more, and wait for the socket.
//!
//! Step 3 comes before step 4 because the waker is armed only by an empty socket: a doorbell that comes
//! after the announcement then finds it armed.

use crate::activity::Activity;
use crate::info::LinkInfo;
use crate::limits::{BLIND_LOOK, HANDSHAKE_TIMEOUT, MAX_UNREAD};
use crate::protocol::attachment::{Attachment, OutOfOrder, Outcome, Role};
use crate::protocol::record::{Control, Record};
use crate::reason::Reason;
use crate::record_socket::{RecordSocket, SocketError};
use crate::waiting::{Waiting, has_several_cpus};
use crate::waiting_tasks::{Half, WaitingTasks};
use bytes::{Buf, BytesMut};
use isotonic_shm::{Consumer, Producer, RingCapacity, RingViolation};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::ReadBuf;
use tokio::net::UnixStream;
use tokio::task::coop::poll_proceed;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct ShmLink {
    socket: RecordSocket,
    attachment: Attachment,
    activity: Activity,
    outbound: Outbound,
    inbound: Inbound,
    /// Bytes of `Data` records that nobody has read yet: at most `MAX_UNREAD` and one record.
    unread: BytesMut,
    read_wait: Waiting,
    write_wait: Waiting,
    tasks: Arc<WaitingTasks>,
    peer: Peer,
    /// When to look at a full ring again while [blind](Self::is_blind).
    blind_look: Option<Pin<Box<tokio::time::Sleep>>>,
    /// We have sent our `Close`.
    closed: bool,
    /// Why the link cannot be used any more, if it is our doing.
    failure: Option<Violation>,
    info: LinkInfo,
}

/// Where our bytes go.
#[derive(Debug)]
enum Outbound {
    Socket,
    Ring(Producer),
}

/// Where the peer's bytes come from, after `unread`.
#[derive(Debug)]
enum Inbound {
    Socket,
    Ring(Consumer),
}

/// What we know of the peer's end.
#[derive(Debug, Clone, Copy, Default)]
struct Peer {
    /// It has sent its `Close`, with the number of bytes it ever put into its ring.
    closed_at: Option<u64>,
    /// Its end of the socket is gone.
    gone: bool,
}

/// How a peer broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the peer broke the protocol: {0}")]
pub(crate) struct Violation(String);

impl From<RingViolation> for Violation {
    fn from(violation: RingViolation) -> Self {
        Self(violation.to_string())
    }
}

impl From<OutOfOrder> for Violation {
    fn from(violation: OutOfOrder) -> Self {
        Self(violation.to_string())
    }
}

/// What a side configures of its links.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShmSettings {
    /// Capacity of our own ring.
    pub(crate) capacity: RingCapacity,
    /// Of the peer's ring at most, in bytes.
    pub(crate) largest: u64,
}

impl ShmLink {
    pub(crate) fn new(
        stream: UnixStream,
        role: Role,
        settings: ShmSettings,
        info: LinkInfo,
    ) -> Self {
        let several_cpus = has_several_cpus();
        Self {
            socket: RecordSocket::new(stream),
            attachment: Attachment::new(role, settings.capacity, settings.largest),
            activity: Activity::new(Instant::now()),
            outbound: Outbound::Socket,
            inbound: Inbound::Socket,
            unread: BytesMut::new(),
            read_wait: Waiting::new(several_cpus),
            write_wait: Waiting::new(several_cpus),
            tasks: Arc::default(),
            peer: Peer::default(),
            blind_look: None,
            closed: false,
            failure: None,
            info,
        }
    }

    /// Moves into shared memory now, or tells why not: for the modes that require it. On the server's
    /// side it waits for the client's offer.
    pub(crate) async fn attach_now(&mut self) -> Result<(), Reason> {
        if self.attachment.may_offer() {
            self.offer();
        }
        let decided = poll_fn(|cx| {
            loop {
                if self.attachment.is_decided() || self.peer.gone || self.failure.is_some() {
                    return Poll::Ready(());
                }
                if self.poll_socket(cx, Half::Read).is_pending() {
                    return Poll::Pending;
                }
            }
        });
        let in_time = tokio::time::timeout(HANDSHAKE_TIMEOUT, decided)
            .await
            .is_ok();
        match self.info.reason() {
            None => Ok(()),
            Some(Reason::NotYetBusy) => Err(Reason::NotAttached {
                seen: match &self.failure {
                    Some(violation) => violation.to_string(),
                    None if in_time => "the peer closed the connection".to_owned(),
                    None => format!("no answer within {HANDSHAKE_TIMEOUT:?}"),
                },
            }),
            Some(reason) => Err(reason),
        }
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if target.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        // A ring never keeps us waiting as a socket does, so that a task which reads on and on would never
        // let others run; tokio counts such steps (tokio::task::coop).
        let coop = ready!(poll_proceed(cx));
        loop {
            self.check()?;
            if self.take_unread(target) || self.take_from_ring(target)? {
                coop.made_progress();
                return Poll::Ready(Ok(()));
            }
            if let Some(end) = self.end_of_input() {
                return Poll::Ready(end);
            }
            if matches!(self.inbound, Inbound::Ring(_))
                && self.read_wait.keeps_polling(Instant::now)
            {
                return look_again_soon(cx);
            }
            ready!(self.poll_until_something_came(cx, Half::Read))?;
        }
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        if wanted == 0 {
            return Poll::Ready(Ok(0));
        }
        let coop = ready!(poll_proceed(cx));
        loop {
            self.check()?;
            if self.closed || self.peer.gone {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if matches!(self.outbound, Outbound::Ring(_)) {
                // What is put into the ring is found only after the `Moved` before it.
                ready!(self.poll_flush(cx))?;
                let put = self.put_into_ring(buffers)?;
                if put > 0 {
                    coop.made_progress();
                    return Poll::Ready(Ok(put));
                }
                if self.write_wait.keeps_polling(Instant::now) {
                    return look_again_soon(cx);
                }
            } else if let Poll::Ready(sent) = self.poll_send(cx, buffers, wanted)? {
                return Poll::Ready(Ok(sent));
            }
            ready!(self.poll_until_something_came(cx, Half::Write))?;
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        if self.socket.is_flushed() {
            return Poll::Ready(Ok(()));
        }
        self.tasks.register(Half::Write, cx.waker());
        let waker = self.tasks.waker();
        self.poll_send_waiting(&mut Context::from_waker(&waker))
    }

    /// Ends our direction: the peer reads to the end, and may go on sending.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.peer.gone || self.failure.is_some() {
            return Poll::Ready(Ok(()));
        }
        if !self.closed {
            self.closed = true;
            let total = self.total_produced();
            self.socket.push(Control::Close { total });
        }
        match ready!(self.poll_flush(cx)) {
            // The peer has gone before us: there is nobody left to tell.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }

    // --- Looking.

    fn take_unread(&mut self, target: &mut ReadBuf<'_>) -> bool {
        let len = self.unread.len().min(target.remaining());
        if len == 0 {
            return false;
        }
        target.put_slice(&self.unread[..len]);
        if self.unread.len() >= MAX_UNREAD {
            // The socket was left alone; now there is room for what a writer may be waiting for.
            self.tasks.wake_half(Half::Write);
        }
        self.unread.advance(len);
        self.info.socket_received(len);
        if self.unread.is_empty() {
            // Memory is not kept for a link that may be idle from now on.
            self.unread = BytesMut::new();
        }
        if self.attachment.may_offer() && self.activity.read(len, Instant::now()) {
            self.offer();
        }
        true
    }

    fn take_from_ring(&mut self, target: &mut ReadBuf<'_>) -> io::Result<bool> {
        let Inbound::Ring(consumer) = &mut self.inbound else {
            return Ok(false);
        };
        consumer.awake();
        let read = match consumer.read(target) {
            Ok(read) => read,
            Err(violation) => return Err(self.fail(violation)),
        };
        if read == 0 {
            return Ok(false);
        }
        let must_wake = consumer.must_wake_writer();
        self.read_wait.ended(Instant::now);
        self.info.memory_received(read);
        if must_wake {
            self.ring_doorbell();
        }
        Ok(true)
    }

    fn put_into_ring(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let Outbound::Ring(producer) = &mut self.outbound else {
            return Ok(0);
        };
        producer.awake();
        let written = match producer.write_vectored(buffers) {
            Ok(written) => written,
            Err(violation) => return Err(self.fail(violation)),
        };
        if written > 0 {
            let must_wake = producer.must_wake_reader();
            self.write_wait.ended(Instant::now);
            self.info.memory_sent(written);
            if must_wake {
                self.ring_doorbell();
            }
        }
        Ok(written)
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        if self.attachment.may_offer() && self.activity.written(wanted, Instant::now()) {
            self.offer();
        }
        self.tasks.register(Half::Write, cx.waker());
        let waker = self.tasks.waker();
        let sent = ready!(
            self.socket
                .poll_write_data(&mut Context::from_waker(&waker), buffers)
        )?;
        self.info.socket_sent(sent);
        Poll::Ready(Ok(sent))
    }

    fn end_of_input(&mut self) -> Option<io::Result<()>> {
        if let Some(total) = self.peer.closed_at {
            let received = match &self.inbound {
                Inbound::Ring(consumer) => consumer.consumed(),
                Inbound::Socket => 0,
            };
            // `Close` was sent after the last byte was published, and the ring is empty.
            return Some(if received == total {
                Ok(())
            } else {
                let what = format!("it closed after {total} B, but {received} B came");
                Err(self.fail(Violation(what)))
            });
        }
        self.peer.gone.then(|| {
            let cut = if self.socket.ended_mid_record() {
                " within a record"
            } else {
                ""
            };
            let what = format!("the peer is gone; it did not close the link before{cut}");
            Err(io::Error::new(io::ErrorKind::ConnectionReset, what))
        })
    }

    // --- The socket.

    /// Reads the socket, and sleeps if there is nothing to do for this half.
    fn poll_until_something_came(
        &mut self,
        cx: &mut Context<'_>,
        half: Half,
    ) -> Poll<io::Result<()>> {
        if self.poll_socket(cx, half).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !self.announce_sleep(half)? {
            return Poll::Ready(Ok(()));
        }
        if half == Half::Write && self.is_blind() {
            let look = self
                .blind_look
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(BLIND_LOOK)));
            ready!(look.as_mut().poll(cx));
            self.blind_look = None;
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    /// Doorbells for our writer wait on the socket behind bytes that nobody reads, which we must not take
    /// without limit: the peer has not moved yet.
    fn is_blind(&self) -> bool {
        matches!(
            (&self.inbound, &self.outbound),
            (Inbound::Socket, Outbound::Ring(_))
        ) && self.unread.len() >= MAX_UNREAD
    }

    /// Handles one record, for whichever half it is. Pending: the socket is empty, and both halves'
    /// tasks will be woken when it is not.
    fn poll_socket(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<()> {
        self.tasks.register(half, cx.waker());
        if self.peer.gone || self.failure.is_some() {
            return Poll::Pending;
        }
        let waker = self.tasks.waker();
        let cx = &mut Context::from_waker(&waker);
        // What could not be sent before; an error here means that the peer is gone, as reading will show.
        // It may be our `Moved`, which the peer needs even while we take nothing more from it.
        let _ = self.poll_send_waiting(cx);
        if self.unread.len() >= MAX_UNREAD {
            return Poll::Pending;
        }
        match ready!(self.socket.poll_record(cx)) {
            Ok(Some(Record::Data(bytes))) => self.received_data(bytes),
            Ok(Some(Record::Control(record))) => self.received(record),
            Ok(None) => self.peer.gone = true,
            Err(SocketError::Io(_)) => self.peer.gone = true,
            Err(error) => drop(self.fail(Violation(error.to_string()))),
        }
        // The step of the attachment that answers this one.
        let _ = self.poll_send_waiting(cx);
        self.tasks.wake_half(half.other());
        Poll::Ready(())
    }

    /// Sends what is waiting to be sent.
    fn poll_send_waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let flushed = self.socket.poll_flush(cx);
            match self.socket.take_unsendable() {
                None => return flushed,
                Some(error) => {
                    let outcome = self.attachment.not_sent(&error);
                    self.go_on(outcome);
                }
            }
        }
    }

    fn received_data(&mut self, bytes: BytesMut) {
        if matches!(self.inbound, Inbound::Ring(_)) || self.peer.closed_at.is_some() {
            drop(self.fail(Violation(
                "stream bytes on the socket after they had ended there".into(),
            )));
        } else {
            self.unread.extend_from_slice(&bytes);
        }
    }

    fn received(&mut self, record: Control) {
        match record {
            Control::Doorbell => self.info.doorbell_received(),
            Control::Close { .. } if self.peer.closed_at.is_some() => {
                drop(self.fail(Violation("a second close".into())));
            }
            Control::Close { total } => self.peer.closed_at = Some(total),
            record => match self.attachment.handle(record) {
                Ok(outcome) => self.go_on(outcome),
                Err(error) => drop(self.fail(error)),
            },
        }
    }

    fn offer(&mut self) {
        let outcome = self.attachment.offer();
        self.go_on(outcome);
    }

    fn go_on(&mut self, outcome: Outcome) {
        if let Some(record) = outcome.send {
            self.socket.push(record);
        }
        if let Some(producer) = outcome.outbound {
            self.outbound = Outbound::Ring(producer);
            self.info.moved_into_memory();
            tracing::info!(address = %self.info.address(), "link moved into shared memory");
        }
        if let Some(consumer) = outcome.inbound {
            self.inbound = Inbound::Ring(consumer);
        }
        if let Some(reason) = outcome.stay {
            tracing::info!(address = %self.info.address(), %reason, "link stays on the socket");
            self.info.set_reason(reason);
        }
    }

    fn ring_doorbell(&mut self) {
        // An error means that the peer is gone, as reading will show.
        if self.socket.ring_doorbell().unwrap_or(false) {
            self.info.doorbell_sent();
        }
    }

    /// Returns whether this half may sleep: its ring, if it has one, is still as it was.
    fn announce_sleep(&mut self, half: Half) -> io::Result<bool> {
        let still = match (half, &mut self.inbound, &mut self.outbound) {
            (Half::Read, Inbound::Ring(consumer), _) => consumer.announce_sleep(),
            (Half::Write, _, Outbound::Ring(producer)) => producer.announce_sleep(),
            (Half::Read, Inbound::Socket, _) | (Half::Write, _, Outbound::Socket) => Ok(true),
        };
        still.map_err(|violation| self.fail(violation))
    }

    fn total_produced(&self) -> u64 {
        match &self.outbound {
            Outbound::Ring(producer) => producer.produced(),
            Outbound::Socket => 0,
        }
    }

    // --- Failing.

    fn check(&self) -> io::Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(violation) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                violation.clone(),
            )),
        }
    }

    /// Ends the link for good because of what the peer did.
    fn fail(&mut self, violation: impl Into<Violation>) -> io::Error {
        let violation = violation.into();
        tracing::warn!(address = %self.info.address(), peer = ?self.info.peer(), %violation, "link closed");
        self.socket.abort();
        self.tasks.wake_half(Half::Read);
        self.tasks.wake_half(Half::Write);
        self.failure = Some(violation.clone());
        io::Error::new(io::ErrorKind::InvalidData, violation)
    }
}

impl Drop for ShmLink {
    fn drop(&mut self) {
        if !self.closed && !self.peer.gone && self.failure.is_none() {
            // Dropping a socket ends its stream in an orderly way, so dropping this link does too. If the
            // peer has left so much unread that not even this fits, it sees a reset.
            let total = self.total_produced();
            let _ = self.socket.try_send(Control::Close { total });
        }
    }
}

/// Has the task polled again after the runtime has run its other tasks and looked at its I/O: waking it
/// directly would put it before them, and would wake an idle worker to steal it.
fn look_again_soon<T>(cx: &mut Context<'_>) -> Poll<T> {
    // The first poll of `yield_now` hands our waker to the runtime and is always pending.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
    Poll::Pending
}
