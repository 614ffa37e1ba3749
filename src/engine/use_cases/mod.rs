//! Use cases: written, voted on, deployed; every question is asked under one.
//!
//! Invariant: a question is answered under a use case that is deployed or deprecated, and looks nowhere else than
//! that allows; a change, the votes it had, and their audit entries are one transaction.

mod actions;
mod constraint;
mod retention;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub(super) use actions::act;
pub(super) use actions::approved;
pub use actions::{UseCaseAction, UseCaseReply};
pub(super) use constraint::denials;

use super::run::Inner;
use super::worker::invalid;
use super::{Action, Caller, EngineError, access, ask, registry, trail};
use crate::api::types::{AskResponse, SearchRequest, SearchResponse};
use crate::base::{format_time, ordered_map};
use crate::governance::use_case::{
    Callers, GENERAL, Input, Shelf, State, UseCase, UseCaseError, keep_callers, load_callers, step,
};
use crate::resilience::Effect;
use crate::store::Control;

/// Callers that are told apart, over all use cases; others are counted as one.
const CALLERS_MOST: usize = 512;
const OTHERS: &str = "others";
const OTHER: &str =
    "ask under another one (--use-case NAME; s in the terminal): `spud use-case list` shows them";
const NAMELESS: &str = "name another one (--use-case NAME; s in the terminal), or bring it back: \
     `spud use-case edit general`, submit, deploy";
/// How often use cases are looked at whose date has come.
const OVERDUE_EVERY_MS: u64 = 60_000;

type Book = Arc<BTreeMap<String, UseCase>>;

/// How often somebody asked, and when last.
#[derive(Clone, Copy, Default)]
struct Asked {
    questions: u64,
    last_ms: u64,
}

/// What questions are measured by, in memory; who asked is written out once a minute and at the end.
#[derive(Default)]
pub(super) struct UseCases {
    book: RwLock<Option<Book>>,
    /// By use case and principal.
    callers: Mutex<BTreeMap<(String, String), Asked>>,
    /// As it is on disk.
    kept: Mutex<Callers>,
    looked_ms: Mutex<u64>,
    pub(super) shadows: registry::Shadows,
}

impl UseCases {
    /// With everybody who asked before this start.
    pub(super) fn open(control: &Control, scratch: bool) -> Self {
        let opened = Self::default();
        if scratch {
            return opened;
        }
        match load_callers(control) {
            Ok(kept) => {
                let asked = |(questions, last_ms)| Asked { questions, last_ms };
                let all = kept.iter().map(|(key, known)| (key.clone(), asked(*known)));
                *opened.callers.lock().unwrap_or_else(PoisonError::into_inner) = ordered_map(all);
                *opened.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
            }
            Err(error) => tracing::warn!(%error, "who asked before cannot be read"),
        }
        opened
    }

    /// Writes down who asked, where that is news.
    pub(super) fn flush(inner: &Inner) {
        let Some(control) = inner.config_history() else { return };
        if inner.modes.effects().has(Effect::ReadOnly) {
            return;
        }
        let now: Callers = {
            let callers = inner.use_cases.callers.lock().unwrap_or_else(PoisonError::into_inner);
            ordered_map(callers.iter().map(|(key, asked)| (key.clone(), (asked.questions, asked.last_ms))))
        };
        let mut kept = inner.use_cases.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if *kept == now {
            return;
        }
        match keep_callers(control, &kept, &now) {
            Ok(()) => *kept = now,
            Err(error) => tracing::warn!(%error, "who asked could not be kept"),
        }
    }

    /// All as they are kept.
    fn book(inner: &Inner) -> Result<Book, EngineError> {
        let held = &inner.use_cases.book;
        if let Some(book) = held.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            return Ok(Arc::clone(book));
        }
        let mut held = held.write().unwrap_or_else(PoisonError::into_inner);
        let book = Arc::new(match inner.config_history() {
            Some(control) => Shelf::load(control)?,
            None => BTreeMap::from([(GENERAL.to_owned(), UseCase::general())]),
        });
        *held = Some(Arc::clone(&book));
        Ok(book)
    }

    /// What was kept is read again by the next question.
    pub(super) fn forget(&self) {
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Enters the end of those whose date has come; they are not served since then.
    pub(super) fn tick(inner: &Inner) {
        let now_ms = inner.clock.now_ms();
        {
            let mut looked_ms = inner.use_cases.looked_ms.lock().unwrap_or_else(PoisonError::into_inner);
            if now_ms.saturating_sub(*looked_ms) < OVERDUE_EVERY_MS {
                return;
            }
            *looked_ms = now_ms;
        }
        if let Err(error) = retire_overdue(inner, now_ms) {
            tracing::warn!(%error, "use cases whose date has come could not be retired");
        }
        if let Err(error) = retention::forget(inner, now_ms) {
            tracing::warn!(%error, "who asked could not be forgotten");
        }
        Self::flush(inner);
    }
}

fn control(inner: &Inner) -> Result<&Control, EngineError> {
    inner
        .config_history()
        .ok_or_else(|| invalid("a throw-away box keeps no use cases", "ask a box with a data folder"))
}

