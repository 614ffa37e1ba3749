//! Which actions change something, and how their entries come about. Every action is named here: one that is
//! forgotten does not compile.

use super::digest;
use crate::api::types::{RollbackConfig, SetConfig};
use crate::audit::Hash;
use crate::engine::action::BackupWork;
use crate::engine::settings_action::ConfigAction;
use crate::engine::{
    AccessAction, Action, AlertAction, ApprovalAction, AuditAction, DashboardAction, IncidentAction,
    RegistryAction, UseCaseAction,
};

/// How a change and its entry hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// One transaction of `control.redb`.
    Together,
    /// Begun before, done or failed after.
    Around,
    /// Done or failed, after: what repairs the log cannot be entered into it before.
    After,
    /// Begun before; what runs in the background says what came of it.
    Begins,
}

/// What an entry says of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    pub(super) class: Class,
    pub(super) kind: &'static str,
    pub(super) subject: (&'static str, String),
    pub(super) texts: Vec<(&'static str, String)>,
    /// Of what will be there.
    pub(super) digest: Option<Hash>,
}

impl About {
    fn new(class: Class, kind: &'static str, subject: (&'static str, &str)) -> Self {
        let subject = (subject.0, subject.1.to_owned());
        Self { class, kind, subject, texts: Vec::new(), digest: None }
    }

    fn text(mut self, name: &'static str, text: &str) -> Self {
        if !text.trim().is_empty() {
            self.texts.push((name, text.trim().to_owned()));
        }
        self
    }

    fn digest(mut self, bytes: &[u8]) -> Self {
        self.digest = Some(digest(bytes));
        self
    }
}

fn around(kind: &'static str, subject: (&'static str, &str)) -> About {
    About::new(Class::Around, kind, subject)
}

fn together(kind: &'static str, subject: (&'static str, &str)) -> About {
    About::new(Class::Together, kind, subject)
}

/// Kind of an action that changes something.
pub(in crate::engine) fn mutation(action: &Action) -> Option<&'static str> {
    about(action).map(|about| about.kind)
}

/// What is entered of an action; `None` where it changes nothing, or, as posted operations and checkpoints, is a
/// record of its own with its sender or its signature.
pub(super) fn about(action: &Action) -> Option<About> {
    Some(match action {
        Action::CreateCollection(request) => around("collection.created", ("collection", &request.name)),
        Action::RemoveCollection { name, reason } => {
            around("collection.removed", ("collection", name)).text("reason", reason)
        }
        Action::Reindex(name) => around("collection.reindexed", ("collection", name)),
        Action::Add(request) => {
            let name = if request.collection.is_empty() { "default" } else { &request.collection };
            around("documents.added", ("collection", name)).text("paths", &request.paths.join("\n"))
        }
        Action::Remove(request) => {
            let id = request.document.as_deref().or(request.collection.as_deref()).unwrap_or_default();
            around("documents.removed", ("documents", id))
                .text("path", request.path.as_deref().unwrap_or_default())
        }
        Action::CancelJob(id) => around("job.cancelled", ("job", id)),
        Action::ImportModel(request) => around("model.imported", ("model", "")).text("path", &request.path),
        Action::Check(request) if request.repair => About::new(Class::After, "box.repaired", ("box", "")),
        Action::ForceMode(request) => {
            together("mode.forced", ("mode", &request.mode)).text("reason", &request.reason)
        }
        Action::AutoMode => together("mode.auto", ("mode", "")),
        Action::ForceBreaker(request) => together("breaker.forced", ("breaker", &request.name))
            .text("state", &request.state)
            .text("reason", &request.reason),
        Action::ReleaseBreaker(name) => together("breaker.auto", ("breaker", name)),
        Action::PauseQueue(Some(reason)) => together("queue.paused", ("queue", "")).text("reason", reason),
        Action::PauseQueue(None) => together("queue.resumed", ("queue", "")),
        Action::RetryOperation(id) => together("operation.retried", ("operation", id)),
        Action::EditOperation { id, payload, .. } => {
            together("operation.edited", ("operation", id)).digest(payload)
        }
        Action::PurgeOperations { id, reason } => purged(id.as_deref(), reason),
        Action::BeginBackupWork(work) => return backup(work),
        Action::ScheduleBackups(Some(schedule)) => {
            together("backup.scheduled", ("backup", &schedule.when)).text("folder", &schedule.to)
        }
        Action::ScheduleBackups(None) => together("backup.unscheduled", ("backup", "")),
        Action::Compact => around("store.compacted", ("store", "")),
        Action::EncryptStore(_) => around("store.encrypted", ("store", "")),
        Action::RotateStore(_) => around("store.rotated", ("store", "")),
        Action::DecryptStore => around("store.decrypted", ("store", "")),
        Action::Config(action) => return config(action),
        Action::Reload => around("config.reloaded", ("settings", "")),
        Action::Alert(action) => return alert(action),
        Action::Dashboard(action) => return dashboard(action),
        Action::Audit(action) => return log(action),
        Action::Access(action) => return access(action),
        Action::Ready | Action::Health | Action::Listen | Action::Profile => return None,
        Action::Redact(_) | Action::CheckFile(_) | Action::Probe(_) => return None,
        Action::Approval(action) => return approval(action),
        Action::Registry(action) => return registry(action),
        Action::Incident(action) => return incident(action),
        Action::UseCase(action) => return use_case(action),
        Action::Search(_) | Action::Ask(_) | Action::Embed(_) | Action::Eval(_) => return None,
        Action::Status | Action::Hardware | Action::Logs(_) | Action::Check(_) => return None,
        Action::Collections | Action::Documents(_) | Action::Document(_) | Action::Passages(_) => {
            return None;
        }
        Action::Jobs | Action::Job(_) | Action::Failures(_) | Action::LogSources => return None,
        Action::Models | Action::InspectModel(_) => return None,
        Action::Mode | Action::ModeHistory(_) | Action::Breakers => return None,
        Action::PostOperation(_) | Action::Operations(_) | Action::Operation(_) => return None,
        Action::OperationPayload(_) | Action::Queue | Action::ImportLog(_) => return None,
        Action::Backups(_) | Action::Backup { .. } | Action::BackupStatus | Action::BackupRun(_) => {
            return None;
        }
        Action::Store | Action::Metric(_) | Action::Trace(_) | Action::Sla(_) => return None,
    })
}

