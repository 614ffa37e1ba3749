//! What one run does: a backup is made, read, thinned out, tried, or laid out to take the place of the box.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{drill, restore, words};
use crate::audit::Entry;
use crate::base::InOrder;
use crate::engine::run::Inner;
use crate::engine::{EngineError, trail};
use crate::knowledge::{CACHE_TABLES, KnowledgeError};
use crate::store::backup::{
    Backup, CollectionMark, Head, Keep, Repository, Signer, Trust, Watch, Writer, verify,
};
use crate::store::crypt::{HEADER, random};

/// What is to be done.
#[derive(Debug, Clone)]
pub(crate) enum Task {
    /// A folder that is `known` was made before: where it is missing, its disk is, and the one below is not filled.
    Create {
        to: PathBuf,
        known: bool,
    },
    Verify {
        from: PathBuf,
        id: Option<String>,
        repair: bool,
    },
    Prune {
        from: PathBuf,
        keep: Keep,
        dry_run: bool,
    },
    Drill {
        from: PathBuf,
        id: Option<String>,
    },
    Restore {
        from: PathBuf,
        id: String,
        key: Option<String>,
    },
}

impl Task {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Verify { .. } => "verify",
            Self::Prune { .. } => "prune",
            Self::Drill { .. } => "drill",
            Self::Restore { .. } => "restore",
        }
    }

    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Create { to, .. } => to,
            Self::Verify { from, .. }
            | Self::Prune { from, .. }
            | Self::Drill { from, .. }
            | Self::Restore { from, .. } => from,
        }
    }
}

/// What a task found.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) backup: String,
    pub(super) bytes: u64,
    pub(super) new_bytes: u64,
    pub(super) message: String,
    /// With any, the run failed.
    pub(super) problems: Vec<String>,
}

/// Does it. `told` is the entry that says who asked.
pub(super) fn carry_out(
    inner: &Arc<Inner>,
    task: &Task,
    told: Option<&Entry>,
    watch: Watch<'_>,
) -> Result<Outcome, EngineError> {
    let trust = || Trust::of_box(&inner.settings.data_dir);
    match task {
        Task::Create { to, known } => create(inner, to, *known, watch),
        Task::Verify { from, id, repair } => {
            let repository = if *repair { Repository::open_to_write(from) } else { Repository::open(from) };
            let found = verify(&repository.map_err(words::said)?, id.as_deref(), &trust(), *repair, watch);
            Ok(words::verified(found.map_err(words::said)?))
        }
        Task::Prune { from, keep, dry_run } => prune(from, keep, *dry_run),
        Task::Drill { from, id } => drill::drill(inner, from, id.as_deref(), watch),
        Task::Restore { from, id, key } => {
            let asked = told.map_or((trail::BOX, ""), Entry::asked);
            let staged = restore::stage(&inner.settings.data_dir, from, id, key.as_deref(), asked, watch)?;
            Ok(words::staged(&staged))
        }
    }
}

/// Everything that makes the box: both stores, segments, models, the built-in documents. Not the keys, the logs
/// and the cached answers.
fn create(inner: &Inner, to: &Path, known: bool, watch: Watch<'_>) -> Result<Outcome, EngineError> {
    let data = &inner.settings.data_dir;
    let signer = Signer::open(data, random).map_err(words::said)?;
    let repository = if known { Repository::open_to_write(to) } else { Repository::create(to) };
    let repository = repository.map_err(words::said)?;
    let mut writer = Writer::begin(&repository, watch).map_err(words::said)?;
    // The header that opens what the views show, held open: it may be replaced meanwhile.
    let keys = inner.encryption.vault.state();
    let header = std::fs::File::open(data.join(HEADER)).ok();
    let pinned = inner.library.pin()?;
    // Taken one right after the other: what both name is of the same moment, but for a few milliseconds.
    let control = inner.modes.control.snapshot().map_err(|error| words::store_said(&error))?;
    if !Arc::ptr_eq(&keys, &inner.encryption.vault.state()) {
        return Err(EngineError::Conflict {
            what: "the keys of the box changed just now".into(),
            advice: "try again".into(),
        });
    }
    let made_ms = inner.clock.now_ms();
    writer.store("control.redb", &control, &[]).map_err(words::said)?;
    drop(control);
    writer.store("corpus.redb", &pinned.read, &CACHE_TABLES).map_err(words::said)?;
    if let Some(header) = &header {
        writer.file(HEADER, header, false).map_err(words::said)?;
    }
    for (name, file) in pinned.segments() {
        writer.file(&name, file, true).map_err(words::said)?;
    }
    for (name, immutable) in other_files(data)? {
        let file = std::fs::File::open(data.join(&name)).map_err(KnowledgeError::from)?;
        writer.file(&name, &file, immutable).map_err(words::said)?;
    }
    let collections = pinned.snapshot.collections.iter().map(|(name, view)| CollectionMark {
        name: name.clone(),
        generation: view.record.generation,
        documents: view.record.documents,
    });
    let head = Head {
        made_ms,
        spud: env!("CARGO_PKG_VERSION").to_owned(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        model: inner.library.model_id(),
        collections: collections.collect(),
    };
    let backup = writer.finish(head, &signer).map_err(words::said)?;
    Ok(words::created(&backup))
}

/// Models and the built-in documents, with whether they never change.
fn other_files(data: &Path) -> Result<Vec<(String, bool)>, EngineError> {
    let mut found = Vec::new();
    let named = |folder: &Path| -> std::io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| !name.ends_with(".part"));
        names.order();
        Ok(names)
    };
    for name in named(&data.join("models")).map_err(KnowledgeError::from)? {
        let path = data.join("models").join(&name);
        if path.is_file() {
            found.push((format!("models/{name}"), false));
        } else {
            let files = named(&path).map_err(KnowledgeError::from)?;
            found.extend(files.iter().map(|file| (format!("models/{name}/{file}"), true)));
        }
    }
    for name in named(&data.join("handbook")).map_err(KnowledgeError::from)? {
        found.push((format!("handbook/{name}"), false));
    }
    Ok(found)
}

fn prune(from: &Path, keep: &Keep, dry_run: bool) -> Result<Outcome, EngineError> {
    let repository = Repository::open_to_write(from).map_err(words::said)?;
    let listed = repository.backups().map_err(words::said)?;
    // One that cannot be read is for a person to decide on: it stays.
    let backups: Vec<Backup> = listed.into_iter().filter_map(|(_, backup)| backup.ok()).collect();
    let times: Vec<u64> = backups.iter().map(|backup| backup.manifest.head.made_ms).collect();
    let kept = keep.kept(&times);
    let gone = backups.iter().zip(kept).filter(|(_, kept)| !kept).map(|(backup, _)| backup.id.clone());
    let gone: Vec<String> = gone.collect();
    let left = backups.len() - gone.len();
    if dry_run {
        let names = if gone.is_empty() { "nothing".to_owned() } else { gone.join(", ") };
        return Ok(Outcome {
            message: format!("{names} would go; {left} backups stay"),
            ..Outcome::default()
        });
    }
    let swept = repository.remove(&gone).map_err(words::said)?;
    Ok(words::pruned(&swept, left))
}
