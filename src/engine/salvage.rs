//! `spud salvage`: everything of a damaged data folder that can still be read, into a new one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;

use super::queue_words::store_said;
use super::run::Settings;
use super::settings::Configuration;
use super::worker::invalid;
use super::{EngineError, encryption};
use crate::api::types::SalvageReport;
use crate::base::InOrder;
use crate::knowledge::{
    CACHE_TABLES, KnowledgeError, Library, default_model_id, open_default_model, open_model,
};
use crate::store::crypt::{COPY, HEADER, Vault};
use crate::store::salvage::{look, salvage_store};
use crate::store::{BlockFile, Disk, hides_newer_commit, mend_flips, was_left_open};

const STORES: [&str; 2] = ["control.redb", "corpus.redb"];
const CACHE: usize = 1 << 20;
/// A store that was closed is gone through at every start when it is no larger: a few milliseconds.
const LOOKED_AT_MOST: u64 = 16 << 20;

/// Copies what is whole; the damaged folder is only read.
///
/// # Errors
/// A folder that holds no box or is in use, a new folder that is not empty, or what its disk says.
pub fn salvage(settings: &Settings, to: &Path) -> Result<SalvageReport, EngineError> {
    let from = &settings.data_dir;
    if !STORES.iter().any(|name| from.join(name).exists()) && !from.join("segments").is_dir() {
        return Err(invalid(
            format!("{} holds no box", from.display()),
            "name the damaged folder with --data",
        ));
    }
    refuse_if_used(from)?;
    let said = |error: io::Error| EngineError::from(KnowledgeError::from(error));
    let vault = match [HEADER, COPY].iter().any(|name| from.join(name).exists()) {
        true => encryption::unlock(settings, &Configuration::open(settings)?.0)?,
        false => Vault::default(),
    };
    if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(EngineError::Conflict {
            what: format!("{} is not empty", to.display()),
            advice: "give a new folder: --into DIR".into(),
        });
    }
    fs::create_dir_all(to).map_err(said)?;
    let mut report = SalvageReport { into: to.display().to_string(), ..SalvageReport::default() };
    for name in STORES {
        if !from.join(name).exists() {
            report.lost.push(format!("{name}: is missing"));
            continue;
        }
        let saved = salvage_store(&from.join(name), &to.join(name), &CACHE_TABLES, &vault);
        let saved = saved.map_err(|error| store_said(&error))?;
        report.tables += saved.tables;
        report.records += saved.records;
        report.mended += saved.mended;
        report.lost.extend(saved.lost);
    }
    for folder in ["segments", "models"] {
        for path in files_below(&from.join(folder)) {
            block_file(from, to, &path, &mut report).map_err(said)?;
        }
    }
    if from.join(HEADER).exists() {
        copy(from, to, &from.join(HEADER), &mut report).map_err(said)?;
    }
    for folder in ["handbook", "keys"] {
        for path in files_below(&from.join(folder)) {
            copy(from, to, &path, &mut report).map_err(said)?;
        }
    }
    let vault = Arc::new(vault.of_copy(to).map_err(encryption::crypt_said)?);
    name_the_lost(to, &vault, &mut report)?;
    Ok(report)
}

/// Looks at stores that were not closed before they are opened: damage may stop whoever opens them, and that is a
/// child process then.
pub(super) fn look_before_opening(data: &Path) -> Result<(), EngineError> {
    if refuse_if_used(data).is_err() {
        return Ok(()); // in use, and told so by whoever opens it
    }
    for path in STORES.map(|name| data.join(name)) {
        // What has its check again is what was written: no guess, and nothing is lost.
        let mended = || {
            let mended = mend_flips(&path).is_ok_and(|mended| mended > 0);
            if mended {
                tracing::warn!(store = %path.display(), "a flipped bit of the store was put right");
            }
            mended
        };
        if hides_newer_commit(&path) {
            mended();
        }
        if !was_left_open(&path) {
            if fs::metadata(&path).is_ok_and(|meta| meta.len() <= LOOKED_AT_MOST) {
                mended();
            }
        } else if let Err(what) = look(&path) {
            if mended() && look(&path).is_ok() {
                continue;
            }
            return Err(EngineError::Damaged {
                what,
                advice: format!(
                    "`spud --data {} salvage --into NEW-FOLDER` brings over everything that is whole and names the \
                     rest; `spud backup restore` takes the newest backup",
                    data.display()
                ),
            });
        }
    }
    Ok(())
}

