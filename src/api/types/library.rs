//! Collections, documents and passages, and the jobs that take them in.

use serde::{Deserialize, Serialize};

use super::Place;

/// A named set of documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Collection {
    pub name: String,
    pub documents: u64,
    pub chunks: u64,
    pub failures: u64,
    pub index_bytes: u64,
    /// Bytes of source files.
    pub source_bytes: u64,
    pub segments: u64,
    /// `auto`, or a language that was set (ISO 639-1).
    pub language: String,
    /// Languages found in it.
    pub languages: Vec<String>,
    pub model: String,
    pub generation: u64,
    pub created_ms: u64,
    /// Folders that are watched for changes.
    pub watched: Vec<String>,
    /// Shipped inside the binary.
    pub built_in: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CreateCollection {
    pub name: String,
    /// `auto` (default) or ISO 639-1.
    pub language: Option<String>,
}

/// One ingested file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    pub id: String,
    pub collection: String,
    pub path: String,
    pub title: String,
    pub kind: String,
    pub language: String,
    pub bytes: u64,
    pub pages: u32,
    pub chunks: u64,
    pub modified_ms: u64,
    pub indexed_ms: u64,
    /// SHA-256 of the file's bytes, hexadecimal.
    pub sha256: String,
}

/// Which documents, page by page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentQuery {
    pub collection: Option<String>,
    /// Only paths or titles that contain this, case folded.
    pub contains: Option<String>,
    pub kind: Option<String>,
    /// From the previous page's `next`.
    pub cursor: Option<String>,
    /// 1..=1000; 0 means 100.
    pub limit: usize,
}

/// Consecutive passages of one document, for reading on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PassageQuery {
    pub document: String,
    /// Start near this passage; absent means the document's first.
    pub around: Option<String>,
    /// Passages before it.
    pub before: usize,
    /// Passages after it; 0..=200.
    pub after: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Passage {
    pub chunk: String,
    pub heading: Vec<String>,
    pub place: Place,
    pub text: String,
}

/// Documents to add.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddRequest {
    /// Created when it does not exist; empty means `default`.
    pub collection: String,
    /// Absolute paths of files and folders.
    pub paths: Vec<String>,
    /// `.gitignore`-style patterns to leave out.
    pub excludes: Vec<String>,
    /// Keep watching the folders.
    pub watch: bool,
    /// Index again what has not changed, too.
    pub force: bool,
}

/// Documents to remove: by id, or all under a path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoveRequest {
    pub collection: Option<String>,
    pub document: Option<String>,
    pub path: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    #[default]
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    /// True when it will not change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// A durable unit of background work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Job {
    pub id: String,
    /// add, remove, reindex, merge.
    pub kind: String,
    pub state: JobState,
    pub collection: String,
    pub paths: Vec<String>,
    pub files_total: u64,
    pub files_done: u64,
    /// Unchanged since they were indexed.
    pub files_skipped: u64,
    pub files_failed: u64,
    /// Gone from disk, so gone from the index.
    pub files_removed: u64,
    pub bytes_total: u64,
    pub bytes_done: u64,
    pub chunks: u64,
    pub bytes_per_second: u64,
    pub eta_ms: Option<u64>,
    /// File being worked on.
    pub current: Option<String>,
    pub error: Option<String>,
    pub created_ms: u64,
    pub started_ms: Option<u64>,
    pub finished_ms: Option<u64>,
}

/// A file that could not be indexed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    pub collection: String,
    pub path: String,
    /// encrypted, too_large, damaged, timeout, memory, unreadable, binary, unsupported, crash, empty.
    pub kind: String,
    pub reason: String,
    /// What the user can do.
    pub advice: String,
    pub at_ms: u64,
}
