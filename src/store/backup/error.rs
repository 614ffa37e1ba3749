//! What can go wrong with backups.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::store::codec::CodecError;

/// Each says what happened and where.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("the disk of {} is full", path.display())]
    Full { path: PathBuf },
    #[error("there are no backups in {}", path.display())]
    Empty { path: PathBuf },
    #[error("{} is not empty and holds no backups of spud", path.display())]
    Foreign { path: PathBuf },
    #[error("the backups in {} have form {found}; this spud knows {known}", path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("another spud is at work on the backups in {}", path.display())]
    Busy { path: PathBuf },
    #[error("there is no backup '{id}'")]
    NotFound { id: String },
    #[error("{what}")]
    Damaged { what: String },
    #[error("the backup {id} is signed with the key {key}, which this box does not know")]
    Unknown { id: String, key: String },
    #[error("it was stopped; what is kept is whole")]
    Stopped,
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl BackupError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_owned() },
            _ => Self::Io { path: path.to_owned(), error },
        }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}

impl From<CodecError> for BackupError {
    fn from(error: CodecError) -> Self {
        Self::Store(StoreError::Record(error))
    }
}

macro_rules! from_redb {
    ($($error:ident)*) => {
        $(impl From<redb::$error> for BackupError {
            fn from(error: redb::$error) -> Self {
                Self::Store(redb::Error::from(error).into())
            }
        })*
    };
}

from_redb!(TransactionError TableError StorageError CommitError SetDurabilityError);
