//! Shared memory with eventfds that count and wake (eventfd(2)).

use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use super::parts::{Counts, DATA, PartsEnd, Semaphore};
use super::shared_memory::SharedMemory;
use crate::Result;
use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::OwnedFd;
use std::rc::Rc;

pub(super) struct Eventfd;

impl Mechanism for Eventfd {
    fn name(&self) -> &'static str {
        "shared memory and eventfd"
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        let mut descriptors = vec![SharedMemory::anonymous_file(DATA)?];
        for _ in 0..4 {
            descriptors.push(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::SEMAPHORE)?);
        }
        let copies: std::io::Result<_> = descriptors.iter().map(OwnedFd::try_clone).collect();
        Ok(Prepared::descriptors(copies?, descriptors))
    }

    fn open(&self, side: Side, handover: Handover) -> Result<Box<dyn End>> {
        let [memory, filled, emptied, filled_back, emptied_back] = handover.take()?;
        let memory = Rc::new(SharedMemory::map(memory, DATA)?);
        let counts = |filled, emptied| Counts {
            filled: EventCount(filled),
            emptied: EventCount(emptied),
        };
        let from_client = counts(filled, emptied);
        let from_server = counts(filled_back, emptied_back);
        Ok(Box::new(PartsEnd::new(
            memory,
            side,
            from_client,
            from_server,
        )))
    }
}

struct EventCount(OwnedFd);

impl Semaphore for EventCount {
    fn signal(&mut self) -> Result<()> {
        rustix::io::write(&self.0, &1_u64.to_ne_bytes())?;
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        rustix::io::read(&self.0, &mut [0; size_of::<u64>()])?;
        Ok(())
    }
}
