//! Models as this box governs them: registered, voted on, staged beside what answers, promoted, rolled back.
//!
//! Invariant: what answers is what the pointer in `control.redb` names, changed in the commit that enters it into
//! the audit log; the index follows that pointer, at the switch and at every start.

mod actions;
mod compare;
mod fleet;
mod judge;
mod measure;
mod record;
mod shadow;
mod signing;
#[cfg(test)]
pub(super) mod tests;
mod watch;
mod words;
mod work;

use std::path::Path;
use std::sync::Arc;

pub(super) use actions::act;
pub(super) use actions::approved;
pub use actions::{RegistryAction, RegistryReply};
pub(super) use compare::side_by_side;
pub(super) use measure::answering;
pub(super) use shadow::Shadows;
pub(super) use watch::burned;
pub(super) use words::{gates, standing};

use super::jobs::JobRecord;
use super::run::Inner;
use super::worker::{self, invalid};
use super::{EngineError, ingest, models};
use crate::governance::registry::{RegistryError, Shelf};
use crate::knowledge::{KnowledgeError, Model, default_model_id, open_default_model, open_model};
use crate::store::Control;

/// Does a job of any kind to its end. Gives it as it stands then.
pub(super) fn run_job(inner: &Arc<Inner>, id: u64, record: JobRecord) -> JobRecord {
    match work::KINDS.contains(&record.kind.as_str()) {
        true => work::run(inner, id, record),
        false => ingest::run(inner, id, record),
    }
}

fn control(inner: &Inner) -> Result<&Control, EngineError> {
    inner
        .config_history()
        .ok_or_else(|| invalid("a throw-away box keeps no models", "ask a box with a data folder"))
}

/// Opens a model of the data folder.
fn open(data: &Path, sha256: &str) -> Result<Arc<Model>, KnowledgeError> {
    let model = match sha256 == default_model_id() {
        true => open_default_model(data)?,
        false => open_model(data, sha256)?,
    };
    Ok(Arc::new(model))
}

/// Takes up at a start what was under way: a promotion without a job, vectors that are missing.
pub(super) fn begin(inner: &Arc<Inner>) -> Result<(), EngineError> {
    let Some(control) = inner.config_history() else { return models::reindex_strangers(inner) };
    let pointer = match Shelf::load(control) {
        Ok(registry) => registry.pointer,
        Err(error) => {
            tracing::error!(%error, "the models cannot be read; what answers goes on");
            return Ok(());
        }
    };
    if pointer.production.is_none() {
        models::reindex_strangers(inner)?;
    }
    if let Some(promotion) = &pointer.promoting
        && !is_queued(inner, "promote")?
    {
        enqueue(inner, "promote", &promotion.sha256)?;
    }
    fill(inner)
}

/// Queues the making of vectors that are missing under what answers, and under what a rollback brings back.
pub(super) fn fill(inner: &Inner) -> Result<(), EngineError> {
    let Some(control) = inner.config_history() else { return Ok(()) };
    let pointer = Shelf::load(control)?.pointer;
    let mut kept = pointer.production.iter().chain(&pointer.previous);
    let lacks = kept.any(|sha256| inner.library.chunks_without(sha256) > 0);
    if lacks && !is_queued(inner, "vectors")? {
        enqueue(inner, "vectors", "")?;
    }
    Ok(())
}

fn is_queued(inner: &Inner, kind: &str) -> Result<bool, EngineError> {
    let jobs = inner.jobs.list(&inner.library.database())?;
    Ok(jobs.iter().any(|(_, job)| job.kind == kind && !job.state().is_final()))
}

fn enqueue(inner: &Inner, kind: &str, sha256: &str) -> Result<crate::api::types::Job, EngineError> {
    let paths = if sha256.is_empty() { Vec::new() } else { vec![sha256.as_bytes().to_vec()] };
    worker::enqueue(inner, JobRecord { kind: kind.to_owned(), paths, ..JobRecord::default() })
}

impl From<RegistryError> for EngineError {
    fn from(error: RegistryError) -> Self {
        let (what, advice) = (error.to_string(), error.advice().to_owned());
        match error {
            RegistryError::Missing { noun, name } => Self::NotFound { noun, name, advice },
            RegistryError::Invalid { .. } => Self::Invalid { what, advice },
            RegistryError::Conflict { .. } | RegistryError::TooMany { .. } => Self::Conflict { what, advice },
            RegistryError::Store(error) => super::queue_words::store_said(&error),
        }
    }
}
