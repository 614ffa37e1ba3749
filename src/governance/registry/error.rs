//! Why something cannot be done to a model.

use crate::store::StoreError;

/// Each says what happened; [`RegistryError::advice`] what can be done.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("there is no {noun} '{name}'")]
    Missing { noun: &'static str, name: String },
    #[error("{what}")]
    Invalid { what: String, advice: &'static str },
    #[error("{what}")]
    Conflict { what: String, advice: &'static str },
    #[error("a box keeps at most {most} {noun}")]
    TooMany { noun: &'static str, most: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RegistryError {
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Missing { noun: "model", .. } => "`spud model list` shows them; register it first",
            Self::Missing { .. } => "`spud judge list` shows them",
            Self::Invalid { advice, .. } | Self::Conflict { advice, .. } => advice,
            Self::TooMany { noun: "models", .. } => "archive what nobody needs: spud model archive",
            Self::TooMany { .. } => "remove some: spud judge remove",
            Self::Store(_) => "nothing was changed; check the disk of the data folder",
        }
    }
}
