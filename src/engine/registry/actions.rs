//! What people ask of the models: look, register, submit, stage, promote, roll back, archive, hold.

use super::{compare, control, enqueue, fleet, judge, open, signing, words};
use crate::api::types::registry::{
    CompareModels, JudgeAnswers, JudgedQuestion, ModelComparison, ModelHistoryQuery, ModelMove, ModelReason,
    ModelRegistry, ModelVersion, RegisterModel, ServedModel, SubmitModel,
};
use crate::api::types::{Job, ModelPath, Page};
use crate::audit::{self, Entry};
use crate::base::{from_hex, to_hex};
use crate::engine::access::subject;
use crate::engine::incidents::{Opening, Sign, opening};
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{Caller, EngineError, approvals, models, trail};
use crate::governance::access::Role;
use crate::governance::approval::{Approval, Change, Draft, Impact, Shelf as Requests, State, Subject};
use crate::governance::registry::{
    Deed, Input, Metadata, Move, Registry, RegistryError, Shelf, Stage, Version, step,
};
use crate::knowledge::Model;
use crate::store::{StoreError, WriteTransaction};

/// Columns that an index needs at least.
const COLUMNS_LEAST: u32 = 64;

/// Everything that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryAction {
    All,
    /// By SHA-256, its beginning, or a name.
    Show(String),
    Register(RegisterModel),
    Submit {
        id: String,
        request: SubmitModel,
    },
    /// Make its vectors beside those that answer, and measure its gates.
    Stage(String),
    Promote {
        id: String,
        request: ModelReason,
    },
    RollBack(ModelReason),
    Archive {
        id: String,
        request: ModelReason,
    },
    Hold(ModelReason),
    Release,
    History(ModelHistoryQuery),
    /// What answered then.
    At(u64),
    Compare(CompareModels),
    /// Of this collection, or of all.
    Judged(Option<String>),
    Judge(JudgeAnswers),
    /// By id.
    ForgetJudged(String),
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum RegistryReply {
    All(Box<ModelRegistry>),
    Version(Box<ModelVersion>),
    Job(Box<Job>),
    Moves(Page<ModelMove>),
    At(Box<ServedModel>),
    Compared(Box<ModelComparison>),
    Judged(Page<JudgedQuestion>),
    Done,
}

/// Does what is asked. `told` is the entry of what changes something.
pub(in crate::engine) fn act(
    inner: &Inner,
    caller: &Caller,
    action: RegistryAction,
    told: Option<&Entry>,
) -> Result<RegistryReply, EngineError> {
    let by = || subject(inner, caller).map(|who| who.name.to_string());
    Ok(match action {
        RegistryAction::All => RegistryReply::All(Box::new(words::all(inner)?)),
        RegistryAction::Show(id) => shown(inner, &id)?,
        RegistryAction::History(query) => RegistryReply::Moves(words::history(inner, &query)?),
        RegistryAction::At(at_ms) => RegistryReply::At(Box::new(words::at(inner, at_ms)?)),
        RegistryAction::Compare(CompareModels { a, b }) => {
            let registry = Shelf::load(control(inner)?)?;
            let (a, b) = (registry.meant(&a)?, registry.meant(&b)?);
            let [a, b] = [a, b].map(|one| words::version(inner, &registry, one));
            RegistryReply::Compared(Box::new(compare::compared(&a, &b)))
        }
        RegistryAction::Judged(collection) => {
            RegistryReply::Judged(judge::list(inner, caller, collection.as_deref())?)
        }
        RegistryAction::Judge(request) => RegistryReply::Judged(judge::learn(inner, &by()?, request, told)?),
        RegistryAction::ForgetJudged(id) => {
            judge::forget(inner, caller, &id, told)?;
            RegistryReply::Done
        }
        RegistryAction::Register(request) => register(inner, &by()?, &request, told)?,
        RegistryAction::Submit { id, request } => submit(inner, &by()?, &id, &request, told)?,
        RegistryAction::Stage(id) => {
            let version = Shelf::load(control(inner)?)?.meant(&id)?.clone();
            if version.stage == Stage::Archived {
                return Err(EngineError::Conflict {
                    what: format!("the model {} is archived", version.name),
                    advice: "register it again: spud model register FILE".into(),
                });
            }
            RegistryReply::Job(Box::new(enqueue(inner, "stage", &version.sha256)?))
        }
        RegistryAction::Promote { id, request } => promote(inner, &by()?, &id, &request, told)?,
        RegistryAction::RollBack(request) => roll_back(inner, &by()?, &request, told, None)?,
        RegistryAction::Archive { id, request } => {
            let by = by()?;
            let _desk = inner.approvals.desk();
            let before = Shelf::load(control(inner)?)?;
            let sha256 = before.meant(&id)?.sha256.clone();
            let input = Input::Archive { sha256: &sha256, by: &by, reason: &request.reason };
            keep(inner, &before, input, told, |_| Ok(()))?;
            inner.library.forget_vectors(&sha256);
            shown(inner, &sha256)?
        }
        RegistryAction::Hold(request) => {
            let by = by()?;
            held(inner, Input::Hold { by: &by, reason: &request.reason }, told)?
        }
        RegistryAction::Release => {
            let by = by()?;
            held(inner, Input::Release { by: &by }, told)?
        }
    })
}

