//! What peers did wrong, counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a peer lost its connection, or was not given what it asked for. Each costs the peer that
/// connection (or its shared memory) and nobody else anything.
///
/// Counted in [`Incidents`]; see the example there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Incident {
    /// The peer policy does not admit its user.
    NotAdmitted,
    /// Its user has as many connections as one user may have.
    QuotaReached,
    /// Its first bytes were neither HTTP/2's nor isotonic's.
    NeitherProtocol,
    /// It left before it had finished the handshake, as somebody does who only looks whether we are here.
    LeftEarly,
    /// It did not finish the handshake in time.
    TooSlow,
    /// It could not come into shared memory, which our side requires.
    ShmRequired,
    /// It sent descriptors where none belong, or another number than it declared.
    StrayDescriptors,
    /// What it sent as its segment failed a check. The link stays on the socket.
    SegmentRefused,
    /// Its user has as much memory mapped as one user may have. The link stays on the socket.
    MemoryQuotaReached,
    /// It sent a record that does not exist, or that cannot come at that point.
    BrokenRecords,
    /// It wrote a position into its segment that no correct peer can write.
    ImpossiblePosition,
    /// It went away without closing the link: it crashed, or was ended.
    Vanished,
}

impl Incident {
    /// All of them, each at its own place in the counts.
    const ALL: [Self; 12] = [
        Self::NotAdmitted,
        Self::QuotaReached,
        Self::NeitherProtocol,
        Self::LeftEarly,
        Self::TooSlow,
        Self::ShmRequired,
        Self::StrayDescriptors,
        Self::SegmentRefused,
        Self::MemoryQuotaReached,
        Self::BrokenRecords,
        Self::ImpossiblePosition,
        Self::Vanished,
    ];
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotAdmitted => "user not admitted",
            Self::QuotaReached => "user's connections used up",
            Self::NeitherProtocol => "neither protocol",
            Self::LeftEarly => "left during the handshake",
            Self::TooSlow => "too slow for the handshake",
            Self::ShmRequired => "no shared memory, which is required",
            Self::StrayDescriptors => "stray descriptors",
            Self::SegmentRefused => "segment refused",
            Self::MemoryQuotaReached => "user's memory used up",
            Self::BrokenRecords => "broken records",
            Self::ImpossiblePosition => "impossible position in the ring",
            Self::Vanished => "vanished",
        })
    }
}

/// How often each [`Incident`] has happened at a [`Listener`](crate::Listener) or a
/// [`Connector`](crate::Connector) and its clones. A handle: it shows the present counts, also after
/// the listener is gone. Cheap to clone.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let address = format!("unix:{}/orders.sock", folder.path().display());
/// let listener = isotonic_link::Listener::bind([address.parse()?]).await?;
/// let incidents = listener.incidents();
/// assert_eq!(incidents.count(isotonic_link::Incident::Vanished), 0);
/// for (incident, count) in incidents.iter() {
///     println!("{incident}: {count}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Incidents {
    /// In the order of [`Incident::ALL`]. Statistics only: nothing is ordered by them, so all accesses are
    /// relaxed.
    counts: Arc<[AtomicU64; Incident::ALL.len()]>,
}

impl Incidents {
    /// How often this has happened.
    pub fn count(&self, incident: Incident) -> u64 {
        self.counts[incident as usize].load(Ordering::Relaxed)
    }

    /// Every incident with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Incident, u64)> {
        Incident::ALL
            .map(|incident| (incident, self.count(incident)))
            .into_iter()
    }

    pub(crate) fn add(&self, incident: Incident) {
        self.counts[incident as usize].fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_incident_has_a_count_of_its_own() {
        for (place, incident) in Incident::ALL.into_iter().enumerate() {
            assert_eq!(incident as usize, place);
            let incidents = Incidents::default();
            incidents.add(incident);
            for (other, count) in incidents.iter() {
                assert_eq!(count, u64::from(other == incident));
            }
        }
    }
}
