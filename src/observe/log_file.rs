//! Log files with a daily and a size rotation, the oldest deleted so that all together stay within a budget
//! and none is kept beyond its days.
//!
//! Names: `spud.2026-03-01.jsonl`, then `spud.2026-03-01.2.jsonl` and so on within a day; what was rotated is packed
//! and ends with `.zst`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::log_pack::{Background, PACKED, remove_parts};
use crate::base::{Clock, InOrder, SystemClock, format_time};

/// A budget is split into this many files at least.
const FILES: u64 = 4;
const DAY_MS: u64 = 86_400_000;

/// The file that is written now.
pub(super) struct RotatedFile {
    folder: PathBuf,
    budget: u64,
    /// A file of a day this long ago is deleted.
    days: u32,
    clock: Box<dyn Clock>,
    file: Option<File>,
    day: u64,
    part: u32,
    bytes: u64,
    packing: Background,
}

impl RotatedFile {
    pub(super) fn open(folder: &Path, budget: u64, days: u32) -> io::Result<Self> {
        Self::with_clock(folder, budget, days, Box::new(SystemClock::default()))
    }

    pub(super) fn with_clock(
        folder: &Path,
        budget: u64,
        days: u32,
        clock: Box<dyn Clock>,
    ) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
        let day = clock.now_ms() / DAY_MS;
        let (folder_of_it, packing) = (folder.to_owned(), Background::default());
        let mut log =
            Self { folder: folder_of_it, budget, days, clock, file: None, day, part: 1, bytes: 0, packing };
        remove_parts(folder);
        // Go on where the last run stopped; nothing is added to what is packed.
        let newest = files(folder).into_iter().rev().find(|file| file.day == log.date());
        log.part = newest.map_or(1, |file| file.part + u32::from(file.packed));
        log.reopen()?;
        Ok(log)
    }

    /// Appends one or more whole lines.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let today = self.clock.now_ms() / DAY_MS;
        let full = self.bytes > 0 && self.bytes + lines.len() as u64 > (self.budget / FILES).max(4096);
        if today != self.day {
            self.day = today;
            self.part = 1;
            self.reopen()?;
        } else if full {
            self.part += 1;
            self.reopen()?;
        } else if self.file.is_none() {
            self.reopen()?;
        }
        if let Some(file) = &mut self.file {
            let written = file.write_all(lines);
            if written.is_err() {
                // A full disk or a removed folder: try a fresh file with the next line.
                self.file = None;
            }
            written?;
            self.bytes += lines.len() as u64;
        }
        Ok(())
    }

    fn date(&self) -> String {
        date(self.day)
    }

    fn reopen(&mut self) -> io::Result<()> {
        let name = match self.part {
            1 => format!("spud.{}.jsonl", self.date()),
            part => format!("spud.{}.{part}.jsonl", self.date()),
        };
        let path = self.folder.join(name);
        let file = OpenOptions::new().create(true).append(true).mode(0o640).open(&path)?;
        self.bytes = file.metadata()?.len();
        self.file = Some(file);
        self.forget_old(&path);
        self.packing.begin(&self.folder, &path);
        Ok(())
    }

    /// Deletes the oldest files until a whole new one fits, and those beyond their days.
    fn forget_old(&self, current: &Path) {
        let mut all = files(&self.folder);
        let allowed = self.budget - self.budget / FILES;
        let mut sum: u64 = all.iter().map(|file| file.bytes).sum();
        let first_kept = date(self.day.saturating_sub(u64::from(self.days)));
        for old in all.drain(..).filter(|file| file.path != current) {
            if sum <= allowed && old.day >= first_kept {
                break;
            }
            if fs::remove_file(&old.path).is_ok() {
                sum = sum.saturating_sub(old.bytes);
            }
        }
    }
}

fn date(day: u64) -> String {
    format_time(day.saturating_mul(DAY_MS)).chars().take(10).collect()
}

/// One file of the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LogFile {
    pub(super) day: String,
    pub(super) part: u32,
    /// It was rotated, and is made of packed blocks.
    pub(super) packed: bool,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// The files of the log, oldest first. Nothing else in the folder is touched.
pub(super) fn files(folder: &Path) -> Vec<LogFile> {
    let mut found: Vec<LogFile> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let packed = name.ends_with(PACKED);
            let plain = name.strip_suffix(PACKED).unwrap_or(&name);
            let middle = plain.strip_prefix("spud.")?.strip_suffix(".jsonl")?;
            let (day, part) = middle.split_once('.').unwrap_or((middle, "1"));
            let whole = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            let bytes = entry.metadata().ok()?.len();
            whole.then_some(LogFile {
                day: day.to_owned(),
                part: part.parse().ok()?,
                packed,
                path: entry.path(),
                bytes,
            })
        })
        .collect();
    found.order();
    // Both are there where the power went between the two: the packed one is whole.
    let whole: Vec<(String, u32)> =
        found.iter().filter(|file| file.packed).map(|file| (file.day.clone(), file.part)).collect();
    found.retain(|file| file.packed || !whole.contains(&(file.day.clone(), file.part)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ManualClock;
    use std::sync::Arc;

    struct Shared(Arc<ManualClock>);

    impl Clock for Shared {
        fn now_ms(&self) -> u64 {
            self.0.now_ms()
        }

        fn monotonic_us(&self) -> u64 {
            self.0.monotonic_us()
        }
    }

    #[test]
    fn rotates_by_day_and_size_within_its_budget() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("other.jsonl"), "not ours").unwrap();
        let clock = Arc::new(ManualClock::default());
        let mut log =
            RotatedFile::with_clock(folder.path(), 40_000, 7, Box::new(Shared(Arc::clone(&clock)))).unwrap();
        let line = [b'x'; 999].into_iter().chain([b'\n']).collect::<Vec<u8>>();
        for _ in 0..200 {
            log.append(&line).unwrap();
            // Whoever writes faster than it packs loses the oldest lines sooner, and keeps to the budget all the same.
            log.packing.finish();
        }
        let now = files(folder.path());
        assert!(now.iter().map(|file| file.bytes).sum::<u64>() <= 40_000, "{now:?}");
        assert!(now.len() >= 3 && now.iter().any(|file| file.packed), "{now:?}");
        assert!(!now.last().unwrap().packed, "the newest is still written");
        clock.advance_ms(DAY_MS);
        log.append(&line).unwrap();
        let newest = files(folder.path()).pop().unwrap();
        assert_eq!((newest.day.as_str(), newest.part, newest.bytes), ("1970-01-02", 1, 1000));
        assert!(folder.path().join("other.jsonl").exists());
        drop(log);
        let mut again = RotatedFile::with_clock(folder.path(), 40_000, 7, Box::new(Shared(clock))).unwrap();
        again.append(&line).unwrap();
        assert_eq!(files(folder.path()).pop().unwrap().bytes, 2000, "a new run goes on in the same file");
    }

    #[test]
    fn a_day_too_long_ago_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let mut log =
            RotatedFile::with_clock(folder.path(), 1 << 20, 3, Box::new(Shared(Arc::clone(&clock)))).unwrap();
        for _ in 0..6 {
            log.append(b"line\n").unwrap();
            clock.advance_ms(DAY_MS);
        }
        log.packing.finish();
        let days: Vec<String> = files(folder.path()).into_iter().map(|file| file.day).collect();
        assert_eq!(days, ["1970-01-03", "1970-01-04", "1970-01-05", "1970-01-06"]);
    }
}
