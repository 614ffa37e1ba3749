//! Why something cannot be done to an incident.

use crate::store::StoreError;

/// Each says what happened; [`IncidentError::advice`] what can be done.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    #[error("there is no incident '{id}'")]
    Missing { id: u64 },
    #[error("{what}")]
    Invalid { what: String, advice: &'static str },
    /// Its state does not allow it.
    #[error("{what}")]
    Conflict { what: String, advice: &'static str },
    #[error("{most} incidents are not closed yet")]
    TooMany { most: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IncidentError {
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "`spud incident list --state all` shows them",
            Self::Invalid { advice, .. } | Self::Conflict { advice, .. } => advice,
            Self::TooMany { .. } => "resolve and close some: `spud incident list`",
            Self::Store(_) => "nothing was changed; check the disk of the data folder",
        }
    }
}
