//! The one table of everything a key can do. Keymap, footer, help, palette and docs come from it.

use crate::tui::disabled::{
    a_breaker, a_decision, a_grant, a_held_breaker, a_list, a_model, a_previous, a_principal, a_probe,
    a_set_one, a_setting, a_silenced_alert, a_table, a_trial, a_use_case, a_version, always, an_alert,
    an_audit, an_incident, attested, backup_selected, collection_selected, connected, decisions_here,
    documents, forced, idle_backups, job_selected, judgeable, letter, missing, not_newest, not_typing,
    openable, reading_after, reading_before, removable, revocable, some_collections, some_lines, something,
    suggestion, upstream, was_denied,
};
use crate::tui::model::{Model, View};

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
    EnrolKey,
    EnrolTotp,
    TakePolicies,
    GrantRole,
    RevokeGrant,
    ViewAccess,
    SignAudit,
    VerifyAudit,
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
    ViewApprovals,
    ViewModels,
    ViewUseCases,
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
    StageModel,
    SubmitModel,
    PromoteModel,
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

const fn row(
    action: Action,
    id: &'static str,
    label: &'static str,
    short: &'static str,
    group: Group,
    keys: &'static [&'static str],
    disabled: fn(&Model) -> Option<&'static str>,
) -> Spec {
    Spec { action, id, label, short, group, keys, danger: false, disabled }
}

const fn danger(spec: Spec) -> Spec {
    Spec { danger: true, ..spec }
}

use Action as A;
use Group::{
    Access, Approvals, Ask, Audit, Backups, Config, General, Incidents, Library, List, Logs, Models, Observe,
    Queue, UseCases,
};

