//! What every action needs: the one list, complete by the compiler. No arm stands for "all others".

use super::AccessAction;
use crate::api::types::access::GrantRole;
use crate::base::InOrder;
use crate::engine::action::BackupWork;
use crate::engine::{
    Action, AlertAction, ApprovalAction, AuditAction, ConfigAction, DashboardAction, IncidentAction,
    MetricAction, ProbeAction, RegistryAction, SlaAction, UseCaseAction,
};
use crate::governance::access::{Need, Permission as P, Role};

/// What an action needs.
pub(in crate::engine) enum Needs {
    /// This.
    One(Need),
    /// The permission on every one of these collections.
    Collections(P, Vec<String>),
    /// The permission on the approval request of this id, as it stands.
    Approval(P, String),
    /// The permission on the collection that the document of this id is in.
    Document(P, String),
}

impl Needs {
    pub(in crate::engine) fn permission(&self) -> P {
        match self {
            Self::One(need) => need.permission,
            Self::Collections(permission, _)
            | Self::Approval(permission, _)
            | Self::Document(permission, _) => *permission,
        }
    }
}

fn on_box(permission: P) -> Needs {
    Needs::One(Need::of_box(permission))
}

fn on_collection(permission: P, name: &str) -> Needs {
    let name = if name.is_empty() { crate::engine::worker::DEFAULT_COLLECTION } else { name };
    Needs::Collections(permission, vec![name.to_owned()])
}

fn on_some(permission: P, name: Option<&String>) -> Needs {
    Needs::Collections(permission, name.cloned().into_iter().collect())
}

fn on(permission: P, kind: &'static str, name: &str) -> Needs {
    Needs::One(Need::of(permission, kind, name))
}

