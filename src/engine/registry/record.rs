//! Gates that ask the record: evidence of the steps before, time in staging, critical incidents.

use super::control;
use crate::audit::{AuditError, Leaf, Log, Outcome, holds_inclusion, leaf_hash};
use crate::engine::run::Inner;
use crate::engine::{EngineError, queue_words, trail};
use crate::governance::approval::{Approval, Shelf as Requests};
use crate::governance::incident::{Severity, Shelf as Incidents, State};
use crate::governance::registry::{Gate, Shelf, Version, evidence, incidents, soak, staged_since};
use crate::store::backup::Trust;

/// Clocks go wrong: entries that say to be so much older than the registration are looked at, too.
const SLACK_MS: u64 = 86_400_000;
/// Moves of one model that are looked at.
const MOVES: usize = 500;

pub(super) fn gates(inner: &Inner, sha256: &str) -> Result<Vec<Gate>, EngineError> {
    let control = control(inner)?;
    let registry = Shelf::load(control)?;
    let evidence = match registry.versions.get(sha256) {
        Some(version) => of_evidence(inner, version)?,
        None => evidence(0, &["it is not registered".to_owned()]),
    };
    let moves: Vec<_> =
        Shelf::moves(control, Some(sha256), u64::MAX, MOVES)?.into_iter().map(|(_, one)| one).collect();
    let hours = inner.config.running().number("promotion.soak_hours");
    let open = Incidents::unclosed(control)?;
    let critical =
        open.iter().filter(|one| one.severity == Severity::Critical && one.state != State::Resolved);
    let critical: Vec<u64> = critical.map(|one| one.id).collect();
    Ok(vec![evidence, soak(hours, staged_since(&moves), inner.clock.now_ms()), incidents(&critical)])
}

/// A step that must have been entered, and how often.
struct Step {
    kind: &'static str,
    subject: (&'static str, String),
    left: u32,
}

/// What must have happened before a promotion. What the box was given at its start was registered by nobody.
fn steps(version: &Version, request: Option<&Approval>) -> Vec<Step> {
    let model = ("model", version.sha256.clone());
    let mut steps = Vec::new();
    let mut step = |kind, subject: &(&'static str, String), left| {
        steps.push(Step { kind, subject: subject.clone(), left });
    };
    if version.by != trail::BOX {
        step("model.registered", &model, 1);
    }
    if let (Some(id), Some(_)) = (version.approval, version.approved_ms) {
        let approval = ("approval", id.to_string());
        step("approval.submitted", &approval, 1);
        step("approval.approved", &approval, request.map_or(1, Approval::approvals));
        step("model.approved", &model, 1);
    }
    steps
}

fn of_evidence(inner: &Inner, version: &Version) -> Result<Gate, EngineError> {
    let request = version.approval.and_then(|id| Requests::get(control(inner).ok()?, id).ok());
    let mut steps = steps(version, request.as_ref());
    let read = inner.modes.control.snapshot().map_err(|error| queue_words::store_said(&error))?;
    let log = Log::open(&read)?;
    let mut missing = Vec::new();
    let mut found = Vec::new();
    log.newest(u64::MAX, |sequence, leaf: &Leaf, _| {
        let fits = |step: &&mut Step| {
            step.left > 0
                && leaf.outcome == Outcome::Done
                && leaf.kind == step.kind
                && (leaf.subject.0.as_str(), &leaf.subject.1) == (step.subject.0, &step.subject.1)
        };
        if let Some(step) = steps.iter_mut().find(fits) {
            step.left -= 1;
            found.push(sequence);
        }
        let more = steps.iter().any(|step| step.left > 0);
        Ok(more && leaf.at_ms.saturating_add(SLACK_MS) >= version.at_ms)
    })?;
    for step in steps.iter().filter(|step| step.left > 0) {
        missing.push(format!("{} {} {}", step.kind, step.subject.0, short(&step.subject.1)));
    }
    let root = log.root(log.size())?;
    for sequence in &found {
        if !is_proved(&log, *sequence, &root) {
            missing.push(format!("entry {sequence} is not in the tree"));
        }
    }
    if !chain_holds(inner, &log)? {
        missing.push("the newest checkpoint is not of this log".to_owned());
    }
    Ok(evidence(found.len(), &missing))
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

fn is_proved(log: &Log, sequence: u64, root: &[u8; 32]) -> bool {
    let prove = || -> Result<bool, AuditError> {
        let leaf = leaf_hash(&log.leaf_bytes(sequence)?);
        Ok(holds_inclusion(&leaf, sequence, log.size(), &log.inclusion(sequence, log.size())?, root))
    };
    prove().unwrap_or(false)
}

/// True where the newest checkpoint says of the log what is so, or where nothing was signed yet.
fn chain_holds(inner: &Inner, log: &Log) -> Result<bool, EngineError> {
    let Some(newest) = log.checkpoints(u64::MAX, 1)?.pop() else { return Ok(true) };
    let trust = Trust::of_box(&inner.settings.data_dir);
    Ok(log.compare(&newest.note, trust.keys()).is_ok())
}
