//! Waiting that ends with a message.

use std::future::Future;
use std::time::Duration;

/// More than any wait of these tests needs on a slow machine; what lasts longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `future`, which brings what `awaited` says.
pub(crate) async fn within<F: Future>(awaited: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("still waiting for {awaited} after {PATIENCE:?}"),
    }
}
