//! What can go wrong with keys.

use std::io;
use std::path::{Path, PathBuf};

/// Each says what happened; [`CryptError::advice`] what to do.
#[derive(Debug, thiserror::Error)]
pub enum CryptError {
    #[error("this box is encrypted and its key cannot be had: {why}")]
    NoKey { why: String },
    #[error("this key does not open the store; {} is whole, so the key is another one", path.display())]
    WrongKey { path: PathBuf },
    #[error("{} and its copy are damaged", path.display())]
    Damaged { path: PathBuf },
    #[error("the header {} is of a newer spud", path.display())]
    Newer { path: PathBuf },
    #[error("{0}")]
    Weak(String),
    /// Not in this state.
    #[error("{what}")]
    State { what: &'static str, advice: &'static str },
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

impl CryptError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }

    /// What the user can do.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoKey { .. } => {
                "put the key where it is looked for, name another place with the setting store.key \
                 (file:/PATH, credential:NAME), or start spud in a terminal to be asked for the passphrase"
            }
            Self::WrongKey { .. } => "nothing is damaged: find the key that this box was encrypted with",
            Self::Damaged { .. } => {
                "put store.seal of a backup back; without it, nobody can read what is encrypted"
            }
            Self::Newer { .. } => "start the newer spud again",
            Self::Weak(_) => {
                "make a key with: (umask 077; head -c 32 /dev/urandom | base64 > /etc/spud/store.key)"
            }
            Self::State { advice, .. } => advice,
            Self::Io { .. } => "check the disk and the permissions of the data folder",
        }
    }
}
