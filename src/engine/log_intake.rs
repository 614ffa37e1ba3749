//! Lines of other programs on their way into the box's log: sent by a program, or read from files that a setting names.
//!
//! A file is known by its inode: where it was rotated, what the old one still has is read first. How far each was
//! read is kept in `logs/followed.json` at most ten seconds later: after a kill -9, some lines may come twice, none is
//! lost.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use super::EngineError;
use super::run::Inner;
use super::worker::invalid;
use crate::api::types::{ImportedLog, LogSource};
use crate::config;
use crate::knowledge::{Glob, Slash};
use crate::observe::{LogForm, Taken, take_foreign};
use crate::resilience::Effect;

/// Where it is kept how far files were read.
const KEPT: &str = "followed.json";
const EVERY_S: u64 = 2;
const KEEP_EVERY_S: u64 = 10;
/// Names are looked for again so often.
const FIND_EVERY_S: u64 = 30;
const FILES_MOST: usize = 64;
/// Of all files together at a time: a program that writes more is read more slowly than it writes.
const BYTES_MOST: usize = 1 << 20;
const BYTES_EACH: u64 = 128 << 10;
/// Of a file that was there before it was followed.
const BEFORE: u64 = 64 << 10;
const NAME_BYTES: usize = 100;

/// What a program sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogImport {
    pub source: String,
    pub form: LogForm,
    /// Nothing follows: the last line counts, whether it is ended or not.
    pub is_end: bool,
    pub bytes: Vec<u8>,
}

/// Takes lines in, all that are whole.
pub(super) fn import(inner: &Inner, request: &LogImport) -> Result<ImportedLog, EngineError> {
    let LogImport { source, form, is_end, bytes } = request;
    let is_name = |letter: char| letter.is_alphanumeric() || "._-/@:".contains(letter);
    if source.is_empty() || source.len() > NAME_BYTES || !source.chars().all(is_name) {
        let advice = format!("1 to {NAME_BYTES} letters, digits, and . _ - / @ :");
        return Err(invalid(format!("'{source}' cannot be the name of a source"), advice));
    }
    if source == "spud" || source.starts_with("spud:") {
        return Err(invalid("spud is the name of the box's own lines", "choose another name"));
    }
    if inner.modes.effects().has(Effect::ReadOnly) {
        return Err(EngineError::Busy { retry_after_s: 30 });
    }
    let taken = take_foreign(*form, source, bytes, *is_end, inner.clock.now_ms());
    append(inner, &taken).map_err(|error| EngineError::DiskFull {
        what: format!("the log cannot be written: {error}"),
        store: false,
    })?;
    Ok(ImportedLog { lines: taken.count, used_bytes: taken.used as u64 })
}

fn append(inner: &Inner, taken: &Taken) -> io::Result<()> {
    let log = inner.log.lock().unwrap_or_else(PoisonError::into_inner);
    match &*log {
        Some(log) if !taken.lines.is_empty() => log.append(&taken.lines),
        _ => Ok(()),
    }
}

/// How far a file was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Reached {
    inode: u64,
    at: u64,
}

#[derive(Debug, Default)]
struct Followed {
    reached: Reached,
    open: Option<File>,
    problem: String,
}

/// Files that are followed.
#[derive(Debug, Default)]
pub(super) struct Followers {
    files: BTreeMap<PathBuf, Followed>,
    /// As the setting had it when names were looked for.
    patterns: Vec<String>,
    begun: bool,
    changed: bool,
}

/// Reads what files have that the setting names. Nothing is read while the box is not to write: it waits there.
pub(super) fn tick(inner: &Inner, seconds: u64) {
    if !seconds.is_multiple_of(EVERY_S) {
        return;
    }
    let patterns = inner.config.running().list("log.files").to_vec();
    let mut followers = inner.intake.followers();
    if patterns.is_empty() && followers.files.is_empty() || inner.modes.effects().has(Effect::ReadOnly) {
        return;
    }
    let own = inner.settings.data_dir.join("logs");
    if followers.patterns != patterns || seconds.is_multiple_of(FIND_EVERY_S) {
        followers.find(patterns, &own);
    }
    let mut left = BYTES_MOST;
    for (path, file) in &mut followers.files {
        let mut append = |bytes: &[u8]| {
            let taken = take_foreign(LogForm::Lines, &source_of(path), bytes, false, inner.clock.now_ms());
            append(inner, &taken).map(|()| taken.used)
        };
        let read = file.read(path, &mut left, &mut append);
        let problem = read.err().map(|error| error.to_string()).unwrap_or_default();
        if problem != file.problem && !problem.is_empty() {
            tracing::warn!(path = %path.display(), problem, "a log file cannot be followed");
        }
        file.problem = problem;
    }
    followers.changed |= left < BYTES_MOST;
    if followers.changed && seconds.is_multiple_of(KEEP_EVERY_S) {
        followers.keep(&own);
    }
}

