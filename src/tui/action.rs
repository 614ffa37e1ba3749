//! The one table of everything a key can do. Keymap, footer, help, palette and docs come from it.

use crate::tui::model::{Model, Reading, Tab, View};

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
    Mode,
    ForceMode,
    AutoMode,
    ViewQueue,
    RetryLetter,
    EditLetter,
    PurgeLetter,
    PurgeLetters,
    PauseQueue,
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
    GrantRole,
    RevokeGrant,
    ViewAccess,
    SignAudit,
    VerifyAudit,
    ViewAudit,
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
    List,
    General,
}

impl Group {
    pub(crate) const ALL: [Self; 10] = [
        Self::Ask,
        Self::Library,
        Self::Logs,
        Self::Queue,
        Self::Backups,
        Self::Config,
        Self::Access,
        Self::Audit,
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
use Group::{Access, Ask, Audit, Backups, Config, General, Library, List, Logs, Queue};

#[rustfmt::skip]
pub(crate) const TABLE: &[Spec] = &[
    row(A::EditQuestion, "edit-question", "Type another question", "ask", Ask, &["i", "/"], not_typing),
    row(A::TakeSuggestion, "take-suggestion", "Ask what was suggested instead", "did you mean", Ask, &["d", "ctrl-d"], suggestion),
    row(A::ReadBefore, "read-before", "Load the passages before", "before", Ask, &["[", "p"], reading_before),
    row(A::ReadAfter, "read-after", "Load the passages after", "after", Ask, &["]", "n"], reading_after),
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
    row(A::NextError, "next-error", "Next error or warning", "next error", Logs, &["e"], some_lines),
    row(A::PreviousError, "previous-error", "Previous error or warning", "", Logs, &["E"], some_lines),
    row(A::RetryLetter, "retry-letter", "Queue the dead letter again", "retry", Queue, &["R"], letter),
    row(A::EditLetter, "edit-letter", "Edit the dead letter's payload", "edit", Queue, &["e"], letter),
    danger(row(A::PurgeLetter, "purge-letter", "Throw the dead letter away", "throw away", Queue, &["d", "delete"], letter)),
    danger(row(A::PurgeLetters, "purge-letters", "Throw all dead letters away", "", Queue, &["X"], letter)),
    row(A::PauseQueue, "pause-queue", "Pause deliveries, or let them go on", "pause", Queue, &["p"], upstream),
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
    row(A::AccessTab, "access-tab", "Next list: grants, principals, roles, decisions", "next list", Access, &["right", "l"], always),
    row(A::GrantRole, "grant-role", "Grant a role, with a reason", "grant", Access, &["n"], connected),
    danger(row(A::RevokeGrant, "revoke-grant", "Take a granted role", "revoke", Access, &["d", "delete"], a_grant)),
    row(A::ConfirmGrant, "confirm-grant", "The review finds the grant right", "confirm", Access, &["c"], a_grant),
    row(A::VerifyAudit, "verify-audit", "Make every leaf and node of the audit log again", "verify", Audit, &["v"], an_audit),
    row(A::SignAudit, "sign-audit", "Sign the audit log as it stands", "checkpoint", Audit, &["c"], an_audit),
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
    row(A::ViewAccess, "view-access", "Who may do what: you, grants, principals, roles, denials", "", General, &["9", "f11"], always),
    row(A::ViewAudit, "view-audit", "What was done on this box, and proof of it", "", General, &["8", "f9"], always),
    row(A::Refresh, "refresh", "Load again", "reload", General, &["r"], always),
    row(A::Redraw, "redraw", "Draw the screen anew", "", General, &["ctrl-l"], always),
    row(A::Mode, "mode", "What the box gives up now, and why", "", General, &["m", "f6"], connected),
    danger(row(A::ForceMode, "force-mode", "Force a mode for a time", "", General, &["M"], connected)),
    danger(row(A::AutoMode, "auto-mode", "Let the box choose its mode again", "", General, &["alt-m"], forced)),
    row(A::Suspend, "suspend", "Back to the shell (fg returns)", "", General, &["ctrl-z"], always),
];

/// The permission that is missing, where it is known who asks.
fn missing(action: Action, m: &Model) -> Option<&'static str> {
    let (permission, reason) = match action {
        A::Add => ("add-documents", "needs add-documents"),
        A::Remove => ("remove-documents", "needs remove-documents"),
        A::Reindex => ("reindex", "needs reindex"),
        A::CancelJob => ("cancel-jobs", "needs cancel-jobs"),
        A::RetryLetter | A::EditLetter => ("edit-letters", "needs edit-letters"),
        A::PurgeLetter | A::PurgeLetters => ("purge-letters", "needs purge-letters"),
        A::PauseQueue => ("pause-queue", "needs pause-queue"),
        A::MakeBackup => ("make-backups", "needs make-backups"),
        A::VerifyBackups | A::DrillBackup => ("verify-backups", "needs verify-backups"),
        A::RestoreBackup => ("restore-backups", "needs restore-backups"),
        A::PruneBackups => ("prune-backups", "needs prune-backups"),
        A::CheckBox => ("check-box", "needs check-box"),
        A::CompactStores => ("compact", "needs compact"),
        A::EditSetting | A::UnsetSetting | A::Rollback | A::ConfirmTrial => {
            ("write-config", "needs write-config")
        }
        A::ForceMode | A::AutoMode => ("force-mode", "needs force-mode"),
        A::GrantRole | A::RevokeGrant => ("grant-roles", "needs grant-roles"),
        A::ConfirmGrant => ("review-roles", "needs review-roles"),
        A::SignAudit => ("sign-audit", "needs sign-audit"),
        A::VerifyAudit => ("read-audit", "needs read-audit"),
        _ => return None,
    };
    m.access.lacks(permission).then_some(reason)
}

fn a_grant(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.view == View::Access && m.access.grant().is_some(), "select a grant")
}

