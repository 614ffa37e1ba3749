//! What answers since a short while, and makes a service level burn, makes room for what answered before.
//!
//! One commit brings it back, with an entry that says why and with the incident of it.

use super::actions::roll_back;
use super::control;
use crate::api::types::registry::ModelReason;
use crate::engine::incidents::{self, Sign};
use crate::engine::run::Inner;
use crate::engine::{EngineError, trail};
use crate::governance::incident::{Kind, Severity};
use crate::governance::registry::Shelf;

/// Letters of a SHA-256 that tell models apart for people.
const SHORT: usize = 12;

/// Called where an objective begins to burn.
pub(in crate::engine) fn burned(inner: &Inner, objective: &str, why: &str, now_ms: u64) {
    if inner.config_history().is_none() {
        return;
    }
    let minutes = inner.config.running().number("promotion.watch_minutes");
    let why: String = why.chars().take(300).collect();
    let reason =
        format!("within {minutes} minutes of the switch to it the objective {objective} burned: {why}");
    match rolled_back(inner, &reason, minutes.saturating_mul(60_000), now_ms) {
        Ok(Some(sha256)) => tracing::warn!(model = sha256, objective, "rolled back: the objective burned"),
        Ok(None) => {}
        Err(error) => {
            tracing::error!(%error, objective, "what answers could not be rolled back; see to it by hand");
            stays(inner, &format!("{reason}; it could not be rolled back: {error}"), now_ms);
        }
    }
}

/// What answered until now, where it does not any more.
fn rolled_back(
    inner: &Inner,
    reason: &str,
    watch_ms: u64,
    now_ms: u64,
) -> Result<Option<String>, EngineError> {
    let pointer = Shelf::load(control(inner)?)?.pointer;
    if !pointer.is_fresh(watch_ms, now_ms) {
        return Ok(None);
    }
    let left = pointer.production.unwrap_or_default();
    let told = trail::entry(inner, "model.rolled_back", trail::BOX, ("model", ""));
    let told = told.text("reason", reason);
    let title = format!("The model {} was rolled back by the box", short(&left));
    let sign = sign((&left, pointer.since_ms), title, reason, now_ms);
    roll_back(inner, trail::BOX, &ModelReason { reason: reason.to_owned() }, Some(&told), Some(&sign))?;
    Ok(Some(left))
}

/// What burns goes on to answer: people are told, who may know what to do.
fn stays(inner: &Inner, text: &str, now_ms: u64) {
    let begun = || -> Result<(), EngineError> {
        let pointer = Shelf::load(control(inner)?)?.pointer;
        let answers = pointer.production.unwrap_or_default();
        let title = format!("The model {} burns, and the box cannot roll it back", short(&answers));
        Ok(incidents::begins(inner, &sign((&answers, pointer.since_ms), title, text, now_ms))?)
    };
    if let Err(error) = begun() {
        tracing::error!(%error, "an incident could not be opened");
    }
}

fn short(sha256: &str) -> String {
    sha256.chars().take(SHORT).collect()
}

/// One incident for each time that a model answers.
fn sign((sha256, since_ms): (&str, u64), title: String, text: &str, now_ms: u64) -> Sign {
    Sign {
        key: format!("rollback:{}:{since_ms}", short(sha256)),
        title,
        kind: Kind::ModelQuality,
        severity: Severity::Error,
        text: text.to_owned(),
        is_breach: false,
        links: Vec::new(),
        since_ms: now_ms,
    }
}
