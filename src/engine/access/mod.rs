//! The door's keeper: every action passes [`enter`] before anything else.

mod actions;
mod factor;
mod needs;
mod people;
mod proofs;
mod questions;
mod review;
mod site;
mod sources;
#[cfg(test)]
mod tests;
mod words;

pub use actions::{AccessAction, AccessReply};
pub(super) use actions::{act, lasts_until, login, meant, resolved};
pub(super) use factor::has_pass;
pub(super) use people::groups;
pub(super) use review::{Reviews, counts as review_counts, finding as review_finding, tell as review_told};
pub(super) use site::{proposed, wait_for_votes};

use std::collections::{HashMap, VecDeque};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::action::{Heard, Origin};
use super::run::{Inner, Settings};
use super::worker::parse_id;
use super::{Action, Caller, EngineError, Reply, approvals, backups, trail};
use crate::audit::{Entry, Hash, Outcome};
use crate::base::from_hex;
use crate::governance::access::{
    AccessError, Book, Circumstances, Decision, Name, Need, Permission, Resource, Role, Shelf, Subject, Via,
    permit,
};
use crate::governance::policy::{PolicyProblem, PolicySet, Source};
use crate::store::{Control, StoreError, WriteTransaction};
use needs::Needs;

/// Decisions that are remembered, so that the next same question costs nothing.
const CACHED_MOST: usize = 1024;
/// Decisions in memory, for `spud why`.
const RECENT_MOST: usize = 256;
/// The same denial is kept on disk once in so long, and so many an hour: nobody wears the card out by asking.
const DENIAL_EVERY_MS: u64 = 60_000;
const DENIALS_AN_HOUR: usize = 60;
const HOUR_MS: u64 = 3_600_000;

type Cache = HashMap<Subject, HashMap<Need, Arc<Decision>>>;

pub(super) struct State {
    pub(super) book: Book,
    /// As it is on disk.
    kept: Book,
    pub(super) set: Arc<PolicySet>,
    /// The site's files of the set.
    pub(super) site: Vec<Source>,
    /// What is wrong with the site's files as they are now.
    pub(super) problems: Vec<PolicyProblem>,
    cache: Cache,
    /// What was decided holds until then, in this mode.
    cache_until_ms: u64,
    cache_mode: String,
    recent: VecDeque<Decision>,
    /// When a denial of this kind was kept last.
    denied: VecDeque<(String, Permission, String, u64)>,
}

impl State {
    fn forget(&mut self) {
        self.cache.clear();
        self.cache_until_ms = 0;
    }

    fn remember(&mut self, decision: &Decision) {
        while self.recent.len() >= RECENT_MOST {
            self.recent.pop_front();
        }
        self.recent.push_back(decision.clone());
    }
}

/// Who may do what.
pub(super) struct Access {
    state: Mutex<State>,
    folders: Vec<PathBuf>,
    reviews: Reviews,
}