fn purged(id: Option<&str>, reason: &str) -> About {
    together("operation.purged", ("operation", id.unwrap_or("all"))).text("reason", reason)
}

fn dashboard(action: &DashboardAction) -> Option<About> {
    Some(match action {
        DashboardAction::Save { name, request } => {
            around("dashboard.saved", ("dashboard", name)).digest(request.text.as_bytes())
        }
        DashboardAction::Remove { name, .. } => around("dashboard.removed", ("dashboard", name)),
        DashboardAction::List | DashboardAction::Show(_) => return None,
    })
}

fn backup(work: &BackupWork) -> Option<About> {
    let begins = |kind, id: &str| About::new(Class::Begins, kind, ("backup", id));
    Some(match work {
        BackupWork::Create(to) => {
            begins("backup.created", "").text("folder", to.as_deref().unwrap_or_default())
        }
        BackupWork::Prune(request) if !request.dry_run => begins("backup.pruned", "")
            .text("folder", request.from.as_deref().unwrap_or_default())
            .text("reason", &request.reason),
        BackupWork::Restore { from, id, reason, .. } => begins("backup.restored", id)
            .text("folder", from.as_deref().unwrap_or_default())
            .text("reason", reason),
        BackupWork::Verify { from, id, repair: true } => {
            begins("backup.repaired", id.as_deref().unwrap_or("all"))
                .text("folder", from.as_deref().unwrap_or_default())
        }
        BackupWork::Prune(_) | BackupWork::Verify { .. } | BackupWork::Drill { .. } => return None,
    })
}

fn config(action: &ConfigAction) -> Option<About> {
    Some(match action {
        ConfigAction::Set { key, request: SetConfig { dry_run: false, reason, .. }, .. } => {
            around("config.set", ("setting", key)).text("reason", reason)
        }
        ConfigAction::Apply { request, .. } if !request.dry_run => {
            let name = request.template.as_deref().unwrap_or_default();
            around("config.applied", ("settings", name)).text("reason", &request.reason)
        }
        ConfigAction::Rollback {
            request: RollbackConfig { dry_run: false, version, reason, .. }, ..
        } => around("config.rolled_back", ("settings", &version.to_string())).text("reason", reason),
        ConfigAction::Trial(_) => around("config.trial", ("settings", "")),
        ConfigAction::Confirm => around("config.confirmed", ("settings", "")),
        ConfigAction::Set { .. } | ConfigAction::Apply { .. } | ConfigAction::Rollback { .. } => return None,
        ConfigAction::Report | ConfigAction::Setting(_) | ConfigAction::Validate(_) => return None,
        ConfigAction::Versions(_) | ConfigAction::Version(_) => return None,
        ConfigAction::Templates | ConfigAction::Schema => return None,
    })
}

