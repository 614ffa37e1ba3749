//! Probes in the words of the API.

use super::Live;
use crate::api::types::Probe as Words;
use crate::observe::probe::Looked;

pub(super) fn of(live: &Live) -> Words {
    let (probe, course) = (&live.probe, &live.course);
    let mut words = Words {
        name: probe.name.clone(),
        kind: probe.check.kind().to_owned(),
        what: probe.check.what(),
        state: course.phase.name().to_owned(),
        critical: probe.critical,
        since_ms: course.since_ms,
        period_ms: probe.rhythm.period_ms,
        timeout_ms: probe.rhythm.timeout_ms,
        runs: course.runs,
        failed: course.failed,
        labels: probe.labels.iter().cloned().collect(),
        file: live.file.clone(),
        ..Words::default()
    };
    if let (Some(last), Some(last_ms)) = (&live.last, course.last_ms) {
        seen(&mut words, last, last_ms);
        (words.state, words.samples) = (course.phase.name().to_owned(), live.samples as u64);
    }
    words
}

/// The same with what one look saw, in the place of what is known.
pub(super) fn seen(words: &mut Words, looked: &Looked, at_ms: u64) {
    (words.state, words.last_ms) = (if looked.good { "up" } else { "down" }.to_owned(), Some(at_ms));
    (words.detail, words.value) = (looked.what.clone(), looked.value);
    (words.took_us, words.samples) = (looked.took_us, looked.samples.len() as u64);
}