pub(in crate::engine) fn of(action: &Action) -> Needs {
    match action {
        Action::Ready | Action::Health => on_box(P::ReadHealth),
        Action::Listen => on_box(P::ReadEvents),
        Action::Search(request) => Needs::Collections(P::Search, request.collections.clone()),
        Action::Ask(request) => Needs::Collections(P::Ask, request.collections.clone()),
        Action::Status | Action::Hardware | Action::Profile => on_box(P::ReadStatus),
        // Those that may not be read are left out of the list.
        Action::Collections | Action::Redact(_) => on_box(P::ReadSelf),
        Action::CheckFile(request) => on_box(crate::engine::file_check::permission(request)),
        Action::CreateCollection(request) => on_collection(P::CreateCollection, &request.name),
        Action::RemoveCollection { name, .. } => on_collection(P::RemoveCollection, name),
        Action::Reindex(name) => on_collection(P::Reindex, name),
        Action::Documents(query) => on_some(P::ReadDocuments, query.collection.as_ref()),
        Action::Document(id) => Needs::Document(P::ReadDocuments, id.clone()),
        Action::Passages(query) => Needs::Document(P::ReadDocuments, query.document.clone()),
        Action::Add(request) => on_collection(P::AddDocuments, &request.collection),
        Action::Remove(request) => match (&request.document, &request.collection) {
            (Some(id), _) => Needs::Document(P::RemoveDocuments, id.clone()),
            (None, name) => on_some(P::RemoveDocuments, name.as_ref()),
        },
        Action::Jobs | Action::Job(_) => on_box(P::ReadJobs),
        Action::CancelJob(_) => on_box(P::CancelJobs),
        Action::Failures(name) => on_some(P::ReadDocuments, name.as_ref()),
        Action::Embed(_) => on_box(P::Embed),
        Action::Models => on_box(P::ReadModels),
        Action::InspectModel(_) => on_box(P::InspectModels),
        Action::ImportModel(_) => on_box(P::ImportModels),
        Action::Check(request) => on_box(if request.repair { P::RepairBox } else { P::CheckBox }),
        Action::Eval(_) => on_box(P::Evaluate),
        Action::Logs(_) | Action::LogSources => on_box(P::ReadLogs),
        Action::ImportLog(_) => on_box(P::PushLogs),
        Action::Trace(_) => on_box(P::ReadTraces),
        Action::Mode | Action::ModeHistory(_) | Action::Breakers => on_box(P::ReadMode),
        Action::ForceMode(_) | Action::AutoMode => on_box(P::ForceMode),
        Action::ForceBreaker(_) | Action::ReleaseBreaker(_) => on_box(P::ForceMode),
        Action::PostOperation(_) => on_box(P::PostOperations),
        Action::Operations(_) | Action::Queue => on_box(P::ReadQueue),
        Action::Operation(id) => on(P::ReadQueue, "Operation", id),
        Action::OperationPayload(id) => on(P::ReadPayloads, "Operation", id),
        Action::PauseQueue(_) => on_box(P::PauseQueue),
        Action::RetryOperation(id) | Action::EditOperation { id, .. } => on(P::EditLetters, "Operation", id),
        Action::PurgeOperations { id: Some(id), .. } => on(P::PurgeLetters, "Operation", id),
        Action::PurgeOperations { id: None, .. } => on_box(P::PurgeLetters),
        Action::Backups(_) | Action::BackupStatus | Action::BackupRun(_) => on_box(P::ReadBackups),
        Action::Backup { id, .. } => on(P::ReadBackups, "Backup", id),
        Action::BeginBackupWork(work) => of_backup(work),
        Action::ScheduleBackups(_) => on_box(P::ScheduleBackups),
        Action::Compact => on_box(P::Compact),
        Action::Store => on_box(P::ReadStore),
        Action::EncryptStore(_) | Action::RotateStore(_) | Action::DecryptStore => {
            on_box(P::ManageEncryption)
        }
        Action::Config(action) => of_config(action),
        Action::Reload => on_box(P::Reload),
        Action::Access(action) => Needs::One(of_access(action)),
        Action::Audit(action) => on_box(of_audit(action)),
        Action::Metric(MetricAction::Push { .. }) => on_box(P::PushMetrics),
        Action::Metric(_) => on_box(P::ReadMetrics),
        Action::Dashboard(DashboardAction::List | DashboardAction::Show(_)) => on_box(P::ReadMetrics),
        Action::Dashboard(DashboardAction::Save { .. } | DashboardAction::Remove { .. }) => {
            on_box(P::WriteDashboards)
        }
        Action::Probe(ProbeAction::List) => on_box(P::ReadStatus),
        Action::Probe(ProbeAction::Test(_)) => on_box(P::TestProbes),
        Action::Alert(action) => on_box(of_alert(action)),
        Action::Approval(action) => of_approval(action),
        Action::Registry(action) => of_registry(action),
        Action::Incident(action) => on_box(of_incident(action)),
        Action::Sla(SlaAction::List | SlaAction::Show(_)) => on_box(P::ReadMetrics),
        Action::UseCase(action) => of_use_case(action),
    }
}

fn of_use_case(action: &UseCaseAction) -> Needs {
    let (permission, name) = match action {
        UseCaseAction::List => return on_box(P::ReadUseCases),
        UseCaseAction::Show(name) | UseCaseAction::Revisions(name) | UseCaseAction::Compare { name, .. } => {
            (P::ReadUseCases, name)
        }
        UseCaseAction::Create(request) => (P::WriteUseCases, &request.name),
        UseCaseAction::Edit { name, .. } | UseCaseAction::Submit { name, .. } => (P::WriteUseCases, name),
        UseCaseAction::Deploy { name, .. }
        | UseCaseAction::Deprecate { name, .. }
        | UseCaseAction::Retire { name, .. } => (P::DeployUseCases, name),
    };
    // Reading is asked of the box: policies of reading know no single use case.
    if permission == P::ReadUseCases { on_box(permission) } else { on(permission, "UseCase", name) }
}

