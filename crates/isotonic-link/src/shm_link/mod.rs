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
//! A direction that has moved much in one go may have to wait before step 1, so that the other has its [`turn`], and so
//! may one that has read a [`portion`] of what has come.
//!
//! Step 3 comes before step 4 because the waker is armed only by an empty socket: a doorbell that comes
//! after the announcement then finds it armed.

mod looking;
mod portion;
mod socket;
mod turn;

use crate::activity::Activity;
use crate::cpus::cpus;
use crate::incident::Incident;
use crate::info::LinkInfo;
use crate::late_doorbell::LateDoorbell;
use crate::peer_process::PeerProcess;
use crate::peer_socket::PeerSocket;
use crate::protocol::attachment::{Attachment, OutOfOrder, Role};
use crate::protocol::record::{Control, RecordViolation};
use crate::record_socket::RecordSocket;
use crate::violation::Violation;
use crate::waiting::{Polling, Waiting};
use crate::waiting_tasks::{Half, WaitingTasks};
use bytes::BytesMut;
use isotonic_shm::{Consumer, Producer, RingCapacity, RingViolation};
use portion::Portion;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::ReadBuf;
use tokio::runtime::Handle;
use tokio::task::coop::poll_proceed;
use turn::Turn;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct ShmLink {
    socket: RecordSocket,
    peer_process: Option<PeerProcess>,
    /// This process may run on more than one CPU.
    several_cpus: bool,
    attachment: Attachment,
    activity: Activity,
    outbound: Outbound,
    inbound: Inbound,
    /// Bytes of `Data` records that nobody has read yet: at most `MAX_UNREAD` and one record.
    unread: BytesMut,
    read_wait: Waiting,
    write_wait: Waiting,
    read_turn: Turn,
    write_turn: Turn,
    /// None: all that has come is read.
    portion: Option<Portion>,
    tasks: Arc<WaitingTasks>,
    /// On one CPU, once both directions have moved.
    late_doorbell: Option<Arc<LateDoorbell>>,
    peer: Peer,
    /// When to look at a full ring again while [blind](Self::is_blind).
    blind_look: Option<Pin<Box<tokio::time::Sleep>>>,
    /// We have sent our `Close`.
    closed: bool,
    /// Why nothing more comes over the socket, if our kernel told.
    socket_errno: Option<i32>,
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

impl From<RingViolation> for Violation {
    fn from(violation: RingViolation) -> Self {
        Self::new(Incident::ImpossiblePosition, violation)
    }
}

impl From<OutOfOrder> for Violation {
    fn from(violation: OutOfOrder) -> Self {
        Self::new(Incident::BrokenRecords, violation)
    }
}

impl From<RecordViolation> for Violation {
    fn from(violation: RecordViolation) -> Self {
        let incident = match violation {
            RecordViolation::WrongCount { .. }
            | RecordViolation::MissingDescriptor
            | RecordViolation::StrayDescriptor => Incident::StrayDescriptors,
            RecordViolation::UnknownKind { .. }
            | RecordViolation::WrongLength { .. }
            | RecordViolation::NoRefusal => Incident::BrokenRecords,
        };
        Self::new(incident, violation)
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
        stream: PeerSocket,
        role: Role,
        settings: ShmSettings,
        info: LinkInfo,
    ) -> Self {
        let cpus = cpus();
        let workers = Handle::current().metrics().num_workers();
        let polling = Polling::of(workers, cpus);
        let memory = stream.charge().as_ref().map(|place| place.memory());
        Self {
            peer_process: PeerProcess::of(&stream),
            socket: RecordSocket::new(stream),
            several_cpus: cpus > 1,
            attachment: Attachment::new(role, settings.capacity, settings.largest)
                .limited_to(memory),
            activity: Activity::new(Instant::now()),
            outbound: Outbound::Socket,
            inbound: Inbound::Socket,
            unread: BytesMut::new(),
            read_wait: Waiting::new(polling),
            write_wait: Waiting::new(polling.for_space()),
            read_turn: Turn::new(),
            write_turn: Turn::new(),
            portion: Portion::of_runtime(workers),
            tasks: Arc::default(),
            late_doorbell: None,
            peer: Peer::default(),
            blind_look: None,
            closed: false,
            socket_errno: None,
            failure: None,
            info,
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
        // let others run; tokio counts such steps (tokio::task::coop), and we the bytes.
        let coop = ready!(poll_proceed(cx));
        self.write_turn.begins();
        if self.portion.as_mut().is_some_and(Portion::ends) {
            // The writes that wait now have their turn as well.
            self.read_turn.waits();
            return look_again_soon(cx);
        }
        if self.read_turn.ends(0) {
            return look_again_soon(cx);
        }
        loop {
            self.check()?;
            if self.take_unread(target) || self.take_from_ring(target)? {
                coop.made_progress();
                return Poll::Ready(Ok(()));
            }
            if let Some(end) = self.end_of_input() {
                return Poll::Ready(end);
            }
            self.read_turn.waits();
            if let Some(portion) = &mut self.portion {
                portion.all_was_read();
            }
            if matches!(self.inbound, Inbound::Ring(_))
                && self
                    .read_wait
                    .keeps_polling(std::thread::yield_now, Instant::now)
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
                let error = self.socket_error();
                return Poll::Ready(Err(error.unwrap_or(io::ErrorKind::BrokenPipe.into())));
            }
            if matches!(self.outbound, Outbound::Ring(_)) {
                // What is put into the ring is found only after the `Moved` before it.
                ready!(self.poll_flush(cx))?;
                if self.write_turn_ends()? {
                    return look_again_soon(cx);
                }
                let put = self.put_into_ring(buffers)?;
                if put > 0 {
                    coop.made_progress();
                    return Poll::Ready(Ok(put));
                }
                self.write_turn.waits();
                if self
                    .write_wait
                    .keeps_polling(std::thread::yield_now, Instant::now)
                {
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
        self.close();
        match ready!(self.poll_flush(cx)) {
            // The peer has gone before us: there is nobody left to tell.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }

    /// Puts the end of our direction behind everything that was written.
    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            let total = self.total_produced();
            self.socket.push(Control::Close { total });
        }
    }

    fn socket_error(&self) -> Option<io::Error> {
        self.socket_errno.map(io::Error::from_raw_os_error)
    }

    fn check(&self) -> io::Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(violation) => Err(violation.clone().into()),
        }
    }

    /// Ends the link for good because of what the peer did.
    fn fail(&mut self, violation: impl Into<Violation>) -> io::Error {
        let violation = violation.into();
        tracing::warn!(address = %self.info.address(), peer = ?self.info.peer(), %violation, "link closed");
        self.info.incident(violation.incident());
        self.socket.abort();
        self.tasks.wake_half(Half::Read);
        self.tasks.wake_half(Half::Write);
        self.failure = Some(violation.clone());
        violation.into()
    }
}

impl Drop for ShmLink {
    fn drop(&mut self) {
        if self.peer.gone || self.failure.is_some() {
            return;
        }
        // Dropping a socket ends its stream in an orderly way, so dropping this link does too. If the peer
        // has left so much unread that not even this fits, it sees a reset.
        self.close();
        let _ = self.socket.flush_now();
    }
}

/// Has the task polled again after the runtime has run its other tasks and looked at its I/O: waking it
/// directly would put it before them, and would wake an idle worker to steal it.
///
/// One look each time, and not a few in place: another worker may hold a piece of the call and need this task for
/// it. With 10, 30 and 100 looks in place the p50 of small calls rises from 10 µs to 13, 18 and 28; nor does it pay to
/// look in place only when the runtime has nothing else to run (for up to 10 µs: 17 to 39 µs), only after a write
/// (17 to 21), or only in the middle of much data (64 KiB calls 113 to 163).
fn look_again_soon<T>(cx: &mut Context<'_>) -> Poll<T> {
    // The first poll of `yield_now` hands our waker to the runtime and is always pending.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
    Poll::Pending
}
