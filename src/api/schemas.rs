//! The schemas of what is sent and received, read off examples of the types: for `assets/openapi/schemas.json`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::schema_of::SchemaOf;
use super::types::access as words;
use super::types::{
    AcknowledgeAlert, AddRequest, Alert, AlertAcknowledgement, AlertGroup, AlertRule, AlertRules,
    AlertSilence, AnchorAudit, ApplyConfig, AskResponse, AuditCheckpoint, AuditConsistency, AuditEntry,
    AuditInclusion, AuditStatus, AuditTiles, AuditVerdict, Backup, BackupDetail, BackupEntry, BackupRun,
    BackupSchedule, BackupStatus, Breaker, CheckReport, CheckRequest, Collection, CommitConfirm,
    CompactReport, CompactedStore, ConfigChange, ConfigCheck, ConfigDrift, ConfigReport, ConfigSetting,
    ConfigTemplate, ConfigVersion, CreateBackup, CreateCollection, Document, DrillBackup, EmbeddingInput,
    EmbeddingsRequest, EncryptStore, EraseAudit, ErrorGroup, EvalReport, EvalRequest, Event, EventKind,
    Failure, ForceBreaker, ForceMode, Hardware, HealthCheck, HealthReport, HeldBreaker, Hit, ImportedLog,
    Job, LogLine, LogPage, LogSource, MetricEnvelope, MetricPoint, MetricResult, MetricSeries, MetricValue,
    ModeAxis, ModeBrief, ModeChange, ModeReport, Model, ModelPath, Notification, NotificationReceiver,
    NotificationStatus, Operation, OperationDetail, OwnWork, Passage, Passphrase, PauseQueue, Problem,
    PruneBackups, Purged, QueueLane, QueueStatus, RemoveRequest, RestoreBackup, RollbackConfig, RotateStore,
    SearchRequest, SearchResponse, SetConfig, SilenceAlerts, Status, StoreReport, TraceDetail, TraceSpan,
    TraceSummary, ValidateConfig, VerifyAudit, VerifyBackups,
};
use super::types::{Probe, ProbeList, Profile, ProfileRow, PushedMetrics};
use super::types::{
    approval, compliance, dashboard, evidence, incident, redaction, registry, site_file, sla, use_case,
    violation,
};

pub(super) fn schemas() -> Value {
    let mut all = Map::new();
    requests(&mut all);
    config(&mut all);
    let mut answer = AskResponse::default();
    answer.answer.push(Default::default());
    answer.search.results.push(Hit::default());
    let mut found = SearchResponse::default();
    found.results.push(Hit::default());
    add(&mut all, "AskResponse", &answer);
    add(&mut all, "SearchResponse", &found);
    add(&mut all, "Collection", &Collection::default());
    add(&mut all, "Document", &Document::default());
    add(&mut all, "Passage", &Passage::default());
    add(&mut all, "Job", &Job::default());
    add(&mut all, "Failure", &Failure::default());
    let mode = modes(&mut all);
    let mut status = Status { mode, ..Status::default() };
    status.budgets.push(Default::default());
    status.caches.push(Default::default());
    add(&mut all, "Status", &status);
    let mut hardware = Hardware::default();
    hardware.budgets.push(Default::default());
    hardware.thermal.push(Default::default());
    hardware.power.push(Default::default());
    hardware.accelerators.push(Default::default());
    add(&mut all, "Hardware", &hardware);
    add(&mut all, "Model", &Model::default());
    add(&mut all, "CheckReport", &CheckReport { jobs: vec![Job::default()], ..CheckReport::default() });
    add(&mut all, "EvalReport", &EvalReport::default());
    add(&mut all, "LogLine", &LogLine::default());
    add(&mut all, "ImportedLog", &ImportedLog::default());
    add(&mut all, "LogSource", &LogSource::default());
    add(&mut all, "LogPage", &LogPage { items: vec![LogLine::default()], ..LogPage::default() });
    add(&mut all, "Event", &Event { id: 0, at_ms: 0, kind: EventKind::Log(LogLine::default()) });
    add(&mut all, "Health", &json!({"status": "ok"}));
    let health = HealthReport { checks: vec![HealthCheck::default()], ..HealthReport::default() };
    add(&mut all, "Readiness", &json!({"status": "ready", "checks": &health.checks}));
    add(&mut all, "HealthReport", &health);
    add(&mut all, "Exposition", &json!(""));
    metrics(&mut all);
    alerts(&mut all);
    traces(&mut all);
    let problem = Problem {
        advice: Some(String::new()),
        instance: Some(String::new()),
        retry_after: Some(0),
        approval: Some(String::new()),
        ..Problem::default()
    };
    add(&mut all, "Problem", &problem);
    let one = json!({"object": "embedding", "index": 0, "embedding": [0.5]});
    let usage = json!({"prompt_tokens": 0, "total_tokens": 0});
    add(
        &mut all,
        "EmbeddingsResponse",
        &json!({"object": "list", "data": [one], "model": "", "usage": usage}),
    );
    backups(&mut all);
    access(&mut all);
    approvals(&mut all);
    models(&mut all);
    dashboards(&mut all);
    incidents(&mut all);
    use_cases(&mut all);
    audit(&mut all);
    Value::Object(all)
}

