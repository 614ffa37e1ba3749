//! What can be wrong with a principal, a role, a grant or a token.

use crate::store::StoreError;

/// Each says what happened; [`AccessError::advice`] what can be done.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("'{name}' is no principal's name")]
    Name { name: String },
    #[error("there is no {noun} '{name}'")]
    Missing { noun: &'static str, name: String },
    #[error("{what}")]
    Refused { what: String, advice: &'static str },
    /// Somebody has it already.
    #[error("{what}")]
    Taken { what: String },
    #[error("a box keeps at most {most} {noun}")]
    TooMany { noun: &'static str, most: usize },
    #[error("the token is not known here, was revoked, or is over its time")]
    Token,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccessError {
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Name { .. } => "write uid:1000, gid:100, or small letters, digits, '-', '_' and '.'",
            Self::Missing { noun: "principal", .. } => "`spud principal list` shows all",
            Self::Missing { noun: "second factor of", .. } => "`spud principal totp enrol` gives one",
            Self::Missing { noun: "key", .. } => "`spud principal key list` shows all",
            Self::Missing { .. } => "`spud role review` shows all grants, `spud principal list` all tokens",
            Self::Refused { advice, .. } => advice,
            Self::Taken { .. } => "`spud role review` shows what is granted",
            Self::TooMany { .. } => "revoke what nobody needs: `spud role review`",
            Self::Token => "ask an admin for a new one: `spud principal token create NAME`",
            Self::Store(_) => "nothing was changed; check the disk of the data folder",
        }
    }
}
