//! `spud check`: verify everything, and rebuild what is damaged from its source files.

use std::sync::Arc;

use super::EngineError;
use super::jobs::JobRecord;
use super::run::Inner;
use super::trail;
use super::worker::enqueue;
use super::{backups as backup_runs, queue_words};
use crate::api::types::{CheckReport, CheckRequest};
use crate::audit::{append, mend};
use crate::knowledge::{default_model_id, model_path, open_model, unpack_default_model};
use crate::resilience::queue::misplaced;
use crate::store::backup::{Repository, Trust, Watch, verify};
use crate::store::check_rows;

pub(super) fn check(inner: &Arc<Inner>, request: &CheckRequest) -> Result<CheckReport, EngineError> {
    let checked = inner.library.check()?;
    let mut report = CheckReport {
        segments: checked.segments,
        blocks: checked.blocks,
        records: checked.records,
        models: 1,
        bytes: checked.bytes,
        problems: checked.problems,
        ..CheckReport::default()
    };
    control(inner, &mut report)?;
    other_models(inner, &mut report);
    if request.backups {
        backups(inner, &mut report)?;
    }
    report.ok = report.problems.is_empty();
    if !request.repair {
        return Ok(report);
    }
    if inner.library.model_id() == default_model_id() && inner.library.model().file().verify_all().is_err() {
        unpack_default_model(&inner.settings.data_dir)?;
        report
            .repaired
            .push("the embedded model was unpacked again; it is used from the next start on".into());
    }
    mend_audit(inner, &mut report)?;
    for (collection, segment) in checked.broken {
        let lost = inner.library.drop_segment(&collection, segment)?;
        report.repaired.push(format!(
            "{collection}: segment {segment} dropped, {} documents are indexed again",
            lost.len()
        ));
        if !lost.is_empty() {
            let record = JobRecord {
                kind: "add".into(),
                collection,
                paths: lost,
                force: true,
                ..JobRecord::default()
            };
            report.jobs.push(enqueue(inner, record)?);
        }
    }
    Ok(report)
}

/// Every record of the box's own store.
fn control(inner: &Inner, report: &mut CheckReport) -> Result<(), EngineError> {
    if inner.settings.scratch {
        return Ok(());
    }
    let found = inner.modes.control.snapshot().and_then(|read| check_rows(&read));
    let found = found.map_err(|error| queue_words::store_said(&error))?;
    report.records += found.records;
    let (entries, wrong) = trail::problems(inner)?;
    tracing::debug!(entries, "the audit log was verified");
    report.problems.extend(wrong.into_iter().map(|problem| format!("audit log: {problem}")));
    let moved = inner.modes.control.read(misplaced);
    let moved = moved.map_err(|error| queue_words::store_said(&error))?;
    let problems = found.problems.into_iter().chain(moved);
    report.problems.extend(problems.map(|problem| format!("control.redb: {problem}")));
    Ok(())
}

/// Makes the log one that can be added to again; what it could not be proves nothing from then on, and says so.
fn mend_audit(inner: &Inner, report: &mut CheckReport) -> Result<(), EngineError> {
    if inner.settings.scratch {
        return Ok(());
    }
    let lost =
        |sequence: u64| trail::entry(inner, "audit.entry_lost", trail::BOX, ("entry", &sequence.to_string()));
    let mended = inner.modes.control.write(|write| {
        let mended = mend(write, &lost)?;
        if mended.nodes + mended.replaced > 0 {
            let what = format!("{} nodes, {} entries", mended.nodes, mended.replaced);
            append(
                write,
                &trail::entry(inner, "audit.mended", trail::BOX, ("log", "")).text("reason", what),
            )?;
        }
        Ok(mended)
    });
    let mended = mended.map_err(|error| queue_words::store_said(&error))?;
    if mended.nodes > 0 {
        report.repaired.push(format!("audit log: {} nodes of its tree were made again", mended.nodes));
    }
    if mended.replaced > 0 {
        report.repaired.push(format!(
            "audit log: {} entries at its end could not be read; others stand in their place and say so: checkpoints \
             that covered them do not hold any more",
            mended.replaced
        ));
    }
    Ok(())
}

/// Models beside the one that answers.
fn other_models(inner: &Inner, report: &mut CheckReport) {
    let data = &inner.settings.data_dir;
    let entries = std::fs::read_dir(data.join("models")).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.path().is_dir()) {
        let id = entry.file_name().to_string_lossy().into_owned();
        if id == inner.library.model_id() || !model_path(data, &id).exists() {
            continue;
        }
        report.models += 1;
        match open_model(data, &id).and_then(|model| Ok((model.file().verify_all()?, model.file().len()))) {
            Ok((blocks, bytes)) => {
                report.blocks += blocks as u64;
                report.bytes += bytes;
            }
            Err(error) => report.problems.push(error.to_string()),
        }
    }
}

/// Everything that the backups name.
fn backups(inner: &Inner, report: &mut CheckReport) -> Result<(), EngineError> {
    let folder = backup_runs::folder(inner, None)?;
    let repository = Repository::open(&folder).map_err(backup_runs::said)?;
    let trust = Trust::of_box(&inner.settings.data_dir);
    let found = verify(&repository, None, &trust, false, Watch::none()).map_err(backup_runs::said)?;
    report.bytes += found.bytes;
    report.problems.extend(found.problems.into_iter().map(|problem| format!("backups: {problem}")));
    Ok(())
}