/// Modes, breakers and the queue; gives a mode for who shows it among other things.
fn modes(all: &mut Map<String, Value>) -> ModeBrief {
    let mut mode = ModeBrief { forced: Some(Default::default()), ..ModeBrief::default() };
    mode.effects.push(Default::default());
    let axis = ModeAxis { readings: vec![Default::default()], ..ModeAxis::default() };
    let report = ModeReport { now: mode.clone(), axes: vec![axis], ..ModeReport::default() };
    add(all, "ModeReport", &report);
    add(all, "ModeChange", &ModeChange::default());
    add(all, "Breaker", &Breaker { held: Some(HeldBreaker::default()), ..Breaker::default() });
    add(all, "Operation", &Operation::default());
    add(all, "OperationDetail", &OperationDetail::default());
    add(
        all,
        "QueueStatus",
        &QueueStatus {
            lanes: vec![QueueLane::default()],
            own: vec![OwnWork { oldest_ms: Some(0), next_ms: Some(0), ..OwnWork::default() }],
            ..Default::default()
        },
    );
    add(all, "Purged", &Purged::default());
    mode
}

fn metrics(all: &mut Map<String, Value>) {
    let point = || MetricPoint(0.5, "1".into());
    let series = MetricSeries { value: Some(point()), values: vec![point()], ..MetricSeries::default() };
    let value = MetricValue { result: MetricResult::Series(vec![series]), ..MetricValue::default() };
    let status = || "success".to_owned();
    let of_value = MetricEnvelope { status: status(), data: Some(value), ..MetricEnvelope::default() };
    add(all, "MetricValueReply", &of_value);
    // A scalar and a text are a time and a value, not a list of series.
    if let Some(result) = all
        .get_mut("MetricValueReply")
        .and_then(|reply| reply.pointer_mut("/properties/data/properties/result"))
    {
        *result = json!({"type": "array"});
    }
    let texts = vec![String::new()];
    let of_texts = MetricEnvelope { status: status(), data: Some(texts), ..MetricEnvelope::default() };
    add(all, "MetricTextsReply", &of_texts);
    let of_any = MetricEnvelope { status: status(), data: Some(json!(null)), ..MetricEnvelope::default() };
    add(all, "MetricReply", &of_any);
    let (kind, error) = (Some("bad_data".to_owned()), Some(String::new()));
    let problem = MetricEnvelope::<()> { status: status(), error_type: kind, error, ..Default::default() };
    add(all, "MetricProblem", &problem);
    let probe = Probe { last_ms: Some(0), value: Some(0.5), ..Probe::default() };
    add(all, "Probe", &probe);
    add(all, "ProbeList", &ProbeList { items: vec![probe], problems: vec![String::new()] });
    let [cpu, memory, io, time] = [(); 4].map(|()| vec![ProfileRow::default()]);
    let budgets = vec![Default::default()];
    add(all, "Profile", &Profile { uptime_ms: 0, cpu, memory, budgets, io, time });
    add(all, "PushedMetrics", &PushedMetrics::default());
}

