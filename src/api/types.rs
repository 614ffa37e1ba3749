//! The words of the wire: every request and reply as plain data (JSON, snake_case).
//!
//! Times are milliseconds since the Unix epoch, sizes are bytes, durations end in `_us` or `_ms`.
//! Identifiers are strings, so that JavaScript and `jq` keep every digit.
//!
//! Invariant: calls nothing of ours; a field once published is never removed or re-typed.

pub mod access;
mod alert;
pub mod approval;
mod audit;
mod backup;
pub mod compliance;
mod config;
pub mod dashboard;
mod evaluation;
mod event;
pub mod evidence;
mod from_json;
mod hardware;
mod health;
pub mod incident;
mod log;
mod metric;
mod notify;
mod probe;
mod problem;
mod profile;
mod promql;
mod queue;
pub mod redaction;
pub mod registry;
mod resilience;
pub mod sla;
mod store;
mod trace;
pub mod use_case;
pub mod violation;
mod wear;

pub use alert::{
    AcknowledgeAlert, Alert, AlertAcknowledgement, AlertGroup, AlertRule, AlertRules, AlertSilence,
    SilenceAlerts,
};
pub use audit::{
    AnchorAudit, AuditAnchor, AuditCheckpoint, AuditConsistency, AuditEntry, AuditInclusion, AuditQuery,
    AuditStatus, AuditText, AuditTiles, AuditVerdict, EraseAudit, VerifyAudit,
};
pub use backup::{
    Backup, BackupDetail, BackupEntry, BackupRun, BackupSchedule, BackupStatus, CreateBackup, DrillBackup,
    PruneBackups, RestoreBackup, Restored, VerifyBackups,
};
pub use config::{
    ApplyConfig, CommitConfirm, ConfigChange, ConfigCheck, ConfigDifference, ConfigDrift, ConfigEvent,
    ConfigFile, ConfigHistoryQuery, ConfigPlace, ConfigProblem, ConfigReport, ConfigSetting, ConfigTemplate,
    ConfigTrial, ConfigVersion, RollbackConfig, SetConfig, ValidateConfig,
};
pub use evaluation::{EvalReport, EvalRequest, LatencyMs, QueryScore};
pub use event::{Event, EventKind, MissedEvents};
pub use from_json::from_json;
pub use hardware::{Accelerator, Hardware, PowerSupply, Sensor};
pub use health::{HealthCheck, HealthReport};
pub use log::{ImportedLog, LogLine, LogPage, LogQuery, LogSource};
pub use metric::{
    MetricCatalogue, MetricEnvelope, MetricMetadata, MetricPoint, MetricResult, MetricSeries, MetricValue,
};
pub use notify::{Notification, NotificationReceiver, NotificationStatus};
pub use probe::{Probe, ProbeList, PushedMetrics};
pub use problem::Problem;
pub use profile::{Profile, ProfileRow};
pub use promql::{PromqlFinding, PromqlTestReport};
pub use queue::{
    Operation, OperationDetail, OperationQuery, OwnWork, PauseQueue, PostOperation, Purged, QueueLane,
    QueueStatus, QueueUpstream,
};
pub use resilience::{
    Breaker, ForceBreaker, ForceMode, ForcedMode, HeldBreaker, ModeAxis, ModeBrief, ModeChange, ModeEffect,
    ModeHistoryQuery, ModeInputs, ModeReading, ModeReport,
};
pub use store::{EncryptStore, Passphrase, RotateStore, StoreReport};
pub use trace::{ErrorGroup, TraceDetail, TraceQuery, TraceSpan, TraceSummary};
pub use wear::{CompactReport, CompactedStore, SalvageReport, WriteStatus};

use serde::{Deserialize, Serialize};

/// What to look for, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRequest {
    /// The question or the words. `"exact phrase"` in double quotes must occur as it is.
    pub q: String,
    /// Only these collections; empty means all.
    pub collections: Vec<String>,
    /// Results wanted, 1..=100; 0 means the default of 10.
    pub n: usize,
    /// Glob over the document's path, such as `**/*.md`.
    pub path: Option<String>,
    /// Document kind: markdown, text, html, pdf, docx, odt, epub, man, rst, csv, json, log.
    pub kind: Option<String>,
    /// Only documents modified at or after this time.
    pub after_ms: Option<u64>,
    /// Only documents modified before this time.
    pub before_ms: Option<u64>,
    /// Show how each score came about.
    pub explain: bool,
    /// The use case that it is asked under; absent: `general`.
    pub use_case: Option<String>,
}

/// Where in its document a passage stands. Absent parts do not apply to the format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// First line, from 1.
    pub line_start: Option<u32>,
    /// Last line, from 1, inclusive.
    pub line_end: Option<u32>,
    /// Page, from 1.
    pub page: Option<u32>,
    /// Last page when the passage runs over several.
    pub page_end: Option<u32>,
    /// The record's own id (JSON Lines, CSV).
    pub record: Option<String>,
}

/// How a score came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoreParts {
    /// Lexical score (soft BM25), before fusion.
    pub lexical: f32,
    /// Cosine of question and passage vectors.
    pub dense: f32,
    /// What lexical evidence brought to the fused score.
    pub lexical_share: f32,
    /// What dense evidence brought to the fused score.
    pub dense_share: f32,
    /// What phrase and proximity evidence brought to the fused score.
    pub proximity_share: f32,
    /// The index terms the question was turned into, with weight: `pump 1.00`, `valve~ 0.52`.
    pub terms: Vec<String>,
}

