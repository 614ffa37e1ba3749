//! What can go wrong behind the door, in the terms of the one who asked.

/// Each variant maps to one HTTP status and one exit code.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("{what}")]
    Invalid { what: String, advice: String },
    #[error("there is no {noun} '{name}'")]
    NotFound { noun: &'static str, name: String, advice: String },
    #[error("{what}")]
    Conflict { what: String, advice: String },
    /// The bounded queue is full.
    #[error("too many requests are waiting")]
    Busy { retry_after_s: u64 },
    #[error("{what}")]
    Damaged { what: String, advice: String },
    #[error("the disk is full: {what}")]
    DiskFull { what: String },
    /// Another process holds the data folder.
    #[error("{what}")]
    Locked { what: String, advice: String },
    #[error("shutting down")]
    Stopping,
    #[error("{0}")]
    Internal(String),
}
