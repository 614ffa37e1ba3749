//! Does one action: composes the rooms and says the result in the API's words.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::jobs::JobRecord;
use super::run::Inner;
use super::{
    Action, ApprovalAction, Caller, EngineError, Reply, approvals, backups, compact, documents, encryption,
    evaluate, health, logs, models, queue_actions, repair, status, trail, use_cases,
};
use crate::api::types::{
    AddRequest, Collection, CreateCollection, EmbeddingInput, Embeddings, EmbeddingsRequest, Failure, Job,
    RemoveRequest,
};
use crate::audit::Entry;
use crate::knowledge::{Batch, CollectionView, Language, Model};

/// Collection that is meant when none is named.
pub(super) const DEFAULT_COLLECTION: &str = "default";
const FAILURES_LISTED: usize = 1000;
const EMBEDDINGS_MOST: usize = 2048;

/// Does it, where it is let in.
pub(super) fn act(inner: &Arc<Inner>, caller: &Caller, action: Action) -> Result<Reply, EngineError> {
    let action = super::redaction::cleaned(super::admission::let_in(inner, caller, action)?);
    approvals::hold(inner, caller, &action)?;
    let voted = approvals::voted(&action);
    let reply = trail::told(inner, caller, action, |action, told| carry_out(inner, caller, action, told))?;
    match voted {
        // The answer tells what came of it.
        Some(id) if approvals::carry_out_due(inner) => {
            carry_out(inner, caller, Action::Approval(ApprovalAction::Show(id)), None)
        }
        _ => Ok(reply),
    }
}

/// Does what has its votes, with the entries that belong to it.
pub(super) fn perform(inner: &Arc<Inner>, caller: &Caller, action: Action) -> Result<Reply, EngineError> {
    let action = super::admission::let_in(inner, caller, action)?;
    trail::told(inner, caller, action, |action, told| carry_out(inner, caller, action, told))
}

/// Does it; `told` is the entry of the audit log that goes with a change of `control.redb`.
fn carry_out(
    inner: &Arc<Inner>,
    caller: &Caller,
    action: Action,
    told: Option<&Entry>,
) -> Result<Reply, EngineError> {
    match action {
        Action::Ready | Action::Health => Ok(Reply::Health(health::told(inner, &action))),
        Action::Listen => super::access::heard(inner, caller).map(Reply::Listening),
        Action::Access(action) => super::access::act(inner, caller, action, told).map(Reply::Access),
        Action::Search(request) => use_cases::search(inner, caller, &request).map(Reply::Search),
        Action::Ask(request) => use_cases::ask(inner, caller, &request).map(Reply::Ask),
        Action::Status | Action::Hardware | Action::Profile => Ok(told_of_box(inner, &action)),
        Action::Collections => {
            Ok(super::access::leave(inner, caller, Reply::Collections(collections(inner))))
        }
        Action::CreateCollection(request) => create(inner, &request).map(Reply::Collection),
        Action::RemoveCollection { name, .. } => remove_collection(inner, &name),
        Action::Reindex(name) => reindex(inner, &name).map(Reply::Job),
        Action::Documents(query) => documents::listed(inner, &query).map(Reply::Documents),
        Action::Document(id) => documents::one(inner, &id).map(Reply::Document),
        Action::Passages(query) => documents::passages(inner, &query).map(Reply::Passages),
        Action::Add(request) => add(inner, request).map(Reply::Job),
        Action::Remove(request) => remove(inner, &request),
        Action::Jobs => jobs(inner).map(Reply::Jobs),
        Action::Job(id) => job(inner, &id).map(Reply::Job),
        Action::CancelJob(id) => cancel(inner, &id).map(Reply::Job),
        Action::Failures(collection) => failures(inner, collection).map(Reply::Failures),
        Action::Embed(request) => embed(inner, &request).map(Reply::Embeddings),
        Action::Models => models::list(inner).map(Reply::Models),
        Action::InspectModel(request) => models::inspect(inner, &request).map(Reply::Model),
        Action::ImportModel(request) => models::import(inner, &request).map(Reply::Model),
        Action::Check(request) => repair::check(inner, &request).map(Reply::Check),
        Action::Eval(request) => evaluate::run(inner, &request).map(Reply::Eval),
        Action::Logs(_) | Action::ImportLog(_) | Action::LogSources => logs::act(inner, action),
        Action::Mode => Ok(Reply::Mode(Box::new(inner.modes.report(&*inner.clock)))),
        Action::ModeHistory(query) => inner.modes.history(&query).map(Reply::ModeChanges),
        Action::ForceMode(by) => inner.modes.force(inner, caller, &by).map(Box::new).map(Reply::Mode),
        Action::AutoMode => inner.modes.auto(inner, caller).map(Box::new).map(Reply::Mode),
        Action::Breakers => Ok(Reply::Breakers(inner.modes.breakers(inner))),
        Action::ForceBreaker(request) => {
            inner.modes.hold_breaker(inner, caller, &request, told).map(Reply::Breakers)
        }
        Action::ReleaseBreaker(name) => inner.modes.release_breaker(inner, &name, told).map(Reply::Breakers),
        Action::PostOperation(_)
        | Action::Operations(_)
        | Action::Operation(_)
        | Action::OperationPayload(_)
        | Action::Queue
        | Action::PauseQueue(_)
        | Action::RetryOperation(_)
        | Action::EditOperation { .. }
        | Action::PurgeOperations { .. } => queue_actions::act(inner, action, told),
        Action::Backups(_) | Action::Backup { .. } | Action::BackupStatus | Action::BackupRun(_) => {
            backups::look(inner, action)
        }
        Action::BeginBackupWork(_) | Action::ScheduleBackups(_) => {
            backups::change(inner, caller, action, told)
        }
        Action::Store | Action::EncryptStore(_) | Action::RotateStore(_) | Action::DecryptStore => {
            encryption::act(inner, action)
        }
        Action::Compact => compact::compact(inner).map(Reply::Compacted),
        Action::Config(action) => super::settings_action::act(inner, caller, action).map(Reply::Config),
        Action::Audit(action) => trail::act(inner, action, told).map(Reply::Audit),
        Action::Metric(action) => super::metric_action::act(inner, caller, action).map(Reply::Metric),
        Action::Approval(action) => super::approvals::act(inner, caller, action, told).map(Reply::Approval),
        Action::Registry(action) => super::registry::act(inner, caller, action, told).map(Reply::Registry),
        Action::UseCase(action) => use_cases::act(inner, caller, action, told).map(Reply::UseCase),
        Action::Alert(action) => super::alerts::act(inner, caller, action, told).map(Reply::Alert),
        Action::Trace(action) => super::traces::act(inner, action).map(Reply::Trace),
        Action::Incident(action) => super::incidents::act(inner, caller, action, told).map(Reply::Incident),
        Action::Probe(_) | Action::Dashboard(_) | Action::Sla(_) => of_files(inner, &action),
        Action::Redact(_) | Action::CheckFile(_) | Action::Reload => plain(inner, &action),
    }
}