fn retire_overdue(inner: &Inner, now_ms: u64) -> Result<(), EngineError> {
    let over = |one: &&UseCase| one.state == State::Deprecated && one.state_at(now_ms) == State::Retired;
    if !UseCases::book(inner)?.values().any(|one| over(&one)) {
        return Ok(());
    }
    let _desk = inner.approvals.desk();
    for one in Shelf::load(control(inner)?)?.values().filter(over) {
        let after = step(one, Input::Retire { reason: "its date has come" }, (trail::BOX, false), now_ms)?;
        let told = trail::entry(inner, "use_case.retired", trail::BOX, ("use case", &one.name));
        actions::keep(inner, &after, Some(&told), |_| Ok(()))?;
    }
    Ok(())
}

/// The question as its use case lets it be asked: only where that may look.
pub(super) fn narrow(inner: &Inner, mut action: Action) -> Result<Action, EngineError> {
    if let Action::Search(request) | Action::Ask(request) = &mut action {
        let name = name_of(request);
        let book = match UseCases::book(inner) {
            // A box whose own store fails still answers what everybody may ask.
            Err(error) if name == GENERAL && error.is_of_store() => return Ok(action),
            book => book?,
        };
        let one =
            book.get(name).ok_or_else(|| UseCaseError::Missing { name: name.chars().take(70).collect() })?;
        let state = one.state_at(inner.clock.now_ms());
        if !matches!(state, State::Deployed | State::Deprecated) {
            return Err(EngineError::Conflict {
                what: format!("the use case {name} is {}: nothing is answered under it", state.name()),
                advice: next(one, if name == GENERAL { NAMELESS } else { OTHER }),
            });
        }
        let allowed = &one.terms.collections;
        if allowed.is_empty() {
            return Ok(action);
        }
        if let Some(other) = request.collections.iter().find(|wanted| !allowed.contains(wanted)) {
            return Err(EngineError::Conflict {
                what: format!("the use case {name} may not look into the collection '{other}'"),
                advice: format!("it may look into {}", allowed.join(", ")),
            });
        }
        if request.collections.is_empty() {
            request.collections.clone_from(allowed);
        }
    }
    Ok(action)
}

fn name_of(request: &SearchRequest) -> &str {
    request.use_case.as_deref().unwrap_or(GENERAL)
}

fn next(one: &UseCase, usual: &str) -> String {
    let successor = one.leaving.as_ref().and_then(|leaving| leaving.successor.as_deref());
    successor.map_or_else(|| usual.to_owned(), |name| format!("ask under {name} instead: --use-case {name}"))
}

/// Results, with what the caller must know of the use case.
pub(super) fn search(
    inner: &Inner,
    caller: &Caller,
    request: &SearchRequest,
) -> Result<SearchResponse, EngineError> {
    let mut found = ask::search(inner, request)?;
    found.notes.extend(asked(inner, caller, request));
    registry::Shadows::sample(inner, request);
    Ok(found)
}

/// The same, with the sentences that answer.
pub(super) fn ask(
    inner: &Inner,
    caller: &Caller,
    request: &SearchRequest,
) -> Result<AskResponse, EngineError> {
    let mut found = ask::ask(inner, request)?;
    found.search.notes.extend(asked(inner, caller, request));
    registry::Shadows::sample(inner, request);
    Ok(found)
}

/// Counts who asked; gives what the caller must know of the use case.
fn asked(inner: &Inner, caller: &Caller, request: &SearchRequest) -> Option<String> {
    let name = name_of(request);
    let who = access::subject(inner, caller).map_or_else(|_| OTHERS.to_owned(), |who| who.name.to_string());
    {
        let mut callers = inner.use_cases.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (name.to_owned(), who);
        if callers.len() >= CALLERS_MOST && !callers.contains_key(&key) {
            key.1 = OTHERS.to_owned();
        }
        let asked = callers.entry(key).or_default();
        asked.questions += 1;
        asked.last_ms = inner.clock.now_ms();
    }
    let book = UseCases::book(inner).ok()?;
    let one = book.get(name).filter(|one| one.state == State::Deprecated)?;
    let leaving = one.leaving.as_ref()?;
    let date = leaving.retires_ms.map_or_else(String::new, |at| format!(" and ends {} UTC", format_time(at)));
    Some(format!(
        "the use case {name} is deprecated{date}: {}; {}",
        leaving.reason,
        next(one, "ask its owner")
    ))
}

impl From<UseCaseError> for EngineError {
    fn from(error: UseCaseError) -> Self {
        let (what, advice) = (error.to_string(), error.advice().to_owned());
        match error {
            UseCaseError::Missing { name } => Self::NotFound { noun: "use case", name, advice },
            UseCaseError::Invalid { .. } => Self::Invalid { what, advice },
            UseCaseError::Conflict { .. } => Self::Conflict { what, advice },
            UseCaseError::Store(error) => super::queue_words::store_said(&error),
        }
    }
}
