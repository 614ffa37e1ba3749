//! What is done once a second, and what is due now and then: the only timer of the engine.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::access::Reviews;
use super::approvals::Approvals;
use super::backups::Backups;
use super::health::Health;
use super::registry::Shadows;
use super::run::Inner;
use super::traces::Traces;
use super::trail::Signing;
use super::use_cases::UseCases;
use super::{EngineError, alerts, metrics, sla, status, violations};
use crate::api::types::EventKind;
use crate::base::trim_memory;
use crate::resilience::Effect;

/// The answer cache is written out at most this often.
const FLUSH_EVERY_S: u64 = 5;
/// When grants and tokens were last used is written down at most this often.
const USES_EVERY_S: u64 = 3600;
/// How often a daemon looks whether a backup is due, and when after its start.
const BACKUPS_EVERY_S: u64 = 30;
const BACKUPS_AT_S: u64 = 3;

/// Writes the answer cache out, unless the box is not to write.
pub(super) fn flush(inner: &Inner) {
    if inner.modes.effects().has(Effect::ReadOnly) {
        return;
    }
    if let Err(error) = inner.answers.flush(&inner.library.database()) {
        let error = EngineError::from(error);
        inner.modes.learn(&error);
        tracing::warn!(%error, "answers could not be cached on disk");
    }
}

/// Mapped pages of the index are given back when resident memory passes this part of its budget.
const RELEASE_PART: u64 = 2;

/// After so much time without a job, what a start or a job left in memory is given back, once.
const REST_S: u64 = 8;

/// Once a second: sample, publish, and now and then write the answer cache out. The only timer of the engine.
pub(super) fn run(inner: &Arc<Inner>) {
    let (mut seconds, mut rested_s) = (0u64, 0);
    let mut stop = inner.tick.0.lock().unwrap_or_else(PoisonError::into_inner);
    while !*stop {
        let waited = inner.tick.1.wait_timeout(stop, Duration::from_secs(1));
        stop = waited.unwrap_or_else(PoisonError::into_inner).0;
        if *stop {
            return;
        }
        drop(stop);
        inner.health.beat(inner.clock.monotonic_us());
        let sample = inner.meters.tick();
        if sample.process.rss > inner.budgets.memory_total / RELEASE_PART {
            inner.library.release_pages();
        }
        rested_s = if inner.jobs.any_runs() { 0 } else { rested_s + 1 };
        if rested_s == REST_S {
            trim_memory();
        }
        inner.modes.tick(inner, &sample);
        super::settings::tick(inner);
        if seconds == 0 {
            // What a power cut left undone is done by whoever opens the box next, a command among them.
            super::approvals::carry_out_due(inner);
        }
        if inner.settings.daemon {
            super::reports::Reports::tick(inner, false);
            Signing::tick(inner);
            Health::tick(inner, seconds);
            Approvals::tick(inner);
            Reviews::tick(inner);
            UseCases::tick(inner);
            super::probes::tick(inner);
            super::log_intake::tick(inner, seconds);
            Shadows::tick(inner, seconds, sample.process.rss);
        }
        if inner.events.watched() {
            let status = Box::new(status::read(inner));
            inner.events.publish(inner.clock.now_ms(), EventKind::Status(status));
            inner.outbox.tell(inner);
        }
        metrics::record(inner, seconds);
        alerts::tick(inner, seconds);
        Traces::tick(inner, seconds);
        sla::tick(inner, seconds);
        violations::tick(inner, seconds);
        seconds += 1;
        if seconds.is_multiple_of(FLUSH_EVERY_S) {
            flush(inner);
        }
        if seconds.is_multiple_of(USES_EVERY_S) {
            inner.access.flush(inner);
        }
        if inner.settings.daemon && seconds % BACKUPS_EVERY_S == BACKUPS_AT_S {
            Backups::tick(inner);
        }
        stop = inner.tick.0.lock().unwrap_or_else(PoisonError::into_inner);
    }
}
