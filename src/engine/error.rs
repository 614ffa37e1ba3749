//! What can go wrong behind the door, in the terms of the one who asked.

use crate::knowledge::KnowledgeError;

/// Each variant maps to one HTTP status and one exit code.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("{what}")]
    Invalid { what: String, advice: String },
    #[error("there is no {noun} '{name}'")]
    NotFound { noun: &'static str, name: String, advice: String },
    #[error("{what}")]
    Conflict { what: String, advice: String },
    /// What is to be edited is not what the asker saw.
    #[error("{what}")]
    Stale { what: String, advice: String },
    /// A lane of the operation queue is full.
    #[error("{what}")]
    QueueFull { what: String, advice: String },
    /// The bounded queue is full.
    #[error("too many requests are waiting")]
    Busy { retry_after_s: u64 },
    #[error("{what}")]
    Damaged { what: String, advice: String },
    #[error("the disk is full: {what}")]
    DiskFull { what: String, store: bool },
    /// Another process holds the data folder.
    #[error("{what}")]
    Locked { what: String, advice: String },
    #[error("shutting down")]
    Stopping,
    /// The box gives this up in its present mode.
    #[error("{what}")]
    Degraded { what: String, advice: String, retry_after_s: u64 },
    /// The open store is useless until it is opened again.
    #[error("{what}")]
    StoreFailed { what: String },
    /// The policies say no; the problem says which, and what would be needed.
    #[error("{}", .0.detail)]
    Denied(Box<crate::api::types::Problem>),
    /// It is done when others voted for it.
    #[error("{what}")]
    Waits { id: u64, what: String },
    /// A token that is good for nothing.
    #[error("{what}")]
    Unknown { what: String, advice: String },
    #[error("{0}")]
    Internal(String),
}

impl EngineError {
    /// True where the open store must be opened again.
    pub(super) fn is_of_store(&self) -> bool {
        matches!(self, Self::StoreFailed { .. } | Self::DiskFull { store: true, .. })
    }

    /// True where the box failed, not the one who asked.
    pub(super) fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. }
                | Self::Damaged { .. }
                | Self::DiskFull { .. }
                | Self::StoreFailed { .. }
                | Self::Internal(_)
        )
    }
}

/// What to do with a data folder of a newer spud.
pub(super) const NEWER: &str = "start the newer spud again, or restore a backup that this one made: \
    spud --data NEW-FOLDER backup restore --from FOLDER-OF-BACKUPS";

/// What to do where an encrypted box has lost its header.
pub(super) const HEADER_LOST: &str = "put store.seal back (a copy is in keys/store.seal, and in every backup since: \
    `spud backup restore` brings it along); without it nobody can read what is encrypted";

/// What redb says, in our terms.
pub(super) fn store_error(error: impl Into<redb::Error>) -> EngineError {
    KnowledgeError::from(error.into()).into()
}

impl From<KnowledgeError> for EngineError {
    fn from(error: KnowledgeError) -> Self {
        let what = error.to_string();
        match error {
            KnowledgeError::NotFound { noun, name } => Self::NotFound {
                advice: format!("`spud {} list` shows what there is", if noun == "collection" { noun } else { "document" }),
                noun,
                name,
            },
            KnowledgeError::Newer { .. } => Self::Invalid { what, advice: NEWER.into() },
            KnowledgeError::Sealed { .. } => Self::Invalid { what, advice: HEADER_LOST.into() },
            KnowledgeError::Invalid { .. } => Self::Invalid { what, advice: String::new() },
            KnowledgeError::DiskFull | KnowledgeError::StoreFull => Self::DiskFull {
                what: "nothing of this change was kept".into(),
                store: matches!(error, KnowledgeError::StoreFull),
            },
            KnowledgeError::Damage(_) | KnowledgeError::Record { .. } | KnowledgeError::Catalogue { .. } => Self::Damaged {
                what,
                advice: "run `spud check` to see all damage, `spud check --repair` to rebuild from the source files".into(),
            },
            KnowledgeError::Locked { .. } => Self::Locked {
                what,
                advice: "another spud serves this data folder; talk to it over its socket".into(),
            },
            KnowledgeError::StoreFailed { .. } => Self::StoreFailed { what },
            KnowledgeError::Io(_) | KnowledgeError::Store(_) => Self::Internal(what),
        }
    }
}