fn of_registry(action: &RegistryAction) -> Needs {
    match action {
        RegistryAction::All
        | RegistryAction::Show(_)
        | RegistryAction::History(_)
        | RegistryAction::At(_)
        | RegistryAction::Compare(_)
        | RegistryAction::Judged(_) => on_box(P::ReadModels),
        RegistryAction::Register(_) => on_box(P::RegisterModels),
        RegistryAction::Submit { id, .. } => on(P::RegisterModels, "Model", id),
        RegistryAction::Stage(id) => on(P::StageModels, "Model", id),
        RegistryAction::Promote { id, .. } => on(P::PromoteModels, "Model", id),
        RegistryAction::Hold(_) | RegistryAction::Release => on_box(P::PromoteModels),
        RegistryAction::RollBack(_) => on_box(P::RollBackModels),
        RegistryAction::Archive { id, .. } => on(P::ArchiveModels, "Model", id),
        RegistryAction::Judge(request) => {
            let mut names: Vec<String> = request.items.iter().map(|one| one.collection.clone()).collect();
            names.order();
            names.dedup();
            if names.is_empty() {
                on_box(P::JudgeAnswers)
            } else {
                Needs::Collections(P::JudgeAnswers, names)
            }
        }
        RegistryAction::ForgetJudged(_) => on_box(P::JudgeAnswers),
    }
}

fn of_incident(action: &IncidentAction) -> P {
    match action {
        IncidentAction::List(_) | IncidentAction::Show(_) | IncidentAction::Rules => P::ReadIncidents,
        IncidentAction::Open(_) => P::OpenIncidents,
        IncidentAction::Handle { .. } => P::HandleIncidents,
        IncidentAction::Close { .. } => P::CloseIncidents,
    }
}

fn of_approval(action: &ApprovalAction) -> Needs {
    match action {
        ApprovalAction::List(_) => on_box(P::ReadApprovals),
        // Whoever may be heard may ask; what is asked for takes the vote of another.
        ApprovalAction::BreakGlass(_) => on_box(P::ReadSelf),
        ApprovalAction::Show(id) | ApprovalAction::Signed(id) => {
            Needs::Approval(P::ReadApprovals, id.clone())
        }
        ApprovalAction::Approve { id, .. }
        | ApprovalAction::Reject { id, .. }
        | ApprovalAction::Document { id, .. }
        | ApprovalAction::Delegate { id, .. } => Needs::Approval(P::VoteApprovals, id.clone()),
        ApprovalAction::Comment { id, .. } | ApprovalAction::Withdraw { id, .. } => {
            Needs::Approval(P::DiscussApprovals, id.clone())
        }
    }
}

fn of_backup(work: &BackupWork) -> Needs {
    match work {
        BackupWork::Create(_) => on_box(P::MakeBackups),
        BackupWork::Verify { .. } | BackupWork::Drill { .. } => on_box(P::VerifyBackups),
        BackupWork::Prune(_) => on_box(P::PruneBackups),
        BackupWork::Restore { id, .. } => on(P::RestoreBackups, "Backup", id),
    }
}

fn of_config(action: &ConfigAction) -> Needs {
    match action {
        ConfigAction::Setting(key) => on(P::ReadConfig, "Setting", key),
        ConfigAction::Set { key, request, .. } => {
            let permission = if request.dry_run { P::ReadConfig } else { P::WriteConfig };
            on(permission, "Setting", key)
        }
        ConfigAction::Apply { request, .. } if request.dry_run => on_box(P::ReadConfig),
        ConfigAction::Rollback { request, .. } if request.dry_run => on_box(P::ReadConfig),
        ConfigAction::Apply { .. }
        | ConfigAction::Rollback { .. }
        | ConfigAction::Trial(_)
        | ConfigAction::Confirm => on_box(P::WriteConfig),
        ConfigAction::Report
        | ConfigAction::Validate(_)
        | ConfigAction::Versions(_)
        | ConfigAction::Version(_)
        | ConfigAction::Templates
        | ConfigAction::Schema => on_box(P::ReadConfig),
    }
}