/// redb locks its file as a whole, too: nobody may write while we read.
fn refuse_if_used(from: &Path) -> Result<(), EngineError> {
    for name in STORES {
        let Ok(file) = File::open(from.join(name)) else { continue };
        if let Err(rustix::io::Errno::WOULDBLOCK) =
            rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared)
        {
            return Err(EngineError::Locked {
                what: format!("{} is in use by another process", from.join(name).display()),
                advice: "stop the spud that serves this folder first".into(),
            });
        }
    }
    Ok(())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.order();
    found
}

/// A segment or a model: only whole ones go along, a damaged one would be refused anyway.
fn block_file(from: &Path, to: &Path, path: &Path, report: &mut SalvageReport) -> io::Result<()> {
    let plain = path.extension().is_none() || path.extension().is_some_and(|end| end == "part");
    if plain {
        return copy(from, to, path, report);
    }
    match BlockFile::open(path).and_then(|file| file.verify_all()) {
        Ok(_) => {
            report.segments += u64::from(path.extension().is_some_and(|end| end == "seg"));
            copy(from, to, path, report)
        }
        Err(damage) => {
            report.lost.push(damage.to_string());
            Ok(())
        }
    }
}

fn copy(from: &Path, to: &Path, path: &Path, report: &mut SalvageReport) -> io::Result<()> {
    let Ok(name) = path.strip_prefix(from) else { return Ok(()) };
    let target = to.join(name);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut source = match File::open(path) {
        Ok(source) => source,
        Err(error) => {
            report.lost.push(format!("{}: {error}", path.display()));
            return Ok(());
        }
    };
    let mut out = File::create_new(&target)?;
    out.set_permissions(source.metadata()?.permissions())?;
    match io::copy(&mut source, &mut out) {
        Ok(_) => {
            report.files += 1;
            out.sync_all()
        }
        // A bad sector of the old disk is a loss; a full new one is an error.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
            report.lost.push(format!("{}: {error}", path.display()));
            fs::remove_file(&target)
        }
        Err(error) => Err(error),
    }
}

/// Opens the new box and names documents and segments that it lacks.
fn name_the_lost(to: &Path, vault: &Arc<Vault>, report: &mut SalvageReport) -> Result<(), EngineError> {
    let id = fs::read_to_string(to.join("models/active")).ok().map(|id| id.trim().to_owned());
    let chosen = id.and_then(|id| Some((open_model(to, &id).ok()?, id)));
    let (model, id) = match chosen {
        Some(chosen) => chosen,
        None => (open_default_model(to)?, default_model_id().to_owned()),
    };
    let before = files_below(&to.join("segments"));
    let corpus = Disk::file(&to.join("corpus.redb")).sealed(vault);
    let library = match Library::over(corpus, to, CACHE, Arc::new(model), id) {
        Ok(library) => library,
        Err(error) => {
            report.lost.push(format!("the catalogue cannot be used: {error}"));
            return Ok(());
        }
    };
    for path in before.iter().filter(|path| !path.exists()) {
        let name = path.strip_prefix(to).unwrap_or(path).display();
        report.lost.push(format!("{name}: whole, but its record is lost: add its documents again"));
    }
    let snapshot = library.snapshot();
    for name in snapshot.collections.keys() {
        for path in library.incomplete(name)? {
            let path = String::from_utf8_lossy(&path).into_owned();
            report.lost.push(format!("{name}: {path} lacks passages: `spud check --repair` adds it again"));
        }
    }
    Ok(())
}
