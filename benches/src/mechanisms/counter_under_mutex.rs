//! Shared memory with counters under robust mutexes of all processes: who waits takes the mutex, looks at the
//! counter, gives the mutex back, and looks again.
//!
//! The mutex is a priority-inheriting futex (futex(2)), which is robust without further help: it holds its
//! owner's thread id, and the kernel hands it on if that thread is gone.

use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use super::parts::{DATA, PartsEnd, Semaphore};
use super::shared_memory::SharedMemory;
use crate::Result;
use rustix::io::Errno;
use rustix::thread::{futex, gettid};
use std::hint::spin_loop;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Tries to take the mutex before sleeping for it: it is never held for longer than a few instructions, unless
/// its owner has no CPU.
const TRIES: u32 = 100;

pub(super) struct CounterUnderMutex;

impl Mechanism for CounterUnderMutex {
    fn name(&self) -> &'static str {
        "counter under a robust mutex"
    }

    fn waits(&self) -> Waits {
        Waits::Busy
    }

    fn prepare(&self) -> Result<Prepared> {
        SharedMemory::for_both(DATA)
    }

    fn open(&self, side: Side, handover: Handover) -> Result<Box<dyn End>> {
        let [memory] = handover.take()?;
        let memory = Rc::new(SharedMemory::map(memory, DATA)?);
        let semaphore = |index| GuardedCount {
            memory: Rc::clone(&memory),
            mutex: 2 * index,
            count: 2 * index + 1,
        };
        let end = PartsEnd::with_words(Rc::clone(&memory), side, semaphore);
        Ok(Box::new(end))
    }
}

/// A count, and the mutex that must be held to touch it: indices of words.
struct GuardedCount {
    memory: Rc<SharedMemory>,
    mutex: usize,
    count: usize,
}

impl GuardedCount {
    fn locked<T>(&self, with_count: impl FnOnce(&AtomicU32) -> T) -> Result<T> {
        let mutex = RobustMutex(self.memory.word(self.mutex));
        mutex.lock()?;
        let result = with_count(self.memory.word(self.count));
        mutex.unlock()?;
        Ok(result)
    }
}

impl Semaphore for GuardedCount {
    fn signal(&mut self) -> Result<()> {
        // Here and below relaxed: the mutex orders.
        self.locked(|count| count.fetch_add(1, Ordering::Relaxed))?;
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        let take_one = |count: &AtomicU32| {
            let there = count.load(Ordering::Relaxed);
            count.store(there.saturating_sub(1), Ordering::Relaxed);
            there > 0
        };
        while !self.locked(take_one)? {
            spin_loop();
        }
        Ok(())
    }
}

/// 0, or the thread id of its owner and the kernel's marks.
struct RobustMutex<'a>(&'a AtomicU32);

impl RobustMutex<'_> {
    fn lock(&self) -> Result<()> {
        let own = own_thread();
        for _ in 0..TRIES {
            if self.replace(0, own).is_ok() {
                return Ok(());
            }
            spin_loop();
        }
        loop {
            match futex::lock_pi(self.0, futex::Flags::empty(), None) {
                Ok(()) => {
                    self.forget_dead_owner();
                    return Ok(());
                }
                // It slept for it, or its owner is about to end.
                Err(Errno::INTR | Errno::AGAIN) => {}
                // The owner is gone, and nobody slept when it went.
                Err(Errno::SRCH) => {
                    // Relaxed: `replace` decides.
                    let dead = self.0.load(Ordering::Relaxed);
                    if self.replace(dead, own).is_ok() {
                        return Ok(());
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn unlock(&self) -> Result<()> {
        // SYNC: release; pairs with the acquire in `replace` of the next owner.
        let free = self
            .0
            .compare_exchange(own_thread(), 0, Ordering::Release, Ordering::Relaxed);
        if free.is_err() {
            // Somebody sleeps; the kernel hands it on.
            futex::unlock_pi(self.0, futex::Flags::empty())?;
        }
        Ok(())
    }

    fn replace(&self, from: u32, to: u32) -> std::result::Result<u32, u32> {
        // SYNC: acquire; pairs with the release in `unlock`.
        self.0
            .compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed)
    }

    /// The count is whole whenever its owner died: it changes in one store.
    fn forget_dead_owner(&self) {
        self.0.fetch_and(!futex::OWNER_DIED, Ordering::Relaxed);
    }
}

fn own_thread() -> u32 {
    thread_local!(static OWN: u32 = gettid().as_raw_nonzero().get().cast_unsigned());
    OWN.with(|own| *own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn two_threads_count_under_it() {
        const TIMES: u32 = 100_000;
        let words = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
        let threads = [(); 2].map(|()| {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                let mutex = RobustMutex(&words.0);
                for _ in 0..TIMES {
                    mutex.lock().unwrap();
                    // Not in one step, so that nothing but the mutex keeps it right.
                    let seen = words.1.load(Ordering::Relaxed);
                    words.1.store(seen + 1, Ordering::Relaxed);
                    mutex.unlock().unwrap();
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(words.1.load(Ordering::Relaxed), 2 * TIMES);
    }

    #[test]
    fn the_mutex_of_a_thread_that_has_ended_is_taken_over() {
        let word = Arc::new(AtomicU32::new(0));
        let held = Arc::clone(&word);
        thread::spawn(move || RobustMutex(&held).lock().unwrap())
            .join()
            .unwrap();
        assert_ne!(word.load(Ordering::Relaxed), 0, "it is held");
        let (report, reports) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let mutex = RobustMutex(&word);
            mutex.lock().unwrap();
            mutex.unlock().unwrap();
            report.send(word.load(Ordering::Relaxed))
        });
        let patience = std::time::Duration::from_secs(30);
        let left = reports.recv_timeout(patience);
        assert_eq!(left, Ok(0), "the mutex is not taken over");
    }
}
