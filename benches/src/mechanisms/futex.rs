//! Shared memory with futexes that count and wake (futex(2)).

use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use super::parts::{DATA, PartsEnd, Semaphore};
use super::shared_memory::SharedMemory;
use crate::Result;
use rustix::io::Errno;
use rustix::thread::futex;
use std::rc::Rc;
use std::sync::atomic::Ordering;

pub(super) struct Futex;

impl Mechanism for Futex {
    fn name(&self) -> &'static str {
        "shared memory and futex"
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        SharedMemory::for_both(DATA)
    }

    fn open(&self, side: Side, handover: Handover) -> Result<Box<dyn End>> {
        let [memory] = handover.take()?;
        let memory = Rc::new(SharedMemory::map(memory, DATA)?);
        let semaphore = |index| FutexCount {
            memory: Rc::clone(&memory),
            count: 2 * index,
            sleeps: 2 * index + 1,
        };
        let end = PartsEnd::with_words(Rc::clone(&memory), side, semaphore);
        Ok(Box::new(end))
    }
}

/// A count, and whether somebody sleeps until it is not 0: indices of words.
struct FutexCount {
    memory: Rc<SharedMemory>,
    count: usize,
    sleeps: usize,
}

impl Semaphore for FutexCount {
    fn signal(&mut self) -> Result<()> {
        let count = self.memory.word(self.count);
        // SYNC: sequentially consistent, as is the load below; pairs with the store and the load in `wait`. Either
        // we see that the other side is about to sleep, or it sees the count. What was written before is released.
        count.fetch_add(1, Ordering::SeqCst);
        if self.memory.word(self.sleeps).load(Ordering::SeqCst) != 0 {
            // Not private: the sleeper is another process.
            futex::wake(count, futex::Flags::empty(), 1)?;
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        let count = self.memory.word(self.count);
        let sleeps = self.memory.word(self.sleeps);
        // SYNC: pairs with `signal`, as said there; acquires what was written before it.
        while count.load(Ordering::SeqCst) == 0 {
            sleeps.store(1, Ordering::SeqCst);
            // The kernel looks at the count once more before it sleeps.
            match futex::wait(count, futex::Flags::empty(), 0, None) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            // No ordering needed: who still sees the old value wakes nobody.
            sleeps.store(0, Ordering::Relaxed);
        }
        // Only we take, so it cannot fall below 0.
        count.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}
