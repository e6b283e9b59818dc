//! Looking: what has come is taken, what there is space for is put, without waiting for either.

use super::portion::Portion;
use super::{Inbound, Outbound, ShmLink};
use crate::incident::Incident;
use crate::limits::MAX_UNREAD;
use crate::violation::Violation;
use crate::waiting_tasks::Half;
use bytes::{Buf, BufMut, BytesMut};
use isotonic_shm::{Consumer, RingViolation};
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::ReadBuf;

impl ShmLink {
    pub(super) fn take_unread(&mut self, target: &mut ReadBuf<'_>) -> bool {
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

    pub(super) fn take_from_ring(&mut self, target: &mut ReadBuf<'_>) -> io::Result<bool> {
        let Inbound::Ring(consumer) = &mut self.inbound else {
            return Ok(false);
        };
        consumer.awake();
        let taken = match &mut self.portion {
            None => consumer.read(target),
            Some(portion) => read_portion(portion, consumer, target),
        };
        let read = match taken {
            Ok(read) => read,
            Err(violation) => return Err(self.fail(violation)),
        };
        if read == 0 {
            return Ok(false);
        }
        let must_wake = consumer.must_wake_writer();
        self.read_wait.ended(Instant::now);
        self.read_wait.carried(read);
        self.read_turn.moved(read);
        self.write_turn.other_moved(read);
        self.info.memory_received(read);
        if must_wake {
            self.ring_doorbell();
        }
        Ok(true)
    }

    pub(super) fn put_into_ring(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
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
            self.read_wait.carried(written);
            self.write_turn.moved(written);
            self.read_turn.other_moved(written);
            if let Some(portion) = &mut self.portion {
                portion.wrote(written);
            }
            self.info.memory_sent(written);
            if must_wake {
                self.ring_doorbell();
            }
        }
        Ok(written)
    }

    /// Whether our bytes have to wait while the task reads what has come, or while others run.
    pub(super) fn write_turn_ends(&mut self) -> io::Result<bool> {
        let mut unread = 0;
        if self.write_turn.is_long()
            && let Inbound::Ring(consumer) = &mut self.inbound
        {
            unread = match consumer.readable() {
                Ok(readable) => readable,
                Err(violation) => return Err(self.fail(violation)),
            };
        }
        Ok(self.write_turn.ends(unread))
    }

    pub(super) fn poll_send(
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

    pub(super) fn end_of_input(&mut self) -> Option<io::Result<()>> {
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
                Err(self.fail(Violation::new(Incident::BrokenRecords, what)))
            });
        }
        self.peer.gone.then(|| {
            if let Some(error) = self.socket_error() {
                return Err(error);
            }
            let cut = if self.socket.ended_mid_record() {
                " within a record"
            } else {
                ""
            };
            let what = format!("the peer is gone; it did not close the link before{cut}");
            Err(io::Error::new(io::ErrorKind::ConnectionReset, what))
        })
    }
}

fn read_portion(
    portion: &mut Portion,
    consumer: &mut Consumer,
    target: &mut ReadBuf<'_>,
) -> Result<usize, RingViolation> {
    let come = consumer.readable()?;
    if come == 0 {
        return Ok(0);
    }
    let most = portion.of(come, Instant::now);
    let read = consumer.read(&mut target.limit(most))?;
    portion.read(read);
    Ok(read)
}