fn access(action: &AccessAction) -> Option<About> {
    Some(match action {
        AccessAction::AddPrincipal(request) => {
            together("principal.added", ("principal", &request.name)).text("about", &request.about)
        }
        AccessAction::RevokePrincipal { name, reason } => {
            together("principal.revoked", ("principal", name)).text("reason", reason)
        }
        AccessAction::CreateToken { name, request } => {
            together("token.created", ("principal", name)).text("scopes", &request.scopes.join(" "))
        }
        AccessAction::RevokeToken { id } => together("token.revoked", ("token", id)),
        AccessAction::RevokeSession { id, reason } => {
            together("session.revoked", ("session", id)).text("reason", reason)
        }
        AccessAction::Sessions => return None,
        AccessAction::EnrolTotp { name } => together("totp.enrolled", ("principal", name)),
        AccessAction::RemoveTotp { name, reason } => {
            together("totp.removed", ("principal", name)).text("reason", reason)
        }
        AccessAction::AddKey { name, request } => together("key.enrolled", ("principal", name))
            .text("key", &request.key)
            .text("reason", &request.reason),
        AccessAction::RemoveKey { name, fingerprint, reason } => {
            together("key.removed", ("principal", name)).text("key", fingerprint).text("reason", reason)
        }
        AccessAction::Grant(request) => together("role.granted", ("principal", &request.to))
            .text("role", &request.role)
            .text("reason", &request.reason),
        AccessAction::RevokeGrant { id, reason } => {
            together("role.revoked", ("grant", id)).text("reason", reason)
        }
        AccessAction::TakePolicies(request) => {
            together("policy.loaded", ("policies", "")).text("reason", &request.reason)
        }
        AccessAction::ConfirmGrant { id } => together("role.confirmed", ("grant", id)),
        AccessAction::OpenReview(request) => {
            together("review.opened", ("review", "")).text("reason", &request.reason)
        }
        AccessAction::DecideReview { id, grant, request } => {
            let kind = if request.verdict == "revoke" { "role.revoked" } else { "role.confirmed" };
            together(kind, ("grant", grant)).text("review", id).text("reason", &request.reason)
        }
        AccessAction::CloseReview { id, request } => {
            together("review.closed", ("review", id)).text("reason", &request.reason)
        }
        AccessAction::Reviews | AccessAction::Review(_) | AccessAction::ReviewReport(_) => return None,
        AccessAction::WhoAmI | AccessAction::Principals | AccessAction::Principal(_) => return None,
        AccessAction::Roles | AccessAction::Grants => return None,
        AccessAction::Policies | AccessAction::Policy(_) | AccessAction::DiffPolicies => return None,
        AccessAction::CheckPolicies(_) | AccessAction::TestPolicies(_) => return None,
        AccessAction::Explain(_) | AccessAction::Decisions | AccessAction::Decision(_) => return None,
    })
}

fn approval(action: &ApprovalAction) -> Option<About> {
    let about = |kind, id: &str, reason: &str| together(kind, ("approval", id)).text("reason", reason);
    Some(match action {
        ApprovalAction::List(_) | ApprovalAction::Show(_) => return None,
        // A document changes nothing until it comes back signed, with a vote.
        ApprovalAction::Document { .. } | ApprovalAction::Signed(_) => return None,
        ApprovalAction::Approve { id, word, .. } => about("approval.approved", id, &word.reason),
        ApprovalAction::Reject { id, word, .. } => about("approval.rejected", id, &word.reason),
        ApprovalAction::Comment { id, word } => about("approval.commented", id, &word.reason),
        ApprovalAction::Delegate { id, request, .. } => {
            about("approval.delegated", id, &request.reason).text("to", &request.to)
        }
        ApprovalAction::BreakGlass(asked) => {
            together("approval.submitted", ("break-glass", &asked.permission)).text("reason", &asked.reason)
        }
        ApprovalAction::Withdraw { id, word, .. } => about("approval.withdrawn", id, &word.reason),
    })
}

