//! What this process has open.

use crate::patience::within;
use std::time::Duration;

/// The number of open descriptors, with the one that counting takes.
pub(crate) fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits until no more descriptors are open than `before`.
pub(crate) async fn closed_down_to(before: usize) {
    let closed = async {
        while open_descriptors() > before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within("the descriptors to be closed", closed).await;
}
