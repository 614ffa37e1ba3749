//! What a restore tells the log of the box that it makes: who asked for it, and which log it replaced.
//!
//! It lies in the folder that waits and comes into place with it, as `.restored-from`: a line for each restore since
//! the box last ran, with fields that tabs part. The audit log takes it from there, at the start after the move.

use std::fs;
use std::path::Path;

use crate::audit::Log;
use crate::base::to_hex;
use crate::engine::EngineError;
use crate::store::Control;
use crate::store::crypt::random;

/// In place.
pub(super) const NOTE: &str = ".restored-from";
/// Inside of the folder that waits.
pub(super) const NAME: &str = "restored-from";

/// One restore.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Note {
    pub(in crate::engine) backup: String,
    /// Of this restore and no other.
    pub(in crate::engine) seed: String,
    pub(in crate::engine) who: String,
    pub(in crate::engine) reason: String,
    /// The log that it replaced; empty until the box is moved in.
    pub(in crate::engine) replaced: String,
}

impl Note {
    pub(super) fn new(backup: &str, (who, reason): (&str, &str)) -> Self {
        let (backup, seed) = (backup.to_owned(), to_hex(&random::<32>()));
        Self { backup, seed, who: who.to_owned(), reason: reason.to_owned(), replaced: String::new() }
    }

    pub(super) fn line(&self) -> String {
        let fields = [&self.backup, &self.seed, &self.who, &self.reason, &self.replaced];
        let plain = |field: &&String| field.replace(char::is_control, " ");
        format!("{}\n", fields.iter().map(plain).collect::<Vec<_>>().join("\t"))
    }

    fn read(line: &str) -> Self {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut next = || fields.next().unwrap_or_default();
        Self { backup: next(), seed: next(), who: next(), reason: next(), replaced: next() }
    }

    fn all(path: &Path) -> Vec<Self> {
        fs::read_to_string(path).unwrap_or_default().lines().map(Self::read).collect()
    }
}

/// Restores that the log does not know of yet, oldest first.
pub(in crate::engine) fn restores(data: &Path) -> Vec<Note> {
    Note::all(&data.join(NOTE))
}

/// The log knows of them.
pub(in crate::engine) fn restores_are_told(data: &Path) {
    if let Err(error) = fs::remove_file(data.join(NOTE)) {
        tracing::warn!(%error, "the note of a restore cannot be removed");
    }
}

/// The backup that waits in a folder, or that came into place last.
pub(super) fn backup_of(data: &Path, waiting: &Path) -> String {
    let last = |path: &Path| Note::all(path).pop().map(|note| note.backup);
    last(&waiting.join(NAME)).or_else(|| last(&data.join(NOTE))).unwrap_or_default()
}

/// Adds to the note what is known only before anything is moved: the log that is there, and restores that it was
/// never told of.
pub(super) fn complete(data: &Path, ready: &Path) -> Result<(), EngineError> {
    let path = ready.join(NAME);
    let Some(mut note) = Note::all(&path).pop().filter(|note| note.replaced.is_empty()) else {
        return Ok(());
    };
    if note.seed.is_empty() {
        note.seed = to_hex(&random::<32>()); // laid out by a version that knew of none
    }
    note.replaced = replaced(data);
    let mut text: String = restores(data).iter().map(Note::line).collect();
    text.push_str(&note.line());
    crate::config::write_file(&path, &text)
        .map_err(|error| EngineError::StoreFailed { what: error.to_string() })
}

fn replaced(data: &Path) -> String {
    let path = data.join("control.redb");
    if !path.exists() {
        return "no box was there".to_owned();
    }
    let read = || {
        let control = Control::open(&path, 256 << 10).ok()?;
        let log = Log::open(&control.snapshot().ok()?).ok()?;
        Some(format!("{} entries with the root {}", log.size(), to_hex(&log.root(log.size()).ok()?)))
    };
    read().unwrap_or_else(|| match fs::read_to_string(data.join(crate::engine::trail::MARK)) {
        // Sealed, or damaged.
        Ok(mark) => format!("it could not be read; size and root that were signed last: {}", mark.trim()),
        Err(_) => "it could not be read".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_and_carries_those_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let (data, ready) = (dir.path(), dir.path().join("ready"));
        let note = Note::new("b1", ("uid:7", "a disk\tdied\nat night"));
        assert_eq!(Note::read(note.line().trim_end()).reason, "a disk died at night");
        crate::config::write_file(&ready.join(NAME), &note.line()).unwrap();
        crate::config::write_file(&data.join(NOTE), "b0\ts\tuid:6\twhy\tno box was there\n").unwrap();
        for _ in 0..2 {
            complete(data, &ready).unwrap(); // again, after a crash
            let all = Note::all(&ready.join(NAME));
            assert_eq!(all.iter().map(|note| note.backup.as_str()).collect::<Vec<_>>(), ["b0", "b1"]);
            assert_eq!((all[1].seed.as_str(), all[1].replaced.as_str()), (&*note.seed, "no box was there"));
        }
        assert_eq!(backup_of(data, &ready), "b1");
        crate::config::write_file(&ready.join(NAME), "old\n").unwrap();
        complete(data, &ready).unwrap();
        assert_eq!(Note::all(&ready.join(NAME))[1].seed.len(), 64, "one that was laid out before an update");
    }
}