/// Keeps how far files were read, before the box stops.
pub(super) fn stop(inner: &Inner) {
    let mut followers = inner.intake.followers();
    if followers.changed {
        followers.keep(&inner.settings.data_dir.join("logs"));
    }
}

/// The files that are followed, by path.
pub(super) fn sources(inner: &Inner) -> Vec<LogSource> {
    let followers = inner.intake.followers();
    let told = |(path, file): (&PathBuf, &Followed)| LogSource {
        source: source_of(path),
        path: path.display().to_string(),
        read_bytes: file.reached.at,
        problem: file.problem.clone(),
    };
    followers.files.iter().map(told).collect()
}

/// `/var/log/nginx/error.log` is `nginx/error`.
fn source_of(path: &Path) -> String {
    let short = path.strip_prefix("/var/log").unwrap_or(path);
    let text = short.with_extension("").display().to_string();
    text.trim_start_matches('/')
        .chars()
        .map(|letter| if letter.is_control() { '_' } else { letter })
        .collect()
}

impl Followers {
    fn find(&mut self, patterns: Vec<String>, own: &Path) {
        let mut found: Vec<PathBuf> = patterns.iter().flat_map(|pattern| named(pattern)).collect();
        found.retain(|path| !path.starts_with(own));
        found.truncate(FILES_MOST);
        // One that is gone is between two rotations, as far as anybody knows.
        let is_same = self.patterns == patterns && self.files.len() <= FILES_MOST;
        self.files.retain(|path, _| is_same || found.contains(path));
        let kept: BTreeMap<PathBuf, Reached> = match self.begun {
            true => BTreeMap::new(),
            false => fs::read(own.join(KEPT))
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok())
                .unwrap_or_default(),
        };
        for path in found {
            // What was there before begins near its end; what comes later is read from its beginning.
            let is_new = self.begun && self.patterns == patterns;
            self.files.entry(path.clone()).or_insert_with(|| {
                let first = || match is_new {
                    true => Reached::default(),
                    false => first_of(&path),
                };
                let reached = kept.get(&path).copied().unwrap_or_else(first);
                Followed { reached, ..Followed::default() }
            });
        }
        (self.patterns, self.begun) = (patterns, true);
    }

    fn keep(&mut self, own: &Path) {
        let reached: BTreeMap<&PathBuf, Reached> =
            self.files.iter().map(|(path, file)| (path, file.reached)).collect();
        let kept = own.join(KEPT);
        let text = serde_json::to_string(&reached).unwrap_or_default();
        match config::write_file(&kept, &text) {
            Ok(()) => self.changed = false,
            Err(error) => tracing::warn!(path = %kept.display(), %error, "what was read of logs is not kept"),
        }
    }
}

/// Files of a name whose last part may be a pattern.
fn named(pattern: &str) -> Vec<PathBuf> {
    let path = Path::new(pattern);
    let (Some(folder), Some(last)) = (path.parent(), path.file_name().map(|name| name.to_string_lossy()))
    else {
        return Vec::new();
    };
    if !last.contains(['*', '?', '[', '{']) {
        return vec![path.to_owned()];
    }
    let Ok(glob) = Glob::new(&last, Slash::Kept) else { return Vec::new() };
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = files
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter(|entry| glob.is_match(Path::new(&entry.file_name())))
        .map(|entry| entry.path())
        .collect();
    crate::base::InOrder::order(found.as_mut_slice());
    found
}

fn first_of(path: &Path) -> Reached {
    let Ok(meta) = fs::metadata(path) else { return Reached::default() };
    let mut reached = Reached { inode: meta.ino(), at: meta.len().saturating_sub(BEFORE) };
    if reached.at > 0 {
        // From the beginning of a line.
        let line_end = File::open(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(reached.at))?;
            let mut bytes = Vec::new();
            file.take(BEFORE).read_to_end(&mut bytes)?;
            Ok(memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1))
        });
        reached.at += line_end.unwrap_or(0) as u64;
    }
    reached
}