fn use_case(action: &UseCaseAction) -> Option<About> {
    let about = |kind, name: &str, reason: &str| together(kind, ("use case", name)).text("reason", reason);
    Some(match action {
        UseCaseAction::List | UseCaseAction::Show(_) => return None,
        UseCaseAction::Revisions(_) | UseCaseAction::Compare { .. } => return None,
        UseCaseAction::Create(request) => together("use_case.created", ("use case", &request.name)),
        UseCaseAction::Edit { name, .. } => together("use_case.edited", ("use case", name)),
        UseCaseAction::Submit { name, request } => about("use_case.submitted", name, &request.reason),
        UseCaseAction::Deploy { name, request } => about("use_case.deployed", name, &request.reason),
        UseCaseAction::Deprecate { name, request } => about("use_case.deprecated", name, &request.reason),
        UseCaseAction::Retire { name, request } => about("use_case.retired", name, &request.reason),
    })
}

fn registry(action: &RegistryAction) -> Option<About> {
    let about = |kind, id: &str, reason: &str| together(kind, ("model", id)).text("reason", reason);
    Some(match action {
        RegistryAction::All | RegistryAction::Show(_) | RegistryAction::History(_) => return None,
        RegistryAction::At(_) | RegistryAction::Compare(_) | RegistryAction::Judged(_) => return None,
        RegistryAction::Register(request) => {
            about("model.registered", "", "").text("path", &request.path).text("about", &request.about)
        }
        RegistryAction::Submit { id, request } => about("model.submitted", id, &request.reason),
        RegistryAction::Stage(id) => About::new(Class::Begins, "model.staged", ("model", id)),
        RegistryAction::Promote { id, request } => about("model.promotion_begun", id, &request.reason),
        RegistryAction::RollBack(request) => about("model.rolled_back", "", &request.reason),
        RegistryAction::Archive { id, request } => about("model.archived", id, &request.reason),
        RegistryAction::Hold(request) => about("model.held", "", &request.reason),
        RegistryAction::Release => about("model.released", "", ""),
        RegistryAction::Judge(request) => {
            let name = request.items.first().map_or("", |one| one.collection.as_str());
            together("answers.judged", ("collection", name))
        }
        RegistryAction::ForgetJudged(id) => together("judgement.removed", ("judgement", id)),
    })
}

/// Each thing that happens to an incident gets an entry of its own kind in place of this one.
fn incident(action: &IncidentAction) -> Option<About> {
    Some(match action {
        IncidentAction::Open(request) => {
            together("incident.opened", ("incident", "")).text("title", &request.title)
        }
        IncidentAction::Handle { id, change } => {
            together("incident.changed", ("incident", id)).text("text", &change.text)
        }
        IncidentAction::Close { id, change } => {
            together("incident.closed", ("incident", id)).text("text", &change.text)
        }
        IncidentAction::List(_) | IncidentAction::Show(_) | IncidentAction::Rules => return None,
    })
}

fn alert(action: &AlertAction) -> Option<About> {
    Some(match action {
        AlertAction::Silence(request) => together("alert.silenced", ("alerts", &request.matchers.join(", ")))
            .text("reason", &request.reason),
        AlertAction::Unsilence(id) => together("alert.unsilenced", ("silence", id)),
        AlertAction::Acknowledge { id, request } => {
            together("alert.acknowledged", ("alert", id)).text("reason", &request.reason)
        }
        AlertAction::TestReceiver(name) => together("notification.tested", ("receiver", name)),
        AlertAction::Notices | AlertAction::Receivers => return None,
        AlertAction::List(_) | AlertAction::Show(_) | AlertAction::Rules | AlertAction::Silences => {
            return None;
        }
    })
}

fn log(action: &AuditAction) -> Option<About> {
    Some(match action {
        AuditAction::Erase { sequence, reason } => {
            together("audit.erased", ("entry", &sequence.to_string())).text("reason", reason)
        }
        AuditAction::Anchor(request) => {
            together("audit.anchored", ("checkpoint", "")).digest(request.note.as_bytes())
        }
        AuditAction::Status | AuditAction::Entries(_) | AuditAction::Entry(_) => return None,
        AuditAction::Inclusion { .. } | AuditAction::Consistency { .. } => return None,
        AuditAction::Checkpoints { .. } | AuditAction::Sign | AuditAction::Verify(_) => return None,
        AuditAction::Tiles { .. } | AuditAction::Tile(_) => return None,
        AuditAction::Evidence(_) | AuditAction::Attest { .. } | AuditAction::Bundle(_) => return None,
        AuditAction::Frameworks | AuditAction::Comply(_) => return None,
    })
}