fn alerts(all: &mut Map<String, Value>) {
    let notice = Notification { ended_ms: Some(0), next_ms: Some(0), ..Notification::default() };
    add(all, "Notification", &notice);
    let receivers = vec![NotificationReceiver::default()];
    add(all, "NotificationStatus", &NotificationStatus { receivers, ..NotificationStatus::default() });
    let acknowledged = Some(AlertAcknowledgement::default());
    let times = Some(0);
    let alert = Alert { acknowledged, fired_ms: times, resolved_ms: times, ..Alert::default() };
    add(all, "Alert", &alert);
    let rule = AlertRule { alerts: vec![alert], ..AlertRule::default() };
    let group = AlertGroup { rules: vec![rule], ..AlertGroup::default() };
    add(all, "AlertRules", &AlertRules { groups: vec![group], ..AlertRules::default() });
    add(all, "AlertSilence", &AlertSilence::default());
    add(all, "SilenceAlerts", &SilenceAlerts::default());
    add(all, "AcknowledgeAlert", &AcknowledgeAlert::default());
}

fn traces(all: &mut Map<String, Value>) {
    let attributes = [(String::new(), Value::Null)].into();
    let span = TraceSpan { parent: Some(String::new()), attributes, ..TraceSpan::default() };
    let id = || vec![String::new()];
    let whole = TraceDetail { spans: vec![span], links: id(), linked: id(), ..TraceDetail::default() };
    add(all, "TraceDetail", &whole);
    add(all, "TraceSummary", &TraceSummary::default());
    add(all, "TracesData", &json!({"resourceSpans": [{}]}));
    add(all, "ErrorGroup", &ErrorGroup { trace: Some(String::new()), ..ErrorGroup::default() });
}

fn backups(all: &mut Map<String, Value>) {
    add(all, "Backup", &Backup::default());
    let entries = vec![BackupEntry::default()];
    add(all, "BackupDetail", &BackupDetail { entries, ..BackupDetail::default() });
    add(all, "BackupRun", &BackupRun::default());
    add(all, "BackupSchedule", &BackupSchedule::default());
    let runs = vec![BackupRun::default()];
    let schedule = Some(BackupSchedule::default());
    add(all, "BackupStatus", &BackupStatus { runs, schedule, ..BackupStatus::default() });
    add(all, "CreateBackup", &CreateBackup::default());
    add(all, "VerifyBackups", &VerifyBackups::default());
    add(all, "PruneBackups", &PruneBackups::default());
    add(all, "DrillBackup", &DrillBackup::default());
    add(all, "RestoreBackup", &RestoreBackup::default());
    add(all, "StoreReport", &StoreReport::default());
    let passphrase = Some(Passphrase::default());
    add(all, "EncryptStore", &EncryptStore { passphrase: passphrase.clone(), ..EncryptStore::default() });
    add(all, "RotateStore", &RotateStore { passphrase, ..RotateStore::default() });
    add(all, "CompactReport", &CompactReport { stores: vec![CompactedStore::default()] });
}

