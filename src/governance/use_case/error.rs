//! Why something cannot be done to a use case, or asked under it.

use crate::store::StoreError;

/// Each says what happened; [`UseCaseError::advice`] what can be done.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
    #[error("there is no use case '{name}'")]
    Missing { name: String },
    #[error("{what}")]
    Invalid { what: String, advice: &'static str },
    #[error("{what}")]
    Conflict { what: String, advice: &'static str },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UseCaseError {
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "`spud use-case list` shows them",
            Self::Invalid { advice, .. } | Self::Conflict { advice, .. } => advice,
            Self::Store(_) => "nothing was changed; check the disk of the data folder",
        }
    }
}
