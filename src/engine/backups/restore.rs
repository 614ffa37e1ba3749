//! A backup takes the place of a box: laid out beside it first, moved in when nobody has it open.
//!
//! ```text
//! .restoring/   being written; worth nothing after a crash
//! .restored/    whole; the next start moves what is there aside, then this in
//! .moving-in/   nothing old is in its place any more
//! replaced-by-<backup>/   what the box had before
//! ```
//! Every step can be cut short and done again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::note::{self, NAME, NOTE, Note};
use super::words;
use crate::api::types::{RestoreBackup, Restored};
use crate::base::{from_hex, to_hex};
use crate::engine::EngineError;
use crate::engine::worker::invalid;
use crate::knowledge::KnowledgeError;
use crate::store::backup::{Backup, Repository, Trust, Watch, restore, trust};
use crate::store::crypt::{COPY, HEADER};
use crate::store::{Meter, open_metered, sync_parent};

const WRITING: &str = ".restoring";
const READY: &str = ".restored";
const MOVING: &str = ".moving-in";
/// What makes a folder a box.
const OF_A_BOX: [&str; 4] = ["corpus.redb", "control.redb", "segments", HEADER];

/// A restore that waits for the next start.
pub(super) struct Staged {
    pub(super) backup: Backup,
    pub(super) first_seen: bool,
}

/// Lays a backup out beside the box. `asked`: who, and why.
pub(super) fn stage(
    data: &Path,
    from: &Path,
    id: &str,
    key: Option<&str>,
    asked: (&str, &str),
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
        fs::write(writing.join(NAME), Note::new(&backup.id, asked).line())?;
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

/// Removes what a crash left of a restore or a drill. To be called by whoever has the stores open.
pub(crate) fn sweep(data: &Path) {
    for name in [WRITING, super::drill::FOLDER] {
        if let Err(error) = remove(&data.join(name)) {
            tracing::warn!(%error, name, "a left-over cannot be removed");
        }
    }
}

/// Moves a box in that waits for it; gives where the box before lies. To be called while nobody has the stores
/// open.
pub(crate) fn apply_staged(data: &Path) -> Result<Option<PathBuf>, EngineError> {
    let Some(waiting) = [READY, MOVING].map(|name| data.join(name)).into_iter().find(|path| path.is_dir())
    else {
        return Ok(None);
    };
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
    note::complete(data, &data.join(READY))?;
    let id = note::backup_of(data, &waiting);
    let aside = data.join(format!("replaced-by-{id}"));
    let moved = put_in_place(data, &aside).map_err(KnowledgeError::from)?;
    tracing::warn!(backup = id, "a backup took the place of the box");
    Ok(moved.then_some(aside))
}

/// Moves what is there aside, then what is ready in. Which of the two a crash cut short is told by the folder's
/// name: as long as it is [`READY`], everything in its place is old.
fn put_in_place(data: &Path, aside: &Path) -> io::Result<bool> {
    let (ready, moving) = (data.join(READY), data.join(MOVING));
    if ready.is_dir() {
        let coming = names(&ready)?;
        let of_a_box = OF_A_BOX.iter().map(std::ffi::OsString::from);
        for name in of_a_box.chain(coming).filter(|name| name != NAME) {
            let from = data.join(&name);
            if from.exists() {
                fs::create_dir_all(aside)?;
                fs::rename(&from, unused(aside.join(&name)))?;
            }
        }
        // The copy of a header that opened what lies aside now would open nothing of what comes.
        if data.join(COPY).exists() {
            fs::create_dir_all(aside)?;
            fs::rename(data.join(COPY), unused(aside.join("store.seal.copy")))?;
        }
        fs::rename(&ready, &moving)?;
        sync_parent(&moving)?;
    }
    for name in names(&moving)?.into_iter().filter(|name| name != NAME) {
        fs::rename(moving.join(&name), data.join(&name))?;
    }
    if moving.join(NAME).exists() {
        fs::rename(moving.join(NAME), data.join(NOTE))?;
    }
    fs::File::open(data)?.sync_all()?;
    fs::remove_dir_all(moving)?;
    Ok(aside.exists())
}

fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// The path, or one beside it where an earlier restore of the same backup took it.
fn unused(path: PathBuf) -> PathBuf {
    let numbered = (2u32..).map(|n| {
        let mut name = path.clone().into_os_string();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    });
    std::iter::once(path.clone()).chain(numbered).find(|path| !path.exists()).unwrap_or(path)
}

/// Makes a box out of a backup where no spud runs.
///
/// # Errors
/// [`EngineError::Conflict`] where a box is and `force` was not said; what the repository says.
pub fn restore_offline(data: &Path, id: &str, request: &RestoreBackup) -> Result<Restored, EngineError> {
    if data.join(MOVING).is_dir() {
        apply_staged(data)?; // cut short before
    }
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
        let who = format!("uid:{}", rustix::process::getuid().as_raw());
        let asked = (who.as_str(), request.reason.as_str());
        let staged = stage(data, &from, id, request.key.as_deref(), asked, Watch::none())?;
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

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn put(folder: &Path, names: &[&str], text: &str) {
        for name in names {
            fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            fs::write(folder.join(name), text).unwrap();
        }
    }

    /// Every state that a crash can leave, made by hand: some moved, some not.
    #[test]
    fn cut_short_at_any_move_the_box_is_the_new_one_after_all() {
        let all = ["corpus.redb", "control.redb", "segments/1/1.seg", "models/active"];
        for had_box in [false, true] {
            for aside_first in 0..=all.len() {
                for moved_in in 0..=all.len() {
                    if moved_in > 0 && aside_first < all.len() {
                        continue; // nothing is moved in before all is aside
                    }
                    let dir = tempfile::tempdir().unwrap();
                    let data = dir.path();
                    let aside = data.join("replaced-by-x");
                    let top = |name: &str| name.split('/').next().unwrap().to_owned();
                    if had_box {
                        put(data, &all, "old");
                        put(data, &["handbook/own.md"], "kept");
                        for name in all.iter().take(aside_first) {
                            fs::create_dir_all(&aside).unwrap();
                            fs::rename(data.join(top(name)), aside.join(top(name))).unwrap();
                        }
                    }
                    let waiting = data.join(if moved_in > 0 { MOVING } else { READY });
                    put(&waiting, &all, "new");
                    put(&waiting, &[NAME], "x");
                    for name in all.iter().take(moved_in) {
                        fs::rename(waiting.join(top(name)), data.join(top(name))).unwrap();
                    }
                    assert_eq!(apply_staged(data).unwrap().is_some(), had_box);
                    for name in all {
                        assert_eq!(fs::read_to_string(data.join(name)).unwrap(), "new", "{name}");
                        assert_eq!(aside.join(name).exists(), had_box, "{name}");
                    }
                    assert_eq!(data.join("handbook/own.md").exists(), had_box);
                    assert!(!data.join(READY).exists() && !data.join(MOVING).exists());
                    assert!(apply_staged(data).unwrap().is_none(), "once");
                    let told = note::restores(data);
                    assert_eq!((told.len(), told[0].backup.as_str()), (1, "x"));
                }
            }
        }
    }
}
