//! One moment of the library, held fast while it is copied away: the catalogue and the files it names.

use std::fs::File;
use std::sync::Arc;

use super::KnowledgeError;
use super::library::{Library, Snapshot};
use crate::store::ReadTransaction;

/// Holds the catalogue's view and the open segments: a merge may unlink them, but they stay readable.
pub struct Pinned {
    pub read: ReadTransaction,
    pub snapshot: Arc<Snapshot>,
}

impl Pinned {
    /// Segments with their names below the data folder.
    pub fn segments(&self) -> impl Iterator<Item = (String, &File)> {
        self.snapshot.collections.values().flat_map(|view| {
            let collection = view.record.id;
            view.segments
                .iter()
                .map(move |s| (format!("segments/{collection}/{:08}.seg", s.id), s.segment.file().file()))
        })
    }
}

impl Library {
    /// Waits for the writer at work, if any, so that the catalogue and the files are of the same moment.
    ///
    /// # Errors
    /// What the store says; [`KnowledgeError::Damage`] where a segment cannot be read: a copy would lack it.
    pub fn pin(&self) -> Result<Pinned, KnowledgeError> {
        let _writer = self.writer();
        let (read, snapshot) = (self.catalogue.read()?, self.snapshot());
        match snapshot.damaged.first() {
            None => Ok(Pinned { read, snapshot }),
            Some(damage) => Err(KnowledgeError::Record { what: damage.clone() }),
        }
    }
}
