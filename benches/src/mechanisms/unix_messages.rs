//! Unix sockets that keep messages apart. Longer ones go in parts: the kernel holds each in one piece, and takes
//! none that is larger than the socket's buffer.

use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use crate::Result;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use std::os::fd::OwnedFd;

/// Less than a third of the default buffer (`net.core.wmem_default`), so that both sides have something to do.
const PART: usize = 64 * 1024;

pub(super) enum UnixMessages {
    Datagram,
    Seqpacket,
}

impl Mechanism for UnixMessages {
    fn name(&self) -> &'static str {
        match self {
            Self::Datagram => "Unix datagram socket",
            Self::Seqpacket => "Unix seqpacket socket",
        }
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        let kind = match self {
            Self::Datagram => SocketType::DGRAM,
            Self::Seqpacket => SocketType::SEQPACKET,
        };
        let (client, server) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
        Ok(Prepared::descriptors(vec![client], vec![server]))
    }

    fn open(&self, _: Side, handover: Handover) -> Result<Box<dyn End>> {
        let [socket] = handover.take()?;
        Ok(Box::new(MessageEnd { socket }))
    }
}

struct MessageEnd {
    socket: OwnedFd,
}

impl End for MessageEnd {
    fn send(&mut self, message: &mut Vec<u8>) -> Result<()> {
        for part in message.chunks(PART) {
            // A message goes whole or not at all.
            send(&self.socket, part, SendFlags::NOSIGNAL)?;
        }
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        for part in message.chunks_mut(PART) {
            let expected = part.len();
            let (_, received) = recv(&self.socket, part, RecvFlags::TRUNC)?;
            if received != expected {
                return Err(format!("a part of {received} B came, not of {expected} B").into());
            }
        }
        Ok(())
    }
}