fn shown(inner: &Inner, id: &str) -> Result<RegistryReply, EngineError> {
    let registry = Shelf::load(control(inner)?)?;
    let version = registry.meant(id)?;
    Ok(RegistryReply::Version(Box::new(words::version(inner, &registry, version))))
}

fn held(inner: &Inner, input: Input<'_>, told: Option<&Entry>) -> Result<RegistryReply, EngineError> {
    let _desk = inner.approvals.desk();
    let before = Shelf::load(control(inner)?)?;
    keep(inner, &before, input, told, |_| Ok(()))?;
    Ok(RegistryReply::All(Box::new(words::all(inner)?)))
}

/// One step, kept with its entry and with what else goes into the transaction. The desk is held by the caller.
pub(super) fn keep(
    inner: &Inner,
    before: &Registry,
    input: Input<'_>,
    told: Option<&Entry>,
    also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(Registry, Move), EngineError> {
    let (after, moved) = step(before, input, inner.clock.now_ms())?;
    let entry = told.map(|told| about(told, &moved));
    let written = control(inner)?.write(|write| {
        also(write)?;
        Shelf::keep(write, before, &after, &moved)?;
        entry.iter().try_for_each(|entry| audit::append(write, entry).map(drop))
    });
    written.map_err(RegistryError::from)?;
    Ok((after, moved))
}

/// The entry with the artifact that it is about, and with what answered before and after.
fn about(told: &Entry, moved: &Move) -> Entry {
    let mut entry = told.clone();
    if !moved.sha256.is_empty() {
        entry.subject = ("model".into(), moved.sha256.clone());
        entry.after = from_hex(&moved.sha256);
    }
    if let Some((before, after)) = &moved.switched {
        (entry.before, entry.after) = (from_hex(before), from_hex(after));
    }
    entry
}

fn version_of(model: &Model, sha256: &str, by: &str, about: &str, now_ms: u64) -> Version {
    let meta = model.meta();
    Version {
        sha256: sha256.to_owned(),
        name: meta.name.clone(),
        licence: meta.licence.clone(),
        source: meta.source.clone(),
        about: about.trim().to_owned(),
        rows: meta.rows,
        columns: meta.columns,
        bytes: model.file().len(),
        by: by.to_owned(),
        at_ms: now_ms,
        stage: Stage::None,
        approval: None,
        approved_ms: None,
        gates: Vec::new(),
        measured_ms: None,
    }
}

/// Takes the artifact into `models/`, and registers it; with it what answers now, so that there is a way back.
fn register(
    inner: &Inner,
    by: &str,
    request: &RegisterModel,
    told: Option<&Entry>,
) -> Result<RegistryReply, EngineError> {
    const ABOUT: usize = 1_000;
    let licence = request.licence.as_deref().map(str::trim);
    if request.about.len() > ABOUT
        || licence.is_some_and(|licence| licence.is_empty() || licence.len() > ABOUT)
    {
        return Err(invalid(format!("about and licence have at most {ABOUT} bytes"), "say it shorter"));
    }
    control(inner)?;
    let said = Metadata::parse(&request.metadata)
        .map_err(|what| invalid(format!("metadata: {what}"), "mend it there; nothing was registered"))?;
    let signed = signing::given(request)?;
    let taken = models::import(inner, &ModelPath { path: request.path.clone(), activate: false })?;
    if taken.columns < COLUMNS_LEAST {
        return Err(invalid(
            format!("the model has {} columns; an index needs {COLUMNS_LEAST}", taken.columns),
            "register one with more columns",
        ));
    }
    let signed = signing::kept(request, signed, from_hex(&taken.sha256))?;
    let model = open(&inner.settings.data_dir, &taken.sha256)?;
    let _desk = inner.approvals.desk();
    let now_ms = inner.clock.now_ms();
    let mut before = Shelf::load(control(inner)?)?;
    let serving = inner.library.model_id();
    if !before.versions.contains_key(&serving) && taken.sha256 != serving {
        let version = Version {
            stage: Stage::Production,
            ..version_of(&inner.library.model(), &serving, "box", "what this box was given", now_ms)
        };
        before = keep(inner, &before, Input::Register(Box::new(version)), None, |_| Ok(()))?.0;
    }
    let mut version = version_of(&model, &taken.sha256, by, &request.about, now_ms);
    for (slot, said) in [(&mut version.licence, &said.licence), (&mut version.source, &said.source)] {
        if !said.is_empty() {
            said.clone_into(slot);
        }
    }
    if version.about.is_empty() {
        said.description.clone_into(&mut version.about);
    }
    if let Some(licence) = licence {
        version.licence = licence.to_owned();
    }
    if taken.sha256 == serving {
        version.stage = Stage::Production;
    }
    let told = told.cloned().map(|told| match &signed {
        Some(signed) => told.text("signature", to_hex(&trail::digest(signed.bundle.as_bytes()))),
        None => told,
    });
    let told = told.map(|told| match said.fields().as_slice() {
        [] => told,
        fields => told.text("metadata", listed(fields)),
    });
    keep(inner, &before, Input::Register(Box::new(version)), told.as_ref(), |write| {
        Shelf::keep_metadata(write, &taken.sha256, &said)?;
        signed.as_ref().map_or(Ok(()), |signed| Shelf::keep_signature(write, &taken.sha256, signed))
    })?;
    shown(inner, &taken.sha256)
}

/// A line each, for the audit log.
fn listed(fields: &[(String, String)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

fn submit(
    inner: &Inner,
    by: &str,
    id: &str,
    request: &SubmitModel,
    told: Option<&Entry>,
) -> Result<RegistryReply, EngineError> {
    let impact = match request.impact.as_deref() {
        None => Impact::Medium,
        Some(name) => Impact::parse(name)
            .ok_or_else(|| invalid(format!("'{name}' is no impact"), "low, medium, high or critical"))?,
    };
    let control = control(inner)?;
    let desk = inner.approvals.desk();
    let before = Shelf::load(control)?;
    let version = before.meant(id)?.clone();
    let now_ms = inner.clock.now_ms();
    let waits = version.approval.and_then(|id| Requests::get(control, id).ok());
    if let Some(waits) = waits.filter(|one| one.state_at(now_ms) == State::Pending) {
        return Err(EngineError::Conflict {
            what: format!("request {} asks for this model already", waits.id),
            advice: "let others vote on it, or withdraw it: spud approval withdraw".into(),
        });
    }
    if version.approved_ms.is_some() {
        return Err(EngineError::Conflict {
            what: format!("the model {} is approved already", version.name),
            advice: "promote it: spud model promote".into(),
        });
    }
    let digest = from_hex(&version.sha256)
        .ok_or_else(|| EngineError::Internal("the name of a model is no SHA-256".into()))?;
    let sha256 = version.sha256.as_str();
    let draft = Draft {
        subject: Subject { kind: "model".into(), name: sha256.to_owned(), digest },
        change: Change::Model { sha256: sha256.to_owned() },
        impact,
        by: by.to_owned(),
        reason: request.reason.clone(),
        diff: difference(inner, &before, &version),
        votes: 1,
        roles: vec![Role::Approver, Role::Admin],
        time_ms: 1,
    };
    approvals::submit(inner, &desk, draft, told, |number| {
        let input = Input::Submit { sha256, approval: number, by, reason: &request.reason };
        let (after, moved) = step(&before, input, now_ms)?;
        let entry = told.map(|told| about(told, &moved));
        Ok(move |write: &WriteTransaction| -> Result<(), StoreError> {
            Shelf::keep(write, &before, &after, &moved)?;
            entry.iter().try_for_each(|entry| audit::append(write, entry).map(drop))
        })
    })?;
    drop(desk);
    shown(inner, &version.sha256)
}

/// What would answer, beside what answers.
fn difference(inner: &Inner, registry: &Registry, version: &Version) -> String {
    let now = inner.library.model();
    let serving = inner.library.model_id();
    let known = registry.versions.get(&serving);
    let old = version_of(&now, &serving, "", "", 0);
    let licence = known.map_or(&old.licence, |known| &known.licence);
    let mut lines = Vec::new();
    let mut line = |name: &str, old: String, new: String| {
        if old == new {
            lines.push(format!("  {name:<8} {old}"));
        } else {
            lines.push(format!("- {name:<8} {old}"));
            lines.push(format!("+ {name:<8} {new}"));
        }
    };
    line("name", old.name.clone(), version.name.clone());
    line("sha256", serving, version.sha256.clone());
    line("licence", licence.clone(), version.licence.clone());
    line("source", old.source.clone(), version.source.clone());
    line("columns", old.columns.to_string(), version.columns.to_string());
    line("words", old.rows.to_string(), version.rows.to_string());
    line("bytes", old.bytes.to_string(), version.bytes.to_string());
    lines.join("\n")
}

/// The last vote: the model may be promoted. One transaction with the vote (`also`). The desk is held.
pub(in crate::engine) fn approved(
    inner: &Inner,
    sha256: &str,
    approval: &Approval,
    also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(), EngineError> {
    let before = Shelf::load(control(inner)?)?;
    let by = approval.events.last().map_or("", |event| event.by.as_str());
    let input = Input::Approve { sha256, approval: approval.id, by };
    keep(inner, &before, input, None, also).map(drop)
}

/// Begins: the job makes what is missing, measures, and switches.
fn promote(
    inner: &Inner,
    by: &str,
    id: &str,
    request: &ModelReason,
    told: Option<&Entry>,
) -> Result<RegistryReply, EngineError> {
    let before = Shelf::load(control(inner)?)?;
    let sha256 = before.meant(id)?.sha256.clone();
    // What cannot be opened, or may not be promoted, is told now, not by a job, and no other box hears of it.
    open(&inner.settings.data_dir, &sha256)?;
    let begin = || Input::Begin { sha256: &sha256, by, reason: &request.reason };
    step(&before, begin(), inner.clock.now_ms())?;
    fleet::take(inner, &sha256)?;
    {
        let _desk = inner.approvals.desk();
        let before = Shelf::load(control(inner)?)?;
        keep(inner, &before, begin(), told, |_| Ok(())).inspect_err(|_| {
            if before.pointer.promoting.is_none() {
                fleet::release(inner, &sha256);
            }
        })?;
    }
    // A power cut here leaves a promotion without a job: the next start queues it.
    Ok(RegistryReply::Job(Box::new(enqueue(inner, "promote", &sha256)?)))
}

/// Back to what answered before: its vectors are there, so this is one commit and a pointer; an incident of it is in
/// that commit.
pub(super) fn roll_back(
    inner: &Inner,
    by: &str,
    request: &ModelReason,
    told: Option<&Entry>,
    incident: Option<&Sign>,
) -> Result<RegistryReply, EngineError> {
    let began_us = inner.clock.monotonic_us();
    let _desk = inner.approvals.desk();
    let before = Shelf::load(control(inner)?)?;
    let model = match &before.pointer.previous {
        Some(previous) => Some(open(&inner.settings.data_dir, previous)?),
        None => None,
    };
    let input = Input::RollBack { by, reason: &request.reason };
    let mut opening = incident.and_then(|sign| opened(inner, sign));
    let (_, moved) = keep(inner, &before, input, told, |write| {
        opening.as_mut().map_or(Ok(()), |opening| opening.write(write))
    })?;
    if let Some(opening) = opening {
        opening.kept(inner);
    }
    if let Some(model) = model {
        inner.library.serve(model, &moved.sha256);
    }
    let took_us = inner.clock.monotonic_us().saturating_sub(began_us);
    tracing::info!(model = moved.sha256, by, took_us, "rolled back");
    served(inner, &moved.sha256);
    Ok(RegistryReply::All(Box::new(words::all(inner)?)))
}

/// What answers badly is rolled back also where no incident can be opened.
fn opened<'a>(inner: &'a Inner, sign: &Sign) -> Option<Opening<'a>> {
    opening(inner, sign).unwrap_or_else(|error| {
        tracing::error!(%error, title = sign.title, "an incident could not be opened");
        None
    })
}

/// After a switch: whoever looks is told, and what has no vectors yet is queued.
pub(super) fn served(inner: &Inner, sha256: &str) {
    // The file says the same to those who have no control.redb to ask: a rescue, a drill.
    if let Err(error) = write_active(inner, sha256) {
        tracing::warn!(%error, "models/active could not be written");
    }
    for name in inner.library.snapshot().collections.keys() {
        inner.publish_index(name);
    }
    if let Err(error) = super::fill(inner) {
        tracing::warn!(%error, "vectors that are missing could not be queued");
    }
}

fn write_active(inner: &Inner, sha256: &str) -> Result<(), EngineError> {
    models::activate(inner, &inner.settings.data_dir.join("models"), sha256)
}

/// As the audit log names what the job did.
pub(super) fn kind(deed: Deed) -> &'static str {
    match deed {
        Deed::Promoted => "model.promoted",
        Deed::Refused => "model.promotion_refused",
        _ => "model.staged",
    }
}
