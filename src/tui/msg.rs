//! What can happen to the screen: keys, replies, events.

use crate::api::types::access::{
    AccessGrant, AccessReview, AccessRole, Decision, PolicyList, Principal, Session, WhoAmI,
};
use crate::api::types::approval::Approval;
use crate::api::types::compliance::ComplianceFramework;
use crate::api::types::dashboard::{Dashboard, DashboardList};
use crate::api::types::evidence::{Evidence, EvidenceDetail};
use crate::api::types::incident::Incident;
use crate::api::types::registry::{JudgedQuestion, ModelComparison, ModelMove, ModelRegistry};
use crate::api::types::sla::Objective;
use crate::api::types::use_case::UseCase;
use crate::api::types::violation::ViolationRule;
use crate::api::types::{
    Alert, AskResponse, AuditCheckpoint, AuditEntry, AuditStatus, AuditVerdict, Backup, BackupDetail,
    BackupRun, BackupStatus, Breaker, CheckReport, Collection, CompactReport, ConfigChange, ConfigCheck,
    ConfigReport, ConfigVersion, Document, ErrorGroup, Event, Failure, Hardware, HealthReport, Job, LogPage,
    LogQuery, MetricValue, ModeReport, Notification, Operation, OperationDetail, Page, Passage, Probe,
    ProbeList, Problem, Profile, QueueStatus, Status, StoreReport, TraceDetail, TraceSummary,
};
use crate::tui::effect::{ConfigRequest, MetricRequest, Request, RowsRequest};
use crate::tui::key::Key;
use crate::tui::model::{Rows, SideList, TraceKind};

/// Everything that [`crate::tui::update::update`] reacts to.
#[derive(Debug, Clone)]
pub(crate) enum Msg {
    Key(Key),
    Paste(String),
    Resize(u16, u16),
    Reply(Box<Reply>, Wire),
    Refused(Box<Request>, Box<Problem>, Wire),
    /// Events that came since the last time, newest state of each thing only.
    Events(Vec<Event>, Wire),
    /// The event stream broke off; it is being tried again.
    Down(Box<Problem>),
    /// The event stream stands again.
    Up,
}

/// What moved on the API's line for a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) bytes: u64,
    /// 0 where there was no question.
    pub(crate) round_trip_us: u64,
}

/// A request's result.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer(u64, Box<AskResponse>),
    Status(Box<Status>),
    Health(HealthReport),
    Profile(Box<Profile>),
    Hardware(Box<Hardware>),
    Collections(Vec<Collection>),
    /// Serial of the question, whether it goes behind what is there, the page.
    Documents(u64, bool, Page<Document>),
    Jobs(Vec<Job>),
    Failures(Vec<Failure>),
    Logs(Box<LogQuery>, LogPage),
    /// Serial of the reader, which way, the passages.
    Passages(u64, Way, Vec<Passage>),
    /// Accepted as a job, or done at once; what to tell.
    Done(String, Option<Box<Job>>),
    Mode(Box<ModeReport>),
    /// A mode was forced or given back; what to tell.
    ModeSet(String),
    Queue(Box<QueueStatus>),
    Breakers(Vec<Breaker>),
    DeadLetters(Vec<Operation>),
    /// To be shown, or to be edited.
    Operation(Box<OperationDetail>, bool),
    /// The queue was changed; what to tell.
    QueueSet(String),
    Config(ConfigAnswer),
    /// What was asked, and its values.
    Metric(Box<MetricRequest>, MetricValue),
    /// How a name begins, and what it may go on with.
    Words(String, Vec<String>),
    Backup(BackupReply),
    Access(AccessReply),
    Audit(AuditAnswer),
    Govern(GovernAnswer),
    Ordered(Ordered),
    Alert(AlertAnswer),
    Dashboard(DashboardAnswer),
    Trace(TraceAnswer),
    Probe(ProbeAnswer),
    Incident(IncidentAnswer),
}

