//! Erasure of what somebody wrote: from the log, and from what the entry is about, in one transaction.
//!
//! An entry's texts lie beside the tree; the same words stand in the request, the use case, the model's history, the
//! incident, the grant or its reviews, the history of settings or of modes that they were said of. Both are erased, or
//! neither.

use super::actor_in;
use crate::audit::{self, Entry, Found, Log};
use crate::config::History as Settings;
use crate::engine::queue_words::store_said;
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{EngineError, incidents};
use crate::governance::access::{Book, ReviewShelf};
use crate::governance::approval::{Approval, Change, Shelf as Requests, State};
use crate::governance::incident::{Incident, Shelf as Incidents};
use crate::governance::registry::Shelf as Models;
use crate::governance::use_case::{Shelf as UseCases, UseCase};
use crate::resilience::History as Modes;
use crate::store::{Control, StoreError, WriteTransaction};

const REASON: usize = 500;
/// Stands where the words stood.
pub(in crate::engine) const GONE: &str = "(erased)";
/// Texts of entries that people wrote in their own words; others are names, paths and digests.
const SAID: [&str; 4] = ["reason", "text", "title", "about"];

/// What the texts of an entry are in.
enum Object {
    Request(Box<Approval>),
    UseCase(Box<UseCase>),
    Incident(Box<Incident>),
    /// Models, and what happened to them.
    Models,
    /// What was before: of settings, and of modes.
    Settings,
    Modes,
}

/// Erases the texts of an entry. `told` is the entry that says so.
pub(super) fn erase(
    inner: &Inner,
    log: &Log,
    sequence: u64,
    reason: &str,
    told: Option<&Entry>,
) -> Result<(), EngineError> {
    if reason.trim().is_empty() || reason.len() > REASON {
        let what = format!("a reason of 1 to {REASON} bytes is needed");
        return Err(invalid(what, "say why the texts are erased: the reason stays"));
    }
    let told = told.ok_or_else(|| EngineError::Internal("an erasure without its entry".into()))?;
    // Nobody else changes requests, use cases or models meanwhile.
    let _desk = inner.approvals.desk();
    incidents::unchanged_while(inner, || {
        let found = log.find(sequence)?;
        if found.texts.is_empty() {
            return Err(nothing(sequence));
        }
        let said = Said(&found);
        let objects = said.objects(inner)?;
        let mut erased = true;
        let also = |write: &WriteTransaction| {
            erased = audit::erase(write, sequence, told)?.is_some();
            if !erased {
                return Ok(());
            }
            ReviewShelf::reword(write, told.at_ms, &|by, text| said.wipe_of(by, text))?;
            objects.iter().try_for_each(|object| said.put(write, object))
        };
        inner.access.change_with(inner, also, |book| {
            said.wipe_book(book);
            Ok(())
        })?;
        inner.use_cases.forget();
        if erased { Ok(()) } else { Err(nothing(sequence)) }
    })
}

fn nothing(sequence: u64) -> EngineError {
    EngineError::Conflict {
        what: format!("entry {sequence} has no texts (any more)"),
        advice: "`spud audit show` shows what an entry holds".into(),
    }
}

/// Words that say of something in force why it is so.
fn needed(what: &str, end: &str) -> EngineError {
    let advice = format!("end it first: {end}");
    EngineError::Conflict { what: format!("{what}, and people want to know why"), advice }
}

/// The text without these words, where they stand by themselves: a reason of one letter is in every word.
fn without(text: &str, words: &str) -> String {
    let ends = |part: &str| !part.ends_with(char::is_alphanumeric);
    let begins = |part: &str| !part.starts_with(char::is_alphanumeric);
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(words).filter(|_| !words.is_empty()) {
        let alone = ends(before) && (!before.is_empty() || ends(&out)) && begins(after);
        out.push_str(before);
        out.push_str(if alone { GONE } else { words });
        rest = after;
    }
    out + rest
}

/// What an entry says.
struct Said<'a>(&'a Found);