impl Access {
    /// Reads grants and policies. A site set that is wrong gives way to the one that was valid last; so does one that
    /// must be voted on (`votes`).
    ///
    /// # Errors
    /// [`EngineError::Invalid`] where the site's policies are wrong and never were valid: a forbid must not get lost.
    pub(super) fn open(
        settings: &Settings,
        control: &Control,
        data: &Path,
        (now_ms, votes): (u64, bool),
    ) -> Result<Self, EngineError> {
        let owner = std::fs::metadata(data).map_or(0, |meta| meta.uid());
        let kept = match settings.scratch {
            true => Book { owner, ..Book::default() },
            false => Shelf::load(control, owner).unwrap_or_else(|error| {
                tracing::error!(%error, "grants cannot be read: only the owner and root have roles");
                Book { owner, ..Book::default() }
            }),
        };
        let folders: Vec<PathBuf> = match settings.scratch {
            true => Vec::new(),
            false => settings.config_folders.iter().map(|folder| folder.join(sources::FOLDER)).collect(),
        };
        let control = (!settings.scratch).then_some(control);
        let (set, site, problems) = site::at_start(&folders, control, now_ms, votes)?;
        let state = State {
            book: kept.clone(),
            kept,
            set: Arc::new(set),
            site,
            problems,
            cache: Cache::new(),
            cache_until_ms: 0,
            cache_mode: String::new(),
            recent: VecDeque::new(),
            denied: VecDeque::new(),
        };
        Ok(Self { state: Mutex::new(state), folders, reviews: Reviews::default() })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of the policies in force, for the audit log.
    pub(super) fn digest(&self) -> Option<Hash> {
        hash_in(self.state().set.digest())
    }

    /// Changes who has what; on disk first, in one commit with its entry in the audit log, then here.
    pub(super) fn change<T>(
        &self,
        inner: &Inner,
        told: Option<&Entry>,
        change: impl FnOnce(&mut Book) -> Result<T, AccessError>,
    ) -> Result<T, EngineError> {
        self.change_with(inner, trail::also(told), change)
    }

    /// The same where more than an entry goes with it.
    pub(super) fn change_with<T>(
        &self,
        inner: &Inner,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
        change: impl FnOnce(&mut Book) -> Result<T, AccessError>,
    ) -> Result<T, EngineError> {
        let mut state = self.state();
        let mut book = state.book.clone();
        let made = change(&mut book)?;
        if let Some(control) = inner.config_history() {
            Shelf::keep(control, &state.kept, &book, also)?;
        }
        state.kept.clone_from(&book);
        state.book = book;
        state.forget();
        Ok(made)
    }

    /// Writes down when grants and tokens were last used, where that is news.
    pub(super) fn flush(&self, inner: &Inner) {
        let mut state = self.state();
        if state.book == state.kept {
            return;
        }
        let Some(control) = inner.config_history() else { return };
        match Shelf::keep(control, &state.kept, &state.book, |_| Ok(())) {
            Ok(()) => state.kept = state.book.clone(),
            Err(error) => tracing::warn!(%error, "the last use of grants could not be kept"),
        }
    }
}

/// A digest in hexadecimal, as bytes.
fn hash_in(digest: &str) -> Option<Hash> {
    from_hex(digest)
}

/// Who asks, as policies know them.
pub(super) fn subject(inner: &Inner, caller: &Caller) -> Result<Subject, EngineError> {
    let now_ms = inner.clock.now_ms();
    Ok(match &caller.origin {
        Origin::Local => Subject::local(caller.uid, &caller.groups),
        Origin::Network => Subject {
            name: Name::Network,
            groups: Arc::default(),
            via: Via::Network,
            token: None,
            scopes: None,
        },
        Origin::Bearer(shown) => {
            let mut state = inner.access.state();
            let (id, token) = state.book.token(shown.text(), now_ms)?;
            let (name, scopes) = (Name::Own(token.principal.clone()), token.scopes.as_slice().into());
            let used = token.used_ms;
            if used.is_none_or(|used| now_ms.saturating_sub(used) >= HOUR_MS)
                && let Some(token) = state.book.tokens.get_mut(&id)
            {
                token.used_ms = Some(now_ms);
            }
            Subject { name, groups: Arc::default(), via: Via::Token, token: Some(id), scopes: Some(scopes) }
        }
    })
}

/// How things are now.
pub(super) fn circumstances(inner: &Inner) -> Circumstances {
    let environment = inner.config.running().text("box.environment").unwrap_or_default().to_owned();
    Circumstances { now_ms: inner.clock.now_ms(), mode: inner.modes.name().to_owned(), environment }
}

/// Lets an action in, or says why not. A question to all collections becomes one to those that may be read.
pub(super) fn enter(inner: &Inner, caller: &Caller, mut action: Action) -> Result<Action, EngineError> {
    let subject = subject(inner, caller)?;
    let needs = needs::of(&action);
    let permission = needs.permission();
    match needs {
        // Whoever began a run of backups may see what comes of it, also with a pass for that alone.
        Needs::One(_) if backups::is_own_run(inner, &action, &subject.name.to_string()) => {}
        Needs::One(need) => allow(inner, caller, &subject, need)?,
        Needs::Collections(permission, names) if names.is_empty() => {
            let all: Vec<String> = inner.library.snapshot().collections.keys().cloned().collect();
            let open = readable(inner, &subject, permission, &all);
            let closed = all.iter().find(|name| !open.contains(name));
            match (closed, &mut action) {
                (None, _) if all.is_empty() => allow(inner, caller, &subject, Need::of_box(permission))?,
                (None, _) => {}
                (Some(_), Action::Search(request) | Action::Ask(request)) if !open.is_empty() => {
                    request.collections = open;
                }
                (Some(closed), _) => {
                    allow(inner, caller, &subject, Need::of(permission, "Collection", closed.as_str()))?;
                }
            }
        }
        Needs::Collections(permission, names) => {
            for name in names {
                allow(inner, caller, &subject, Need::of(permission, "Collection", name))?;
            }
        }
        Needs::Approval(permission, id) => {
            let need = match approvals::facts(inner, &id) {
                Some(facts) => Need {
                    resource: Resource { facts: Some(Arc::new(facts)), ..Resource::new("Approval", id) },
                    ..Need::of_box(permission)
                },
                // What is not there is told by whoever looks for it.
                None => Need::of_box(permission),
            };
            allow(inner, caller, &subject, need)?;
        }
        Needs::Document(permission, id) => {
            let number = parse_id("document", &id)?;
            let found = inner.library.document(number);
            let need = match &found {
                Ok((collection, _)) => Need::of(permission, "Collection", collection),
                // What is not there is told by whoever looks for it.
                Err(_) => Need::of_box(permission),
            };
            allow(inner, caller, &subject, need)?;
        }
    }
    factor::asked(inner, caller, &subject, permission)?;
    Ok(action)
}

/// Those of the collections on which the subject has the permission.
fn readable(inner: &Inner, subject: &Subject, permission: Permission, names: &[String]) -> Vec<String> {
    let allowed =
        |name: &&String| decided(inner, subject, &Need::of(permission, "Collection", name.as_str())).allowed;
    names.iter().filter(allowed).cloned().collect()
}

/// Leaves out of a reply what the asker may not see.
pub(super) fn leave(inner: &Inner, caller: &Caller, reply: Reply) -> Reply {
    let Reply::Collections(mut list) = reply else { return reply };
    let names: Vec<String> = list.iter().map(|collection| collection.name.clone()).collect();
    let open = open_to(inner, caller, &names);
    list.retain(|collection| open.contains(&collection.name));
    Reply::Collections(list)
}

/// Those of the collections whose documents the asker may read.
pub(super) fn open_to(inner: &Inner, caller: &Caller, names: &[String]) -> Vec<String> {
    let subject = subject(inner, caller);
    subject.map_or_else(|_| Vec::new(), |who| readable(inner, &who, Permission::ReadDocuments, names))
}

/// Which events the caller may hear.
pub(super) fn heard(inner: &Inner, caller: &Caller) -> Result<Heard, EngineError> {
    let subject = subject(inner, caller)?;
    let may = |permission| may(inner, &subject, permission);
    Ok(Heard {
        logs: may(Permission::ReadLogs),
        config: may(Permission::ReadConfig),
        queue: may(Permission::ReadQueue),
    })
}

/// True where somebody may do this on the box.
fn may(inner: &Inner, subject: &Subject, permission: Permission) -> bool {
    decided(inner, subject, &Need::of_box(permission)).allowed
}

/// The decision, from memory where the same was asked before.
fn decided(inner: &Inner, subject: &Subject, need: &Need) -> Arc<Decision> {
    let now_ms = inner.clock.now_ms();
    let mode = inner.modes.name();
    let mut state = inner.access.state();
    if now_ms >= state.cache_until_ms || mode != state.cache_mode {
        state.cache.clear();
        let hour = (now_ms / HOUR_MS + 1) * HOUR_MS;
        state.cache_until_ms = state.book.next_end_ms(now_ms).map_or(hour, |end| end.min(hour));
        state.cache_mode = mode.to_owned();
    }
    if let Some(decision) = state.cache.get(subject).and_then(|known| known.get(need)) {
        return Arc::clone(decision);
    }
    let around = circumstances(inner);
    let roles = state.book.roles(subject, now_ms);
    for id in roles.iter().filter_map(|(_, grant)| *grant) {
        if let Some(grant) = state.book.grants.get_mut(&id)
            && grant.used_ms.is_none_or(|used| now_ms.saturating_sub(used) >= HOUR_MS)
        {
            grant.used_ms = Some(now_ms);
        }
    }
    let roles: Vec<Role> = roles.into_iter().map(|(role, _)| role).collect();
    let decision = Arc::new(permit(&state.set, &state.book, (subject, &roles), need, &around));
    if state.cache.values().map(HashMap::len).sum::<usize>() >= CACHED_MOST {
        state.cache.clear();
    }
    state.cache.entry(subject.clone()).or_default().insert(need.clone(), Arc::clone(&decision));
    decision
}

/// Permits, or denies with the policy and what would be needed.
fn allow(inner: &Inner, caller: &Caller, subject: &Subject, need: Need) -> Result<(), EngineError> {
    let decision = decided(inner, subject, &need);
    inner.instruments.decided(decision.allowed);
    if decision.allowed {
        if !is_usual(need.permission) {
            let (request, at_ms) = (caller.request.clone(), inner.clock.now_ms());
            let one = Decision { request, at_ms, ..(*decision).clone() };
            inner.access.state().remember(&one);
        }
        return Ok(());
    }
    let at_ms = inner.clock.now_ms();
    let one = Decision { request: caller.request.clone(), at_ms, ..(*decision).clone() };
    tracing::warn!(request = %caller.request, principal = %one.principal, permission = need.permission.name(),
        resource = %one.resource, policies = %one.policies.join(" "), "denied");
    keep(inner, &one);
    Err(EngineError::Denied(Box::new(words::denial(&one))))
}

/// What is asked all the time, and changes nothing: not worth a line in the list of decisions.
fn is_usual(permission: Permission) -> bool {
    let name = permission.name();
    name.starts_with("read-")
        || matches!(permission, Permission::Search | Permission::Ask | Permission::Embed)
}

/// Remembers a denial, and keeps it on disk where that is not the same again.
fn keep(inner: &Inner, decision: &Decision) {
    let mut state = inner.access.state();
    state.remember(decision);
    let now_ms = decision.at_ms;
    state.denied.retain(|(.., at_ms)| now_ms.saturating_sub(*at_ms) < HOUR_MS);
    let same = |(principal, permission, resource, at_ms): &(String, Permission, String, u64)| {
        *principal == decision.principal
            && *permission == decision.permission
            && *resource == decision.resource
            && now_ms.saturating_sub(*at_ms) < DENIAL_EVERY_MS
    };
    if state.denied.iter().any(same) || state.denied.len() >= DENIALS_AN_HOUR {
        return;
    }
    let (principal, resource) = (decision.principal.clone(), decision.resource.clone());
    state.denied.push_back((principal, decision.permission, resource, now_ms));
    drop(state);
    let subject = (decision.permission.name(), decision.resource.as_str());
    let told = trail::entry(inner, "access.denied", &decision.principal, subject).outcome(Outcome::Denied);
    let (request, policy) = (decision.request.clone(), hash_in(&decision.digest));
    let told = Entry { request, policy, ..told }.text("policies", decision.policies.join(" "));
    if let Some(control) = inner.config_history()
        && let Err(error) = Shelf::keep_decision(control, decision, trail::also(Some(&told)))
    {
        tracing::warn!(%error, "a denial could not be kept");
    }
}

/// The box itself, as a resource.
fn resource(text: Option<&str>) -> Result<Resource, EngineError> {
    Resource::parse(text.unwrap_or_default()).ok_or_else(|| EngineError::Invalid {
        what: format!("'{}' is no resource", text.unwrap_or_default()),
        advice: "write Collection::\"manuals\", or leave it out for the box itself".into(),
    })
}

impl From<AccessError> for EngineError {
    fn from(error: AccessError) -> Self {
        let (what, advice) = (error.to_string(), error.advice().to_owned());
        match error {
            AccessError::Missing { noun, name } => Self::NotFound { noun, name, advice },
            AccessError::Taken { .. } => Self::Conflict { what, advice },
            AccessError::Token => Self::Unknown { what, advice },
            AccessError::Store(error) => match error {
                crate::store::StoreError::Full => {
                    Self::DiskFull { what: "nothing of this change was kept".into(), store: false }
                }
                error => Self::StoreFailed { what: error.to_string() },
            },
            AccessError::Name { .. } | AccessError::Refused { .. } | AccessError::TooMany { .. } => {
                Self::Invalid { what, advice }
            }
        }
    }
}