/// One result: a passage with its place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hit {
    /// From 1.
    pub rank: usize,
    /// Identifies the passage within this generation of the index.
    pub chunk: String,
    /// The document's id, for `/v1/documents/{id}`.
    pub document: String,
    pub collection: String,
    /// Path of the source file (lossy where it is not UTF-8).
    pub path: String,
    pub title: String,
    /// Document kind, as in [`SearchRequest::kind`].
    pub kind: String,
    /// Headings above the passage, outermost first.
    pub heading: Vec<String>,
    pub place: Place,
    /// The passage.
    pub text: String,
    /// Byte ranges of `text` that match the question, ascending, not overlapping.
    pub highlights: Vec<(usize, usize)>,
    /// Byte range of the sentence of `text` that answers best.
    pub best_sentence: (usize, usize),
    /// Fused score, 0..=1 within one answer.
    pub score: f32,
    /// Present when asked for by `explain`.
    pub parts: Option<ScoreParts>,
    /// Further passages with the same text that were folded into this one.
    pub duplicates: usize,
}

/// Which layer answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheLayer {
    /// Computed now.
    #[default]
    None,
    /// From memory.
    L1,
    /// From the store.
    L2,
}

/// The results of a search.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchResponse {
    pub query: String,
    /// False when nothing relevant was found; `results` is then empty.
    pub found: bool,
    pub results: Vec<Hit>,
    /// A query that would find something, when this one did not.
    pub did_you_mean: Option<String>,
    /// What the reader must know: damaged segments left out, stop words only, ...
    pub notes: Vec<String>,
    pub took_us: u64,
    pub cache: CacheLayer,
}

/// One sentence of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerSentence {
    pub text: String,
    /// Rank of the result it is quoted from.
    pub citation: usize,
}

/// An answer with its citations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskResponse {
    /// The sentences that answer best, quoted word by word; empty when nothing relevant was found.
    pub answer: Vec<AnswerSentence>,
    #[serde(flatten)]
    pub search: SearchResponse,
}

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

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Ask again with this as `cursor`; absent on the last page.
    pub next: Option<String>,
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

/// One budget and how much of it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gauge {
    /// memory, store_cache, l1_cache, l2_cache, index_buffer, log_bytes, ...
    pub name: String,
    pub used: u64,
    pub limit: u64,
    /// bytes or count.
    pub unit: String,
    /// What it is for, in one line.
    pub about: String,
}

/// One cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheStatus {
    pub name: String,
    pub hits: u64,
    pub misses: u64,
    pub entries: u64,
    pub bytes: u64,
    pub limit: u64,
}

/// Queries since start and over the last minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueryStatus {
    pub total: u64,
    pub found: u64,
    pub errors: u64,
    pub per_second: f32,
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
}

/// What the box is doing now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    /// True when a daemon serves; false when the engine lives in the asking process.
    pub daemon: bool,
    pub uptime_ms: u64,
    pub tier: String,
    pub data_dir: String,
    pub socket: String,
    pub model: String,
    pub vector_width: u32,
    pub rss_bytes: u64,
    pub anonymous_bytes: u64,
    pub peak_rss_bytes: u64,
    /// Of this process, 100 is one core.
    pub cpu_percent: f32,
    pub load: [f32; 3],
    pub temperature_c: Option<f32>,
    pub disk_free_bytes: u64,
    pub disk_total_bytes: u64,
    pub budgets: Vec<Gauge>,
    pub queries: QueryStatus,
    pub caches: Vec<CacheStatus>,
    pub collections: u64,
    pub documents: u64,
    pub chunks: u64,
    pub index_bytes: u64,
    pub store_bytes: u64,
    pub jobs_running: u64,
    pub jobs_queued: u64,
    pub failures: u64,
    /// Alerts that fire, and that nobody has silenced or seen.
    pub alerts: u64,
    /// Damage that was found, by file and block, and what to do.
    pub damaged: Vec<String>,
    pub mode: ModeBrief,
    pub writes: WriteStatus,
}

/// An embedding model artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Model {
    /// SHA-256 of the artifact, hexadecimal.
    pub sha256: String,
    pub name: String,
    pub rows: u64,
    pub columns: u32,
    pub bytes: u64,
    pub licence: String,
    pub source: String,
    pub path: String,
    /// The one that answers queries.
    pub active: bool,
    pub built_in: bool,
    /// Where it is registered: `none`, `staging`, `production` or `archived`.
    pub stage: Option<String>,
    /// And whether others let it be promoted.
    pub review: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelPath {
    /// A model file to inspect, or a Model2Vec folder to import; absolute.
    pub path: String,
    /// Use it for answers from now on (re-indexes).
    pub activate: bool,
}

/// One or several inputs, as OpenAI's embeddings endpoint takes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EmbeddingInput {
    One(String),
    Many(Vec<String>),
}

/// `POST /v1/embeddings`, compatible with OpenAI's request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingsRequest {
    pub input: EmbeddingInput,
    #[serde(default)]
    pub model: Option<String>,
    /// Columns wanted: 64 or 128.
    #[serde(default)]
    pub dimensions: Option<u32>,
    /// `float` (default) or `base64` (little-endian f32).
    #[serde(default)]
    pub encoding_format: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
}

/// Vectors and how many tokens were read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embeddings {
    pub vectors: Vec<Vec<f32>>,
    pub tokens: u64,
    pub model: String,
}

/// `spud check`: every segment, record and model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckRequest {
    /// Drop what is damaged and index its documents again.
    pub repair: bool,
    /// Read the backups, too.
    pub backups: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckReport {
    pub ok: bool,
    pub segments: u64,
    pub blocks: u64,
    pub records: u64,
    pub models: u64,
    pub bytes: u64,
    /// File, block and what is wrong.
    pub problems: Vec<String>,
    /// What `repair` did.
    pub repaired: Vec<String>,
    /// Jobs that `repair` queued; what was dropped is back when they are done.
    pub jobs: Vec<Job>,
}