fn access(all: &mut Map<String, Value>) {
    let token = words::AccessToken::default();
    let problems = vec![words::PolicyProblem::default()];
    let (policy, case) = (words::Policy::default(), words::PolicyCase::default());
    let passes = vec![words::AccessPass::default()];
    add(all, "WhoAmI", &words::WhoAmI { passes: passes.clone(), ..words::WhoAmI::default() });
    let keys = vec![words::AccessKey::default()];
    let tokens = vec![token.clone()];
    let principal = words::Principal { tokens, keys, passes, ..words::Principal::default() };
    add(all, "Session", &words::Session::default());
    add(all, "NewTotp", &words::NewTotp::default());
    add(all, "AddKey", &words::AddKey::default());
    add(all, "Principal", &principal);
    add(all, "AddPrincipal", &words::AddPrincipal::default());
    add(all, "CreateToken", &words::CreateToken::default());
    add(all, "NewToken", &words::NewToken { token, ..words::NewToken::default() });
    add(all, "AccessRole", &words::AccessRole::default());
    add(all, "AccessToken", &words::AccessToken { used_ms: Some(0), ..words::AccessToken::default() });
    add(all, "AccessGrant", &words::AccessGrant::default());
    add(all, "GrantRole", &words::GrantRole::default());
    let items = vec![words::ReviewItem::default()];
    add(all, "AccessReview", &words::AccessReview { items, ..words::AccessReview::default() });
    add(all, "OpenReview", &words::OpenReview::default());
    add(all, "DecideReview", &words::DecideReview::default());
    add(all, "CloseReview", &words::CloseReview::default());
    add(all, "Policy", &policy);
    let items = vec![policy];
    add(all, "PolicyList", &words::PolicyList { items, problems: problems.clone(), ..Default::default() });
    let files = vec![words::PolicyFile::default()];
    add(all, "TakePolicies", &words::TakePolicies::default());
    add(all, "CheckPolicies", &words::CheckPolicies { files: files.clone() });
    add(all, "PolicyCheck", &words::PolicyCheck { problems: problems.clone(), ..Default::default() });
    add(all, "PolicyCase", &case);
    add(all, "TestPolicies", &words::TestPolicies { files, cases: vec![case] });
    let results = vec![words::PolicyTestResult::default()];
    add(all, "PolicyTestReport", &words::PolicyTestReport { results, ..Default::default() });
    add(all, "PolicyDiff", &words::PolicyDiff { problems, ..words::PolicyDiff::default() });
    let pass = Some(words::AccessPass::default());
    add(all, "Decision", &words::Decision { pass, ..words::Decision::default() });
}

fn approvals(all: &mut Map<String, Value>) {
    let request = approval::Approval {
        history: vec![Default::default()],
        gates: vec![Default::default()],
        ..approval::Approval::default()
    };
    add(all, "Approval", &request);
    add(all, "ApprovalWord", &approval::ApprovalWord::default());
    add(all, "BreakGlass", &approval::BreakGlass::default());
    add(all, "SignVote", &approval::SignVote::default());
    add(all, "ApprovalDocument", &approval::ApprovalDocument::default());
    add(all, "SignedVote", &approval::SignedVote::default());
    add(all, "DelegateVote", &approval::DelegateVote::default());
}

fn models(all: &mut Map<String, Value>) {
    let version = registry::ModelVersion {
        gates: vec![Default::default()],
        metadata: vec![Default::default()],
        shadow: Some(Default::default()),
        ..Default::default()
    };
    add(all, "ModelVersion", &version);
    let items = vec![version];
    add(all, "ModelRegistry", &registry::ModelRegistry { items, ..Default::default() });
    add(all, "RegisterModel", &registry::RegisterModel::default());
    add(all, "SubmitModel", &registry::SubmitModel::default());
    add(all, "ModelReason", &registry::ModelReason::default());
    add(all, "ModelMove", &registry::ModelMove::default());
    let since = Some(registry::ModelMove::default());
    add(all, "ServedModel", &registry::ServedModel { since, ..Default::default() });
    let fields = vec![registry::ComparedField::default()];
    add(all, "ModelComparison", &registry::ModelComparison { fields, ..Default::default() });
    let targets = vec![registry::JudgedTarget::default()];
    add(all, "JudgedQuestion", &registry::JudgedQuestion { targets, ..Default::default() });
    let items = vec![registry::Judgement::default()];
    add(all, "JudgeAnswers", &registry::JudgeAnswers { items });
}