#[rustfmt::skip]
pub(crate) const TABLE: &[Spec] = &[
    row(A::EditQuestion, "edit-question", "Type another question", "ask", Ask, &["i", "/"], not_typing),
    row(A::TakeSuggestion, "take-suggestion", "Ask what was suggested instead", "did you mean", Ask, &["d", "ctrl-d"], suggestion),
    row(A::ReadBefore, "read-before", "Load the passages before", "before", Ask, &["[", "p"], reading_before),
    row(A::ReadAfter, "read-after", "Load the passages after", "after", Ask, &["]", "n"], reading_after),
    row(A::MarkRight, "mark-right", "The result answers the question: keep that", "right", Ask, &["+"], judgeable),
    row(A::MarkWrong, "mark-wrong", "The result does not answer it: keep that", "wrong", Ask, &["-"], judgeable),
    row(A::Explain, "explain", "Show how each score came about", "explain", Ask, &["x", "ctrl-x"], always),
    row(A::Collection, "next-collection", "Ask in the next collection, or in all", "collection", Ask, &["c", "ctrl-t"], some_collections),
    row(A::PreviousTab, "previous-tab", "Previous tab", "", Library, &["left", "h"], always),
    row(A::NextTab, "next-tab", "Next tab", "tabs", Library, &["right", "l"], always),
    row(A::Add, "add", "Add a file or folder", "add", Library, &["a"], connected),
    danger(row(A::Remove, "remove", "Remove documents or a collection", "remove", Library, &["d", "delete"], removable)),
    row(A::Reindex, "reindex", "Index the collection again", "re-index", Library, &["R"], collection_selected),
    danger(row(A::CancelJob, "cancel-job", "Cancel the job", "cancel", Library, &["c"], job_selected)),
    row(A::Level, "level", "Next level: all, info, warnings, errors", "level", Logs, &["v"], always),
    row(A::Pause, "pause", "Pause or follow", "pause", Logs, &["space", "f"], always),
    row(A::SearchLog, "search-log", "Look in all files, packed ones too", "all files", Logs, &["s"], connected),
    row(A::NextError, "next-error", "Next error or warning", "next error", Logs, &["e"], some_lines),
    row(A::PreviousError, "previous-error", "Previous error or warning", "", Logs, &["E"], some_lines),
    row(A::RetryLetter, "retry-letter", "Queue the dead letter again", "retry", Queue, &["R"], letter),
    row(A::EditLetter, "edit-letter", "Edit the dead letter's payload", "edit", Queue, &["e"], letter),
    danger(row(A::PurgeLetter, "purge-letter", "Throw the dead letter away", "throw away", Queue, &["d", "delete"], letter)),
    danger(row(A::PurgeLetters, "purge-letters", "Throw all dead letters away", "", Queue, &["X"], letter)),
    row(A::PauseQueue, "pause-queue", "Pause deliveries, or let them go on", "pause", Queue, &["p"], upstream),
    row(A::Breakers, "breakers", "Circuit breakers in the place of dead letters, or back", "breakers", Queue, &["b"], connected),
    danger(row(A::HoldBreaker, "hold-breaker", "Hold the breaker open or closed for a time", "hold", Queue, &["o"], a_breaker)),
    row(A::ReleaseBreaker, "release-breaker", "Let the breaker decide for itself again", "give back", Queue, &["a"], a_held_breaker),
    row(A::MakeBackup, "make-backup", "Make a backup now", "new backup", Backups, &["n"], idle_backups),
    row(A::VerifyBackups, "verify-backups", "Read every piece of the backups", "verify", Backups, &["v"], idle_backups),
    row(A::DrillBackup, "drill-backup", "Try a restore of the backup", "try", Backups, &["t"], backup_selected),
    danger(row(A::RestoreBackup, "restore-backup", "Put the backup in the place of this box", "restore", Backups, &["R"], backup_selected)),
    danger(row(A::PruneBackups, "prune-backups", "Remove backups that retention does not keep", "prune", Backups, &["X"], idle_backups)),
    row(A::CheckBox, "check-box", "Verify every segment, record and model", "", Backups, &["c"], idle_backups),
    row(A::CompactStores, "compact-stores", "Make the stores as small as they can be", "", Backups, &["C"], idle_backups),
    row(A::EditSetting, "edit-setting", "Edit the setting", "edit", Config, &["e"], a_setting),
    danger(row(A::UnsetSetting, "unset-setting", "Take the setting out of the file", "take out", Config, &["d", "delete"], a_set_one)),
    row(A::ConfigHistory, "config-history", "Versions of the settings", "versions", Config, &["v"], connected),
    danger(row(A::Rollback, "rollback", "Back to the selected version", "roll back", Config, &["R"], a_version)),
    row(A::ConfirmTrial, "confirm-trial", "Keep what is on trial", "confirm", Config, &["c"], a_trial),
    row(A::AccessTab, "access-tab", "Next list: grants, principals, roles, decisions, sessions", "next list", Access, &["right", "l"], always),
    row(A::GrantRole, "grant-role", "Grant a role, with a reason", "grant", Access, &["n"], connected),
    danger(row(A::RevokeGrant, "revoke-grant", "Take a granted role, or end a session", "revoke", Access, &["d", "delete"], revocable)),
    row(A::EnrolKey, "enrol-key", "Enrol an SSH key for the principal: votes are signed with it", "key", Access, &["K"], a_principal),
    row(A::EnrolTotp, "enrol-totp", "Give the principal a second factor: its secret is shown once", "factor", Access, &["F"], a_principal),
    row(A::TakePolicies, "take-policies", "Let the site's files of policies hold, or ask for votes on them", "policies", Access, &["P"], connected),
    row(A::ConfirmGrant, "confirm-grant", "The review finds the grant right", "confirm", Access, &["c"], a_grant),
    row(A::VerifyAudit, "verify-audit", "Make every leaf and node of the audit log again", "verify", Audit, &["v"], an_audit),
    row(A::SignAudit, "sign-audit", "Sign the audit log as it stands", "checkpoint", Audit, &["c"], an_audit),
    row(A::Compliance, "compliance", "How many controls of frameworks have evidence", "", Audit, &["f"], an_audit),
    row(A::EditQuery, "edit-query", "Ask in PromQL", "ask", Observe, &["/", "i"], connected),
    row(A::ZoomIn, "zoom-in", "A shorter time", "zoom", Observe, &["+", "="], always),
    row(A::ZoomOut, "zoom-out", "A longer time", "", Observe, &["-"], always),
    row(A::Earlier, "earlier", "Earlier", "earlier", Observe, &["left", "h"], always),
    row(A::Later, "later", "Later", "", Observe, &["right", "l"], not_newest),
    row(A::Newest, "newest", "Until now", "now", Observe, &["n"], not_newest),
    row(A::Figures, "figures", "Figures or graphs", "figures", Observe, &["t"], always),
    row(A::Approve, "approve", "Vote for the request, with a reason", "approve", Approvals, &["+"], a_decision),
    danger(row(A::Reject, "reject", "Vote against the request: that ends it", "reject", Approvals, &["-"], a_decision)),
    row(A::Comment, "comment", "Say something about the request", "comment", Approvals, &["c"], a_decision),
    danger(row(A::Withdraw, "withdraw", "Take back the request that you submitted", "withdraw", Approvals, &["w"], a_decision)),
    row(A::Unlock, "unlock", "Make decisions possible, or read only again", "unlock", General, &["u"], decisions_here),
    row(A::StageModel, "stage-model", "Make the model's vectors, and measure its gates", "stage", Models, &["s"], a_model),
    row(A::SubmitModel, "submit-model", "Ask others to let the model be promoted", "submit", Models, &["n"], a_model),
    danger(row(A::PromoteModel, "promote-model", "Let the model answer, if its gates pass", "promote", Models, &["P"], a_model)),
    danger(row(A::RollBack, "roll-back", "Back to what answered before", "roll back", Models, &["R"], a_previous)),
    row(A::SubmitUseCase, "submit-use-case", "Ask others to let the use case be deployed", "submit", UseCases, &["n"], a_use_case),
    row(A::DeployUseCase, "deploy-use-case", "Let questions be asked under the use case", "deploy", UseCases, &["P"], a_use_case),
    danger(row(A::DeprecateUseCase, "deprecate-use-case", "Tell callers that the use case ends", "deprecate", UseCases, &["e"], a_use_case)),
    danger(row(A::RetireUseCase, "retire-use-case", "Answer nothing under the use case any more", "retire", UseCases, &["X"], a_use_case)),
    row(A::Alerts, "alerts", "Alerts or graphs", "alerts", Observe, &["a"], always),
    row(A::Notices, "notices", "What receivers were told of alerts", "told", Observe, &["o"], always),
    row(A::Traces, "traces", "Traces or graphs", "traces", Observe, &["w"], always),
    row(A::Troubles, "failures", "What failed, in groups", "failures", Observe, &["e"], always),
    row(A::TraceKind, "trace-kind", "Next traces: all, failed, slow", "", Observe, &["v"], always),
    row(A::Probes, "probes", "Probes and targets, or graphs", "", Observe, &["p"], always),
    row(A::TestProbe, "test-probe", "Let the probe look now", "", Observe, &["T"], a_probe),
    row(A::AcknowledgeAlert, "acknowledge-alert", "Say that the alert was seen, with a reason", "seen", Observe, &["c"], an_alert),
    row(A::SilenceAlert, "silence-alert", "Silence the alert for a time, with a reason", "silence", Observe, &["x"], an_alert),
    row(A::EndSilence, "end-silence", "End the silences of the alert", "", Observe, &["u"], a_silenced_alert),
    row(A::OpenIncident, "open-incident", "Tell of an incident", "new", Incidents, &["n"], connected),
    row(A::AcknowledgeIncident, "acknowledge-incident", "Say that somebody works on the incident", "seen", Incidents, &["a"], an_incident),
    row(A::ChangeIncident, "change-incident", "State, severity, owner of the incident, or a note", "change", Incidents, &["e"], an_incident),
    row(A::ResolveIncident, "resolve-incident", "Say that the cause of the incident is gone", "resolve", Incidents, &["R"], an_incident),
    danger(row(A::CloseIncident, "close-incident", "Close the incident, with what was learnt", "close", Incidents, &["x"], an_incident)),
    row(A::ServiceLevels, "service-levels", "Service levels, or incidents", "service levels", Incidents, &["right", "l", "left", "h"], connected),
    row(A::AllIncidents, "all-incidents", "Closed ones too, or not", "all", Incidents, &["t"], connected),
    row(A::Open, "open", "Open what is selected", "open", List, &["enter"], openable),
    row(A::Filter, "filter", "Filter the list", "filter", List, &["/"], a_list),
    row(A::Sort, "sort", "Sort by the next column", "sort", List, &["s"], a_table),
    row(A::Reverse, "reverse", "Turn the order around", "", List, &["S"], a_table),
    row(A::Select, "select", "Select or unselect the row", "select", List, &["space"], documents),
    row(A::Copy, "copy", "Copy through the terminal (OSC 52)", "copy", List, &["y"], something),
    row(A::Up, "up", "Up", "", List, &["up", "k"], always),
    row(A::Down, "down", "Down", "", List, &["down", "j"], always),
    row(A::PageUp, "page-up", "A page up", "", List, &["pageup", "b", "ctrl-b"], always),
    row(A::PageDown, "page-down", "A page down", "", List, &["pagedown", "ctrl-f"], always),
    row(A::Top, "top", "To the top", "", List, &["home", "g"], always),
    row(A::Bottom, "bottom", "To the end", "", List, &["end", "G"], always),
    row(A::Back, "back", "Back", "back", General, &["esc"], always),
    row(A::Help, "help", "Keys and what they do", "help", General, &["?", "f10"], always),
    row(A::Palette, "palette", "Find an action by name", "actions", General, &[":", "ctrl-p"], always),
    row(A::Quit, "quit", "Quit; running jobs go on", "quit", General, &["q", "ctrl-c"], always),
    row(A::NextView, "next-view", "Next view", "", General, &["tab"], always),
    row(A::PreviousView, "previous-view", "Previous view", "", General, &["backtab"], always),
    row(A::ViewOverview, "view-overview", "Overview of the box", "", General, &["1", "f1"], always),
    row(A::ViewAsk, "view-ask", "Ask a question", "", General, &["2", "f2"], always),
    row(A::ViewLibrary, "view-library", "Collections, documents, jobs, failures", "", General, &["3", "f3"], always),
    row(A::ViewLogs, "view-logs", "The box's log", "", General, &["4", "f4"], always),
    row(A::ViewQueue, "view-queue", "What waits for the upstream, dead letters", "", General, &["5", "f5"], always),
    row(A::ViewBackups, "view-backups", "Backups: made, tried, restored", "", General, &["6", "f7"], always),
    row(A::ViewConfig, "view-config", "Settings: where each value comes from, edits, versions", "", General, &["7", "f8"], always),
    row(A::ViewObserve, "view-observe", "Graphs of what the box measures", "", General, &["8", "f9"], always),
    row(A::ViewAudit, "view-audit", "What was done on this box, and proof of it", "", General, &["9", "f11"], always),
    row(A::ViewAccess, "view-access", "Who may do what: you, grants, principals, roles, denials", "", General, &["0", "f12"], always),
    row(A::ViewApprovals, "view-approvals", "Changes that wait for votes", "", General, &["alt-a"], always),
    row(A::ViewModels, "view-models", "Models: stages, gates, promote, roll back", "", General, &["alt-r"], always),
    row(A::ViewIncidents, "view-incidents", "What went wrong, and who sees to it", "", General, &["alt-i"], always),
    row(A::ViewUseCases, "view-use-cases", "Use cases: what the box may be asked for", "", General, &["alt-u"], always),
    row(A::Evidence, "evidence", "Signed statements about what is selected", "", General, &["alt-e"], attested),
    row(A::Refresh, "refresh", "Load again", "reload", General, &["r"], always),
    row(A::Redraw, "redraw", "Draw the screen anew", "", General, &["ctrl-l"], always),
    row(A::SaveScreen, "save-screen", "Write what is on screen into a text file", "", General, &["ctrl-s"], always),
    row(A::Mode, "mode", "What the box gives up now, and why", "", General, &["m", "f6"], connected),
    row(A::Health, "health", "How the box stands, check by check", "", General, &["H"], connected),
    row(A::Profile, "profile", "Where time, memory and disk go", "", General, &["alt-p"], connected),
    danger(row(A::ForceMode, "force-mode", "Force a mode for a time", "", General, &["M"], connected)),
    danger(row(A::AutoMode, "auto-mode", "Let the box choose its mode again", "", General, &["alt-m"], forced)),
    row(A::Suspend, "suspend", "Back to the shell (fg returns)", "", General, &["ctrl-z"], always),
    danger(row(A::BreakGlass, "break-glass", "Ask for what was denied, in an emergency: two people, an incident", "", General, &["ctrl-g"], was_denied)),
];

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