/// What stands in files of the site.
fn of_files(inner: &Inner, action: &Action) -> Result<Reply, EngineError> {
    match action {
        Action::Probe(action) => super::probes::act(inner, action).map(Reply::Probe),
        Action::Dashboard(action) => super::dashboards::act(inner, action).map(Reply::Dashboard),
        Action::Sla(action) => super::sla::act(inner, action).map(Reply::Sla),
        _ => Err(EngineError::Internal("this is no question about files".into())),
    }
}

/// What writes nothing: a text is looked through, or policies and settings are read again.
fn plain(inner: &Arc<Inner>, action: &Action) -> Result<Reply, EngineError> {
    match action {
        Action::Redact(text) => Ok(Reply::Redacted(Box::new(super::redaction::of_text(text)))),
        Action::CheckFile(request) => {
            super::file_check::check(inner, request).map(Box::new).map(Reply::CheckedFile)
        }
        _ => reload(inner),
    }
}

/// What the box does, what it is, or where its time goes.
fn told_of_box(inner: &Inner, action: &Action) -> Reply {
    match action {
        Action::Status => Reply::Status(Box::new(status::read(inner))),
        Action::Profile => Reply::Profile(Box::new(super::profile::read(inner))),
        _ => Reply::Hardware(Box::new(status::hardware(inner))),
    }
}

/// Reads policies and settings again.
fn reload(inner: &Arc<Inner>) -> Result<Reply, EngineError> {
    super::settings::reload_all(inner)?;
    inner.watches.refresh(inner);
    Ok(Reply::Done)
}

pub(super) fn invalid(what: impl Into<String>, advice: impl Into<String>) -> EngineError {
    EngineError::Invalid { what: what.into(), advice: advice.into() }
}

/// A collection in the API's words.
pub(super) fn collection_words(name: &str, view: &CollectionView, model: &Model) -> Collection {
    Collection {
        name: name.to_owned(),
        documents: view.record.documents,
        chunks: view.chunks(),
        failures: view.record.failures,
        index_bytes: view.index_bytes(),
        source_bytes: view.record.source_bytes,
        segments: view.segment_count(),
        language: view.record.language.clone(),
        languages: view.languages(),
        model: model.meta().name.clone(),
        generation: view.record.generation,
        created_ms: view.record.created_ms,
        watched: view.record.watched.iter().map(|(folder, _)| folder.clone()).collect(),
        built_in: view.record.built_in,
    }
}

