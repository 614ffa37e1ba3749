//! `spud check`: verify everything, and rebuild what is damaged from its source files.

use std::sync::Arc;

use super::EngineError;
use super::jobs::JobRecord;
use super::run::Inner;
use super::worker::enqueue;
use crate::api::types::CheckReport;
use crate::knowledge::{default_model_id, unpack_default_model};

pub(super) fn check(inner: &Arc<Inner>, repair: bool) -> Result<CheckReport, EngineError> {
    let checked = inner.library.check()?;
    let mut report = CheckReport {
        ok: checked.problems.is_empty(),
        segments: checked.segments,
        blocks: checked.blocks,
        records: checked.records,
        models: 1,
        bytes: checked.bytes,
        problems: checked.problems,
        repaired: Vec::new(),
        jobs: Vec::new(),
    };
    if !repair {
        return Ok(report);
    }
    if inner.library.model_id() == default_model_id() && inner.library.model().file().verify_all().is_err() {
        unpack_default_model(&inner.settings.data_dir)?;
        report
            .repaired
            .push("the embedded model was unpacked again; it is used from the next start on".into());
    }
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
