//! What jobs did in the background.

use super::{BOX, enter_outcome, entry};
use crate::api::types::JobState;
use crate::audit::Outcome;
use crate::engine::jobs::JobRecord;
use crate::engine::run::Inner;

/// Enters what a job did that has ended; one that changed nothing leaves nothing.
pub(in crate::engine) fn job_ended(inner: &Inner, id: u64, last: &JobRecord) {
    let JobRecord { kind, collection, files_done, files_removed, files_failed, .. } = last;
    let is_of_note = files_done + files_removed > 0 || last.state() == JobState::Failed;
    if !last.state().is_final() || !is_of_note {
        return;
    }
    let outcome = if last.state() == JobState::Failed { Outcome::Failed } else { Outcome::Done };
    let entry = entry(inner, "job.ended", BOX, ("job", &id.to_string())).outcome(outcome);
    let counts = format!("{files_done} files taken in, {files_removed} removed, {files_failed} failed");
    let entry = entry.text("what", format!("{kind} {collection}: {counts}"));
    enter_outcome(inner, &entry.text("error", last.error.clone().unwrap_or_default()));
}
