//! A restore that is tried: into a scratch folder, opened, checked, asked, compared, thrown away.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::task::Outcome;
use super::words;
use crate::base::format_bytes;
use crate::engine::EngineError;
use crate::engine::encryption::crypt_said;
use crate::engine::run::Inner;
use crate::knowledge::{KnowledgeError, Library, Question, open_model};
use crate::store::backup::{Backup, Repository, Trust, Watch, restore};
use crate::store::crypt::CryptError;
use crate::store::{Control, Disk, check_rows};

pub(super) const FOLDER: &str = ".drill";
const CACHE: usize = 1 << 20;
/// Questions asked of each collection, and in all.
const OF_EACH: usize = 3;
const IN_ALL: usize = 24;
const RESULTS: usize = 5;

/// Tries a restore of a backup, the newest where none is named.
pub(super) fn drill(
    inner: &Inner,
    from: &Path,
    id: Option<&str>,
    watch: Watch<'_>,
) -> Result<Outcome, EngineError> {
    let folder = inner.settings.data_dir.join(FOLDER);
    remove(&folder)?; // of a drill that was cut short
    let repository = Repository::open(from).map_err(words::said)?;
    let trust = Trust::of_box(&inner.settings.data_dir);
    let backup = repository.backup(id.unwrap_or("latest")).map_err(words::said)?;
    let backup = backup.believed(&trust).map_err(words::said)?;
    let needed = backup.manifest.bytes().saturating_mul(3) / 2; // tables grow by their tree
    let free = inner.meters.disk_free();
    if free < needed.saturating_add(inner.budgets.memory_total) {
        return Err(EngineError::DiskFull {
            what: format!("a drill needs {} free, there are {}", format_bytes(needed), format_bytes(free)),
            store: false,
        });
    }
    let made = restore(&repository, &backup, &folder, watch)
        .map_err(words::said)
        .and_then(|()| look(inner, &folder, &backup));
    remove(&folder)?;
    made
}

fn remove(folder: &Path) -> Result<(), EngineError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(KnowledgeError::from(error).into()),
        _ => Ok(()),
    }
}

/// What the restored box is worth.
fn look(inner: &Inner, folder: &Path, backup: &Backup) -> Result<Outcome, EngineError> {
    let head = &backup.manifest.head;
    let model = match head.model == inner.library.model_id() {
        true => inner.library.model(), // its bytes were compared when the pieces were read
        false => Arc::new(open_model(folder, &head.model)?),
    };
    let vault = inner.encryption.vault.of_copy(folder).map(Arc::new).map_err(|error| match error {
        CryptError::WrongKey { .. } => EngineError::Conflict {
            what: "this backup is encrypted with a key of before: it can be read with that key only".into(),
            advice: "restore it with `spud --data NEW-FOLDER backup restore` and that key".into(),
        },
        other => crypt_said(other),
    })?;
    let disk = |name: &str| Disk::file(&folder.join(name)).sealed(&vault);
    let library = Library::over(disk("corpus.redb"), folder, CACHE, model, head.model.clone())?;
    let mut problems = library.check()?.problems;
    let control = Control::over(disk("control.redb"), CACHE);
    let kept = control.and_then(|control| check_rows(&control.snapshot()?));
    match kept {
        Ok(found) => problems.extend(found.problems),
        Err(error) => problems.push(format!("control.redb: {error}")),
    }
    let answers = compare(inner, &library, backup)?;
    problems.extend(answers.different);
    let documents: u64 = head.collections.iter().map(|collection| collection.documents).sum();
    let message = format!(
        "backup {} restored: {} documents, {} of {} answers as those of this box{}",
        backup.id,
        documents,
        answers.same,
        answers.asked,
        if answers.changed > 0 {
            format!(" ({} collections changed since and were not compared)", answers.changed)
        } else {
            String::new()
        },
    );
    Ok(Outcome {
        backup: backup.id.clone(),
        bytes: backup.manifest.bytes(),
        message,
        problems,
        ..Outcome::default()
    })
}

#[derive(Default)]
struct Answers {
    asked: usize,
    same: usize,
    changed: usize,
    different: Vec<String>,
}

/// Asks both boxes for titles of documents. What changed since the backup may well answer otherwise.
fn compare(inner: &Inner, library: &Library, backup: &Backup) -> Result<Answers, EngineError> {
    let mut found = Answers::default();
    let live = inner.library.snapshot();
    for mark in &backup.manifest.head.collections {
        let same =
            live.collections.get(&mark.name).is_some_and(|view| view.record.generation == mark.generation);
        if !same {
            found.changed += 1;
            continue;
        }
        for (_, document) in library.documents(&mark.name, 0, OF_EACH, &|_| true)? {
            if found.asked == IN_ALL {
                return Ok(found);
            }
            let question = Question {
                text: document.title.clone(),
                collections: vec![mark.name.clone()],
                n: RESULTS,
                ..Question::default()
            };
            found.asked += 1;
            if inner.library.ask(&question)? == library.ask(&question)? {
                found.same += 1;
            } else {
                let title = &document.title;
                found.different.push(format!("'{title}' in {} is answered otherwise", mark.name));
            }
        }
    }
    Ok(found)
}
