//! The socket of a link: the steps of the move into shared memory, doorbells, the end, and sleeping
//! until one comes.

use super::{Inbound, Outbound, ShmLink};
use crate::incident::Incident;
use crate::limits::{BLIND_LOOK, HANDSHAKE_TIMEOUT, MAX_UNREAD};
use crate::protocol::attachment::Outcome;
use crate::protocol::record::{Control, Record};
use crate::reason::Reason;
use crate::record_socket::SocketError;
use crate::violation::Violation;
use crate::waiting_tasks::Half;
use bytes::BytesMut;
use isotonic_shm::SegmentRefused;
use std::future::{Future, poll_fn};
use std::io;
use std::task::{Context, Poll, ready};
use tokio::task::coop::poll_proceed;

impl ShmLink {
    /// Moves into shared memory now, or tells why not: for the modes that require it. On the server's
    /// side it waits for the client's offer.
    pub(crate) async fn attach_now(&mut self) -> Result<(), Reason> {
        if self.attachment.may_offer() {
            self.offer();
        }
        let decided = poll_fn(|cx| {
            // An empty socket may have decided it, too: by what could not be sent.
            let mut is_empty = false;
            loop {
                if self.attachment.is_decided() || self.peer_has_ended() || self.failure.is_some() {
                    return Poll::Ready(());
                }
                if is_empty {
                    return Poll::Pending;
                }
                is_empty = self.poll_socket(cx, Half::Read).is_pending();
            }
        });
        let in_time = tokio::time::timeout(HANDSHAKE_TIMEOUT, decided)
            .await
            .is_ok();
        if !self.attachment.is_decided() && self.peer.closed_at.is_some() {
            self.info.incident(Incident::LeftEarly);
        }
        match self.info.reason() {
            None => Ok(()),
            Some(Reason::NotYetBusy) => Err(Reason::NotAttached {
                seen: match &self.failure {
                    Some(violation) => violation.to_string(),
                    None if self.peer.closed_at.is_some() => "the peer closed the link".to_owned(),
                    None if in_time => "the peer closed the connection".to_owned(),
                    None => format!("no answer within {HANDSHAKE_TIMEOUT:?}"),
                },
            }),
            Some(reason) => Err(reason),
        }
    }

    /// No further step of the attachment comes: each is sent before a `Close`.
    fn peer_has_ended(&self) -> bool {
        self.peer.gone || self.peer.closed_at.is_some()
    }

    /// Reads the socket, and sleeps if there is nothing to do for this half.
    pub(super) fn poll_until_something_came(
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
    pub(super) fn poll_socket(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<()> {
        self.tasks.register(half, cx.waker());
        if self.peer.gone || self.failure.is_some() {
            return Poll::Pending;
        }
        // A record is a step of its own for tokio's fairness (tokio::task::coop): a peer can send a thousand
        // with what one system call receives.
        let step = ready!(poll_proceed(cx));
        let waker = self.tasks.waker();
        let cx = &mut Context::from_waker(&waker);
        // What could not be sent before; an error here means that the peer is gone, as reading will show.
        // It may be our `Moved`, which the peer needs even while we take nothing more from it.
        let _ = self.poll_send_waiting(cx);
        if self.unread.len() >= MAX_UNREAD || self.failure.is_some() {
            return Poll::Pending;
        }
        if let Some(process) = &self.peer_process
            && process.poll_ended(cx).is_ready()
        {
            self.socket.sender_is_gone();
        }
        match ready!(self.socket.poll_record(cx)) {
            Ok(Some(Record::Data(bytes))) => self.received_data(bytes),
            Ok(Some(Record::Control(record))) => self.received(record),
            Ok(None) => self.peer_is_gone(),
            Err(SocketError::Io(error)) => self.socket_failed(&error),
            Err(SocketError::Violation(violation)) => drop(self.fail(violation)),
        }
        step.made_progress();
        // The step of the attachment that answers this one.
        let _ = self.poll_send_waiting(cx);
        self.watch_less_once_moved();
        self.tasks.wake_half(half.other());
        Poll::Ready(())
    }

    /// Where both directions are in shared memory, the socket has little left to send.
    fn watch_less_once_moved(&mut self) {
        let moved = matches!(
            (&self.inbound, &self.outbound),
            (Inbound::Ring(_), Outbound::Ring(_))
        );
        let lives = !self.peer.gone && self.failure.is_none();
        if !moved || !lives || !self.socket.is_flushed() {
            return;
        }
        if let Err(error) = self.socket.watch_for_bytes_only() {
            self.socket_failed(&error);
        }
        if !self.several_cpus && self.late_doorbell.is_none() {
            self.late_doorbell = self.socket.late_doorbell(&self.info);
        }
    }

    /// Sends what is waiting to be sent.
    pub(super) fn poll_send_waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let flushed = self.socket.poll_flush(cx);
            match self.socket.take_unsendable() {
                None => return flushed,
                Some(error) => match self.attachment.not_sent(&error) {
                    Ok(outcome) => self.go_on(outcome),
                    Err(error) => drop(self.fail(error)),
                },
            }
        }
    }

    fn received_data(&mut self, bytes: BytesMut) {
        if matches!(self.inbound, Inbound::Ring(_)) || self.peer.closed_at.is_some() {
            let what = "stream bytes on the socket after they had ended there";
            drop(self.fail(Violation::new(Incident::BrokenRecords, what)));
        } else {
            self.unread.extend_from_slice(&bytes);
        }
    }

    fn received(&mut self, record: Control) {
        match record {
            Control::Doorbell => self.info.doorbell_received(),
            Control::Close { .. } if self.peer.closed_at.is_some() => {
                drop(self.fail(Violation::new(Incident::BrokenRecords, "a second close")));
            }
            Control::Close { total } => self.peer.closed_at = Some(total),
            record => match self.attachment.handle(record) {
                Ok(outcome) => self.go_on(outcome),
                Err(error) => drop(self.fail(error)),
            },
        }
    }

    pub(super) fn offer(&mut self) {
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
            if let Some(incident) = incident_of(&reason) {
                self.info.incident(incident);
            }
            tracing::info!(address = %self.info.address(), %reason, "link stays on the socket");
            self.info.set_reason(reason);
        }
    }

    /// Our kernel's doing: the peer may be alive, but nothing more comes from it.
    fn socket_failed(&mut self, error: &io::Error) {
        tracing::warn!(address = %self.info.address(), %error, "the link's socket failed");
        self.peer.gone = true;
        self.socket_errno = error.raw_os_error();
    }

    fn peer_is_gone(&mut self) {
        self.peer.gone = true;
        if self.peer.closed_at.is_none() {
            self.info.incident(Incident::Vanished);
        }
    }

    pub(super) fn ring_doorbell(&mut self) {
        self.read_wait.peer_is_woken();
        self.write_wait.peer_is_woken();
        if let Some(doorbell) = &self.late_doorbell {
            doorbell.ring_late();
            return;
        }
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

    pub(super) fn total_produced(&self) -> u64 {
        match &self.outbound {
            Outbound::Ring(producer) => producer.produced(),
            Outbound::Socket => 0,
        }
    }
}

/// What it is counted as that a link stays on the socket, if the peer is to blame.
fn incident_of(reason: &Reason) -> Option<Incident> {
    match reason {
        // This one is our own kernel's doing.
        Reason::SegmentRefused(SegmentRefused::Syscall { .. }) => None,
        Reason::SegmentRefused(_) | Reason::PeerRingSize { .. } => Some(Incident::SegmentRefused),
        Reason::QuotaReached { .. } => Some(Incident::MemoryQuotaReached),
        _ => None,
    }
}
