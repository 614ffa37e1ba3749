//! The one table of everything a key can do. Keymap, footer, help, palette and docs come from it.

mod table;

pub(crate) use table::TABLE;

use crate::tui::model::{Model, View};
use crate::tui::permission::missing;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Quit,
    Suspend,
    Help,
    Palette,
    Back,
    NextView,
    PreviousView,
    ViewOverview,
    ViewAsk,
    UseCase,
    ViewLibrary,
    ViewLogs,
    Refresh,
    Redraw,
    SaveScreen,
    Health,
    Profile,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Open,
    Filter,
    Sort,
    Reverse,
    Select,
    Copy,
    EditQuestion,
    TakeSuggestion,
    Collection,
    Explain,
    ReadBefore,
    ReadAfter,
    NextTab,
    PreviousTab,
    Add,
    Remove,
    Reindex,
    CancelJob,
    Level,
    Pause,
    NextError,
    PreviousError,
    SearchLog,
    PinLine,
    DropPins,
    Mode,
    ForceMode,
    AutoMode,
    ViewQueue,
    RetryLetter,
    EditLetter,
    PurgeLetter,
    PurgeLetters,
    PauseQueue,
    Breakers,
    HoldBreaker,
    ReleaseBreaker,
    ConfigHistory,
    ConfirmTrial,
    DrillBackup,
    EditSetting,
    MakeBackup,
    PruneBackups,
    RestoreBackup,
    Rollback,
    UnsetSetting,
    VerifyBackups,
    CheckBox,
    CompactStores,
    ViewBackups,
    ViewConfig,
    AccessTab,
    ConfirmGrant,
    OpenReview,
    ReviewConfirm,
    ReviewRevoke,
    CloseReview,
    EnrolKey,
    EnrolTotp,
    TakePolicies,
    GrantRole,
    RevokeGrant,
    EndSession,
    RevokePrincipal,
    RevokeTokens,
    CheckPolicies,
    DiffPolicies,
    ExplainPolicy,
    Redact,
    CheckFile,
    LogSources,
    ExportTrace,
    AddPrincipal,
    MakeToken,
    ViewAccess,
    SignAudit,
    VerifyAudit,
    ProveEntry,
    ExportAudit,
    ExportEvidence,
    EraseEntry,
    AnchorAudit,
    ComplianceReport,
    ViolationRules,
    RecordLevel,
    Evidence,
    Compliance,
    ViewAudit,
    ViewObserve,
    EditQuery,
    ZoomIn,
    ZoomOut,
    Earlier,
    Later,
    Newest,
    Figures,
    LargeGraph,
    NextList,
    Bands,
    Dashboards,
    EditPanel,
    AddPanel,
    RemovePanel,
    PanelEarlier,
    PanelLater,
    SaveDashboard,
    UndoDashboard,
    GroupAlerts,
    ViewApprovals,
    ViewModels,
    ViewUseCases,
    CreateUseCase,
    EditUseCase,
    SubmitUseCase,
    DeployUseCase,
    DeprecateUseCase,
    RetireUseCase,
    Unlock,
    BreakGlass,
    Approve,
    Reject,
    Comment,
    Withdraw,
    Delegate,
    StageModel,
    SubmitModel,
    PromoteModel,
    RegisterModel,
    ArchiveModel,
    HoldModels,
    ReleaseModels,
    ServedAt,
    CompareModels,
    CompareRevisions,
    Judged,
    ForgetJudged,
    RollBack,
    MarkRight,
    MarkWrong,
    Alerts,
    Notices,
    AcknowledgeAlert,
    SilenceAlert,
    EndSilence,
    Traces,
    Troubles,
    TraceKind,
    Probes,
    TestProbe,
    ViewIncidents,
    AllIncidents,
    ServiceLevels,
    OpenIncident,
    ChangeIncident,
    AcknowledgeIncident,
    ResolveIncident,
    CloseIncident,
    BreachTold,
    LinkIncident,
}

/// Where an action means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    Ask,
    Library,
    Logs,
    Queue,
    Backups,
    Config,
    Access,
    Audit,
    Observe,
    Approvals,
    Models,
    Incidents,
    UseCases,
    List,
    General,
}

impl Group {
    pub(crate) const ALL: [Self; 15] = [
        Self::Ask,
        Self::Library,
        Self::Logs,
        Self::Queue,
        Self::Backups,
        Self::Config,
        Self::Access,
        Self::Observe,
        Self::Audit,
        Self::Approvals,
        Self::Models,
        Self::Incidents,
        Self::UseCases,
        Self::List,
        Self::General,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Ask => "Ask",
            Self::Library => "Library",
            Self::Logs => "Logs",
            Self::Queue => "Queue",
            Self::Backups => "Backups",
            Self::Config => "Config",
            Self::Access => "Access",
            Self::Audit => "Audit",
            Self::Observe => "Observe",
            Self::Approvals => "Approvals",
            Self::Models => "Models",
            Self::Incidents => "Incidents",
            Self::UseCases => "Use cases",
            Self::List => "Lists and text",
            Self::General => "Everywhere",
        }
    }
}

/// One row of the table.
pub(crate) struct Spec {
    pub(crate) action: Action,
    /// Stable name in key files.
    pub(crate) id: &'static str,
    pub(crate) label: &'static str,
    /// One or two words for the footer; empty keeps it out of there.
    pub(crate) short: &'static str,
    pub(crate) group: Group,
    pub(crate) keys: &'static [&'static str],
    /// Takes something away, so it always asks first.
    pub(crate) danger: bool,
    disabled: fn(&Model) -> Option<&'static str>,
}

impl Spec {
    /// Why this cannot be done now.
    pub(crate) fn disabled_reason(&self, model: &Model) -> Option<&'static str> {
        missing(self.action, model).or_else(|| (self.disabled)(model))
    }
}

pub(crate) fn spec(action: Action) -> Option<&'static Spec> {
    TABLE.iter().find(|s| s.action == action)
}

/// The groups whose keys work in a view, most specific first.
pub(crate) fn groups(view: View) -> &'static [Group] {
    match view {
        View::Overview => &[Group::List, Group::General],
        View::Ask => &[Group::Ask, Group::List, Group::General],
        View::Library => &[Group::Library, Group::List, Group::General],
        View::Logs => &[Group::Logs, Group::List, Group::General],
        View::Queue => &[Group::Queue, Group::List, Group::General],
        View::Backups => &[Group::Backups, Group::List, Group::General],
        View::Config => &[Group::Config, Group::List, Group::General],
        View::Access => &[Group::Access, Group::List, Group::General],
        View::Audit => &[Group::Audit, Group::List, Group::General],
        View::Observe => &[Group::Observe, Group::List, Group::General],
        View::Approvals => &[Group::Approvals, Group::List, Group::General],
        View::Models => &[Group::Models, Group::List, Group::General],
        View::Incidents => &[Group::Incidents, Group::List, Group::General],
        View::UseCases => &[Group::UseCases, Group::List, Group::General],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_sound() {
        let mut ids = HashSet::new();
        for s in TABLE {
            assert!(ids.insert(s.id), "{} twice", s.id);
            assert!(s.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", s.id);
            assert!(!s.keys.is_empty(), "{} has no key", s.id);
            if s.danger {
                // A torn escape sequence may look like these.
                assert!(s.keys.iter().all(|k| !["A", "B", "C", "D", "H", "F"].contains(k)), "{}", s.id);
            }
        }
    }
}