impl Said<'_> {
    fn is_said(&self, text: &str) -> bool {
        let own = self.0.texts.iter().filter(|own| SAID.contains(&own.name.as_str()));
        own.map(|own| own.text.trim()).any(|own| !own.is_empty() && own == text.trim())
    }

    /// True where these were the words.
    fn wipe(&self, text: &mut String) -> bool {
        let is_said = self.is_said(text);
        if is_said {
            GONE.clone_into(text);
        }
        is_said
    }

    /// Words that their speaker said: others may have said the same.
    fn wipe_of(&self, by: &str, text: &mut String) -> bool {
        by == self.0.leaf.actor && self.wipe(text)
    }

    /// What the entry is about, without the words; nothing where they do not stand in it.
    fn objects(&self, inner: &Inner) -> Result<Vec<Object>, EngineError> {
        let Some(control) = inner.config_history() else { return Ok(Vec::new()) };
        let (kind, name) = (self.0.leaf.subject.0.as_str(), self.0.leaf.subject.1.as_str());
        // One that was forgotten meanwhile holds nothing.
        Ok(match (kind, name.parse().unwrap_or_default()) {
            ("approval", id) => match Requests::get(control, id) {
                Ok(one) => {
                    // A use case or a model is submitted by the entry of its request.
                    let asked = match &one.change {
                        Change::UseCase { name } => self.use_case(control, name).into_iter().collect(),
                        Change::Model { .. } => vec![Object::Models],
                        Change::Action { .. } => vec![Object::Settings, Object::Modes],
                        Change::Grant { .. } | Change::Pass { .. } => Vec::new(),
                    };
                    self.request(inner, control, one)?.into_iter().chain(asked).collect()
                }
                Err(_) => Vec::new(),
            },
            ("incident", id) => {
                Incidents::get(control, id).ok().and_then(|one| self.incident(one)).into_iter().collect()
            }
            ("use case", _) => self.use_case(control, name).into_iter().collect(),
            ("model", _) => vec![Object::Models],
            ("setting" | "settings", _) => vec![Object::Settings],
            ("mode", _) => match inner.modes.active().machine.forced() {
                Some(forced) if self.is_said(&forced.reason) => {
                    return Err(needed("the mode is forced with these words", "spud mode auto"));
                }
                _ => vec![Object::Modes],
            },
            ("queue", _) => {
                let view = inner.outbox.queue.view(control, inner.clock.now_ms());
                match view.map_err(|error| store_said(&error))?.paused {
                    Some((reason, _)) if self.is_said(&reason) => {
                        return Err(needed("the queue is paused with these words", "spud queue resume"));
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        })
    }

    /// Takes the words out of what was made of them, where their speaker said it.
    fn take_out(&self, actor: &str, text: &mut String) -> bool {
        let by_speaker = actor_in(actor).0 == self.0.leaf.actor;
        let said = self.0.texts.iter().filter(|own| by_speaker && SAID.contains(&own.name.as_str()));
        let left = said.fold(text.clone(), |text, own| without(&text, own.text.trim()));
        let is_less = left != *text;
        *text = left;
        is_less
    }

    fn request(
        &self,
        inner: &Inner,
        control: &Control,
        mut one: Approval,
    ) -> Result<Option<Object>, EngineError> {
        let mut some = false;
        for event in &mut one.events {
            some |= self.wipe_of(&event.by, &mut event.text);
        }
        if one.by == self.0.leaf.actor && self.is_said(&one.reason) {
            let is_due = || Requests::due(control).is_ok_and(|due| due.contains(&one.id));
            if one.state_at(inner.clock.now_ms()) == State::Pending || is_due() {
                return Err(EngineError::Conflict {
                    what: format!("request {} waits, and whoever votes on it wants to know why", one.id),
                    advice: format!("withdraw it or let it be decided first: spud approval show {}", one.id),
                });
            }
            one.diff = without(&one.diff, one.reason.trim());
            some |= self.wipe(&mut one.reason);
            match &mut one.change {
                Change::Grant { reason, .. } => drop(self.wipe(reason)),
                // What was done is told by its title; how it was asked for holds the words once more.
                Change::Action { text, .. } => text.clear(),
                Change::Model { .. } | Change::UseCase { .. } | Change::Pass { .. } => {}
            }
        }
        one.revision += 1;
        Ok(some.then(|| Object::Request(Box::new(one))))
    }

    fn incident(&self, mut one: Incident) -> Option<Object> {
        let mut some = false;
        for event in one.events.iter_mut().filter(|event| event.entry == Some(self.0.leaf.sequence)) {
            some |= self.wipe(&mut event.text);
        }
        some |= self.wipe(&mut one.title) | self.wipe(&mut one.post_mortem);
        one.revision += 1;
        some.then(|| Object::Incident(Box::new(one)))
    }

    fn use_case(&self, control: &Control, name: &str) -> Option<Object> {
        // Where nothing ever happened to it, it is the one that every box has, and kept nowhere.
        let mut one = UseCases::load(control).ok()?.remove(name).filter(|one| !one.events.is_empty())?;
        for event in &mut one.events {
            self.wipe_of(&event.by, &mut event.reason);
        }
        if let Some(leaving) = &mut one.leaving {
            self.wipe(&mut leaving.reason);
        }
        // Its revisions may hold words that its events have no more; what it says is the same.
        Some(Object::UseCase(Box::new(one)))
    }

    fn put(&self, write: &WriteTransaction, object: &Object) -> Result<(), StoreError> {
        match object {
            Object::Request(one) => Requests::put(write, one),
            Object::UseCase(one) => UseCases::reword(write, one, &|by, text| self.wipe_of(by, text)),
            Object::Incident(one) => Incidents::put(write, one),
            Object::Models => Models::reword(write, &|by, text| self.wipe_of(by, text)),
            Object::Settings => Settings::reword(write, &|by, text| self.take_out(by, text)),
            Object::Modes => Modes::reword(write, &|by, text| self.take_out(by, text)),
        }
    }

    /// Grants and principals, whose reasons came by an entry of their own or by that of a request.
    fn wipe_book(&self, book: &mut Book) {
        for grant in book.grants.values_mut() {
            self.wipe_of(&grant.by, &mut grant.reason);
        }
        for one in book.principals.values_mut() {
            self.wipe_of(&one.by, &mut one.about);
        }
    }
}

#[cfg(test)]
mod words {
    use super::{GONE, without};

    #[test]
    fn are_taken_out_where_they_stand_alone() {
        assert_eq!(without("a = a cat, a", "a"), format!("{GONE} = {GONE} cat, {GONE}"));
        assert_eq!(without("- cat\n+ cats", "cat"), format!("- {GONE}\n+ cats"));
        assert_eq!(without("aaa", "a"), "aaa");
        assert_eq!(without("as it is", ""), "as it is");
    }
}