fn collections(inner: &Inner) -> Vec<Collection> {
    let (snapshot, model) = (inner.library.snapshot(), inner.library.model());
    snapshot.collections.iter().map(|(name, view)| collection_words(name, view, &model)).collect()
}

fn create(inner: &Inner, request: &CreateCollection) -> Result<Collection, EngineError> {
    let running = inner.config.running();
    let usual = running.text("ingest.language").unwrap_or("auto");
    let language = request.language.as_deref().unwrap_or(usual);
    if language != "auto" && Language::from_code(language).is_none() {
        let known = Language::codes().join(", ");
        return Err(invalid(
            format!("'{language}' is no language that spud knows"),
            format!("use auto, {known}"),
        ));
    }
    if inner.library.snapshot().collections.contains_key(&request.name) {
        return Err(EngineError::Conflict {
            what: format!("there is a collection '{}' already", request.name),
            advice: "choose another name, or remove it first".into(),
        });
    }
    let view = inner.library.create_collection(&request.name, language, false, inner.clock.now_ms())?;
    inner.publish_index(&request.name);
    Ok(collection_words(&request.name, &view, &inner.library.model()))
}

fn remove_collection(inner: &Inner, name: &str) -> Result<Reply, EngineError> {
    for (id, record) in inner.jobs.list(&inner.library.database())? {
        if record.collection == name && !record.state().is_final() {
            return Err(EngineError::Conflict {
                what: format!("job {id} is working on collection '{name}'"),
                advice: format!("wait for it, or cancel it with `spud job cancel {id}`"),
            });
        }
    }
    inner.library.remove_collection(name)?;
    inner.watches.refresh(inner);
    Ok(Reply::Done)
}

fn reindex(inner: &Inner, name: &str) -> Result<Job, EngineError> {
    inner.library.collection(name)?;
    enqueue(
        inner,
        JobRecord {
            kind: "reindex".into(),
            collection: name.to_owned(),
            force: true,
            ..JobRecord::default()
        },
    )
}

pub(super) fn enqueue(inner: &Inner, record: JobRecord) -> Result<Job, EngineError> {
    let record = JobRecord { created_ms: inner.clock.now_ms(), ..record };
    let id = inner.jobs.enqueue(&inner.library.database(), &record)?;
    Ok(record.to_job(id, record.created_ms, None))
}

fn add(inner: &Inner, request: AddRequest) -> Result<Job, EngineError> {
    let name = if request.collection.is_empty() { DEFAULT_COLLECTION } else { &request.collection };
    if request.paths.is_empty() {
        return Err(invalid("no path was given", "name files or folders: spud add PATH..."));
    }
    for path in &request.paths {
        let full = Path::new(path);
        if !full.is_absolute() {
            return Err(invalid(
                format!("'{path}' is not an absolute path"),
                "the server does not know your working folder",
            ));
        }
        if let Err(error) = full.symlink_metadata() {
            return Err(invalid(
                format!("'{path}' cannot be read: {error}"),
                "check the path and its permissions",
            ));
        }
    }
    let running = inner.config.running();
    let language = running.text("ingest.language").unwrap_or("auto");
    inner.library.create_collection(name, language, false, inner.clock.now_ms())?;
    if request.watch {
        let folders: Vec<_> = request.paths.iter().map(|p| (p.clone(), request.excludes.clone())).collect();
        inner.library.update_collection(name, |record| {
            for folder in folders {
                record.watched.retain(|(known, _)| *known != folder.0);
                record.watched.push(folder);
            }
        })?;
        inner.watches.refresh(inner);
    }
    enqueue(
        inner,
        JobRecord {
            kind: "add".into(),
            collection: name.to_owned(),
            paths: request.paths.into_iter().map(String::into_bytes).collect(),
            excludes: request.excludes,
            force: request.force,
            ..JobRecord::default()
        },
    )
}

