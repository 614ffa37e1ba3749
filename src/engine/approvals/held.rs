//! Actions that wait for votes: which do is said by the settings (`approval.subjects`), and they are kept whole until
//! somebody decided.

use serde::{Deserialize, Serialize};

use super::change::submit;
use super::control;
use crate::api::types::access::TakePolicies;
use crate::api::types::{ApplyConfig, ForceMode, PruneBackups, RollbackConfig, SetConfig, from_json};
use crate::base::from_hex;
use crate::engine::access::{self, has_pass, subject};
use crate::engine::action::{BackupWork, Origin};
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{
    AccessAction, Action, Caller, ConfigAction, ConfigReply, EngineError, settings_action, trail,
};
use crate::governance::access::Role;
use crate::governance::approval::{Change, Draft, Impact, Shelf, Subject};
use crate::store::{StoreError, WriteTransaction};

/// Settings that decide what others may rely on; any other is changed without votes.
const CRITICAL: [&str; 9] = [
    "approval.",
    // The gate of promotions measures against it.
    "modes.latency_target_ms",
    "promotion.",
    "store.",
    "retention.",
    "api.listen",
    "box.environment",
    "queue.upstream",
    "queue.deliver",
];
const DIFF_LINES: usize = 40;
const DIFF_BYTES: usize = 8 << 10;

/// An action that may wait, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Held {
    SetConfig(String, SetConfig),
    ApplyConfig(ApplyConfig),
    RollbackConfig(RollbackConfig),
    /// Name, and why.
    RemoveCollection(String, String),
    /// Which, or all, and why.
    PurgeLetters(Option<String>, String),
    PruneBackups(PruneBackups),
    /// From where, which, the key that must have signed it, and why.
    Restore(Option<String>, String, Option<String>, String),
    ForceMode(ForceMode),
    /// The site's files of the digest that is voted on.
    TakePolicies(TakePolicies),
}

impl Held {
    /// `None` for what never waits.
    fn of(action: &Action) -> Option<Self> {
        Some(match action {
            Action::Config(ConfigAction::Set { key, request, .. }) if !request.dry_run => {
                let critical = CRITICAL.iter().any(|begin| key.starts_with(begin));
                Self::SetConfig(key.clone(), critical.then(|| request.clone())?)
            }
            Action::Config(ConfigAction::Apply { request, .. }) if !request.dry_run => {
                Self::ApplyConfig(request.clone())
            }
            Action::Config(ConfigAction::Rollback { request, .. }) if !request.dry_run => {
                Self::RollbackConfig(request.clone())
            }
            Action::RemoveCollection { name, reason } => Self::RemoveCollection(name.clone(), reason.clone()),
            Action::PurgeOperations { id, reason } => Self::PurgeLetters(id.clone(), reason.clone()),
            Action::BeginBackupWork(BackupWork::Prune(request)) if !request.dry_run => {
                Self::PruneBackups(request.clone())
            }
            Action::BeginBackupWork(BackupWork::Restore { from, id, force: true, key, reason }) => {
                Self::Restore(from.clone(), id.clone(), key.clone(), reason.clone())
            }
            Action::ForceMode(request) => Self::ForceMode(request.clone()),
            Action::Access(AccessAction::TakePolicies(request)) => Self::TakePolicies(request.clone()),
            _ => return None,
        })
    }

