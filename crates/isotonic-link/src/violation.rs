//! How peers break the protocol.

use crate::Incident;

/// How a peer broke the protocol: the source of an error of kind
/// [`InvalidData`](std::io::ErrorKind::InvalidData) from a [`Link`](crate::Link). The link cannot be used
/// any more.
///
/// ```
/// fn blame(error: &std::io::Error) -> Option<isotonic_link::Incident> {
///     let violation = error.get_ref()?.downcast_ref::<isotonic_link::Violation>()?;
///     Some(violation.incident())
/// }
/// # assert_eq!(blame(&std::io::ErrorKind::BrokenPipe.into()), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the peer broke the protocol: {what}")]
pub struct Violation {
    incident: Incident,
    what: String,
}

impl Violation {
    pub(crate) fn new(incident: Incident, what: impl ToString) -> Self {
        Self {
            incident,
            what: what.to_string(),
        }
    }

    /// What it is counted as.
    pub fn incident(&self) -> Incident {
        self.incident
    }
}

impl From<Violation> for std::io::Error {
    fn from(violation: Violation) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, violation)
    }
}
