//! Other work beside the one that is measured.

use super::runtime;
use crate::Result;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Threads that use all the CPU they get, until this is dropped.
#[derive(Debug)]
pub(super) struct BusyCpus(Arc<AtomicBool>);

impl BusyCpus {
    /// On the CPUs that were asked for, or on all, one after the other. Where the kernel chooses, it now and then puts two
    /// on one CPU and leaves the other one to what is measured: calls of 1 MiB are then twice as many.
    pub(super) fn start(count: usize, asked_for: &[u16]) -> Result<Self> {
        let cpus = runtime::cpus(asked_for);
        let busy = Self(Arc::new(AtomicBool::new(true)));
        for index in 0..count {
            let wanted = Arc::clone(&busy.0);
            let cpu = cpus.iter().cycle().nth(index).copied();
            thread::Builder::new()
                .name("busy".to_owned())
                .spawn(move || {
                    // That the CPUs are there was seen when the processes started on them.
                    let _ = runtime::pin(cpu.as_slice());
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
