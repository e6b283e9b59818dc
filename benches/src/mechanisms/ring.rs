//! isotonic's rings without anything above them: either both sides look again and again, or they sleep and wake
//! each other over a socket, as links do.

use super::descriptors;
use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use crate::Result;
use isotonic_shm::{Consumer, OwnSegment, PeerSegment, Producer, RingCapacity, rings};
use std::hint::spin_loop;
use std::io::{IoSlice, Read, Write};
use std::os::unix::net::UnixStream;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ring {
    Doorbell,
    Polling,
}

impl Mechanism for Ring {
    fn name(&self) -> &'static str {
        match self {
            Self::Doorbell => "isotonic's ring, doorbell",
            Self::Polling => "isotonic's ring, polling",
        }
    }

    fn waits(&self) -> Waits {
        match self {
            Self::Doorbell => Waits::Sleeping,
            Self::Polling => Waits::Busy,
        }
    }

    fn prepare(&self) -> Result<Prepared> {
        let (client, server) = UnixStream::pair()?;
        Ok(Prepared::descriptors(
            vec![client.into()],
            vec![server.into()],
        ))
    }

    fn open(&self, _: Side, handover: Handover) -> Result<Box<dyn End>> {
        let [socket] = handover.take()?;
        let socket = UnixStream::from(socket);
        let capacity = RingCapacity::new(isotonic::limits::DEFAULT_RING_CAPACITY)?;
        let (own, file) = OwnSegment::create(capacity)?;
        descriptors::send(&socket, &[file])?;
        let peers = descriptors::receive(&socket)?;
        let [file] = peers.as_slice() else {
            return Err("the other side sent no segment".into());
        };
        let (producer, consumer) = rings(own, PeerSegment::map(file, capacity)?);
        Ok(Box::new(RingEnd {
            producer,
            consumer,
            socket,
            waiting: *self,
        }))
    }
}

struct RingEnd {
    producer: Producer,
    consumer: Consumer,
    /// Carries one byte for each wake-up.
    socket: UnixStream,
    waiting: Ring,
}

impl RingEnd {
    fn wake_peer(&mut self) -> Result<()> {
        Ok(self.socket.write_all(&[0])?)
    }

    fn sleep(&mut self) -> Result<()> {
        Ok(self.socket.read_exact(&mut [0])?)
    }

    fn wait_for_space(&mut self) -> Result<()> {
        match self.waiting {
            Ring::Polling => spin_loop(),
            Ring::Doorbell => {
                if self.producer.announce_sleep()? {
                    self.sleep()?;
                }
                self.producer.awake();
            }
        }
        Ok(())
    }

    fn wait_for_bytes(&mut self) -> Result<()> {
        match self.waiting {
            Ring::Polling => spin_loop(),
            Ring::Doorbell => {
                if self.consumer.announce_sleep()? {
                    self.sleep()?;
                }
                self.consumer.awake();
            }
        }
        Ok(())
    }
}

impl End for RingEnd {
    fn send(&mut self, message: &mut Vec<u8>) -> Result<()> {
        let mut rest = message.as_slice();
        while !rest.is_empty() {
            let sent = self.producer.write_vectored(&[IoSlice::new(rest)])?;
            if sent == 0 {
                self.wait_for_space()?;
            } else if self.producer.must_wake_reader() {
                self.wake_peer()?;
            }
            rest = &rest[sent..];
        }
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        let mut received = 0;
        while received < message.len() {
            let mut rest = &mut message[received..];
            let len = self.consumer.read(&mut rest)?;
            if len == 0 {
                self.wait_for_bytes()?;
            } else if self.consumer.must_wake_writer() {
                self.wake_peer()?;
            }
            received += len;
        }
        Ok(())
    }
}
