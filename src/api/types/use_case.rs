//! What a box may be asked for.

use serde::{Deserialize, Serialize};

/// A use case, with everything that happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UseCase {
    pub name: String,
    /// For `If-Match`: another one after everything that happens to it.
    pub etag: String,
    /// `draft`, `submitted`, `approved`, `deployed`, `deprecated` or `retired`.
    pub state: String,
    pub purpose: String,
    /// Who answers for it.
    pub owner: String,
    pub legal_basis: String,
    /// Kinds of data that it touches.
    pub data: Vec<String>,
    /// Where it may look; empty for everywhere.
    pub collections: Vec<String>,
    /// `low`, `medium`, `high` or `critical`.
    pub impact: String,
    /// How long it is kept who asked under it.
    pub retention_days: Option<u32>,
    /// SHA-256s, beginnings of them, or names of models that may answer; empty for any.
    pub models: Vec<String>,
    /// nDCG@10 over the judged questions of its collections that a model must have, in thousandths.
    pub quality: Option<u32>,
    /// The objective of a service level that it is promised, and the state of that: `met`, `burning`, ...
    pub objective: Option<String>,
    pub objective_state: Option<String>,
    /// The newest request that asks for it.
    pub approval: Option<String>,
    /// From then on it is not served.
    pub retires_ms: Option<u64>,
    /// The use case to ask under instead.
    pub successor: Option<String>,
    /// Oldest first.
    pub history: Vec<UseCaseEvent>,
    /// Who asked under it, the latest first; kept over restarts.
    pub callers: Vec<UseCaseCaller>,
}

/// One thing that happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UseCaseEvent {
    /// What it was then: edits and submissions can be compared by it.
    pub revision: u64,
    pub at_ms: u64,
    /// `created`, `edited`, `submitted`, `approved`, `deployed`, `deprecated` or `retired`.
    pub what: String,
    pub by: String,
    pub reason: String,
}

/// The terms as they were after an edit or a submission.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UseCaseRevision {
    /// For comparing.
    pub revision: u64,
    pub at_ms: u64,
    /// `created`, `edited` or `submitted`.
    pub what: String,
    pub by: String,
    pub login: Option<String>,
    pub reason: String,
    /// Fields that differ from the revision before.
    pub changed: Vec<String>,
}

/// Two revisions of a use case; absent: the newest, and the one before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompareRevisions {
    pub a: Option<u64>,
    pub b: Option<u64>,
}

/// Somebody who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UseCaseCaller {
    pub who: String,
    pub login: Option<String>,
    pub questions: u64,
    pub last_ms: u64,
}

/// What is written of a use case; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteUseCase {
    /// Of a new one.
    pub name: String,
    pub purpose: Option<String>,
    pub owner: Option<String>,
    pub legal_basis: Option<String>,
    pub data: Option<Vec<String>>,
    pub collections: Option<Vec<String>>,
    pub impact: Option<String>,
    pub retention_days: Option<u32>,
    pub models: Option<Vec<String>>,
    /// In thousandths; 0 asks for nothing.
    pub quality: Option<u32>,
    /// Empty: none.
    pub objective: Option<String>,
    /// As `If-Match`, for those who send no headers.
    pub etag: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UseCaseReason {
    pub reason: String,
}

/// How a use case ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeprecateUseCase {
    pub reason: String,
    pub retires_ms: Option<u64>,
    pub successor: Option<String>,
}
