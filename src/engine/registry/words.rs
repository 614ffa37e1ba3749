//! Models in the API's words.

use super::{control, shadow, signing};
use crate::api::types::Page;
use crate::api::types::approval::Gate as GateWords;
use crate::api::types::registry::{
    ModelFact, ModelHistoryQuery, ModelMove, ModelRegistry, ModelVersion, ServedModel,
};
use crate::base::{InOrder, format_time};
use crate::engine::access::login;
use crate::engine::paging::cursor;
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{EngineError, trail};
use crate::governance::approval::Shelf as Requests;
use crate::governance::registry::{Gate, Move, Registry, Shelf, Stage, Version};

const LIMIT: usize = 100;
const LIMIT_MOST: usize = 1_000;

/// Gates of a model as they were measured last.
pub(in crate::engine) fn gates(inner: &Inner, sha256: &str) -> Vec<GateWords> {
    let registry = control(inner).ok().and_then(|control| Shelf::load(control).ok());
    let version = registry.as_ref().and_then(|registry| registry.versions.get(sha256));
    version.map(|version| version.gates.iter().map(gate).collect()).unwrap_or_default()
}

fn gate(gate: &Gate) -> GateWords {
    GateWords { name: gate.name.clone(), state: gate.state.name().to_owned(), what: gate.what.clone() }
}

/// Stage and review of a model, for lists of artifacts; nothing where it is not registered.
pub(in crate::engine) fn standing(inner: &Inner, sha256: &str) -> Option<(String, String)> {
    let registry = Shelf::load(inner.config_history()?).ok()?;
    let version = registry.versions.get(sha256)?;
    Some((version.stage.name().to_owned(), review(inner, version)))
}

fn review(inner: &Inner, version: &Version) -> String {
    let Some(id) = version.approval else { return "not submitted".to_owned() };
    if version.approved_ms.is_some() {
        return "approved".to_owned();
    }
    let request = control(inner).ok().and_then(|control| Requests::get(control, id).ok());
    request.map_or_else(
        || "not submitted".to_owned(),
        |request| request.state_at(inner.clock.now_ms()).name().to_owned(),
    )
}

pub(super) fn version(inner: &Inner, registry: &Registry, one: &Version) -> ModelVersion {
    ModelVersion {
        sha256: one.sha256.clone(),
        name: one.name.clone(),
        licence: one.licence.clone(),
        source: one.source.clone(),
        about: one.about.clone(),
        rows: one.rows,
        columns: one.columns,
        bytes: one.bytes,
        by: one.by.clone(),
        login: login(&one.by),
        at_ms: one.at_ms,
        stage: one.stage.name().to_owned(),
        review: review(inner, one),
        approval: one.approval.map(|id| id.to_string()),
        approved_ms: one.approved_ms,
        gates: one.gates.iter().map(gate).collect(),
        measured_ms: one.measured_ms,
        passages_missing: match one.stage {
            Stage::Archived => 0,
            _ => inner.library.chunks_without(&one.sha256),
        },
        serving: inner.library.model_id() == one.sha256,
        previous: registry.pointer.previous.as_deref() == Some(&one.sha256),
        signature: signature(inner, &one.sha256),
        metadata: metadata(inner, &one.sha256),
        shadow: shadow::words(inner, &one.sha256),
    }
}

fn metadata(inner: &Inner, sha256: &str) -> Vec<ModelFact> {
    let said = control(inner).ok().and_then(|control| Shelf::metadata(control, sha256).ok());
    let fact = |(name, value)| ModelFact { name, value };
    said.unwrap_or_default().fields().into_iter().map(fact).collect()
}

/// What the signature of a model says now; nothing where it has none.
fn signature(inner: &Inner, sha256: &str) -> Option<String> {
    let none = |signed: Option<_>| signed.is_none();
    if control(inner).ok().is_some_and(|control| Shelf::signature(control, sha256).is_ok_and(none)) {
        return None;
    }
    let gate = signing::gate(inner, sha256);
    Some(gate.map_or_else(|error| error.to_string(), |gate| format!("{}: {}", gate.state.name(), gate.what)))
}

