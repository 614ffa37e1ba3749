//! A box's catalogue over a disk that fails, beside a model of it: after a failure it is the one before the
//! change that was under way, or the one after it, whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use spud::knowledge::{
    Batch, DocumentRecord, FailureRecord, KnowledgeError, Library, Model, default_model_id,
};
use spud::store::crypt::Vault;
use spud::store::{Table, number_key};

use super::disk::{Board, Dice};
use super::queue_life::{CACHE, ensure};

/// Stands for the records of a job, which change in the commit of its batch.
const BESIDE: Table = Table::new("proof");

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shelf {
    documents: BTreeMap<Vec<u8>, [u8; 32]>,
    failures: BTreeMap<Vec<u8>, String>,
    watched: Vec<(String, Vec<String>)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Picture {
    shelves: BTreeMap<String, Shelf>,
    beside: u64,
}

pub struct CorpusLife {
    board: Board,
    disk: usize,
    folder: std::path::PathBuf,
    model: Arc<Model>,
    /// The keys of the box, where it is encrypted.
    pub vault: Arc<Vault>,
    library: Option<Arc<Library>>,
    dice: Dice,
    now: Picture,
    after: Option<Picture>,
}

impl CorpusLife {
    pub fn new(board: &Board, disk: usize, folder: &Path, model: &Arc<Model>, seed: u64) -> Self {
        Self {
            board: board.clone(),
            disk,
            folder: folder.to_owned(),
            model: model.clone(),
            vault: Arc::default(),
            library: None,
            dice: Dice(seed ^ 0xc0_47),
            now: Picture::default(),
            after: None,
        }
    }

    fn said<T>(&self, result: Result<T, KnowledgeError>, what: &str) -> Result<Option<T>, String> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.board.is_off() || !self.board.is_armed() => Ok(None),
            Err(error) => Err(format!("{what}: {error}")),
        }
    }

    pub fn stop(&mut self) {
        self.library = None;
    }

    pub fn library(&self) -> Result<&Arc<Library>, String> {
        self.library.as_ref().ok_or_else(|| "the catalogue is not open".to_owned())
    }

    /// As a start of the program; false where the disk failed on the way.
    pub fn start(&mut self) -> Result<bool, String> {
        self.library = None;
        let disk = self.board.disk(self.disk).sealed(&self.vault);
        let id = default_model_id().to_owned();
        let opened = Library::over(disk, &self.folder, CACHE, self.model.clone(), id);
        self.library = self.said(opened, "opening the catalogue")?.map(Arc::new);
        Ok(self.library.is_some())
    }

    /// After an error of the disk, without a restart.
    pub fn reopen(&mut self) -> Result<(), String> {
        let library = self.library()?;
        let opened = library.reopen().map_err(|error| format!("opening the catalogue again: {error}"))?;
        ensure!(opened, "the catalogue is in use");
        Ok(())
    }

    /// One change; false where the disk failed meanwhile.
    pub fn step(&mut self) -> Result<bool, String> {
        let library = self.library()?.clone();
        let name = format!("c{}", self.dice.below(4));
        let mut after = self.now.clone();
        let did = if !after.shelves.contains_key(&name) {
            after.shelves.insert(name.clone(), Shelf::default());
            library.create_collection(&name, "auto", false, 1).map(drop)
        } else if self.dice.one_in(12) {
            after.shelves.remove(&name);
            library.remove_collection(&name)
        } else if self.dice.one_in(8) {
            let watched = vec![(format!("/w{}", self.dice.below(100)), Vec::new())];
            if let Some(shelf) = after.shelves.get_mut(&name) {
                shelf.watched.clone_from(&watched);
            }
            library.update_collection(&name, |record| record.watched = watched)
        } else {
            self.batch(&library, &name, &mut after)
        };
        match self.said(did, "changing the catalogue")? {
            Some(()) => self.now = after,
            None => {
                self.after = Some(after);
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn batch(
        &mut self,
        library: &Arc<Library>,
        name: &str,
        after: &mut Picture,
    ) -> Result<(), KnowledgeError> {
        let shelf = after.shelves.entry(name.to_owned()).or_default();
        let mut batch = Batch::new(library.clone(), name, 32)?;
        let first = self.dice.below(30);
        for at in first..first + 1 + self.dice.below(6) {
            let path = format!("/doc/{at}").into_bytes();
            match self.dice.below(6) {
                0 => {
                    batch.remove(path.clone());
                    shelf.documents.remove(&path);
                    shelf.failures.remove(&path);
                }
                1 => {
                    let reason = format!("broken {}", self.dice.below(1000));
                    batch.fail(
                        path.clone(),
                        FailureRecord { reason: reason.clone(), ..FailureRecord::default() },
                    );
                    shelf.documents.remove(&path);
                    shelf.failures.insert(path, reason);
                }
                _ => {
                    let mut sha256 = [0; 32];
                    sha256[..8].copy_from_slice(&self.dice.roll().to_le_bytes());
                    let id = batch.begin_document()?;
                    let record =
                        DocumentRecord { path: path.clone(), sha256, bytes: at, ..DocumentRecord::default() };
                    batch.end_document(id, record);
                    shelf.failures.remove(&path);
                    shelf.documents.insert(path, sha256);
                }
            }
        }
        after.beside += 1;
        let beside = after.beside;
        batch.commit(&|write| {
            write.open_table(BESIDE)?.insert(&number_key(beside)[..], &[1][..])?;
            Ok(())
        })
    }

    /// Holds what is kept against the model.
    pub fn verify(&mut self) -> Result<bool, String> {
        let Some(found) = self.said(self.read(), "reading the catalogue back")? else { return Ok(false) };
        let found = found?;
        if let Some(after) = self.after.take()
            && found == after
        {
            self.now = after;
        }
        ensure!(found == self.now, "the catalogue is {found:?}, not {:?}", self.now);
        Ok(true)
    }

    fn read(&self) -> Result<Result<Picture, String>, KnowledgeError> {
        let Some(library) = &self.library else { return Ok(Err("the catalogue is not open".into())) };
        let mut found = Picture::default();
        let read = library.database();
        let read = read.begin_read()?;
        match read.open_table(BESIDE) {
            Ok(table) => found.beside = table.len()?,
            Err(redb::TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(error.into()),
        }
        for (name, view) in &library.snapshot().collections {
            let mut shelf = Shelf { watched: view.record.watched.clone(), ..Shelf::default() };
            let listed = library.documents(name, 0, usize::MAX, &|_| true)?;
            if listed.len() as u64 != view.record.documents {
                return Ok(Err(format!(
                    "{} documents counted, {} there",
                    view.record.documents,
                    listed.len()
                )));
            }
            for (id, record) in listed {
                if library.document_at(name, &record.path)?.map(|(at, _)| at) != Some(id) {
                    return Ok(Err(format!("document {id} is not found under its path")));
                }
                shelf.documents.insert(record.path, record.sha256);
            }
            let paths = library.paths(name, b"", b"", usize::MAX)?;
            if paths.len() != shelf.documents.len() {
                return Ok(Err(format!("{} paths, {} documents", paths.len(), shelf.documents.len())));
            }
            for (path, failure) in library.failures(name, usize::MAX)? {
                shelf.failures.insert(path, failure.reason);
            }
            if shelf.failures.len() as u64 != view.record.failures {
                return Ok(Err(format!("{} failures counted", view.record.failures)));
            }
            found.shelves.insert(name.clone(), shelf);
        }
        Ok(Ok(found))
    }
}
