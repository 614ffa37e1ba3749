//! Shadow questions: of those that people ask, one in so many is asked of a staged model, too, and what both find is
//! compared.
//!
//! Invariant: nobody waits for it: a question is taken down after its answer was made, and is asked by the ticker when
//! the box has nothing better to do. Its text is in memory for that long, and nowhere else.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{control, open};
use crate::api::types::SearchRequest;
use crate::api::types::registry::ModelShadow;
use crate::engine::run::Inner;
use crate::engine::{EngineError, ask};
use crate::governance::registry::{Gate, GateState, SHADOW_DEPTH, ShadowPlace, ShadowTotals, Shelf, Stage};
use crate::knowledge::{Effort, Model, Question, Snapshot};
use crate::resilience::Mode;

/// Questions that wait to be asked; more are not taken down.
const WAITING_MOST: usize = 4;
/// At most so many a minute, however many people ask.
const A_MINUTE: u64 = 6;
/// How often is looked which model is staged, and how often counts are written out.
const LOOK_EVERY_S: u64 = 30;
const MINUTE_S: u64 = 60;
/// So many questions one after the other: its vectors are warm then.
const TURN: u64 = 20;
/// Part of the memory budget beyond which no second model is opened for this.
const MEMORY_PART: (u64, u64) = (3, 4);

/// The model that is staged, as it is asked.
struct Staged {
    sha256: String,
    model: Option<Arc<Model>>,
    totals: ShadowTotals,
    /// Not written out yet.
    changed: bool,
}

#[derive(Default)]
struct State {
    staged: Option<Staged>,
    waiting: VecDeque<Question>,
}

#[derive(Default)]
pub(in crate::engine) struct Shadows {
    /// One question in so many is taken; 0 while no model is staged.
    every: AtomicU64,
    asked: AtomicU64,
    /// How many may still be taken in this minute.
    room: AtomicU64,
    state: Mutex<State>,
}

impl Shadows {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Takes a question down that was just answered, where it is its turn.
    pub(in crate::engine) fn sample(inner: &Inner, request: &SearchRequest) {
        let shadows = &inner.use_cases.shadows;
        let every = shadows.every.load(Ordering::Relaxed);
        if every == 0 || !shadows.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(every) {
            return;
        }
        let less = |room: u64| room.checked_sub(1);
        if shadows.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err() {
            return;
        }
        let Ok(question) = ask::question(request) else { return };
        let mut state = shadows.state();
        if state.waiting.len() < WAITING_MOST {
            state.waiting.push_back(Question { n: SHADOW_DEPTH, effort: Effort::default(), ..question });
        }
    }

    /// Once a second: at most one question, and none while the box has more important things to do.
    pub(in crate::engine) fn tick(inner: &Inner, seconds: u64, rss: u64) {
        let shadows = &inner.use_cases.shadows;
        if seconds.is_multiple_of(MINUTE_S) {
            shadows.room.store(A_MINUTE, Ordering::Relaxed);
            Self::flush(inner);
        }
        if seconds.is_multiple_of(LOOK_EVERY_S)
            && let Err(error) = Self::look(inner)
        {
            tracing::warn!(%error, "which model is staged could not be read");
        }
        if shadows.every.load(Ordering::Relaxed) == 0 {
            return;
        }
        let (part, of) = MEMORY_PART;
        if inner.modes.name() != Mode::Normal.name() || rss > inner.budgets.memory_total / of * part {
            let mut state = shadows.state();
            state.waiting.clear();
            state.staged.iter_mut().for_each(|staged| staged.model = None);
            return;
        }
        if inner.jobs.any_runs() {
            return;
        }
        let next = shadows.state().waiting.pop_front();
        if let Some(question) = next
            && let Err(error) = compare(inner, &question)
        {
            tracing::debug!(%error, "a staged model could not be asked");
        }
    }

    /// Takes up which model is staged. Of several whose vectors are there, each has its turn: who was asked least, and the
    /// newest of these.
    pub(in crate::engine) fn look(inner: &Inner) -> Result<(), EngineError> {
        let every = inner.config.running().number("promotion.shadow_every");
        let mut newest = None;
        if every > 0 && !inner.settings.scratch {
            let registry = Shelf::load(control(inner)?)?;
            let staged = registry.versions.into_values().filter(|one| one.stage == Stage::Staging);
            let ready = staged.filter(|one| inner.library.chunks_without(&one.sha256) == 0);
            newest = whose_turn(ready.map(|one| {
                let asked = totals(inner, &one.sha256).map_or(0, |totals| totals.questions);
                (asked, one.measured_ms.unwrap_or(0), one.sha256)
            }));
        }
        let mut state = inner.use_cases.shadows.state();
        if newest.as_ref() != state.staged.as_ref().map(|staged| &staged.sha256) {
            keep(inner, &mut state);
            state.waiting.clear();
            state.staged = match newest {
                Some(sha256) => {
                    let totals = Shelf::shadow(control(inner)?, &sha256)?;
                    Some(Staged { sha256, model: None, totals, changed: false })
                }
                None => None,
            };
        }
        let every = if state.staged.is_some() { every } else { 0 };
        inner.use_cases.shadows.every.store(every, Ordering::Relaxed);
        Ok(())
    }