pub(super) fn all(inner: &Inner) -> Result<ModelRegistry, EngineError> {
    let registry = Shelf::load(control(inner)?)?;
    let pointer = &registry.pointer;
    let mut items: Vec<ModelVersion> =
        registry.versions.values().map(|one| version(inner, &registry, one)).collect();
    // What answers, then what is on its way, newest first, then what is put away.
    let rank = |one: &ModelVersion| match one.stage.as_str() {
        "production" => 0,
        "staging" => 1,
        "archived" => 3,
        _ => 2,
    };
    items.order_by(|a, b| (rank(a), b.at_ms, &a.sha256).cmp(&(rank(b), a.at_ms, &b.sha256)));
    Ok(ModelRegistry {
        next: None,
        serving: inner.library.model_id(),
        governed: pointer.production.is_some(),
        since_ms: pointer.production.as_ref().map(|_| pointer.since_ms),
        previous: pointer.previous.clone(),
        promoting: pointer.promoting.as_ref().map(|promotion| promotion.sha256.clone()),
        held: pointer.held.as_ref().map(|hold| format!("{}: {}", hold.by, hold.reason)),
        items,
    })
}

fn name_of(registry: &Registry, sha256: &str) -> String {
    registry.versions.get(sha256).map(|version| version.name.clone()).unwrap_or_default()
}

fn moved(registry: &Registry, id: u64, one: &Move) -> ModelMove {
    let (before, after) = one.switched.clone().unzip();
    ModelMove {
        id: id.to_string(),
        at_ms: one.at_ms,
        what: one.deed.name().to_owned(),
        name: name_of(registry, &one.sha256),
        sha256: one.sha256.clone(),
        by: one.by.clone(),
        reason: one.reason.clone(),
        before,
        after,
    }
}

/// Cursor: the id of the last one of the page before.
pub(super) fn history(inner: &Inner, query: &ModelHistoryQuery) -> Result<Page<ModelMove>, EngineError> {
    let control = control(inner)?;
    let registry = Shelf::load(control)?;
    let of = query.model.as_deref().map(|typed| registry.meant(typed)).transpose()?;
    let before = cursor(query.cursor.as_ref())?.unwrap_or(u64::MAX);
    let limit = if query.limit == 0 { LIMIT } else { query.limit.min(LIMIT_MOST) };
    let found = Shelf::moves(control, of.map(|version| version.sha256.as_str()), before, limit)?;
    let next = found.last().filter(|_| found.len() == limit).map(|(id, _)| id.to_string());
    Ok(Page { items: found.iter().map(|(id, one)| moved(&registry, *id, one)).collect(), next })
}

/// What answered at a time: by the last switch before, or what the first one after took the place of.
pub(super) fn at(inner: &Inner, at_ms: u64) -> Result<ServedModel, EngineError> {
    let control = control(inner)?;
    if let Some(first) = trail::first(control).filter(|first_ms| at_ms < *first_ms) {
        let what = format!(
            "nothing is known of that time: the first entry of this box is of {} UTC",
            format_time(first)
        );
        return Err(invalid(what, "give a later time; `spud model history` shows what answered when"));
    }
    let registry = Shelf::load(control)?;
    let (sha256, since) = match Shelf::at(control, at_ms)? {
        Some(one) => {
            let sha256 = one.switched.as_ref().map(|(_, after)| after.clone()).unwrap_or_default();
            (sha256, Some(moved(&registry, 0, &one)))
        }
        None => match Shelf::first_after(control, at_ms)?.and_then(|one| one.switched) {
            Some((before, _)) => (before, None),
            None => (inner.library.model_id(), None),
        },
    };
    Ok(ServedModel { at_ms, name: name_of(&registry, &sha256), sha256, since })
}
