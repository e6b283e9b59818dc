//! Telling which links were made.

use isotonic_link::LinkInfo;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// How many links are remembered: a client that reconnects for days must not grow.
const MAX_REMEMBERED: usize = 64;

/// The links that a [`Connector`](crate::Connector) and its clones have made: the last 64, whether still
/// open or not.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = isotonic::Connector::to("unix:/run/orders.sock".parse()?);
/// let links = connector.links();
/// let channel = tonic::transport::Endpoint::from_static("http://localhost")
///     .connect_with_connector(connector)
///     .await?;
/// let link = links.latest().expect("just connected");
/// println!("{}: {:?}", link.kind(), link.reason());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Links(Arc<Mutex<VecDeque<LinkInfo>>>);

impl Links {
    /// The link made last.
    pub fn latest(&self) -> Option<LinkInfo> {
        self.lock().back().cloned()
    }

    /// All links that are remembered, the oldest first.
    pub fn all(&self) -> Vec<LinkInfo> {
        self.lock().iter().cloned().collect()
    }

    pub(crate) fn add(&self, link: LinkInfo) {
        let mut links = self.lock();
        if links.len() == MAX_REMEMBERED {
            links.pop_front();
        }
        links.push_back(link);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<LinkInfo>> {
        // Nothing can panic halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