fn incidents(all: &mut Map<String, Value>) {
    let text = Some(String::new());
    let one = incident::Incident {
        breach: Some(incident::BreachClock { told_ms: Some(0), ..Default::default() }),
        links: vec![String::new()],
        timeline: vec![incident::IncidentEvent { entry: text.clone(), ..Default::default() }],
        ..incident::Incident::default()
    };
    add(all, "Incident", &one);
    let links = vec![String::new()];
    let open =
        incident::OpenIncident { severity: text.clone(), owner: text.clone(), links, ..Default::default() };
    let change = incident::ChangeIncident {
        state: text.clone(),
        text: " ".to_owned(),
        note: text.clone(),
        owner: text.clone(),
        title: text.clone(),
        kind: text.clone(),
        severity: text.clone(),
        breach: Some(false),
        told: false,
        links: open.links.clone(),
        etag: text,
    };
    let burns = vec![sla::BurnRate { burn: Some(0.5), ..Default::default() }];
    let part = Some(0.5);
    let since = Some(0);
    let one =
        sla::Objective { burns, attained: part, budget_left: part, since_ms: since, ..Default::default() };
    add(all, "Objective", &one);
    let (kinds, after) = (vec![String::new()], vec![String::new()]);
    let items = vec![violation::ViolationRule { kinds, after, ..Default::default() }];
    let (off, problems) = (vec![String::new()], vec![String::new()]);
    add(all, "ViolationRules", &violation::ViolationRules { items, off, problems, ..Default::default() });
    add(all, "OpenIncident", &open);
    add(all, "ChangeIncident", &change);
}

fn dashboards(all: &mut Map<String, Value>) {
    let (queries, matchers) = (vec![String::new()], vec![String::new()]);
    let panel = dashboard::DashboardPanel {
        queries,
        matchers,
        thresholds: vec![0.5],
        min: Some(0.5),
        max: Some(0.5),
        ..Default::default()
    };
    let one = dashboard::Dashboard { panels: vec![panel], ..Default::default() };
    add(all, "Dashboard", &one);
    let problems = vec![String::new()];
    add(all, "DashboardList", &dashboard::DashboardList { items: vec![one], problems });
    let etag = Some(String::new());
    add(all, "WriteDashboard", &dashboard::WriteDashboard { etag, ..Default::default() });
}

fn use_cases(all: &mut Map<String, Value>) {
    let (history, callers) = (vec![Default::default()], vec![Default::default()]);
    add(all, "UseCase", &use_case::UseCase { history, callers, ..Default::default() });
    add(all, "WriteUseCase", &use_case::WriteUseCase::default());
    add(all, "UseCaseRevision", &use_case::UseCaseRevision::default());
    add(all, "UseCaseReason", &use_case::UseCaseReason::default());
    add(all, "DeprecateUseCase", &use_case::DeprecateUseCase::default());
}

