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
mod library;
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
mod search;
pub mod site_file;
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
pub use library::{
    AddRequest, Collection, CreateCollection, Document, DocumentQuery, Failure, Job, JobState, Passage,
    PassageQuery, RemoveRequest,
};
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
pub use search::{
    AnswerSentence, AskResponse, CacheLayer, Hit, Place, ScoreParts, SearchRequest, SearchResponse,
};
pub use store::{EncryptStore, Passphrase, RotateStore, StoreReport};
pub use trace::{ErrorGroup, TraceDetail, TraceQuery, TraceSpan, TraceSummary};
pub use wear::{CompactReport, CompactedStore, SalvageReport, WriteStatus};

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Ask again with this as `cursor`; absent on the last page.
    pub next: Option<String>,
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
