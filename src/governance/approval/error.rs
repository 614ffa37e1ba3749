//! Why something cannot be done to a request.

use crate::store::StoreError;

/// Each says what happened; [`ApprovalError::advice`] what can be done.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    #[error("there is no approval request '{id}'")]
    Missing { id: u64 },
    #[error("{what}")]
    Invalid { what: String, advice: &'static str },
    /// It is decided, or was changed meanwhile.
    #[error("{what}")]
    Conflict { what: String, advice: &'static str },
    /// By a rule that no policy lifts.
    #[error("{what}")]
    Refused { what: String, rule: &'static str, advice: &'static str },
    #[error("there are {most} requests that wait already")]
    TooMany { most: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApprovalError {
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "`spud approval list --state all` shows them",
            Self::Invalid { advice, .. } | Self::Conflict { advice, .. } | Self::Refused { advice, .. } => {
                advice
            }
            Self::TooMany { .. } => "decide or withdraw some: `spud approval list`",
            Self::Store(_) => "nothing was changed; check the disk of the data folder",
        }
    }
}
