//! Records all metrics now and then, on the engine's only timer.

use std::path::Path;

use super::gather;
use crate::engine::run::Inner;
use crate::engine::traces::{DISK_PART, MEMORY_PART};
use crate::hardware::Budgets;
use crate::observe::series::{SeriesSettings, Telemetry};
use crate::resilience::Effect;

/// A command that starts the engine for itself is over before this; a screen is not.
const PATIENCE_S: u64 = 10;

/// The store of metrics of a box; a throw-away box records none.
pub(in crate::engine) fn telemetry(data: &Path, budgets: &Budgets, scratch: bool) -> Telemetry {
    let seconds = if scratch { 0 } else { u64::from(budgets.metric_seconds) };
    Telemetry::new(SeriesSettings {
        folder: data.to_owned(),
        interval_ms: seconds * 1000,
        bytes: budgets.metric_bytes - budgets.metric_bytes / DISK_PART,
        memory: budgets.metric_memory - budgets.metric_memory / MEMORY_PART,
        series: usize::try_from(budgets.metric_series).unwrap_or(usize::MAX),
    })
}

/// True where the engine has been there for long enough to record by itself.
pub(in crate::engine) fn records(inner: &Inner, now_ms: u64) -> bool {
    now_ms.saturating_sub(inner.started_ms()) > PATIENCE_S * 1000
}

/// Called once a second, so many seconds after the start.
pub(in crate::engine) fn record(inner: &Inner, seconds: u64) {
    let now_ms = inner.clock.now_ms();
    let early = !inner.settings.daemon && seconds < PATIENCE_S;
    if early || !inner.telemetry.is_due(now_ms) {
        return;
    }
    let began_us = inner.clock.monotonic_us();
    let may_write = !inner.modes.effects().has(Effect::ReadOnly);
    let mut families = gather(inner);
    families.extend(inner.alerting.families());
    families.extend(inner.sla.families());
    families.extend(inner.probes.families());
    families.extend(inner.intake.families(now_ms));
    let recorded = inner.telemetry.record(now_ms, &families, may_write);
    let took_us = inner.clock.monotonic_us().saturating_sub(began_us);
    inner.instruments.scrape_seconds.observe(took_us);
    inner.instruments.scrape(recorded.is_ok());
    if let Err(error) = recorded {
        tracing::warn!(%error, "metrics could not be recorded; it is tried again");
    }
}

/// Before the box stops.
pub(in crate::engine) fn end(inner: &Inner) {
    if inner.modes.effects().has(Effect::ReadOnly) {
        return;
    }
    if let Err(error) = inner.telemetry.flush() {
        tracing::warn!(%error, "the newest metrics could not be kept");
    }
}
