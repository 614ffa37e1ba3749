//! Modes in the words of the API.

use super::run::Inner;
use super::trail;
use crate::api::types::{
    Breaker, ForcedMode, HeldBreaker, ModeAxis, ModeBrief, ModeChange, ModeEffect, ModeInputs, ModeReading,
};
use crate::audit::Entry;
use crate::resilience::{AxisView, BreakerView, Cause, Change, Forced, Inputs, Now, Reading, View};

/// What the audit log says of a change.
pub(super) fn entry(inner: &Inner, change: &Change) -> Entry {
    let kind = match change.cause {
        Cause::Worse(_) => "mode.worse",
        Cause::Better(_) => "mode.better",
        Cause::Forced => "mode.forced",
        Cause::Auto => "mode.auto",
        Cause::Expired => "mode.expired",
        Cause::Restart => "mode.restart",
    };
    let (actor, token) = trail::actor_in(&change.actor);
    let entry = trail::bare(inner, kind, &actor, ("mode", change.to.name()));
    let (at_ms, mode) = (change.at_ms, change.from.name().to_owned());
    let entry = Entry { at_ms, mode, ..entry }.text("reason", change.reason.as_str());
    match token {
        Some(token) => entry.text("token", token),
        None => entry,
    }
}

pub(super) fn brief(view: &View) -> ModeBrief {
    let effect = |effect: crate::resilience::Effect| ModeEffect {
        name: effect.name().to_owned(),
        short: effect.short().to_owned(),
        about: effect.about().to_owned(),
    };
    ModeBrief {
        mode: view.mode.name().to_owned(),
        title: view.mode.title().to_owned(),
        since_ms: view.since_ms,
        axis: view.axis.map(|axis| axis.name().to_owned()),
        reason: view.reason.clone(),
        effects: view.effects.iter().map(effect).collect(),
        way_back: way_back(view),
        retry_after_s: view.retry_after_s,
        forced: view.forced.as_ref().map(forced),
    }
}

/// A forced mode comes back by its time, or by hand.
fn way_back(view: &View) -> String {
    match &view.forced {
        Some(forced) if view.axis.is_none() => {
            format!("{} UTC, or `spud mode auto`", crate::base::format_time(forced.until_ms))
        }
        _ => view.way_back.clone(),
    }
}

fn forced(forced: &Forced) -> ForcedMode {
    ForcedMode {
        mode: forced.mode.name().to_owned(),
        actor: forced.actor.clone(),
        reason: forced.reason.clone(),
        since_ms: forced.since_ms,
        until_ms: forced.until_ms,
    }
}

pub(super) fn axis(view: &AxisView) -> ModeAxis {
    let reading = |reading: &Reading| ModeReading {
        what: reading.what.to_owned(),
        value: reading.value.clone(),
        enter: reading.enter.clone(),
        leave: reading.leave.clone(),
        mode: reading.mode.name().to_owned(),
    };
    ModeAxis {
        axis: view.axis.name().to_owned(),
        mode: view.mode.name().to_owned(),
        since_ms: view.since_ms,
        reason: view.reason.clone(),
        way_back: view.way_back.clone(),
        readings: view.readings.iter().map(reading).collect(),
    }
}

pub(super) fn inputs(inputs: &Inputs) -> ModeInputs {
    ModeInputs {
        p95_us: inputs.p95_us,
        errors_percent: inputs.errors_percent,
        breaker_open: inputs.breaker_open,
        backlog_percent: inputs.backlog_percent,
        memory_percent: inputs.memory_percent,
        pressure_some: inputs.pressure_some,
        pressure_full: inputs.pressure_full,
        out_of_memory: inputs.out_of_memory,
        disk_free_bytes: inputs.disk_free,
        disk_total_bytes: inputs.disk_total,
        temperature_c: inputs.temperature_c,
        store_failed: inputs.store_failed,
    }
}

pub(super) fn change(id: Option<u64>, change: &Change) -> ModeChange {
    let (cause, axis) = match change.cause {
        Cause::Worse(axis) => ("worse", Some(axis)),
        Cause::Better(axis) => ("better", Some(axis)),
        Cause::Forced => ("forced", None),
        Cause::Auto => ("auto", None),
        Cause::Expired => ("expired", None),
        Cause::Restart => ("restart", None),
    };
    ModeChange {
        id: id.map(|id| id.to_string()).unwrap_or_default(),
        at_ms: change.at_ms,
        from: change.from.name().to_owned(),
        to: change.to.name().to_owned(),
        cause: cause.to_owned(),
        axis: axis.map(|axis| axis.name().to_owned()),
        reason: change.reason.clone(),
        actor: change.actor.clone(),
        inputs: inputs(&change.inputs),
    }
}

/// A breaker counts on the clock that never jumps; people read the other.
pub(super) fn breaker(view: &BreakerView, now: Now) -> Breaker {
    let wall = |at: u64| now.wall_ms.saturating_add(at).saturating_sub(now.monotonic_ms);
    Breaker {
        name: view.name.clone(),
        state: view.state.name().to_owned(),
        since_ms: wall(view.since_ms),
        calls: view.calls as u64,
        failures: view.failures as u64,
        refused: view.refused,
        retry_ms: view.retry_ms.map(wall),
        held: view.held.as_ref().map(|held| HeldBreaker {
            by: held.actor.clone(),
            reason: held.reason.clone(),
            until_ms: held.until_ms,
        }),
    }
}
