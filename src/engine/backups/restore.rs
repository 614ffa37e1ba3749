//! A backup takes the place of a box: laid out beside it first, moved in when nobody has it open.
//!
//! ```text
//! .restoring/   being written; worth nothing after a crash
//! .restored/    whole; the next start moves it in
//! replaced-by-<backup>/   what the box had before
//! ```
//! Every step can be cut short and done again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::words;
use crate::api::types::{RestoreBackup, Restored};
use crate::engine::EngineError;
use crate::engine::worker::invalid;
use crate::knowledge::KnowledgeError;
use crate::store::backup::{Backup, Repository, Trust, Watch, from_hex, restore, to_hex, trust};
use crate::store::{Meter, open_metered, sync_parent};

const WRITING: &str = ".restoring";
const READY: &str = ".restored";
/// Names the backup, inside [`READY`]; moved last.
const NAME: &str = "restored-from";
/// What makes a folder a box.
const OF_A_BOX: [&str; 3] = ["corpus.redb", "control.redb", "segments"];

/// A restore that waits for the next start.
pub(super) struct Staged {
    pub(super) backup: Backup,
    pub(super) first_seen: bool,
}

/// Lays a backup out beside the box.
pub(super) fn stage(
    data: &Path,
    from: &Path,
    id: &str,
    key: Option<&str>,
    watch: Watch<'_>,
) -> Result<Staged, EngineError> {
    let known = Trust::of_box(data);
    let believed = match key {
        Some(key) => {
            let key = from_hex(key.trim());
            let wrong =
                || invalid("--key is no public key", "give the 64 hexadecimal digits of `spud backup show`");
            Trust::only(vec![key.ok_or_else(wrong)?])
        }
        None if known.is_empty() => Trust::first_seen(),
        None => known.clone(),
    };
    let repository = Repository::open(from).map_err(words::said)?;
    let backup = repository.backup(id).and_then(|backup| backup.believed(&believed)).map_err(words::said)?;
    let (writing, ready) = (data.join(WRITING), data.join(READY));
    for old in [&writing, &ready] {
        remove(old).map_err(KnowledgeError::from)?;
    }
    restore(&repository, &backup, &writing, watch).map_err(words::said)?;
    let finish = || -> io::Result<()> {
        #[allow(clippy::disallowed_methods)] // synced below, before the folder has its name
        fs::write(writing.join(NAME), format!("{}\n", backup.id))?;
        fs::File::open(writing.join(NAME))?.sync_all()?;
        fs::rename(&writing, &ready)?;
        sync_parent(&ready)
    };
    finish().map_err(KnowledgeError::from)?;
    trust(data, &backup.key).map_err(words::said)?;
    Ok(Staged { first_seen: known.is_empty(), backup })
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Moves a box in that waits for it; gives where the box before lies. To be called while nobody has the stores
/// open.
pub(crate) fn apply_staged(data: &Path) -> Result<Option<PathBuf>, EngineError> {
    let ready = data.join(READY);
    if !ready.is_dir() {
        return Ok(None);
    }
    for store in ["corpus.redb", "control.redb"] {
        let path = data.join(store);
        let locked = path.exists()
            && matches!(
                open_metered(&path, 0, &std::sync::Arc::<Meter>::default()),
                Err(redb::DatabaseError::DatabaseAlreadyOpen)
            );
        if locked {
            return Err(KnowledgeError::Locked { path }.into());
        }
    }
    let id = fs::read_to_string(ready.join(NAME)).unwrap_or_default();
    let aside = data.join(format!("replaced-by-{}", id.trim()));
    let moved = move_in(data, &ready, &aside).map_err(KnowledgeError::from)?;
    tracing::warn!(backup = id.trim(), "a backup took the place of the box");
    Ok(moved.then_some(aside))
}

fn move_in(data: &Path, ready: &Path, aside: &Path) -> io::Result<bool> {
    let mut names: Vec<_> =
        fs::read_dir(ready)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    // Of what the box had, nothing may stay that the backup does not know: segments without a record, say.
    for old in OF_A_BOX {
        if !names.iter().any(|name| name == old) && data.join(old).exists() && !aside.join(old).exists() {
            fs::create_dir_all(aside)?;
            fs::rename(data.join(old), aside.join(old))?;
        }
    }
    names.retain(|name| name != NAME);
    for name in names {
        let (from, to, old) = (ready.join(&name), data.join(&name), aside.join(&name));
        if to.exists() {
            fs::create_dir_all(aside)?;
            if old.exists() {
                // Left by an earlier restore of the same backup.
                if old.is_dir() { fs::remove_dir_all(&old)? } else { fs::remove_file(&old)? }
            }
            fs::rename(&to, &old)?;
        }
        fs::rename(&from, &to)?;
    }
    fs::File::open(data)?.sync_all()?;
    fs::remove_dir_all(ready)?;
    Ok(aside.exists())
}

/// Makes a box out of a backup where no spud runs.
///
/// # Errors
/// [`EngineError::Conflict`] where a box is and `force` was not said; what the repository says.
pub fn restore_offline(data: &Path, id: &str, request: &RestoreBackup) -> Result<Restored, EngineError> {
    let from = request.from.as_deref().map_or_else(|| data.join("backups"), PathBuf::from);
    let there = OF_A_BOX.iter().any(|name| data.join(name).exists());
    if there && !request.force {
        return Err(EngineError::Conflict {
            what: format!("{} holds a box", data.display()),
            advice: "give another folder with --data, or replace this box with --force".into(),
        });
    }
    let fresh = !data.exists();
    let made = || -> Result<Restored, EngineError> {
        fs::create_dir_all(data).map_err(KnowledgeError::from)?;
        let staged = stage(data, &from, id, request.key.as_deref(), Watch::none())?;
        let replaced = apply_staged(data)?;
        let manifest = &staged.backup.manifest;
        Ok(Restored {
            backup: staged.backup.id.clone(),
            into: data.display().to_string(),
            bytes: manifest.bytes(),
            documents: manifest.head.collections.iter().map(|collection| collection.documents).sum(),
            key: to_hex(&staged.backup.key),
            first_seen: staged.first_seen && request.key.is_none(),
            replaced: replaced.map(|folder| folder.display().to_string()),
        })
    };
    made().inspect_err(|_| {
        if fresh {
            let _ = fs::remove_dir_all(data.join(WRITING));
            let _ = fs::remove_dir(data); // only when it is empty: a refused restore leaves nothing
        }
    })
}