fn always(_: &Model) -> Option<&'static str> {
    None
}

fn unless(fine: bool, reason: &'static str) -> Option<&'static str> {
    if fine { None } else { Some(reason) }
}

fn not_typing(m: &Model) -> Option<&'static str> {
    unless(!m.typing(), "you are typing it")
}

fn connected(m: &Model) -> Option<&'static str> {
    unless(!m.link.down, "not connected")
}

fn forced(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.mode().is_some_and(|mode| mode.forced.is_some()), "nothing is forced")
}

fn suggestion(m: &Model) -> Option<&'static str> {
    unless(m.ask.suggestion().is_some(), "no suggestion")
}

fn some_collections(m: &Model) -> Option<&'static str> {
    unless(!m.library.collections.items.is_empty(), "no collections yet")
}

fn reading_before(m: &Model) -> Option<&'static str> {
    match &m.ask.reader {
        None => Some("open a result first"),
        Some(r) => unless(r.before != Reading::End, "this is the beginning"),
    }
}

fn reading_after(m: &Model) -> Option<&'static str> {
    match &m.ask.reader {
        None => Some("open a result first"),
        Some(r) => unless(r.after != Reading::End, "this is the end"),
    }
}

fn removable(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    match m.library.tab {
        Tab::Collections => match m.library.collection() {
            None => Some("nothing selected"),
            Some(c) => unless(!c.built_in, "built in"),
        },
        Tab::Documents => unless(m.library.document().is_some(), "nothing selected"),
        Tab::Jobs | Tab::Failures => Some("nothing to remove here"),
    }
}

fn collection_selected(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.library.tab == Tab::Collections && m.library.collection().is_some(), "select a collection")
}

fn job_selected(m: &Model) -> Option<&'static str> {
    if m.library.tab != Tab::Jobs {
        return Some("see the jobs tab");
    }
    match m.library.job() {
        None => Some("no job"),
        Some(j) => unless(!j.state.is_final(), "already ended"),
    }
}

fn letter(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    if m.view != View::Queue {
        return Some("see the queue");
    }
    unless(m.queue.letter().is_some(), "no dead letter")
}

fn idle_backups(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    if m.view != View::Backups {
        return Some("see the backups");
    }
    unless(!m.backups.is_busy(), "work is under way")
}

fn backup_selected(m: &Model) -> Option<&'static str> {
    idle_backups(m).or(unless(m.backups.backup().is_some(), "no backup"))
}

fn upstream(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    let known = m.queue.status.as_ref().is_some_and(|status| status.upstream.url.is_some());
    unless(known, "there is no upstream")
}

fn a_setting(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    if m.view != View::Config {
        return Some("see the settings");
    }
    unless(m.config.versions.is_none() && m.config.setting().is_some(), "select a setting")
}

fn a_set_one(m: &Model) -> Option<&'static str> {
    a_setting(m).or_else(|| {
        let set = m.config.setting().is_some_and(|setting| setting.layer != "default");
        unless(set, "it is at its default")
    })
}

fn a_version(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.view == View::Config && m.config.shown_version().is_some(), "see the versions")
}

fn a_trial(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    let trial = m.config.report.as_ref().is_some_and(|report| report.trial.is_some());
    unless(trial, "nothing is on trial")
}

fn an_audit(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    if m.view != View::Audit {
        return Some("see the audit log");
    }
    unless(!m.audit.verifying, "it is being verified")
}

fn some_lines(m: &Model) -> Option<&'static str> {
    unless(!m.logs.visible.is_empty(), "no lines")
}

fn openable(m: &Model) -> Option<&'static str> {
    if m.view == View::Overview {
        return Some("no list here");
    }
    if m.view == View::Ask && m.ask.reader.is_some() {
        return Some("it is open");
    }
    unless(m.something_selected(), "nothing selected")
}

fn something(m: &Model) -> Option<&'static str> {
    if m.view == View::Overview {
        return Some("no list here");
    }
    unless(m.something_selected(), "nothing to copy")
}

fn a_list(m: &Model) -> Option<&'static str> {
    unless(matches!(m.view, View::Library | View::Logs | View::Config | View::Audit), "no list here")
}

fn a_table(m: &Model) -> Option<&'static str> {
    unless(m.view == View::Library, "no table here")
}

fn documents(m: &Model) -> Option<&'static str> {
    unless(m.view == View::Library && m.library.tab == Tab::Documents, "only documents")
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
