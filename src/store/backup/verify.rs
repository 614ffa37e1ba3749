//! Reads everything that backups name, and says what is not as it was.

use std::collections::HashSet;

use super::chunk::Id;
use super::manifest::{Backup, Entry};
use super::repository::{Repository, short};
use super::{BackupError, Trust, Watch};

/// No more are told one by one.
const TOLD: usize = 200;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    pub backups: u64,
    pub pieces: u64,
    /// Unpacked.
    pub bytes: u64,
    pub problems: Vec<String>,
    /// Damaged pieces that were removed, so that the next backup writes them anew.
    pub dropped: u64,
}

/// Reads one backup, or all. With `repair`, damaged pieces are removed: the repository must be open to write.
///
/// # Errors
/// [`BackupError::NotFound`], [`BackupError::Stopped`], or what the disk says. Damage is a finding.
pub fn verify(
    repository: &Repository,
    only: Option<&str>,
    trust: &Trust,
    repair: bool,
    watch: Watch<'_>,
) -> Result<Verified, BackupError> {
    let backups = match only {
        Some(id) => match repository.backup(id) {
            Err(error @ BackupError::Damaged { .. }) => vec![(id.to_owned(), Err(error))],
            other => vec![(id.to_owned(), Ok(other?))],
        },
        None => repository.backups()?,
    };
    let mut pass = Pass { repository, watch, repair, seen: HashSet::new(), found: Verified::default() };
    for (_, backup) in backups {
        pass.found.backups += 1;
        match backup.and_then(|backup| {
            let known = backup.clone().believed(trust);
            pass.backup(&backup)?;
            known.map(drop)
        }) {
            Ok(()) => {}
            Err(error @ BackupError::Stopped) => return Err(error),
            Err(error) => pass.tell(error.to_string()),
        }
    }
    Ok(pass.found)
}

struct Pass<'a> {
    repository: &'a Repository,
    watch: Watch<'a>,
    repair: bool,
    seen: HashSet<[u8; 16]>,
    found: Verified,
}

impl Pass<'_> {
    fn tell(&mut self, problem: String) {
        if self.found.problems.len() < TOLD && !self.found.problems.contains(&problem) {
            self.found.problems.push(problem);
        }
    }

    fn backup(&mut self, backup: &Backup) -> Result<(), BackupError> {
        for entry in &backup.manifest.entries {
            if !self.seen.insert(short(&entry.list)) {
                continue;
            }
            self.found.pieces += 1;
            match self.repository.list(entry) {
                Ok(ids) => {
                    for id in ids {
                        self.piece(&id, backup, entry)?;
                    }
                }
                Err(error) => self.damaged(&entry.list, &error, backup, entry),
            }
        }
        Ok(())
    }

    fn piece(&mut self, id: &Id, backup: &Backup, entry: &Entry) -> Result<(), BackupError> {
        if (self.watch.stop)() {
            return Err(BackupError::Stopped);
        }
        if !self.seen.insert(short(id)) {
            return Ok(());
        }
        self.found.pieces += 1;
        match self.repository.piece(id) {
            Ok(content) => {
                self.found.bytes += content.len() as u64;
                (self.watch.moved)(&entry.name, content.len() as u64);
            }
            Err(error) => self.damaged(id, &error, backup, entry),
        }
        Ok(())
    }

    fn damaged(&mut self, id: &Id, error: &BackupError, backup: &Backup, entry: &Entry) {
        self.tell(format!("{error} (part of {} in the backup {})", entry.name, backup.id));
        if self.repair {
            self.repository.drop_piece(id);
            self.found.dropped += 1;
        }
    }
}