/// What came of a question about probes.
#[derive(Debug, Clone)]
pub(crate) enum ProbeAnswer {
    List(ProbeList),
    /// What it saw.
    Tested(Box<Probe>),
}

/// What came of a question about traces.
#[derive(Debug, Clone)]
pub(crate) enum TraceAnswer {
    List(TraceKind, Vec<TraceSummary>),
    Whole(Box<TraceDetail>),
    /// Failures.
    Groups(Vec<ErrorGroup>),
}

/// What came of a question about incidents.
#[derive(Debug, Clone)]
pub(crate) enum IncidentAnswer {
    List(Vec<Incident>),
    Objectives(Vec<Objective>),
    Budgets(Box<MetricValue>),
    One(Box<Incident>),
}

/// What came of a question about requests, models, judged questions.
#[derive(Debug, Clone)]
pub(crate) enum GovernAnswer {
    Approvals(Vec<Approval>),
    Approval(Box<Approval>),
    UseCases(Vec<UseCase>),
    Models(Box<ModelRegistry>),
    /// Of the model of this SHA-256.
    History(String, Vec<ModelMove>),
    Judged(Vec<JudgedQuestion>),
    Compared(Box<ModelComparison>),
}

/// What came of orders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ordered {
    pub(crate) told: String,
    /// Title and fields of the answer, where it is shown.
    pub(crate) shown: Option<(&'static str, Vec<(String, String)>)>,
}

/// What came of a question about dashboards.
#[derive(Debug, Clone)]
pub(crate) enum DashboardAnswer {
    List(DashboardList),
    Saved(Box<Dashboard>),
    /// As it was.
    Removed(Box<Dashboard>),
    /// For the panel that asked, the newest last.
    Rows(RowsRequest, Rows),
}

/// What came of a question about alerts.
#[derive(Debug, Clone)]
pub(crate) enum AlertAnswer {
    List(Vec<Alert>),
    Side(SideList),
    Notices(Vec<Notification>),
    /// What to tell.
    Changed(String),
}

/// What came of a question about who may do what.
#[derive(Debug, Clone)]
pub(crate) enum AccessReply {
    WhoAmI(Box<WhoAmI>),
    Grants(Vec<AccessGrant>),
    Principals(Vec<Principal>),
    Roles(Vec<AccessRole>),
    Policies(PolicyList),
    Decisions(Vec<Decision>),
    Sessions(Vec<Session>),
    /// Newest first.
    Reviews(Vec<AccessReview>),
}

/// What came of a question about the audit log.
#[derive(Debug, Clone)]
pub(crate) enum AuditAnswer {
    Status(Box<AuditStatus>),
    /// Where the page began, and the page.
    Page(Option<String>, Page<AuditEntry>),
    Entry(Box<AuditEntry>),
    Verdict(Box<AuditVerdict>),
    Signed(Box<AuditCheckpoint>),
    Evidence(Vec<Evidence>),
    Statement(Box<EvidenceDetail>),
    Compliance(Vec<ComplianceFramework>),
    Rules(Vec<ViolationRule>),
}

/// What came of a question about backups.
#[derive(Debug, Clone)]
pub(crate) enum BackupReply {
    Status(Box<BackupStatus>),
    List(Vec<Backup>),
    Detail(Box<BackupDetail>),
    Store(Box<StoreReport>),
    Checked(Box<CheckReport>),
    Compacted(CompactReport),
    /// Work is under way.
    Begun(Box<BackupRun>),
}

/// What came of a request to the settings.
#[derive(Debug, Clone)]
pub(crate) enum ConfigAnswer {
    Report(Box<ConfigReport>),
    /// Serial of the value that was checked.
    Checked(u64, ConfigCheck),
    /// What would change, before it is asked whether it should.
    Preview(Box<ConfigRequest>, Box<ConfigChange>),
    Changed(Box<ConfigChange>),
    Versions(Vec<ConfigVersion>),
    Version(Box<ConfigVersion>),
}

/// Where more of a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Around,
    Before,
    After,
}
