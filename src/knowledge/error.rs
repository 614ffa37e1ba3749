//! What can go wrong with what the box knows.

use std::io;
use std::path::PathBuf;

use crate::store::Damage;

/// Each says what happened, where, and (through its caller) what to do.
#[derive(Debug, thiserror::Error)]
pub enum KnowledgeError {
    #[error("{0}")]
    Damage(#[from] Damage),
    #[error("a record of the catalogue is damaged: {what}")]
    Record { what: String },
    #[error("{}: {what}", path.display())]
    Catalogue { path: PathBuf, what: String },
    /// Written by a spud that this one cannot follow.
    #[error("{what}")]
    Newer { what: String },
    /// It is encrypted, and its keys are not there.
    #[error("{what}")]
    Sealed { what: String },
    #[error("{} is in use by another process", path.display())]
    Locked { path: PathBuf },
    #[error("there is no {noun} '{name}'")]
    NotFound { noun: &'static str, name: String },
    #[error("{what}")]
    Invalid { what: String },
    #[error("the disk is full")]
    DiskFull,
    #[error("{0}")]
    Io(io::Error),
    #[error("the store answered: {0}")]
    Store(String),
    /// The disk was full under the open store, which is useless now.
    #[error("the disk is full")]
    StoreFull,
    /// An error of the disk made the open store useless, reads too, until it is opened again.
    #[error("the store failed: {what}")]
    StoreFailed { what: String },
}

impl KnowledgeError {
    /// True where the open store must be opened again.
    #[must_use]
    pub fn is_of_store(&self) -> bool {
        matches!(self, Self::StoreFull | Self::StoreFailed { .. })
    }
}

impl From<io::Error> for KnowledgeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => match error.downcast::<Damage>() {
                Ok(damage) => Self::Damage(damage),
                Err(error) => Self::Io(error),
            },
        }
    }
}

impl From<redb::Error> for KnowledgeError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(io) => match io.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::StoreFull,
                _ => Self::StoreFailed { what: io.to_string() },
            },
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                Self::StoreFailed { what: "an earlier error closed it".into() }
            }
            other => Self::Store(other.to_string()),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident)*) => {
        $(impl From<redb::$error> for KnowledgeError {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_redb!(TransactionError TableError StorageError CommitError SetDurabilityError);
