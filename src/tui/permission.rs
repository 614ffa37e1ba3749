//! Which permission an action takes, where it is known who asks.
//!
//! Invariant: a word of comfort for whoever presses a key; the box itself decides.

use crate::tui::action::Action;
use crate::tui::model::Model;

/// A permission, and that it is missing.
macro_rules! needs {
    ($permission:literal) => {
        ($permission, concat!("needs ", $permission))
    };
}

/// The permission that is missing, where it is known who asks.
pub(super) fn missing(action: Action, m: &Model) -> Option<&'static str> {
    let (permission, reason) = match action {
        Action::Add => needs!("add-documents"),
        Action::Remove => needs!("remove-documents"),
        Action::Reindex => needs!("reindex"),
        Action::CancelJob => needs!("cancel-jobs"),
        Action::RetryLetter | Action::EditLetter => needs!("edit-letters"),
        Action::PurgeLetter | Action::PurgeLetters => needs!("purge-letters"),
        Action::PauseQueue => needs!("pause-queue"),
        Action::MakeBackup => needs!("make-backups"),
        Action::VerifyBackups | Action::DrillBackup => needs!("verify-backups"),
        Action::RestoreBackup => needs!("restore-backups"),
        Action::PruneBackups => needs!("prune-backups"),
        Action::CheckBox => needs!("check-box"),
        Action::CompactStores => needs!("compact"),
        Action::EditSetting | Action::UnsetSetting | Action::Rollback | Action::ConfirmTrial => {
            needs!("write-config")
        }
        Action::ForceMode | Action::AutoMode | Action::HoldBreaker | Action::ReleaseBreaker => {
            needs!("force-mode")
        }
        Action::GrantRole | Action::RevokeGrant => needs!("grant-roles"),
        Action::EnrolKey | Action::AddPrincipal => needs!("manage-principals"),
        Action::EnrolTotp | Action::MakeToken | Action::RevokeTokens => needs!("manage-tokens"),
        Action::TakePolicies => needs!("reload"),
        Action::ConfirmGrant | Action::OpenReview | Action::CloseReview => needs!("review-roles"),
        Action::Approve | Action::Reject | Action::Delegate => needs!("vote-approvals"),
        Action::Comment | Action::Withdraw => needs!("discuss-approvals"),
        Action::StageModel => needs!("stage-models"),
        Action::SubmitModel | Action::RegisterModel => needs!("register-models"),
        Action::PromoteModel | Action::HoldModels => needs!("promote-models"),
        Action::ArchiveModel => needs!("archive-models"),
        Action::SubmitUseCase | Action::CreateUseCase | Action::EditUseCase => needs!("write-use-cases"),
        Action::DeployUseCase | Action::DeprecateUseCase | Action::RetireUseCase => {
            needs!("deploy-use-cases")
        }
        Action::RollBack => needs!("roll-back-models"),
        Action::MarkRight | Action::MarkWrong | Action::ForgetJudged => needs!("judge-answers"),
        Action::EraseEntry => needs!("erase-audit"),
        Action::SignAudit => needs!("sign-audit"),
        Action::AcknowledgeAlert => needs!("acknowledge-alerts"),
        Action::SilenceAlert | Action::EndSilence => needs!("silence-alerts"),
        Action::Alerts | Action::Notices => needs!("read-alerts"),
        Action::Traces | Action::Troubles | Action::TraceKind => needs!("read-traces"),
        Action::Probes | Action::Profile => needs!("read-status"),
        Action::SaveDashboard => needs!("write-dashboards"),
        Action::TestProbe if m.alerts.receiver().is_some() => needs!("test-notifications"),
        Action::TestProbe => needs!("test-probes"),
        Action::OpenIncident => needs!("open-incidents"),
        Action::ChangeIncident
        | Action::AcknowledgeIncident
        | Action::ResolveIncident
        | Action::BreachTold
        | Action::LinkIncident => needs!("handle-incidents"),
        Action::ServiceLevels => needs!("read-metrics"),
        Action::CloseIncident => needs!("close-incidents"),
        Action::VerifyAudit
        | Action::Evidence
        | Action::Compliance
        | Action::ProveEntry
        | Action::ExportAudit
        | Action::ExportEvidence => needs!("read-audit"),
        _ => return None,
    };
    m.access.lacks(permission).then_some(reason)
}
