//! The one door: the closed list of what can be asked, with its reply.

pub use super::backups::Asked as BackupWork;
use super::{
    AccessAction, AccessReply, AlertAction, AlertReply, ApprovalAction, ApprovalReply, AuditAction,
    AuditReply, ConfigAction, ConfigReply, DashboardAction, DashboardReply, IncidentAction, IncidentReply,
    LogImport, MetricAction, MetricReply, ProbeAction, ProbeReply, RegistryAction, RegistryReply, SlaAction,
    SlaReply, TraceAction, TraceReply, UseCaseAction, UseCaseReply,
};
use crate::api::types::redaction::RedactedText;
use crate::api::types::site_file::{CheckFile, CheckedFile};
use crate::api::types::{
    AddRequest, AskResponse, Backup, BackupDetail, BackupRun, BackupSchedule, BackupStatus, Breaker,
    CheckReport, CheckRequest, Collection, CompactReport, CreateCollection, Document, DocumentQuery,
    Embeddings, EmbeddingsRequest, EncryptStore, EvalReport, EvalRequest, Failure, ForceBreaker, ForceMode,
    Hardware, HealthReport, ImportedLog, Job, LogPage, LogQuery, LogSource, ModeChange, ModeHistoryQuery,
    ModeReport, Model, ModelPath, Operation, OperationDetail, OperationQuery, Page, Passage, PassageQuery,
    PostOperation, Profile, Purged, QueueStatus, RemoveRequest, RotateStore, SearchRequest, SearchResponse,
    Status, StoreReport,
};
use crate::observe::trace::Trace;
use crate::resilience::Criticality;
use std::sync::Arc;

/// Who asks, as the kernel says (`SO_PEERCRED`), and the request's id in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub uid: u32,
    pub gid: u32,
    pub pid: i32,
    pub request: String,
    /// What may be turned away first when the box is short of something.
    pub criticality: Criticality,
    /// All its groups, as the kernel says.
    pub groups: Arc<[u32]>,
    pub origin: Origin,
    /// What is done for it is part of this.
    pub trace: Option<Trace>,
}

impl Caller {
    /// A process of this box, with no more groups than its own one.
    #[must_use]
    pub fn local(uid: u32, gid: u32, pid: i32, request: String) -> Self {
        let criticality = Criticality::default();
        let (groups, origin) = (Arc::from([gid]), Origin::Local);
        Self { uid, gid, pid, request, criticality, groups, origin, trace: None }
    }
}

/// How somebody reached the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Over the Unix socket: the user is who the kernel says.
    Local,
    /// Over the loopback network, as nobody in particular.
    Network,
    /// Over the loopback network, with a bearer token.
    Bearer(Shown),
}

/// A token as it was sent: never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    token: String,
    /// What came in `Spud-Otp`.
    code: Option<String>,
}

impl Shown {
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { token: text.to_owned(), code: None }
    }

    /// With a code of an authenticator app.
    #[must_use]
    pub fn with_code(self, code: Option<&str>) -> Self {
        Self { code: code.map(str::to_owned), ..self }
    }

    pub(super) fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub(super) fn text(&self) -> &str {
        &self.token
    }

    /// `token:1a`: the part that is no secret.
    pub(super) fn id(&self) -> String {
        let id = self.token.split('_').nth(1).filter(|id| !id.is_empty() && id.len() <= 16);
        format!("token:{}", id.unwrap_or("?"))
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a token")
    }
}

