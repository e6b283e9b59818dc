//! Other work beside the one that is measured.

use crate::Result;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Threads that use all the CPU they get, until this is dropped.
#[derive(Debug)]
pub(super) struct BusyCpus(Arc<AtomicBool>);

impl BusyCpus {
    /// On the given CPUs, or on any if the list is empty.
    pub(super) fn start(count: usize, cpus: &[u16]) -> Result<Self> {
        let busy = Self(Arc::new(AtomicBool::new(true)));
        for _ in 0..count {
            let wanted = Arc::clone(&busy.0);
            let cpus = cpus.to_vec();
            thread::Builder::new()
                .name("busy".to_owned())
                .spawn(move || {
                    // That the CPUs are there was seen when the processes started on them.
                    let _ = super::runtime::pin(&cpus);
                    while wanted.load(Ordering::Relaxed) {
                        spin_loop();
                    }
                })?;
        }
        Ok(busy)
    }
}

impl Drop for BusyCpus {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