fn of_audit(action: &AuditAction) -> P {
    match action {
        AuditAction::Status
        | AuditAction::Entries(_)
        | AuditAction::Entry(_)
        | AuditAction::Inclusion { .. }
        | AuditAction::Consistency { .. }
        | AuditAction::Checkpoints { .. }
        | AuditAction::Verify(_)
        | AuditAction::Tiles { .. }
        | AuditAction::Tile(_)
        | AuditAction::Evidence(_)
        | AuditAction::Bundle(_)
        | AuditAction::Frameworks
        | AuditAction::Comply(_)
        | AuditAction::Attest { .. } => P::ReadAudit,
        AuditAction::Sign | AuditAction::Anchor(_) => P::SignAudit,
        AuditAction::Erase { .. } => P::EraseAudit,
    }
}

fn of_alert(action: &AlertAction) -> P {
    match action {
        AlertAction::List(_) | AlertAction::Show(_) | AlertAction::Rules | AlertAction::Silences => {
            P::ReadAlerts
        }
        AlertAction::Notices | AlertAction::Receivers => P::ReadAlerts,
        AlertAction::TestReceiver(_) => P::TestNotifications,
        AlertAction::Silence(_) | AlertAction::Unsilence(_) => P::SilenceAlerts,
        AlertAction::Acknowledge { .. } => P::AcknowledgeAlerts,
    }
}

fn of_access(action: &AccessAction) -> Need {
    match action {
        // Whoever may not read the access of others sees their own sessions, and why they were denied something.
        AccessAction::WhoAmI | AccessAction::Sessions | AccessAction::Decision(_) => {
            Need::of_box(P::ReadSelf)
        }
        AccessAction::Principals | AccessAction::Roles | AccessAction::Grants => Need::of_box(P::ReadAccess),
        AccessAction::Principal(name) => Need::of(P::ReadAccess, "User", name),
        AccessAction::AddPrincipal(request) => Need::of(P::ManagePrincipals, "User", &request.name),
        AccessAction::RevokePrincipal { name, .. }
        | AccessAction::AddKey { name, .. }
        | AccessAction::RemoveKey { name, .. } => Need::of(P::ManagePrincipals, "User", name),
        AccessAction::CreateToken { name, .. }
        | AccessAction::EnrolTotp { name }
        | AccessAction::RemoveTotp { name, .. } => Need::of(P::ManageTokens, "User", name),
        AccessAction::RevokeToken { .. } | AccessAction::RevokeSession { .. } => {
            Need::of_box(P::ManageTokens)
        }
        AccessAction::Grant(GrantRole { to, role, .. }) => {
            Need { role: Role::parse(role), ..Need::of(P::GrantRoles, "User", to) }
        }
        AccessAction::RevokeGrant { .. } => Need::of_box(P::GrantRoles),
        AccessAction::ConfirmGrant { .. } => Need::of_box(P::ReviewRoles),
        AccessAction::Reviews | AccessAction::Review(_) | AccessAction::ReviewReport(_) => {
            Need::of_box(P::ReadAccess)
        }
        // What takes a role takes what taking roles takes; that of reviewing is asked for behind the door, too.
        AccessAction::DecideReview { request, .. } if request.verdict == "revoke" => {
            Need::of_box(P::GrantRoles)
        }
        AccessAction::OpenReview(_)
        | AccessAction::DecideReview { .. }
        | AccessAction::CloseReview { .. } => Need::of_box(P::ReviewRoles),
        AccessAction::Policies
        | AccessAction::CheckPolicies(_)
        | AccessAction::TestPolicies(_)
        | AccessAction::Explain(_)
        | AccessAction::DiffPolicies => Need::of_box(P::ReadPolicies),
        AccessAction::TakePolicies(_) => Need::of_box(P::Reload),
        AccessAction::Policy(id) => Need::of(P::ReadPolicies, "Policy", id),
        AccessAction::Decisions => Need::of_box(P::ReadDecisions),
    }
}