/// Everything that can be asked of the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Whether questions would be answered now.
    Ready,
    /// Follow what happens.
    Listen,
    Search(SearchRequest),
    Ask(SearchRequest),
    Status,
    /// Look at everything: each check with its reason.
    Health,
    Hardware,
    /// Where time, memory and disk go.
    Profile,
    Collections,
    CreateCollection(CreateCollection),
    RemoveCollection {
        name: String,
        /// Why; needed where it waits for votes.
        reason: String,
    },
    /// Re-index everything in the collection of this name.
    Reindex(String),
    Documents(DocumentQuery),
    /// By id.
    Document(String),
    Passages(PassageQuery),
    Add(AddRequest),
    Remove(RemoveRequest),
    Jobs,
    /// By id.
    Job(String),
    /// By id.
    CancelJob(String),
    /// Of this collection, or of all.
    Failures(Option<String>),
    Embed(EmbeddingsRequest),
    Models,
    InspectModel(ModelPath),
    ImportModel(ModelPath),
    Check(CheckRequest),
    Eval(EvalRequest),
    Logs(LogQuery),
    /// Lines of another program.
    ImportLog(LogImport),
    LogSources,
    /// The mode with what led to it.
    Mode,
    ModeHistory(ModeHistoryQuery),
    ForceMode(ForceMode),
    /// Let the box choose its mode again.
    AutoMode,
    Breakers,
    ForceBreaker(ForceBreaker),
    /// Gives a breaker back, by its name.
    ReleaseBreaker(String),
    /// Keep an operation; many share one commit.
    PostOperation(Box<PostOperation>),
    Operations(OperationQuery),
    /// By id.
    Operation(String),
    /// By id.
    OperationPayload(String),
    Queue,
    /// With a reason, deliveries stop; without, they go on.
    PauseQueue(Option<String>),
    /// A dead letter by id.
    RetryOperation(String),
    EditOperation {
        id: String,
        content_type: Option<String>,
        payload: Vec<u8>,
    },
    /// A dead letter by id, or all.
    PurgeOperations {
        id: Option<String>,
        reason: String,
    },
    /// Of this repository, or of the one that is meant when none is named.
    Backups(Option<String>),
    Backup {
        from: Option<String>,
        id: String,
    },
    BackupStatus,
    /// By id.
    BackupRun(String),
    /// One run at a time, in the background.
    BeginBackupWork(BackupWork),
    /// Absent: no schedule.
    ScheduleBackups(Option<BackupSchedule>),
    /// Make the stores as small as they can be.
    Compact,
    /// How the stores are kept: encrypted, with which key, how far.
    Store,
    EncryptStore(EncryptStore),
    RotateStore(RotateStore),
    DecryptStore,
    /// Settings: show, edit, history, trials.
    Config(ConfigAction),
    /// Metrics of now and of before.
    Metric(MetricAction),
    /// Who may do what: principals, roles, policies, decisions.
    Access(AccessAction),
    /// Alerts, their rules, silences.
    Alert(AlertAction),
    /// What is shown of metrics, logs and alerts.
    Dashboard(DashboardAction),
    /// What the box looks at beside itself, and whose metrics it reads.
    Probe(ProbeAction),
    /// What requests and work did, and failures in groups.
    Trace(TraceAction),
    /// Read settings again (SIGHUP).
    Reload,
    /// The log of what was done: look, prove, verify, sign, anchor, erase.
    Audit(AuditAction),
    /// Changes that wait for votes.
    Approval(ApprovalAction),
    /// Models as they are governed, and judged questions.
    Registry(RegistryAction),
    /// What went wrong, and what is done about it.
    Incident(IncidentAction),
    /// Service levels: error budgets, and how fast they are spent.
    Sla(SlaAction),
    UseCase(UseCaseAction),
    /// Take secrets and personal data out of a text; nothing is kept.
    Redact(String),
    /// Look through a file of the site; nothing is kept.
    CheckFile(Box<CheckFile>),
}

/// Which events somebody may hear beside the usual ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    pub logs: bool,
    pub config: bool,
    pub queue: bool,
}

/// What comes back; the variant is the one that the action promises.
#[derive(Debug, Clone)]
pub enum Reply {
    Search(SearchResponse),
    Ask(AskResponse),
    Status(Box<Status>),
    Health(HealthReport),
    Hardware(Box<Hardware>),
    Profile(Box<Profile>),
    Collections(Vec<Collection>),
    Collection(Collection),
    Documents(Page<Document>),
    Document(Document),
    Passages(Vec<Passage>),
    Jobs(Vec<Job>),
    Job(Job),
    Failures(Vec<Failure>),
    Embeddings(Embeddings),
    Models(Vec<Model>),
    Model(Model),
    Check(CheckReport),
    Eval(EvalReport),
    Logs(LogPage),
    ImportedLog(ImportedLog),
    LogSources(Page<LogSource>),
    Mode(Box<ModeReport>),
    ModeChanges(Page<ModeChange>),
    Breakers(Vec<Breaker>),
    /// True where the same Idempotency-Key had posted it before.
    Posted(Box<Operation>, bool),
    Operations(Page<Operation>),
    Operation(Box<OperationDetail>),
    /// Content type and bytes.
    Payload(String, Vec<u8>),
    Queue(Box<QueueStatus>),
    Changed(Box<Operation>),
    Purged(Purged),
    Backups(Page<Backup>),
    Backup(Box<BackupDetail>),
    BackupStatus(Box<BackupStatus>),
    BackupRun(Box<BackupRun>),
    Compacted(CompactReport),
    Store(Box<StoreReport>),
    Config(ConfigReply),
    Access(AccessReply),
    Listening(Heard),
    Audit(AuditReply),
    Metric(MetricReply),
    Approval(ApprovalReply),
    Registry(RegistryReply),
    UseCase(UseCaseReply),
    Alert(AlertReply),
    Dashboard(DashboardReply),
    Probe(ProbeReply),
    Trace(TraceReply),
    Incident(IncidentReply),
    Sla(SlaReply),
    Redacted(Box<RedactedText>),
    CheckedFile(Box<CheckedFile>),
    Done,
}
