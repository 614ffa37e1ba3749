//! Reports about controls: entries of the audit log under one checkpoint, counted, proved, and written in four forms.
//!
//! Invariant: a report is made of the log under its checkpoint and of the shipped table, of nothing else: the same
//! question gives the same bytes.

mod oscal;
mod render;
mod uuid;

use super::EngineError;
use super::run::Inner;
use super::worker::invalid;
use crate::api::types::compliance::{
    ComplianceControl, ComplianceEvidence, ComplianceFramework, ComplianceQuery, ComplianceReport,
};
use crate::audit::{AuditError, Head, Log, Note, Outcome, holds_inclusion, leaf_hash};
use crate::base::InOrder;
use crate::base::to_base64;
use crate::governance::compliance::{Counter, Framework, Table, standing};
use crate::store::backup::Trust;

/// A report as bytes of a type.
#[derive(Debug, Clone)]
pub struct Rendered {
    pub content_type: &'static str,
    pub text: String,
}

fn table() -> Result<Table, EngineError> {
    Table::shipped().map_err(EngineError::Internal)
}

/// Counts the entries of a time among the first `size`.
fn count(
    log: &Log,
    size: u64,
    from_ms: Option<u64>,
    to_ms: Option<u64>,
) -> Result<(Counter, u64), EngineError> {
    let (mut counter, mut looked_at) = (Counter::default(), 0);
    log.newest(size, |sequence, leaf, _| {
        let in_time = from_ms.is_none_or(|from| leaf.at_ms >= from) && to_ms.is_none_or(|to| leaf.at_ms < to);
        // What only begun or failed shows nothing; what was denied or refused does.
        let shows = match leaf.outcome {
            Outcome::Done | Outcome::Denied => true,
            Outcome::Failed => leaf.kind == "model.promotion_refused",
            Outcome::Begun => false,
        };
        looked_at += u64::from(in_time);
        if in_time && shows {
            counter.add(&leaf.kind, sequence);
        }
        Ok(true)
    })?;
    Ok((counter, looked_at))
}

/// Every framework, with how its controls stand over the whole log.
pub(super) fn frameworks(log: &Log) -> Result<Vec<ComplianceFramework>, EngineError> {
    let table = table()?;
    let (counter, _) = count(log, log.size(), None, None)?;
    let of = |framework: &Framework| {
        let controls = controls(&table, framework, &counter);
        let having = |name: &str| controls.iter().filter(|one| one.standing == name).count();
        ComplianceFramework {
            id: framework.id.clone(),
            title: framework.title.clone(),
            controls: controls.len(),
            evidence: having("evidence"),
            some: having("some evidence"),
            none: having("no evidence"),
        }
    };
    Ok(table.frameworks.iter().map(of).collect())
}

fn controls(table: &Table, framework: &Framework, counter: &Counter) -> Vec<ComplianceControl> {
    let control = |(id, probes): (&str, Vec<&str>)| {
        let probes: Vec<_> = probes.iter().filter_map(|name| table.probe(name)).collect();
        let found: Vec<_> = probes.iter().map(|probe| (*probe, counter.found(probe))).collect();
        let counts: Vec<u64> = found.iter().map(|(_, found)| found.count).collect();
        let mut gaps: Vec<String> = found
            .iter()
            .filter(|(_, found)| found.count == 0)
            .map(|(probe, _)| format!("no entry of {}", probe.about))
            .collect();
        gaps.extend(probes.iter().map(|probe| probe.gap.clone()));
        let evidence = found.iter().map(|(probe, found)| ComplianceEvidence {
            about: probe.about.clone(),
            count: found.count,
            entries: found.newest.iter().map(u64::to_string).collect(),
        });
        ComplianceControl {
            id: id.to_owned(),
            standing: standing(&counts).to_owned(),
            evidence: evidence.collect(),
            gaps,
        }
    };
    framework.controls().map(control).collect()
}

/// A report in the form that is wanted.
pub(super) fn report(inner: &Inner, log: &Log, query: &ComplianceQuery) -> Result<Rendered, EngineError> {
    let table = table()?;
    let framework = table.framework(&query.framework).ok_or_else(|| EngineError::NotFound {
        noun: "framework",
        name: query.framework.chars().take(40).collect(),
        advice: "`spud compliance list` shows them".into(),
    })?;
    let write: fn(&ComplianceReport) -> Rendered = match query.format.as_deref().unwrap_or("json") {
        "json" => render::json,
        "md" => render::markdown,
        "csv" => render::csv,
        "oscal" => oscal::write,
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(invalid(format!("there is no form '{shown}'"), "json, md, csv or oscal"));
        }
    };
    Ok(write(&collect(inner, log, &table, framework, query)?))
}

fn collect(
    inner: &Inner,
    log: &Log,
    table: &Table,
    framework: &Framework,
    query: &ComplianceQuery,
) -> Result<ComplianceReport, EngineError> {
    let checkpoint = match query.size {
        Some(size) => log.checkpoint(size)?,
        None => log.checkpoints(u64::MAX, 1)?.pop(),
    };
    let checkpoint = checkpoint.ok_or_else(|| AuditError::Missing {
        what: match query.size {
            Some(size) => format!("the log has no checkpoint of {size} entries"),
            None => "the log was never signed, and a report stands under a checkpoint".to_owned(),
        },
        advice: "make one: spud audit checkpoint; `spud audit checkpoints` shows them",
    })?;
    let head = Note::parse(&checkpoint.note).and_then(|note| Head::parse(note.text()));
    let head = head.ok_or_else(|| EngineError::Internal("a checkpoint cannot be read".into()))?;
    // It must be of this log, and signed by a key that is believed.
    log.compare(&checkpoint.note, Trust::of_box(&inner.settings.data_dir).keys())?;
    if let (Some(from), Some(to)) = (query.from_ms, query.to_ms)
        && from >= to
    {
        return Err(invalid(
            "the time ends before it begins",
            "--from is the earlier one, --to the later one",
        ));
    }
    let (counter, looked_at) = count(log, head.size, query.from_ms, query.to_ms)?;
    let controls = controls(table, framework, &counter);
    let mut named: Vec<u64> = controls
        .iter()
        .flat_map(|control| &control.evidence)
        .flat_map(|evidence| &evidence.entries)
        .filter_map(|id| id.parse().ok())
        .collect();
    named.order();
    named.dedup();
    for sequence in &named {
        let leaf = leaf_hash(&log.leaf_bytes(*sequence)?);
        let proof = log.inclusion(*sequence, head.size)?;
        if !holds_inclusion(&leaf, *sequence, head.size, &proof, &head.root) {
            let what = format!("entry {sequence} is not in the tree of the checkpoint");
            return Err(AuditError::Damaged { what }.into());
        }
    }
    Ok(ComplianceReport {
        framework: framework.id.clone(),
        title: framework.title.clone(),
        from_ms: query.from_ms,
        to_ms: query.to_ms,
        log: head.origin,
        size: head.size,
        root: to_base64(&head.root),
        signed_ms: checkpoint.at_ms,
        looked_at,
        checked: vec![
            "the checkpoint is signed by a key of this box, and its root is that of the log".to_owned(),
            format!("{} entries that are named here are in its tree, each by a proof", named.len()),
            "entries are counted by their kind; what only began or failed is not counted".to_owned(),
        ],
        controls,
        outside: framework.outside.clone(),
    })
}