fn remove(inner: &Arc<Inner>, request: &RemoveRequest) -> Result<Reply, EngineError> {
    let mut batches: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    if let Some(id) = &request.document {
        let (collection, record) = inner.library.document(parse_id("document", id)?)?;
        batches.push((collection, vec![record.path]));
    }
    if let Some(path) = &request.path {
        for name in inner.library.snapshot().collections.keys() {
            if request.collection.as_ref().is_none_or(|wanted| wanted == name) {
                let prefix = path.trim_end_matches('/').as_bytes();
                let all = inner.library.paths(name, prefix, &[], usize::MAX)?;
                let under = |p: &Vec<u8>| p.len() == prefix.len() || p.get(prefix.len()) == Some(&b'/');
                batches.push((name.clone(), all.into_iter().filter(under).collect()));
            }
        }
    }
    batches.retain(|(_, paths)| !paths.is_empty());
    if batches.is_empty() {
        let name = request.path.clone().or_else(|| request.document.clone()).unwrap_or_default();
        return Err(EngineError::NotFound {
            noun: "document",
            name,
            advice: "`spud document list` shows all".into(),
        });
    }
    for (collection, paths) in batches {
        let mut batch = Batch::new(inner.library.clone(), &collection, inner.width())?;
        paths.into_iter().for_each(|path| batch.remove(path));
        batch.commit(&|_| Ok(()))?;
        inner.publish_index(&collection);
    }
    Ok(Reply::Done)
}

pub(super) fn parse_id(noun: &'static str, id: &str) -> Result<u64, EngineError> {
    id.parse().map_err(|_| EngineError::NotFound {
        noun,
        name: id.to_owned(),
        advice: format!("`spud {noun} list` shows all"),
    })
}

fn jobs(inner: &Inner) -> Result<Vec<Job>, EngineError> {
    let now = inner.clock.now_ms();
    let mut all = inner.jobs.list(&inner.library.database())?;
    all.reverse(); // newest first
    Ok(all
        .into_iter()
        .map(|(id, record)| record.to_job(id, now, inner.jobs.current(id).as_deref()))
        .collect())
}

fn job(inner: &Inner, id: &str) -> Result<Job, EngineError> {
    let number = parse_id("job", id)?;
    let found = inner.jobs.list(&inner.library.database())?.into_iter().find(|(known, _)| *known == number);
    let (_, record) = found.ok_or_else(|| EngineError::NotFound {
        noun: "job",
        name: id.to_owned(),
        advice: "`spud job list` shows the jobs".into(),
    })?;
    Ok(record.to_job(number, inner.clock.now_ms(), inner.jobs.current(number).as_deref()))
}

fn cancel(inner: &Inner, id: &str) -> Result<Job, EngineError> {
    inner.jobs.cancel(&inner.library.database(), parse_id("job", id)?, inner.clock.now_ms())?;
    inner.modes.wake(); // it may be waiting for a better mode
    job(inner, id)
}

fn failures(inner: &Inner, collection: Option<String>) -> Result<Vec<Failure>, EngineError> {
    let names: Vec<String> = match collection {
        Some(name) => vec![name],
        None => inner.library.snapshot().collections.keys().cloned().collect(),
    };
    let mut all = Vec::new();
    for name in names {
        for (path, record) in inner.library.failures(&name, FAILURES_LISTED - all.len())? {
            all.push(Failure {
                collection: name.clone(),
                path: OsStr::from_bytes(&path).to_string_lossy().into_owned(),
                kind: record.kind,
                reason: record.reason,
                advice: record.advice,
                at_ms: record.at_ms,
            });
        }
    }
    Ok(all)
}

fn embed(inner: &Inner, request: &EmbeddingsRequest) -> Result<Embeddings, EngineError> {
    let model = inner.library.model();
    let width = match request.dimensions {
        None => model.meta().columns,
        Some(n) if n % 32 == 0 && n >= 32 && n <= model.meta().columns => n,
        Some(n) => {
            let most = model.meta().columns;
            return Err(invalid(
                format!("{n} dimensions cannot be had"),
                format!("ask for a multiple of 32, at most {most}"),
            ));
        }
    };
    let inputs: Vec<&str> = match &request.input {
        EmbeddingInput::One(text) => vec![text],
        EmbeddingInput::Many(texts) => texts.iter().map(String::as_str).collect(),
    };
    if inputs.len() > EMBEDDINGS_MOST {
        return Err(invalid(
            format!("{} inputs are too many", inputs.len()),
            format!("send at most {EMBEDDINGS_MOST}"),
        ));
    }
    let mut reply = Embeddings { model: model.meta().name.clone(), ..Embeddings::default() };
    let mut rows = Vec::new();
    for input in inputs {
        let mut vector = vec![0.0; width as usize];
        let tokens =
            model.embed(input, &mut vector, &mut rows).map_err(crate::knowledge::KnowledgeError::from)?;
        reply.tokens += tokens as u64;
        reply.vectors.push(vector);
    }
    Ok(reply)
}
