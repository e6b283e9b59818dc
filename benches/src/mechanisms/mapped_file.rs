//! A file of the file system, mapped by both sides, each of which looks again and again until something is there.

use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use super::parts::{DATA, PartsEnd, Semaphore};
use super::shared_memory::SharedMemory;
use crate::Result;
use std::hint::spin_loop;
use std::rc::Rc;
use std::sync::atomic::Ordering;

pub(super) struct MappedFile;

impl Mechanism for MappedFile {
    fn name(&self) -> &'static str {
        "mapped file"
    }

    fn waits(&self) -> Waits {
        Waits::Busy
    }

    fn prepare(&self) -> Result<Prepared> {
        let file = SharedMemory::sized(tempfile::tempfile()?, DATA)?;
        Ok(Prepared::descriptors(
            vec![file.try_clone()?.into()],
            vec![file.into()],
        ))
    }

    fn open(&self, side: Side, handover: Handover) -> Result<Box<dyn End>> {
        let [file] = handover.take()?;
        let memory = Rc::new(SharedMemory::map(file, DATA)?);
        let semaphore = |word| WatchedCount {
            memory: Rc::clone(&memory),
            word,
            taken: 0,
        };
        let end = PartsEnd::with_words(Rc::clone(&memory), side, semaphore);
        Ok(Box::new(end))
    }
}

/// A word that one side only counts up and the other only looks at.
struct WatchedCount {
    memory: Rc<SharedMemory>,
    word: usize,
    /// What we took of it, or gave: each side only does one of both.
    taken: u32,
}

impl Semaphore for WatchedCount {
    fn signal(&mut self) -> Result<()> {
        self.taken = self.taken.wrapping_add(1);
        // SYNC: release store after the data; pairs with the acquire load in `wait`.
        let word = self.memory.word(self.word);
        word.store(self.taken, Ordering::Release);
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        // SYNC: acquire; pairs with the release store in `signal`.
        while self.memory.word(self.word).load(Ordering::Acquire) == self.taken {
            spin_loop();
        }
        self.taken = self.taken.wrapping_add(1);
        Ok(())
    }
}
