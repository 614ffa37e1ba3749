//! A job as a trace of its own, linked to the request that asked for it.

use std::sync::Arc;

use crate::api::types::JobState;
use crate::engine::jobs::JobRecord;
use crate::engine::registry;
use crate::engine::run::Inner;
use crate::observe::trace::{Ending, Note};

/// Does a job to its end, or to the next safe point when told to stop.
pub(in crate::engine) fn run_job(inner: &Arc<Inner>, id: u64, record: JobRecord) {
    let trace = inner.traces.begin_work(inner.jobs.origin(&inner.library.database(), id));
    let at = trace.enter();
    let last = registry::run_job(inner, id, record);
    drop(at);
    let notes = [
        ("spud.job", Note::Number(id)),
        ("spud.collection", Note::Text(&last.collection)),
        ("spud.files", Note::Number(last.files_done)),
    ];
    let failed = last.state() == JobState::Failed;
    let error = last.error.as_deref().filter(|_| failed);
    inner.traces.end_work(trace, &Ending { verb: "job", what: &last.kind, error, notes: &notes });
}