    fn action(self, dry_run: bool) -> Action {
        let if_match = None;
        match self {
            Self::SetConfig(key, request) => {
                let request = SetConfig { dry_run, ..request };
                Action::Config(ConfigAction::Set { key, request, if_match })
            }
            Self::ApplyConfig(request) => {
                let request = ApplyConfig { dry_run, ..request };
                Action::Config(ConfigAction::Apply { request, if_match })
            }
            Self::RollbackConfig(request) => {
                let request = RollbackConfig { dry_run, ..request };
                Action::Config(ConfigAction::Rollback { request, if_match })
            }
            Self::RemoveCollection(name, reason) => Action::RemoveCollection { name, reason },
            Self::PurgeLetters(id, reason) => Action::PurgeOperations { id, reason },
            Self::PruneBackups(request) => Action::BeginBackupWork(BackupWork::Prune(request)),
            Self::Restore(from, id, key, reason) => {
                Action::BeginBackupWork(BackupWork::Restore { from, id, force: true, key, reason })
            }
            Self::ForceMode(request) => Action::ForceMode(request),
            Self::TakePolicies(request) => Action::Access(AccessAction::TakePolicies(request)),
        }
    }

    /// Word of `approval.subjects`, kind and name of the subject, what would be done, why, and the impact.
    fn about(&self) -> About<'_> {
        let about = |subject, kind, name, title: String, reason, impact| About {
            subject,
            kind,
            name,
            title,
            reason,
            impact,
        };
        match self {
            Self::SetConfig(key, request) => {
                let title = format!("change the setting {key}");
                about("config", "setting", key.as_str(), title, request.reason.as_str(), Impact::High)
            }
            Self::ApplyConfig(request) => {
                let title = "change the settings as a whole".to_owned();
                about("config", "settings", "all", title, &request.reason, Impact::High)
            }
            Self::RollbackConfig(request) => {
                let title = format!("go back to version {} of the settings", request.version);
                about("config", "settings", "all", title, &request.reason, Impact::High)
            }
            Self::RemoveCollection(name, reason) => {
                let title = format!("remove the collection {name} with all that is in it");
                about("purge", "collection", name, title, reason, Impact::High)
            }
            Self::PurgeLetters(id, reason) => {
                let name = id.as_deref().unwrap_or("all");
                let title = format!("throw dead letters away: {name}");
                about("purge", "operation", name, title, reason, Impact::Medium)
            }
            Self::PruneBackups(request) => {
                let title = "remove old backups".to_owned();
                about("purge", "backup", "old", title, &request.reason, Impact::High)
            }
            Self::Restore(_, id, _, reason) => {
                let title = format!("restore the backup {id} in place of what is there");
                about("restore", "backup", id, title, reason, Impact::High)
            }
            Self::ForceMode(request) => {
                let title = format!("force the mode {} for {} s", request.mode, request.ttl_s);
                about("mode", "mode", &request.mode, title, &request.reason, Impact::Medium)
            }
            Self::TakePolicies(request) => {
                let title = "let the site's policies hold as they are in the files".to_owned();
                about("policies", "policies", "site", title, &request.reason, Impact::High)
            }
        }
    }
}

struct About<'a> {
    subject: &'static str,
    kind: &'static str,
    name: &'a str,
    title: String,
    reason: &'a str,
    impact: Impact,
}

/// What is kept of an action as it was held.
pub(super) fn action(text: &str) -> Result<Action, EngineError> {
    let held: Held = from_json(text.as_bytes())
        .map_err(|error| EngineError::Internal(format!("what was approved cannot be read: {error}")))?;
    Ok(held.action(false))
}

