//! Model artifacts: list, inspect, import, activate.

use std::fs;
use std::path::Path;

use super::EngineError;
use super::jobs::JobRecord;
use super::run::{Inner, Settings};
use super::worker::{self, invalid};
use crate::api::types::{Model as Words, ModelPath};
use crate::base::{InOrder, to_hex};
use crate::governance::registry::Shelf;
use crate::knowledge::{
    KnowledgeError, Model, default_model_id, model_path, open_default_model, open_model, read_folder,
    sha256_of, write_model,
};
use crate::store::Control;

/// The model that serves, with its id: the one asked for, else the one activated, else the embedded one.
/// A model that was promoted stands above what was activated.
pub(super) fn serving(settings: &Settings, control: &Control) -> Result<(Model, String), EngineError> {
    let data = &settings.data_dir;
    // A store that cannot be read must not keep the box from answering: `models/active` says the same.
    let production = match settings.scratch {
        true => None,
        false => Shelf::production(control).unwrap_or_else(|error| {
            tracing::error!(%error, "what answers cannot be read; models/active says it");
            None
        }),
    };
    let production = production.as_deref();
    if let (None, Some(id)) = (&settings.model, production.filter(|id| *id != default_model_id())) {
        let model = open_model(data, id).map_err(|error| EngineError::Invalid {
            what: format!("the model in production cannot be opened: {error}"),
            advice: format!("put models/{id}/model.spud back: it is in every backup since the promotion"),
        })?;
        return Ok((model, id.to_owned()));
    }
    if let (None, Some(id)) = (&settings.model, production) {
        return Ok((open_default_model(data)?, id.to_owned()));
    }
    Ok(match (&settings.model, chosen(data)) {
        (Some(path), _) => (
            Model::open(path).map_err(KnowledgeError::from)?,
            to_hex(&sha256_of(path).map_err(KnowledgeError::from)?.0),
        ),
        (None, Some(id)) => (open_model(data, &id)?, id),
        (None, None) => (open_default_model(data)?, default_model_id().to_owned()),
    })
}

/// The model that was activated, if it is not the embedded one.
fn chosen(data: &Path) -> Option<String> {
    let id = fs::read_to_string(data.join("models").join("active")).ok()?;
    let id = id.trim();
    (id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit())).then(|| id.to_owned())
}

fn words(model: &Model, sha256: &str, active: bool) -> Words {
    let meta = model.meta();
    Words {
        sha256: sha256.to_owned(),
        name: meta.name.clone(),
        rows: u64::from(meta.rows),
        columns: meta.columns,
        bytes: model.file().len(),
        licence: meta.licence.clone(),
        source: meta.source.clone(),
        path: model.file().path().display().to_string(),
        active,
        built_in: sha256 == default_model_id(),
        ..Words::default()
    }
}

pub(super) fn list(inner: &Inner) -> Result<Vec<Words>, EngineError> {
    let folder = inner.settings.data_dir.join("models");
    let entries = fs::read_dir(&folder).map_err(KnowledgeError::from)?;
    let mut found = Vec::new();
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        let sha256 = entry.file_name().to_string_lossy().into_owned();
        let active = sha256 == inner.library.model_id();
        match Model::open(&model_path(&inner.settings.data_dir, &sha256)) {
            Ok(model) => {
                let standing = super::registry::standing(inner, &sha256);
                let (stage, review) = standing.unzip();
                found.push(Words { stage, review, ..words(&model, &sha256, active) });
            }
            Err(damage) => tracing::warn!(%damage, "a model cannot be opened"),
        }
    }
    found.order_by(|a, b| (!a.active, &a.sha256).cmp(&(!b.active, &b.sha256)));
    Ok(found)
}

pub(super) fn inspect(inner: &Inner, request: &ModelPath) -> Result<Words, EngineError> {
    let path = Path::new(&request.path);
    let wrong = |what: String| {
        invalid(what, "a spud model file is needed; import other models with `spud model import`")
    };
    let (sha256, _) = sha256_of(path).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
    let model = Model::open(path).map_err(|e| wrong(e.to_string()))?;
    model.file().verify_all().map_err(|e| wrong(e.to_string()))?;
    let sha256 = to_hex(&sha256);
    let active = sha256 == inner.library.model_id();
    Ok(words(&model, &sha256, active))
}

/// Converts a Model2Vec folder (or takes a spud model file) into `models/<sha256>/`.
pub(super) fn import(inner: &Inner, request: &ModelPath) -> Result<Words, EngineError> {
    let models = inner.settings.data_dir.join("models");
    if request.activate
        && let Some(control) = inner.config_history()
        && Shelf::production(control)?.is_some()
    {
        return Err(EngineError::Conflict {
            what: "what answers on this box is promoted, not activated".into(),
            advice: "spud model register, submit and promote; others vote in between".into(),
        });
    }
    let partial = models.join("import.part");
    let from = Path::new(&request.path);
    if from.is_file() {
        Model::open(from).and_then(|m| m.file().verify_all()).map_err(|e| {
            invalid(e.to_string(), "give a spud model file, or the folder of a Model2Vec model")
        })?;
        fs::copy(from, &partial).map_err(KnowledgeError::from)?;
    } else {
        let source = read_folder(from).map_err(|e| {
            invalid(
                e.to_string(),
                "a Model2Vec folder has model.safetensors, tokenizer.json or vocab.txt, config.json",
            )
        })?;
        write_model(&partial, &source).map_err(KnowledgeError::from)?;
    }
    let (sha256, _) = sha256_of(&partial).map_err(KnowledgeError::from)?;
    let sha256 = to_hex(&sha256);
    let path = model_path(&inner.settings.data_dir, &sha256);
    let place = || -> std::io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(&models))?;
        fs::rename(&partial, &path)?;
        crate::store::sync_parent(&path)
    };
    place().map_err(KnowledgeError::from)?;
    let model = Model::open(&path).map_err(KnowledgeError::from)?;
    if request.activate {
        activate(inner, &models, &sha256)?;
    }
    Ok(words(&model, &sha256, request.activate || sha256 == inner.library.model_id()))
}

/// Makes a model the one that answers, from the next start on.
pub(super) fn activate(inner: &Inner, models: &Path, sha256: &str) -> Result<(), EngineError> {
    let (part, path) = (models.join("active.part"), models.join("active"));
    let write = || -> std::io::Result<()> {
        #[allow(clippy::disallowed_methods)] // written beside, synced and renamed below
        fs::write(&part, format!("{sha256}\n"))?;
        fs::File::open(&part)?.sync_all()?;
        fs::rename(&part, &path)?;
        crate::store::sync_parent(&path)
    };
    write().map_err(KnowledgeError::from)?;
    tracing::info!(model = sha256, tier = inner.tier.tier, "model chosen");
    Ok(())
}

/// Queues the re-index of collections whose vectors were made by another model than the one that answers now.
pub(super) fn reindex_strangers(inner: &Inner) -> Result<(), EngineError> {
    let jobs = inner.jobs.list(&inner.library.database())?;
    for (name, view) in &inner.library.snapshot().collections {
        let queued = |(_, job): &(u64, JobRecord)| {
            job.collection == *name && job.kind == "reindex" && !job.state().is_final()
        };
        if view.has_other_model(&inner.library.model_id()) && !jobs.iter().any(queued) {
            tracing::info!(collection = %name, "another model answers now; the collection is indexed again");
            worker::enqueue(
                inner,
                JobRecord {
                    kind: "reindex".into(),
                    collection: name.clone(),
                    force: true,
                    ..JobRecord::default()
                },
            )?;
        }
    }
    Ok(())
}
