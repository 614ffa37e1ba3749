//! What answers since a short while, and makes a service level burn, makes room for what answered before.
//!
//! One commit brings it back, with an entry that says why and with the incident of it.

use super::actions::roll_back;
use super::control;
use crate::api::types::registry::ModelReason;
use crate::engine::run::Inner;
use crate::engine::{EngineError, incidents, trail};
use crate::governance::incident::{Kind, Severity};
use crate::governance::registry::Shelf;

/// Letters of a SHA-256 that tell models apart for people.
const SHORT: usize = 12;

/// Called where an objective begins to burn.
pub(in crate::engine) fn burned(inner: &Inner, objective: &str, why: &str, now_ms: u64) {
    match rolled_back(inner, objective, why, now_ms) {
        Ok(Some(sha256)) => tracing::warn!(model = sha256, objective, "rolled back: the objective burned"),
        Ok(None) => {}
        Err(error) => {
            tracing::error!(%error, objective, "what was promoted could not be rolled back; roll back by hand");
        }
    }
}

/// What answered until now, where it does not any more.
fn rolled_back(
    inner: &Inner,
    objective: &str,
    why: &str,
    now_ms: u64,
) -> Result<Option<String>, EngineError> {
    if inner.config_history().is_none() {
        return Ok(None);
    }
    let pointer = Shelf::load(control(inner)?)?.pointer;
    let minutes = inner.config.running().number("promotion.watch_minutes");
    if !pointer.is_watched(minutes.saturating_mul(60_000), now_ms) {
        return Ok(None);
    }
    let left = pointer.production.unwrap_or_default();
    let why: String = why.chars().take(300).collect();
    let reason = format!("within {minutes} minutes of its promotion the objective {objective} burned: {why}");
    let told = trail::entry(inner, "model.rolled_back", trail::BOX, ("model", ""));
    let told = told.text("reason", reason.as_str());
    let short: String = left.chars().take(SHORT).collect();
    let sign = incidents::Sign {
        key: format!("rollback:{short}:{}", pointer.since_ms),
        title: format!("The model {short} was rolled back by the box"),
        kind: Kind::ModelQuality,
        severity: Severity::Error,
        text: reason.clone(),
        is_breach: false,
        links: Vec::new(),
        since_ms: now_ms,
    };
    roll_back(inner, trail::BOX, &ModelReason { reason }, Some(&told), Some(&sign))?;
    Ok(Some(left))
}
