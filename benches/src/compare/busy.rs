//! Other work beside the one that is measured.

use super::runtime;
use crate::Result;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

/// Threads that use all the CPU they get, until this is dropped.
#[derive(Debug)]
pub(super) struct BusyCpus(Arc<AtomicBool>);

impl BusyCpus {
    /// On the first of the CPUs that were asked for, or of all, one thread on each. Where the kernel chooses, it now and then
    /// puts two on one CPU and leaves the other one to what is measured: calls of 1 MiB are then twice as many.
    pub(super) fn start(count: usize, asked_for: &[u16]) -> Result<Self> {
        let cpus = runtime::cpus(asked_for);
        if count > cpus.len() {
            let cpus = cpus.len();
            return Err(format!("cannot keep {count} CPUs busy: the processes have {cpus}").into());
        }
        let busy = Self(Arc::new(AtomicBool::new(true)));
        for cpu in cpus.into_iter().take(count) {
            let wanted = Arc::clone(&busy.0);
            let (pinned, is_pinned) = mpsc::channel();
            thread::Builder::new()
                .name("busy".to_owned())
                .spawn(move || {
                    // It is waited for below.
                    let _ = pinned.send(runtime::pin(&[cpu]));
                    while wanted.load(Ordering::Relaxed) {
                        spin_loop();
                    }
                })?;
            is_pinned.recv()??;
        }
        Ok(busy)
    }
}

impl Drop for BusyCpus {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
