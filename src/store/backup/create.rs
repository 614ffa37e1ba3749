//! Makes a backup: tables row by row from one view of the store, files piece by piece.
//!
//! Memory: one piece, and 16 bytes for each piece of the repository (a gibibyte of segments has about 4,000).

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt;

use super::chunk::{FILE_PIECE, Id, RowCutter, id_of};
use super::manifest::{Backup, Entry, Head, Kind, Manifest};
use super::repository::{Repository, Short, short};
use super::sign::Signer;
use super::{BackupError, Watch};
use crate::store::ReadTransaction;
use crate::store::rows::{each_bare_row, table_names};

/// Bytes at the end of a block file that tell it from any other of its name and length: its trailer, with the
/// check values of all its blocks.
const TRAILER: u64 = 40;

/// A backup on its way.
pub struct Writer<'a> {
    repository: &'a Repository,
    watch: Watch<'a>,
    /// Pieces that a backup names, and those of this one.
    known: HashSet<Short>,
    /// Entries of the newest backup, by name.
    before: HashMap<String, Entry>,
    entries: Vec<Entry>,
    new_bytes: u64,
    new_pieces: u64,
}

/// Pieces of one entry.
#[derive(Default)]
struct Pieces {
    list: Vec<u8>,
    bytes: u64,
    count: u64,
}

impl<'a> Writer<'a> {
    /// Looks at what the repository has. A damaged backup is no reason not to make a good one: its pieces are
    /// written anew.
    ///
    /// # Errors
    /// What the disk says.
    pub fn begin(repository: &'a Repository, watch: Watch<'a>) -> Result<Self, BackupError> {
        let mut damaged = Vec::new();
        let known = repository.named(Some(&mut damaged))?;
        for damage in damaged {
            tracing::warn!(damage, "a backup is damaged; `spud backup verify` names it");
        }
        let newest = repository.backups()?.into_iter().rev().find_map(|(_, backup)| backup.ok());
        let entries = newest.map(|backup| backup.manifest.entries).unwrap_or_default();
        let before = entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        Ok(Self { repository, watch, known, before, entries: Vec::new(), new_bytes: 0, new_pieces: 0 })
    }

    /// Keeps every table of a store as one transaction sees it; `leave_out` names those that can be made anew.
    ///
    /// # Errors
    /// What the store or the disk says.
    pub fn store(
        &mut self,
        name: &str,
        read: &ReadTransaction,
        leave_out: &[&str],
    ) -> Result<(), BackupError> {
        for table in table_names(read)?.iter().filter(|table| !leave_out.contains(&table.as_str())) {
            let entry = format!("{name}/{table}");
            let mut pieces = Pieces::default();
            let mut cutter = RowCutter::default();
            let mut rows = 0;
            each_bare_row(read, table, |key, value| -> Result<(), BackupError> {
                rows += 1;
                match cutter.push(key, value).map_err(BackupError::damaged)? {
                    Some(piece) => self.keep(&entry, &mut pieces, &piece),
                    None => Ok(()),
                }
            })?;
            if let Some(piece) = cutter.rest() {
                self.keep(&entry, &mut pieces, &piece)?;
            }
            self.end(Kind::Table, entry, pieces, rows, [0; 32])?;
        }
        Ok(())
    }

    /// Keeps an open file: it may be unlinked meanwhile, but not change. An immutable block file is known again
    /// by its trailer and not read.
    ///
    /// # Errors
    /// What the disk says.
    pub fn file(&mut self, name: &str, file: &File, immutable: bool) -> Result<(), BackupError> {
        let said = |error| BackupError::io(std::path::Path::new(name), error);
        let length = file.metadata().map_err(said)?.len();
        let mut stamp = [0; 32];
        if immutable && length >= TRAILER {
            let mut trailer = [0; TRAILER as usize];
            file.read_exact_at(&mut trailer, length - TRAILER).map_err(said)?;
            stamp = id_of(&[&trailer[..], &length.to_le_bytes()].concat());
            let same = self.before.get(name).filter(|entry| entry.stamp == stamp && entry.bytes == length);
            if let Some(entry) = same.cloned()
                && self.is_whole(&entry)
            {
                (self.watch.moved)(name, length);
                self.entries.push(entry);
                return Ok(());
            }
        }
        let mut pieces = Pieces::default();
        let mut buffer = vec![0; FILE_PIECE];
        let mut at = 0;
        while at < length {
            let part = usize::try_from(length - at).unwrap_or(FILE_PIECE).min(FILE_PIECE);
            let part = buffer.get_mut(..part).unwrap_or_default();
            file.read_exact_at(part, at).map_err(said)?;
            at += part.len() as u64;
            self.keep(name, &mut pieces, part)?;
        }
        self.end(Kind::File, name.to_owned(), pieces, 0, stamp)
    }

    /// True when every piece of an older entry is still there.
    fn is_whole(&self, entry: &Entry) -> bool {
        let there = |id: &Id| self.known.contains(&short(id)) && self.repository.has_piece(id);
        there(&entry.list) && self.repository.list(entry).is_ok_and(|ids| ids.iter().all(there))
    }

    fn keep(&mut self, name: &str, pieces: &mut Pieces, content: &[u8]) -> Result<(), BackupError> {
        if (self.watch.stop)() {
            return Err(BackupError::Stopped);
        }
        let id = self.put(content)?;
        pieces.list.extend_from_slice(&id);
        pieces.bytes += content.len() as u64;
        pieces.count += 1;
        (self.watch.moved)(name, content.len() as u64);
        Ok(())
    }

    fn put(&mut self, content: &[u8]) -> Result<Id, BackupError> {
        let id = id_of(content);
        let known = !self.known.insert(short(&id));
        if !(known && self.repository.has_piece(&id)) {
            self.new_bytes += self.repository.put_piece(&id, content)?;
            self.new_pieces += 1;
        }
        Ok(id)
    }

    fn end(
        &mut self,
        kind: Kind,
        name: String,
        pieces: Pieces,
        rows: u64,
        stamp: Id,
    ) -> Result<(), BackupError> {
        let list = self.put(&pieces.list)?;
        let (bytes, count) = (pieces.bytes, pieces.count);
        self.entries.push(Entry { kind, name, bytes, rows, pieces: count, list, stamp });
        Ok(())
    }

    /// Makes it a backup.
    ///
    /// # Errors
    /// What the disk says; what was written is then a left-over.
    pub fn finish(self, head: Head, signer: &Signer) -> Result<Backup, BackupError> {
        let (new_bytes, new_pieces) = (self.new_bytes, self.new_pieces);
        let manifest = Manifest { head, entries: self.entries, new_bytes, new_pieces };
        self.repository.put_manifest(&manifest, signer)
    }
}