fn audit(all: &mut Map<String, Value>) {
    let checkpoint = AuditCheckpoint { cosigned: vec![Default::default()], ..AuditCheckpoint::default() };
    let status = AuditStatus {
        checkpoint: Some(checkpoint.clone()),
        anchored: Some(Default::default()),
        cosigners: vec![String::new()],
        ..AuditStatus::default()
    };
    add(all, "AuditStatus", &status);
    add(all, "AuditCheckpoint", &checkpoint);
    add(all, "AuditEntry", &AuditEntry { texts: vec![Default::default()], ..AuditEntry::default() });
    add(all, "AuditInclusion", &AuditInclusion { hashes: vec![String::new()], ..AuditInclusion::default() });
    let hashes = vec![String::new()];
    add(all, "AuditConsistency", &AuditConsistency { hashes, ..AuditConsistency::default() });
    add(all, "AuditVerdict", &AuditVerdict { problems: vec![String::new()], ..AuditVerdict::default() });
    add(all, "AuditTiles", &AuditTiles { paths: vec![String::new()], ..AuditTiles::default() });
    let one = compliance::ComplianceEvidence { entries: vec![String::new()], ..Default::default() };
    let (gaps, checked) = (vec![String::new()], vec![String::new()]);
    let control = compliance::ComplianceControl { evidence: vec![one], gaps, ..Default::default() };
    let report = compliance::ComplianceReport {
        checked,
        controls: vec![control],
        from_ms: Some(0),
        to_ms: Some(0),
        ..Default::default()
    };
    add(all, "ComplianceReport", &report);
    add(all, "ComplianceFramework", &compliance::ComplianceFramework::default());
    add(all, "CheckFile", &site_file::CheckFile::default());
    let problems = vec![Default::default()];
    add(all, "CheckedFile", &site_file::CheckedFile { problems, ..Default::default() });
    add(all, "RedactText", &redaction::RedactText::default());
    let counts = vec![Default::default()];
    add(all, "RedactedText", &redaction::RedactedText { counts, ..Default::default() });
    add(all, "Evidence", &evidence::Evidence::default());
    let hashes = vec![String::new()];
    let detail = evidence::EvidenceDetail {
        hashes,
        size: Some(0),
        vote: Some(Default::default()),
        ..Default::default()
    };
    add(all, "EvidenceDetail", &detail);
    add(all, "VerifyAudit", &VerifyAudit::default());
    add(all, "EraseAudit", &EraseAudit::default());
    add(all, "AnchorAudit", &AnchorAudit { cosigners: vec![String::new()], ..AnchorAudit::default() });
}

fn config(all: &mut Map<String, Value>) {
    let setting = ConfigSetting { hidden: vec![Default::default()], ..ConfigSetting::default() };
    let mut drift = ConfigDrift { problems: vec![Default::default()], ..ConfigDrift::default() };
    drift.waiting.push(Default::default());
    let check =
        ConfigCheck { problems: drift.problems.clone(), differences: drift.waiting.clone(), ok: true };
    let change = ConfigChange {
        differences: drift.waiting.clone(),
        trial: Some(Default::default()),
        ..ConfigChange::default()
    };
    let report = ConfigReport {
        files: vec![Default::default()],
        settings: vec![setting.clone()],
        problems: drift.problems.clone(),
        trial: change.trial.clone(),
        drift: Some(drift),
        ..ConfigReport::default()
    };
    add(all, "ConfigReport", &report);
    add(all, "ConfigSetting", &setting);
    add(all, "ConfigChange", &change);
    add(all, "ConfigCheck", &check);
    add(all, "ConfigVersion", &ConfigVersion::default());
    add(all, "ConfigTemplate", &ConfigTemplate::default());
    add(all, "SetConfig", &SetConfig::default());
    add(all, "ApplyConfig", &ApplyConfig::default());
    add(all, "RollbackConfig", &RollbackConfig::default());
    add(all, "CommitConfirm", &CommitConfirm::default());
    add(all, "ValidateConfig", &ValidateConfig::default());
}

fn requests(all: &mut Map<String, Value>) {
    add(all, "SearchRequest", &SearchRequest::default());
    add(all, "CreateCollection", &CreateCollection::default());
    add(all, "AddRequest", &AddRequest::default());
    add(all, "RemoveRequest", &RemoveRequest::default());
    add(all, "ForceMode", &ForceMode::default());
    add(all, "ForceBreaker", &ForceBreaker::default());
    add(all, "PauseQueue", &PauseQueue::default());
    add(all, "ModelPath", &ModelPath::default());
    add(all, "CheckRequest", &CheckRequest::default());
    add(all, "EvalRequest", &EvalRequest::default());
    let embeddings = EmbeddingsRequest {
        input: EmbeddingInput::Many(vec![String::new()]),
        model: None,
        dimensions: None,
        encoding_format: None,
        user: None,
    };
    add(all, "EmbeddingsRequest", &embeddings);
}

/// A schema read off an example, so that it cannot differ from what is sent.
fn add<T: Serialize>(all: &mut Map<String, Value>, name: &str, example: &T) {
    all.insert(name.to_owned(), example.serialize(SchemaOf).unwrap_or_default());
}