/// Lets an action go on, or makes a request of it.
///
/// # Errors
/// [`EngineError::Waits`] where it waits from now on, or did already.
pub(in crate::engine) fn hold(inner: &Inner, caller: &Caller, action: &Action) -> Result<(), EngineError> {
    let Some(mut held) = Held::of(action) else { return Ok(()) };
    let (mut difference, mut set) = (None, None);
    if let Held::TakePolicies(request) = &mut held {
        let Some((digest, diff)) = access::proposed(inner) else { return Ok(()) };
        set = Some(digest.clone());
        (request.digest, difference) = (Some(digest), Some(diff));
    }
    let about = held.about();
    let running = inner.config.running();
    if inner.settings.scratch || !running.list("approval.subjects").iter().any(|one| one == about.subject) {
        return Ok(());
    }
    if caller.origin != Origin::Local {
        let what = "this waits for votes, and is asked for over the Unix socket only".to_owned();
        return Err(invalid(what, "log in to the box"));
    }
    let asker = subject(inner, caller)?;
    if has_pass(inner, &asker, action) {
        return Ok(());
    }
    let by = asker.name.to_string();
    // Settings say by themselves what would be different; of what goes for good, and of policies, nobody sees why.
    let is_plain = about.subject == "config" || about.impact < Impact::High;
    let reason = match (about.reason.trim(), is_plain) {
        ("", false) => {
            let what = format!("to {} waits for votes here: whoever votes wants to know why", about.title);
            return Err(invalid(what, "say why: --reason TEXT"));
        }
        ("", _) => format!("{by} asks for it"),
        (reason, _) => reason.to_owned(),
    };
    let text = serde_json::to_string(&held)
        .map_err(|error| EngineError::Internal(format!("this cannot be kept: {error}")))?;
    // Of policies it is that of the set which would hold, as `spud policy check` says it.
    let digest = set.as_deref().and_then(from_hex).unwrap_or_else(|| trail::digest(text.as_bytes()));
    let desk = inner.approvals.desk();
    let pending = Shelf::pending(control(inner)?, inner.clock.now_ms())?;
    // The same again, by the same: one request.
    let known = pending.iter().find(|one| one.subject.digest == digest && one.by == by);
    if let Some(known) = known {
        return Err(waits(known.id, &about.title));
    }
    let diff = match difference {
        Some(diff) => bounded(diff),
        None => self::difference(inner, caller, &held, &about.title)?,
    };
    let change = Change::Action {
        text,
        title: about.title.clone(),
        uid: caller.uid,
        gid: caller.gid,
        groups: caller.groups.to_vec(),
    };
    let subject = Subject { kind: about.kind.to_owned(), name: about.name.to_owned(), digest };
    let roles = vec![Role::Approver, Role::Admin];
    let draft = Draft {
        subject,
        change,
        impact: about.impact,
        by: by.clone(),
        reason,
        diff,
        votes: 1,
        roles,
        time_ms: 1,
    };
    let told = trail::entry(inner, "approval.submitted", &by, (about.kind, about.name));
    let told = crate::audit::Entry { request: caller.request.clone(), policy: inner.access.digest(), ..told };
    let told = told.text("reason", draft.reason.as_str());
    let also = |_| Ok(|_: &WriteTransaction| -> Result<(), StoreError> { Ok(()) });
    let made = submit(inner, &desk, draft, Some(&told), also)?;
    Err(waits(made.id, &about.title))
}

fn waits(id: u64, title: &str) -> EngineError {
    EngineError::Waits { id, what: format!("request {id} waits for votes: {title}") }
}

/// What would be different; of settings as a dry run says it, so that what is wrong is told now.
fn difference(inner: &Inner, caller: &Caller, held: &Held, title: &str) -> Result<String, EngineError> {
    let Action::Config(trial) = held.clone().action(true) else { return Ok(format!("+ {title}")) };
    let ConfigReply::Changed(change) = settings_action::act(inner, caller, trial)? else {
        return Ok(format!("+ {title}"));
    };
    let mut diff = String::new();
    for one in change.differences.iter().take(DIFF_LINES) {
        diff.push_str(&format!("- {} = {}\n+ {} = {}\n", one.key, one.from, one.key, one.to));
    }
    if diff.is_empty() {
        return Err(EngineError::Conflict {
            what: "this would change nothing".into(),
            advice: "`spud config show` says what holds".into(),
        });
    }
    Ok(bounded(diff))
}

fn bounded(mut diff: String) -> String {
    if diff.len() > DIFF_BYTES {
        let end =
            diff.char_indices().map(|(at, _)| at).take_while(|at| *at <= DIFF_BYTES).last().unwrap_or(0);
        diff.truncate(end);
        diff.push_str("\n  and more than can be shown here");
    }
    diff.trim_end().to_owned()
}