impl Followed {
    /// Reads on; `append` says how much of the bytes it used.
    fn read(
        &mut self,
        path: &Path,
        left: &mut usize,
        append: &mut dyn FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let meta = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()), // between two rotations
            meta => meta?,
        };
        if !meta.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        if meta.ino() != self.reached.inode {
            // Rotated: the old one to its end, under the name that it has now.
            if self.reached.inode != 0 && self.open.is_none() {
                let mut old = path.as_os_str().to_owned();
                old.push(".1");
                self.open = File::open(old)
                    .ok()
                    .filter(|file| file.metadata().is_ok_and(|meta| meta.ino() == self.reached.inode));
            }
            if self.open.is_some() && self.part(left, append)? {
                return Ok(());
            }
            self.open = None;
            self.reached = Reached { inode: meta.ino(), at: 0 };
        } else if meta.len() < self.reached.at {
            // Written over from its beginning (copytruncate).
            self.reached.at = 0;
        }
        if meta.len() == self.reached.at {
            return Ok(());
        }
        if self.open.is_none() {
            self.open = Some(File::open(path)?);
        }
        self.part(left, append).map(drop)
    }

    /// Reads some of the open file; false where nothing came of it.
    fn part(
        &mut self,
        left: &mut usize,
        append: &mut dyn FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<bool> {
        let Some(file) = &mut self.open else { return Ok(false) };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.reached.at))?;
        file.take(BYTES_EACH.min(*left as u64)).read_to_end(&mut bytes)?;
        let used = append(&bytes)?;
        self.reached.at += used as u64;
        *left = left.saturating_sub(used);
        Ok(used > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Site {
        folder: tempfile::TempDir,
        followers: Followers,
        heard: String,
    }

    impl Site {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
                followers: Followers::default(),
                heard: String::new(),
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            let mut file = File::options().create(true).append(true).open(self.path(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn look(&mut self) -> String {
            let patterns = vec![self.path("*.log").display().to_string()];
            self.followers.find(patterns, &self.path("own"));
            for (path, file) in &mut self.followers.files {
                let mut append = |bytes: &[u8]| {
                    let used = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
                    self.heard.push_str(std::str::from_utf8(&bytes[..used]).unwrap());
                    Ok(used)
                };
                file.read(path, &mut 1_000_000, &mut append).unwrap();
            }
            std::mem::take(&mut self.heard)
        }
    }

    #[test]
    fn lines_come_once_over_rotation_truncation_and_restart() {
        let mut site = Site::new();
        fs::create_dir(site.path("own")).unwrap();
        site.write("a.log", "one\ntwo\nhal");
        site.write("a.txt", "not followed\n");
        assert_eq!(site.look(), "one\ntwo\n");
        site.write("a.log", "f\n");
        site.write("b.log", "new\n");
        assert_eq!(site.look(), "half\nnew\n", "a file that comes later is read from its beginning");
        site.write("a.log", "last\n");
        fs::rename(site.path("a.log"), site.path("a.log.1")).unwrap();
        assert_eq!(site.look(), "");
        site.write("a.log", "next\n");
        assert_eq!(site.look() + &site.look(), "last\nnext\n");
        // A restart, with a rotation meanwhile.
        site.followers.keep(&site.path("own"));
        site.write("a.log", "before\n");
        fs::rename(site.path("a.log"), site.path("a.log.1")).unwrap();
        site.write("a.log", "after\n");
        site.followers = Followers::default();
        assert_eq!(site.look() + &site.look(), "before\nafter\n");
        fs::write(site.path("a.log"), "cut\n").unwrap();
        assert_eq!(site.look(), "cut\n");
        assert_eq!(site.look(), "");
    }

    #[test]
    fn of_what_was_there_before_the_end_is_read_by_lines() {
        let mut site = Site::new();
        let line = "x".repeat(99) + "\n";
        site.write("a.log", &line.repeat(2000));
        let read = site.look();
        assert!(
            read.len() as u64 <= BEFORE && read.len() as u64 > BEFORE - 200 && read.len().is_multiple_of(100)
        );
        assert_eq!(source_of(Path::new("/var/log/nginx/error.log")), "nginx/error");
        assert_eq!(source_of(Path::new("/srv/app/out.log")), "srv/app/out");
    }
}
