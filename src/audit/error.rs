//! What can go wrong with the log of what was done.

use std::path::PathBuf;

use crate::store::StoreError;
use crate::store::backup::BackupError;
use crate::store::codec::CodecError;

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Asked for what the log does not have.
    #[error("{what}")]
    Missing { what: String, advice: &'static str },
    /// What was given is no checkpoint, key or cosignature of the form that is meant, or not of this log.
    #[error("{what}")]
    Invalid { what: String, advice: &'static str },
    #[error("the audit log is damaged: {what}")]
    Damaged { what: String },
    #[error("the key of the box: {0}")]
    Key(#[from] BackupError),
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: std::io::Error },
}

impl AuditError {
    pub(super) fn invalid(what: impl Into<String>, advice: &'static str) -> Self {
        Self::Invalid { what: what.into(), advice }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}

macro_rules! of_store {
    ($($error:ty)*) => {
        $(impl From<$error> for AuditError {
            fn from(error: $error) -> Self {
                Self::Store(error.into())
            }
        })*
    };
}

of_store!(redb::TableError redb::StorageError CodecError);
