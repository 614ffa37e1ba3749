//! The folder that backups are kept in.
//!
//! ```text
//! spud-backups           "form 1"; whoever works in here holds a lock on it
//! manifests/<id>         one a backup, written last
//! pieces/<2>/<64>        named by their content
//! ```
//! A piece is believed when a manifest names it: manifests are written after every piece was synced. Whatever no
//! manifest names is the left-over of a crash; the next backup writes it anew and `prune` removes it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::BackupError;
use super::chunk::{self, Id};
use super::manifest::{self, Backup, Entry, Manifest};
use super::sign::Signer;
use crate::base::{InOrder, from_hex, to_hex};
use crate::store::sync_parent;

const MARKER: &str = "spud-backups";
const FORM: u32 = 1;
const PART: &str = "part";

/// First half of a piece's name: enough to tell pieces apart in memory.
pub(super) type Short = [u8; 16];

pub(super) fn short(id: &Id) -> Short {
    id.first_chunk().copied().unwrap_or_default()
}

/// A backup by its name, or why it cannot be read.
pub type Listed = (String, Result<Backup, BackupError>);

/// An open folder of backups, locked.
#[derive(Debug)]
pub struct Repository {
    folder: PathBuf,
    _lock: File,
}

impl Repository {
    /// Opens the folder for reading; several may.
    ///
    /// # Errors
    /// [`BackupError::Empty`] when there is none, [`BackupError::Busy`] while somebody writes.
    pub fn open(folder: &Path) -> Result<Self, BackupError> {
        Self::enter(folder, FlockOperation::NonBlockingLockShared)
    }

