//! A Unix stream socket that both sides use through io_uring (io_uring(7)): a system call hands an operation over
//! and waits for its completion.

use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use crate::Result;
use compio_buf::{BufResult, IntoInner, IoBuf};
use compio_driver::op::{Recv, RecvFlags, Send, SendFlags};
use compio_driver::{DriverType, OpCode, Proactor, PushEntry};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

pub(super) struct IoUring;

impl Mechanism for IoUring {
    fn name(&self) -> &'static str {
        "Unix stream socket by io_uring"
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        // Where it is forbidden or too old this says so.
        driver()?;
        let (client, server) = UnixStream::pair()?;
        Ok(Prepared::descriptors(
            vec![client.into()],
            vec![server.into()],
        ))
    }

    fn open(&self, _: Side, handover: Handover) -> Result<Box<dyn End>> {
        let [socket] = handover.take()?;
        Ok(Box::new(IoUringEnd {
            driver: driver()?,
            socket: Arc::new(socket),
        }))
    }
}

fn driver() -> Result<Proactor> {
    let built = Proactor::builder().driver_type(DriverType::IoUring).build();
    let driver = built.map_err(|error| format!("the kernel gives no io_uring: {error}"))?;
    Ok(driver)
}

struct IoUringEnd {
    driver: Proactor,
    socket: Arc<OwnedFd>,
}

impl IoUringEnd {
    /// Hands one operation over, waits for it, and gives its buffer back with the number of bytes.
    fn complete<T, B>(&mut self, operation: T) -> Result<(usize, B)>
    where
        T: OpCode + IntoInner<Inner = B> + 'static,
    {
        let mut entry = self.driver.push(operation);
        let BufResult(result, operation) = loop {
            match entry {
                PushEntry::Ready(result) => break result,
                PushEntry::Pending(key) => {
                    self.driver.poll(None)?;
                    entry = self.driver.pop(key);
                }
            }
        };
        let len = result?;
        if len == 0 {
            return Err("the other side has gone".into());
        }
        Ok((len, operation.into_inner()))
    }
}

impl End for IoUringEnd {
    fn send(&mut self, message: &mut Vec<u8>) -> Result<()> {
        let mut sent = 0;
        while sent < message.len() {
            let rest = std::mem::take(message).slice(sent..);
            // All at once, where the kernel does so for sends (Linux 5.19).
            let flags = SendFlags::NOSIGNAL | SendFlags::from_bits_retain(WAIT_FOR_ALL);
            let operation = Send::new(Arc::clone(&self.socket), rest, flags);
            let (len, rest) = self.complete(operation)?;
            *message = rest.into_inner();
            sent += len;
        }
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        let (mut received, all) = (0, message.len());
        while received < all {
            // It may have more capacity than length.
            let rest = std::mem::take(message).slice(received..all);
            let operation = Recv::new(Arc::clone(&self.socket), rest, RecvFlags::WAITALL);
            let (len, rest) = self.complete(operation)?;
            *message = rest.into_inner();
            received += len;
        }
        Ok(())
    }
}

/// `MSG_WAITALL` of a send, which only io_uring knows (io_uring_enter(2)).
const WAIT_FOR_ALL: u32 = RecvFlags::WAITALL.bits();
