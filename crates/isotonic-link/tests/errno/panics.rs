//! Panics anywhere in the process: a task's is caught by the runtime and would go unseen.

use std::panic::{set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

static SEEN: AtomicUsize = AtomicUsize::new(0);
static WATCHING: Once = Once::new();

/// How many there were since this was first called.
pub(crate) fn panics_so_far() -> usize {
    WATCHING.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            SEEN.fetch_add(1, Ordering::Relaxed);
            report(panic);
        }));
    });
    SEEN.load(Ordering::Relaxed)
}