    /// Opens the folder for writing, alone.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn open_to_write(folder: &Path) -> Result<Self, BackupError> {
        Self::enter(folder, FlockOperation::NonBlockingLockExclusive)
    }

    /// Opens the folder for writing, or makes it.
    ///
    /// # Errors
    /// [`BackupError::Foreign`] when something else lies there; otherwise as [`Repository::open`].
    pub fn create(folder: &Path) -> Result<Self, BackupError> {
        let said = |error| BackupError::io(folder, error);
        let marker = folder.join(MARKER);
        if !marker.exists() {
            fs::create_dir_all(folder).map_err(said)?;
            let part = marker.with_extension(PART);
            let other = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.path() != part);
            if fs::read_dir(folder).map_err(said)?.any(other) {
                return Err(BackupError::Foreign { path: folder.to_owned() });
            }
            replace(&marker, format!("form {FORM}\n").as_bytes()).map_err(said)?;
        }
        Self::open_to_write(folder)
    }

    fn enter(folder: &Path, lock: FlockOperation) -> Result<Self, BackupError> {
        let marker = folder.join(MARKER);
        let text = match fs::read_to_string(&marker) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::Empty { path: folder.to_owned() });
            }
            Err(error) => return Err(BackupError::io(&marker, error)),
        };
        let found = text.trim().strip_prefix("form ").and_then(|form| form.parse().ok());
        let found = found.ok_or_else(|| BackupError::damaged(format!("{} is damaged", marker.display())))?;
        if found != FORM {
            return Err(BackupError::Newer { path: folder.to_owned(), found, known: FORM });
        }
        let file = File::open(&marker).map_err(|error| BackupError::io(&marker, error))?;
        match rustix::fs::flock(&file, lock) {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(BackupError::Busy { path: folder.to_owned() }),
            Err(error) => Err(BackupError::io(&marker, error.into())),
        }
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn piece_path(&self, id: &Id) -> PathBuf {
        let name = to_hex(id);
        self.folder.join("pieces").join(name.get(..2).unwrap_or_default()).join(&name)
    }

    fn manifest_path(&self, id: &str) -> PathBuf {
        self.folder.join("manifests").join(id)
    }

    /// Names of the backups, oldest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn ids(&self) -> Result<Vec<String>, BackupError> {
        let folder = self.folder.join("manifests");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BackupError::io(&folder, error)),
        };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut ids: Vec<String> = names.filter(|name| is_id(name)).collect();
        ids.order();
        Ok(ids)
    }

    /// One backup by its name, by the begin of it, or `latest`.
    ///
    /// # Errors
    /// [`BackupError::NotFound`], or damage.
    pub fn backup(&self, id: &str) -> Result<Backup, BackupError> {
        let ids = self.ids()?;
        let missing = || BackupError::NotFound { id: id.to_owned() };
        let found = if id == "latest" {
            ids.last()
        } else {
            let mut like = ids.iter().filter(|known| *known == id || !id.is_empty() && known.starts_with(id));
            let first = like.next();
            // A begin that fits two names is none.
            ids.iter().find(|known| *known == id).or(if like.next().is_none() { first } else { None })
        };
        self.read_manifest(found.ok_or_else(missing)?)
    }

    fn read_manifest(&self, id: &str) -> Result<Backup, BackupError> {
        let path = self.manifest_path(id);
        let bytes = fs::read(&path).map_err(|error| BackupError::io(&path, error))?;
        manifest::open(id, &bytes)
    }

    /// Every backup, oldest first; what cannot be read is told in its place.
    ///
    /// # Errors
    /// What the disk says.
    pub fn backups(&self) -> Result<Vec<Listed>, BackupError> {
        Ok(self.ids()?.into_iter().map(|id| (id.clone(), self.read_manifest(&id))).collect())
    }

    /// Content of a piece.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] naming it, or what the disk says.
    pub fn piece(&self, id: &Id) -> Result<Vec<u8>, BackupError> {
        let path = self.piece_path(id);
        let bad = |what: &str| BackupError::damaged(format!("piece {}: {what}", to_hex(id)));
        match fs::read(&path) {
            Ok(packed) => chunk::unpack(id, &packed).map_err(|what| bad(&what)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(bad("is missing")),
            Err(error) => Err(BackupError::io(&path, error)),
        }
    }

    pub(super) fn has_piece(&self, id: &Id) -> bool {
        fs::metadata(self.piece_path(id)).is_ok_and(|meta| meta.len() > 0)
    }

    /// Keeps a piece, not yet synced; gives its bytes in the repository.
    pub(super) fn put_piece(&self, id: &Id, content: &[u8]) -> Result<u64, BackupError> {
        let path = self.piece_path(id);
        let packed = chunk::pack(content).map_err(BackupError::damaged)?;
        let write = || -> io::Result<()> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let part = path.with_extension(PART);
            File::create(&part)?.write_all(&packed)?;
            fs::rename(&part, &path)
        };
        write().map_err(|error| BackupError::io(&path, error))?;
        Ok(packed.len() as u64)
    }

    /// Forgets a piece that is damaged, so that the next backup writes it anew.
    pub(super) fn drop_piece(&self, id: &Id) {
        let _ = fs::remove_file(self.piece_path(id)); // it may be missing: that is the damage
    }

    /// Names of the pieces of an entry.
    pub(super) fn list(&self, entry: &Entry) -> Result<Vec<Id>, BackupError> {
        let bytes = self.piece(&entry.list)?;
        let (ids, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || ids.len() as u64 != entry.pieces {
            return Err(BackupError::damaged(format!("{}: its list of pieces is damaged", entry.name)));
        }
        Ok(ids.to_vec())
    }

    /// Makes every piece durable, then writes the manifest: from now on there is a backup.
    pub(super) fn put_manifest(&self, manifest: &Manifest, signer: &Signer) -> Result<Backup, BackupError> {
        let said = |error| BackupError::io(&self.folder, error);
        let folder = File::open(&self.folder).map_err(said)?;
        rustix::fs::syncfs(&folder).map_err(|error| said(error.into()))?;
        let bytes = manifest::seal(manifest, signer)?;
        let mark = to_hex(chunk::id_of(&bytes).get(..3).unwrap_or_default());
        let id = format!("{}-{mark}", stamp(manifest.head.made_ms));
        let path = self.manifest_path(&id);
        let write = || -> io::Result<()> {
            fs::create_dir_all(self.folder.join("manifests"))?;
            replace(&path, &bytes)?;
            sync_parent(&self.folder.join("manifests"))
        };
        write().map_err(|error| BackupError::io(&path, error))?;
        manifest::open(&id, &bytes)
    }

    /// Removes backups, then every piece that no other names. A crash in between leaves pieces too many.
    ///
    /// # Errors
    /// Damage of a manifest that stays: what it names is not known, so nothing is swept.
    pub fn remove(&self, gone: &[String]) -> Result<Swept, BackupError> {
        let mut swept = Swept::default();
        for id in gone {
            let path = self.manifest_path(id);
            fs::remove_file(&path).map_err(|error| BackupError::io(&path, error))?;
            swept.backups += 1;
        }
        if !gone.is_empty() {
            let folder = self.folder.join("manifests");
            File::open(&folder)
                .and_then(|f| f.sync_all())
                .map_err(|error| BackupError::io(&folder, error))?;
        }
        let named = self.named(None)?;
        for path in files_below(&self.folder.join("pieces")) {
            let name = path.file_name().and_then(|name| from_hex(&name.to_string_lossy()));
            if name.is_none_or(|id| !named.contains(&short(&id))) {
                swept.bytes += fs::metadata(&path).map_or(0, |meta| meta.len());
                fs::remove_file(&path).map_err(|error| BackupError::io(&path, error))?;
                swept.pieces += 1;
            }
        }
        Ok(swept)
    }

    /// Every piece that a backup names. With `damaged`, what cannot be read is left out and told.
    pub(super) fn named(&self, mut damaged: Option<&mut Vec<String>>) -> Result<HashSet<Short>, BackupError> {
        let mut named = HashSet::new();
        let mut lists = HashSet::new();
        for (_, backup) in self.backups()? {
            let entries = match (backup, &mut damaged) {
                (Ok(backup), _) => backup.manifest.entries,
                (Err(error), Some(told)) => {
                    told.push(error.to_string());
                    continue;
                }
                (Err(error), None) => return Err(error),
            };
            for entry in entries {
                if !lists.insert(short(&entry.list)) {
                    continue;
                }
                match (self.list(&entry), &mut damaged) {
                    (Ok(ids), _) => {
                        named.insert(short(&entry.list));
                        named.extend(ids.iter().map(short));
                    }
                    (Err(error), Some(told)) => told.push(error.to_string()),
                    (Err(error), None) => return Err(error),
                }
            }
        }
        Ok(named)
    }

    /// Bytes that the folder takes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let files = ["pieces", "manifests"].into_iter().flat_map(|part| files_below(&self.folder.join(part)));
        files.map(|path| fs::metadata(path).map_or(0, |meta| meta.len())).sum()
    }
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    pub backups: u64,
    pub pieces: u64,
    pub bytes: u64,
}

fn files_below(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let here: Vec<PathBuf> = entries(folder).map(|entry| entry.path()).collect();
    here.into_iter().flat_map(move |path| -> Vec<PathBuf> {
        if path.is_dir() { entries(&path).map(|entry| entry.path()).collect() } else { vec![path] }
    })
}

/// Writes beside, syncs, renames.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension(PART);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    sync_parent(path)
}

/// `20261121-093000`: sorts in the order of time.
fn stamp(ms: u64) -> String {
    let text = crate::base::format_second(ms);
    text.chars()
        .filter_map(|c| if c == 'T' { Some('-') } else { Some(c).filter(char::is_ascii_digit) })
        .collect()
}

fn is_id(name: &str) -> bool {
    let mut parts = name.split('-');
    let digits = |part: Option<&str>, length: usize| {
        part.is_some_and(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    digits(parts.next(), 8) && digits(parts.next(), 6) && digits(parts.next(), 6) && parts.next().is_none()
}
