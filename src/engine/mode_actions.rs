//! What people ask of the modes: show, history, force, give back.

use super::modes::{Active, Modes, now};
use super::paging::cursor;
use super::run::Inner;
use super::trail::in_words;
use super::worker::invalid;
use super::{Caller, EngineError, mode_words};
use crate::api::types::{ForceMode, ModeBrief, ModeChange, ModeHistoryQuery, ModeReport, Page};
use crate::base::Clock;
use crate::resilience::{Forced, History, Mode};

const TTL_MOST_S: u64 = 7 * 24 * 3600;
const REASON_BYTES: usize = 500;

impl Modes {
    pub(super) fn brief(&self, clock: &dyn Clock) -> ModeBrief {
        mode_words::brief(&self.view(clock))
    }

    pub(super) fn report(&self, clock: &dyn Clock) -> ModeReport {
        let active = self.active();
        let view = active.machine.view(now(clock));
        ModeReport {
            now: mode_words::brief(&view),
            axes: view.axes.iter().map(mode_words::axis).collect(),
            inputs: mode_words::inputs(&view.inputs),
            ballast: active.ballast.is_held(),
        }
    }

    /// Changes, newest first; those that could not be kept yet stand before all others.
    pub(super) fn history(&self, query: &ModeHistoryQuery) -> Result<Page<ModeChange>, EngineError> {
        let limit = if query.limit == 0 { 100 } else { query.limit.min(1000) };
        let before = cursor(query.cursor.as_ref())?;
        let pending = self.active().pending.clone();
        let waiting = pending.iter().rev().filter(|_| before.is_none());
        let mut items: Vec<ModeChange> =
            waiting.map(|change| mode_words::change(None, change)).take(limit).collect();
        match History::newest(&self.control, before, limit - items.len()) {
            Ok(kept) => items.extend(kept.iter().map(|(id, change)| mode_words::change(Some(*id), change))),
            // What is not kept yet is worth more than an error.
            Err(error) if items.is_empty() => return Err(EngineError::Internal(error.to_string())),
            Err(error) => tracing::warn!(%error, "the history of modes cannot be read"),
        }
        let next = items.last().filter(|_| items.len() == limit).map(|change| change.id.clone());
        Ok(Page { items, next: next.filter(|id| !id.is_empty()) })
    }

    /// Forces a mode until its time is over.
    pub(super) fn force(
        &self,
        inner: &Inner,
        caller: &Caller,
        request: &ForceMode,
    ) -> Result<ModeReport, EngineError> {
        let names = "normal, reduced, queue, selective, memory or emergency";
        let mode = Mode::parse(&request.mode)
            .map_err(|error| invalid(error.to_string(), format!("name one of {names}")))?;
        let reason = request.reason.trim();
        if reason.is_empty() || reason.len() > REASON_BYTES {
            let what = format!("a reason of 1 to {REASON_BYTES} bytes is needed");
            return Err(invalid(what, "say why: it is kept in the history"));
        }
        if request.ttl_s == 0 || request.ttl_s > TTL_MOST_S {
            return Err(invalid(
                format!("a forced mode lasts 1 to {TTL_MOST_S} seconds, not {}", request.ttl_s),
                "give ttl_s (--ttl 1h): nobody forces a mode for ever",
            ));
        }
        let now = now(&*inner.clock);
        let forced = Forced {
            mode,
            actor: in_words(inner, caller),
            reason: reason.to_owned(),
            since_ms: now.wall_ms,
            until_ms: now.wall_ms.saturating_add(request.ttl_s * 1000),
        };
        {
            let mut active = self.active();
            let change = active.machine.force(forced, now);
            self.settle(inner, &mut active, vec![change]);
            kept(&active)?;
        }
        Ok(self.report(&*inner.clock))
    }

    /// Gives the choice back to the box.
    pub(super) fn auto(&self, inner: &Inner, caller: &Caller) -> Result<ModeReport, EngineError> {
        {
            let by = in_words(inner, caller);
            let mut active = self.active();
            let change = active.machine.auto(&by, now(&*inner.clock));
            self.settle(inner, &mut active, change.into_iter().collect());
            kept(&active)?;
        }
        Ok(self.report(&*inner.clock))
    }
}

/// A choice that holds now but would be forgotten by a power cut must not look kept.
fn kept(active: &Active) -> Result<(), EngineError> {
    if active.pending.is_empty() {
        return Ok(());
    }
    Err(EngineError::StoreFailed {
        what: "the mode holds now but could not be kept: a restart forgets it unless the store comes back"
            .into(),
    })
}
