//! Ctrl-C: the turn under way is finished, and what was measured is shown.

use crate::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tokio::signal::unix::{SignalKind, signal};

/// Whether this process was interrupted (SIGINT or SIGTERM).
pub(super) struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// From now on such a signal does not end the process.
    pub(super) fn watch() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            )
        };
        let happened = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&happened);
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            // SYNC: a flag alone; nothing is read because of it.
            flag.store(true, Ordering::Relaxed);
        });
        Ok(Self(happened))
    }

    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
