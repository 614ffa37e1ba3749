//! The jobs of models: make vectors beside those that answer, measure gates, switch.
//!
//! Invariant: a stop or a crash loses at most the segment at work; a promotion then goes on at the next start.

use std::sync::Arc;

use super::actions::{keep, kind, served};
use super::{Shadows, control, fleet, measure, open};
use crate::api::types::JobState;
use crate::audit::{Entry, Outcome};
use crate::engine::jobs::JobRecord;
use crate::engine::run::Inner;
use crate::engine::{EngineError, ingest, trail};
use crate::governance::registry::{Deed, Gate, Input, Registry, Shelf, step};
use crate::knowledge::Model;

/// Kinds of jobs that are done here.
pub(super) const KINDS: [&str; 3] = ["stage", "promote", "vectors"];
const SHOW_EVERY_MS: u64 = 250;

/// Does a job to its end, or to the next safe point when told to stop. Gives it as it stands then.
pub(super) fn run(inner: &Arc<Inner>, id: u64, mut record: JobRecord) -> JobRecord {
    let sha256 =
        record.paths.first().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
    tracing::info!(job = id, kind = %record.kind, model = sha256, "job started");
    record.set_state(JobState::Running);
    (record.started_ms, record.error, record.chunks) = (Some(inner.clock.now_ms()), None, 0);
    let begun = ingest::store(inner, id, &record).map_err(EngineError::from);
    let outcome = begun.and_then(|()| work(inner, id, &mut record, &sha256));
    let is_promotion = record.kind == "promote";
    match outcome {
        Ok(true) => record.set_state(JobState::Done),
        // It stays as it is in the store, and is begun again at the next start.
        Ok(false) if !inner.jobs.cancelled(id) => {
            inner.jobs.show(None);
            return record;
        }
        Ok(false) => {
            record.set_state(JobState::Cancelled);
            give_up(inner, is_promotion, &sha256, "its job was cancelled");
        }
        Err(error) if error.is_of_store() => {
            inner.modes.store_failed();
            inner.jobs.show(None);
            return record;
        }
        Err(error) => {
            tracing::error!(job = id, %error, "job failed");
            give_up(inner, is_promotion, &sha256, &error.to_string());
            record.set_state(JobState::Failed);
            record.error = Some(error.to_string());
        }
    }
    if is_promotion {
        fleet::release(inner, &sha256);
    }
    record.finished_ms = Some(inner.clock.now_ms());
    if let Err(error) = ingest::store(inner, id, &record) {
        tracing::error!(job = id, %error, "the end of the job could not be kept");
    }
    inner.jobs.show(None);
    inner.library.release_pages();
    trail::job_ended(inner, id, &record);
    inner.publish_job(id, &record, None);
    record
}