    /// A model is staged anew: what was counted before was another index.
    pub(super) fn begin(inner: &Inner, sha256: &str) {
        inner.use_cases.shadows.state().staged = None;
        let begun = control(inner).and_then(|control| {
            Ok(Shelf::keep_shadow(control, &[(sha256.to_owned(), ShadowTotals::default())])?)
        });
        if let Err(error) = begun.and_then(|()| Self::look(inner)) {
            tracing::warn!(%error, "shadow questions could not begin");
        }
    }

    /// Writes the counts out, where they are news.
    pub(in crate::engine) fn flush(inner: &Inner) {
        keep(inner, &mut inner.use_cases.shadows.state());
    }
}

fn keep(inner: &Inner, state: &mut State) {
    let Some(staged) = state.staged.as_mut().filter(|staged| staged.changed) else { return };
    let Some(control) = inner.config_history() else { return };
    match Shelf::keep_shadow(control, &[(staged.sha256.clone(), staged.totals)]) {
        Ok(()) => staged.changed = false,
        Err(error) => tracing::warn!(%error, "counts of shadow questions could not be kept"),
    }
}

/// Asks both, each first in turn: the first one finds pages cold.
fn compare(inner: &Inner, question: &Question) -> Result<(), EngineError> {
    let (sha256, known, turn) = {
        let state = inner.use_cases.shadows.state();
        let Some(staged) = &state.staged else { return Ok(()) };
        (staged.sha256.clone(), staged.model.clone(), staged.totals.questions)
    };
    let model = match known {
        Some(model) => model,
        None => open(&inner.settings.data_dir, &sha256)?,
    };
    let (now, shadow) = (inner.library.snapshot(), inner.library.shadow(Arc::clone(&model), &sha256));
    let (production, candidate) = if turn.is_multiple_of(2) {
        let production = found(inner, &now, question)?;
        (production, found(inner, &shadow, question)?)
    } else {
        let candidate = found(inner, &shadow, question)?;
        (found(inner, &now, question)?, candidate)
    };
    let mut state = inner.use_cases.shadows.state();
    if let Some(staged) = state.staged.as_mut().filter(|staged| staged.sha256 == sha256) {
        let (a, b) = ((production.0.as_slice(), production.1), (candidate.0.as_slice(), candidate.1));
        staged.totals.add(a, b, inner.clock.now_ms());
        (staged.model, staged.changed) = (Some(model), true);
    }
    Ok(())
}

/// Places of what was found, and the microseconds that took.
fn found(
    inner: &Inner,
    snapshot: &Snapshot,
    question: &Question,
) -> Result<(Vec<ShadowPlace>, u64), EngineError> {
    let began_us = inner.clock.monotonic_us();
    let answer = inner.library.ask_shadow(snapshot, question)?;
    let took_us = inner.clock.monotonic_us().saturating_sub(began_us);
    Ok((answer.passages.iter().map(|passage| passage.place_in_index).collect(), took_us))
}

/// Who was asked least, in turns of several questions; of these the newest.
fn whose_turn(staged: impl Iterator<Item = (u64, u64, String)>) -> Option<String> {
    let turns = staged.map(|(asked, measured_ms, sha256)| (asked / TURN, Reverse(measured_ms), sha256));
    turns.min().map(|(_, _, sha256)| sha256)
}

fn totals(inner: &Inner, sha256: &str) -> Option<ShadowTotals> {
    let live = inner
        .use_cases
        .shadows
        .state()
        .staged
        .as_ref()
        .filter(|one| one.sha256 == sha256)
        .map(|one| one.totals);
    let kept = || Shelf::shadow(control(inner).ok()?, sha256).ok();
    live.or_else(kept).filter(|totals| totals.questions > 0)
}

/// How a model did on real questions; nothing where it was asked none.
pub(super) fn words(inner: &Inner, sha256: &str) -> Option<ModelShadow> {
    let totals = totals(inner, sha256)?;
    let [overlap, top1, production_ms, candidate_ms] = totals.means();
    let ShadowTotals { questions, since_ms, last_ms, .. } = totals;
    Some(ModelShadow { questions, overlap, top1, production_ms, candidate_ms, since_ms, last_ms })
}

/// The same beside the gates: it is for people to weigh, and stops nothing.
pub(super) fn gate(inner: &Inner, sha256: &str) -> Option<Gate> {
    let what = format!("{}; for you to weigh", super::compare::shadow_words(&words(inner, sha256)?));
    Some(Gate { name: "shadow".into(), state: GateState::NotConfigured, what })
}

#[cfg(test)]
pub(super) fn take_room(inner: &Inner, room: u64) {
    inner.use_cases.shadows.room.store(room, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staged_models_take_turns() {
        let turn = |asked: [u64; 2]| {
            let names = ["old", "new"].map(str::to_owned);
            let all = asked.into_iter().zip([1, 2]).zip(names);
            whose_turn(all.map(|((asked, measured_ms), name)| (asked, measured_ms, name))).unwrap()
        };
        assert_eq!(
            [turn([0, 0]), turn([0, 19]), turn([0, 20]), turn([20, 20])],
            ["new", "new", "old", "new"]
        );
        assert_eq!(whose_turn(std::iter::empty()), None);
    }
}