/// False where it was told to stop.
fn work(inner: &Arc<Inner>, id: u64, record: &mut JobRecord, sha256: &str) -> Result<bool, EngineError> {
    match record.kind.as_str() {
        "vectors" => {
            let pointer = Shelf::load(control(inner)?)?.pointer;
            for sha256 in pointer.production.iter().chain(&pointer.previous) {
                let model = open(&inner.settings.data_dir, sha256)?;
                if !vectors(inner, id, record, (&model, sha256.as_str()))? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        "stage" => {
            let model = open(&inner.settings.data_dir, sha256)?;
            if !vectors(inner, id, record, (&model, sha256))? {
                return Ok(false);
            }
            let gates = measured(inner, &model, sha256)?;
            let _desk = inner.approvals.desk();
            let before = Shelf::load(control(inner)?)?;
            let told = told(inner, trail::BOX, sha256, Deed::Staged, &gates);
            keep(inner, &before, Input::Stage { sha256, by: trail::BOX, gates }, Some(&told), |_| Ok(()))?;
            Shadows::begin(inner, sha256);
            Ok(true)
        }
        _ => promote(inner, id, record, sha256),
    }
}

fn promote(inner: &Arc<Inner>, id: u64, record: &mut JobRecord, sha256: &str) -> Result<bool, EngineError> {
    let under_way = |registry: &Registry| {
        registry.pointer.promoting.as_ref().is_some_and(|promotion| promotion.sha256 == sha256)
    };
    let registry = Shelf::load(control(inner)?)?;
    if registry.pointer.production.as_deref() == Some(sha256) && !under_way(&registry) {
        return Ok(true); // the switch was kept just before a power cut
    }
    let model = open(&inner.settings.data_dir, sha256)?;
    if !vectors(inner, id, record, (&model, sha256))? {
        return Ok(false);
    }
    let gates = measured(inner, &model, sha256)?;
    fleet::take(inner, sha256)?;
    let desk = inner.approvals.desk();
    let before = Shelf::load(control(inner)?)?;
    let serving = inner.library.model_id();
    let lenient = inner.config.running().text("promotion.unmeasured") == Some("allow");
    let decide = || Input::Decide { sha256, serving: &serving, gates: gates.clone(), lenient };
    // What it will say is known before it is kept, so that its entry says it.
    let (_, moved) = step(&before, decide(), inner.clock.now_ms())?;
    let told = told(inner, &moved.by, sha256, moved.deed, &gates).text("reason", moved.reason.as_str());
    let told = if moved.deed == Deed::Promoted { told } else { told.outcome(Outcome::Failed) };
    keep(inner, &before, decide(), Some(&told), |_| Ok(()))?;
    if moved.deed != Deed::Promoted {
        return Err(EngineError::Conflict {
            what: format!("the model was not promoted: {}", moved.reason),
            advice: "`spud model show` has the figures of every gate".into(),
        });
    }
    inner.library.serve(model, sha256);
    drop(desk);
    tracing::info!(model = sha256, by = moved.by, "another model answers now");
    served(inner, sha256);
    Ok(true)
}

fn told(inner: &Inner, by: &str, sha256: &str, deed: Deed, gates: &[Gate]) -> Entry {
    let entry = trail::entry(inner, kind(deed), by, ("model", sha256));
    let said = |gate: &Gate| format!("{} {}: {}", gate.name, gate.state.name(), gate.what);
    let gates: Vec<String> = gates.iter().map(said).collect();
    Entry { policy: inner.access.digest(), ..entry }.text("gates", gates.join("\n"))
}

/// A promotion that will not come to its end is taken off its way.
fn give_up(inner: &Inner, is_promotion: bool, sha256: &str, why: &str) {
    if !is_promotion {
        return;
    }
    let given_up = || -> Result<(), EngineError> {
        let _desk = inner.approvals.desk();
        let before = Shelf::load(control(inner)?)?;
        let under_way = before.pointer.promoting.as_ref().filter(|promotion| promotion.sha256 == sha256);
        let Some(promotion) = under_way else { return Ok(()) };
        let entry = trail::entry(inner, kind(Deed::Refused), &promotion.by, ("model", sha256));
        let entry = entry.outcome(Outcome::Failed).text("error", why);
        keep(inner, &before, Input::GiveUp { sha256, why }, Some(&entry), |_| Ok(())).map(drop)
    };
    if let Err(error) = given_up() {
        tracing::error!(%error, "the end of a promotion could not be kept");
    }
}

/// Makes what is missing under a model, within the disk and the mode; false where it was told to stop.
fn vectors(
    inner: &Arc<Inner>,
    id: u64,
    record: &mut JobRecord,
    (model, sha256): (&Arc<Model>, &str),
) -> Result<bool, EngineError> {
    let missing = inner.library.chunks_without(sha256);
    if missing == 0 {
        return Ok(true);
    }
    let width = inner.width_of(model);
    let bytes = missing.saturating_mul(width as u64 * 9 / 8 + 2);
    let free = inner.meters.disk_free();
    if free > 0 && free / 10 * 9 < bytes {
        return Err(EngineError::DiskFull {
            what: format!("the vectors need {bytes} bytes, and {free} are free"),
            store: false,
        });
    }
    let mut shown_ms = 0;
    let mut go_on = |chunks: u64| {
        record.chunks += chunks;
        let now_ms = inner.clock.now_ms();
        if now_ms.saturating_sub(shown_ms) >= SHOW_EVERY_MS {
            shown_ms = now_ms;
            let current = format!("vectors of {} of {missing} passages", record.chunks);
            inner.jobs.show(Some((id, &*record, current.as_str())));
            inner.publish_job(id, record, Some(&current));
        }
        inner.modes.wait(|| inner.jobs.should_stop(id));
        !inner.jobs.should_stop(id)
    };
    Ok(inner.library.add_vectors(model, sha256, width, &mut go_on)?)
}

fn measured(inner: &Inner, model: &Arc<Model>, sha256: &str) -> Result<Vec<Gate>, EngineError> {
    measure::gates(inner, model, sha256)
}
