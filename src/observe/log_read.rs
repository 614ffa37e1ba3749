//! Lines of the log, newest first, over the file that is written and those that were rotated and packed: bounded in
//! bytes, whatever there is.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::log_block::BLOCK;
use super::log_file::{LogFile, files};
use super::log_find::{LogPlace, LogWanted, Search};
use super::log_pack::{Packed, packed_path};
use crate::api::types::LogLine;

/// Bytes of lines that one question looks at.
const MOST: u64 = 1 << 30;
/// A line that is longer is not shown.
const LONGEST_LINE: usize = 256 << 10;

/// Reads the log of one data folder.
#[derive(Debug, Clone)]
pub struct LogReader {
    folder: PathBuf,
}

/// What a search came to.
#[derive(Debug, Default, PartialEq)]
pub struct LogFound {
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// Where an older line may be: the search ended here, with enough lines or with enough bytes.
    pub next: Option<LogPlace>,
    /// Bytes of lines that were looked at, and packed blocks that need not be.
    pub scanned: u64,
    pub skipped_blocks: u64,
    /// Packed blocks that cannot be read.
    pub damaged_blocks: u64,
}

impl LogReader {
    /// `folder` is the one given to [`super::start`].
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The newest lines that are wanted.
    #[must_use]
    pub fn find(&self, wanted: &LogWanted) -> LogFound {
        let mut walk = Walk { search: Search::new(wanted), out: LogFound::default() };
        for file in files(&self.folder).into_iter().rev() {
            let upto = match &wanted.before {
                None => u64::MAX,
                Some(before) if (&file.day, file.part) == (&before.day, before.part) => before.at,
                Some(before) if (&file.day, file.part) > (&before.day, before.part) => continue,
                Some(_) => u64::MAX,
            };
            let ended = if file.packed { walk.packed(&file, upto) } else { walk.plain(&file, upto) };
            if let Some(at) = ended {
                walk.out.next = Some(LogPlace { day: file.day, part: file.part, at });
                break;
            }
        }
        walk.out.lines = walk.search.found;
        walk.out.lines.reverse();
        walk.out
    }
}

struct Walk<'w> {
    search: Search<'w>,
    out: LogFound,
}

impl Walk<'_> {
    /// Takes what is wanted of lines that begin at `raw_at`; the place where the search ends, if it does.
    fn take(&mut self, raw: &[u8], raw_at: u64, upto: u64) -> Option<u64> {
        self.out.scanned += raw.len() as u64;
        let inside = usize::try_from(upto.saturating_sub(raw_at)).unwrap_or(usize::MAX);
        let enough = self.search.take(raw, inside).map(|at| raw_at + at as u64);
        enough.or_else(|| (self.out.scanned >= MOST).then_some(raw_at))
    }

    fn packed(&mut self, file: &LogFile, upto: u64) -> Option<u64> {
        let Ok(mut packed) = Packed::open(&file.path) else {
            self.out.damaged_blocks += 1;
            return None;
        };
        let (places, skipped, damaged) = packed.blocks(|head| self.search.wants_block(head));
        self.out.skipped_blocks += skipped;
        self.out.damaged_blocks += damaged;
        let mut buffer = Vec::new();
        for place in places.into_iter().rev().filter(|place| place.raw_at < upto) {
            match packed.lines(place, &mut buffer) {
                Ok(raw) => {
                    if let Some(ended) = self.take(raw, place.raw_at, upto) {
                        return Some(ended);
                    }
                }
                Err(_) => self.out.damaged_blocks += 1,
            }
        }
        None
    }

    /// Block by block from the end, cut between lines.
    fn plain(&mut self, file: &LogFile, upto: u64) -> Option<u64> {
        let Ok(mut lines) = File::open(&file.path) else {
            // It was packed since the folder was read.
            let packed = LogFile { path: packed_path(&file.path), packed: true, ..file.clone() };
            return if packed.path.exists() { self.packed(&packed, upto) } else { None };
        };
        let mut end = lines.seek(SeekFrom::End(0)).ok()?.min(upto);
        // The begin of a line whose end was read before.
        let mut rest: Vec<u8> = Vec::new();
        while end > 0 {
            let start = end.saturating_sub(BLOCK as u64);
            let mut block = Vec::new();
            lines.seek(SeekFrom::Start(start)).ok()?;
            (&mut lines).take(end - start).read_to_end(&mut block).ok()?;
            end = start;
            block.append(&mut rest);
            let whole = match start {
                0 => Some(0),
                _ => memchr::memchr(b'\n', &block).map(|at| at + 1),
            };
            let Some(whole) = whole else {
                // A line longer than a block: go on, but do not keep what nobody will see.
                rest = if block.len() > LONGEST_LINE { Vec::new() } else { block };
                continue;
            };
            let tail = block.split_off(whole);
            rest = block;
            if let Some(ended) = self.take(&tail, start + whole as u64, upto) {
                return Some(ended);
            }
        }
        None
    }
}

/// A line as it was written; what is no JSON object (a torn line) is `None`.
pub(super) fn parse(line: &str) -> Option<LogLine> {
    let mut fields: Map<String, Value> = serde_json::from_str(line).ok()?;
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let (timestamp, level, target, message) =
        (text("timestamp"), text("level"), text("target"), text("message"));
    Some(LogLine { timestamp, level, target, message, fields })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::super::log_pack::pack;
    use super::*;

    fn line(number: usize, level: &str) -> String {
        let pad = "p".repeat(300);
        format!(
            "{{\"timestamp\":\"t\",\"level\":\"{level}\",\"target\":\"x\",\"message\":\"m{number}\",\"pad\":\"{pad}\"}}\n"
        )
    }

    fn newest(n: usize) -> LogWanted {
        LogWanted { n, ..LogWanted::default() }
    }

    #[test]
    fn reads_from_the_end_over_files_and_blocks_packed_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let first: String = (0..1000).map(|number| line(number, "INFO")).collect();
        let second: String = (1000..1010).map(|number| line(number, "ERROR")).collect();
        let older = folder.path().join("spud.2026-01-01.jsonl");
        std::fs::write(&older, first).unwrap();
        std::fs::write(folder.path().join("spud.2026-01-01.2.jsonl"), second + "{torn").unwrap();
        let reader = LogReader::new(folder.path());
        let mut places = Vec::new();
        for packed in [false, true] {
            if packed {
                assert!(pack(&older, &AtomicBool::new(false)).unwrap());
            }
            let found = reader.find(&newest(15));
            assert_eq!(found.lines.len(), 15);
            assert_eq!(
                (found.lines[0].message.as_str(), found.lines[14].message.as_str()),
                ("m995", "m1009")
            );
            places.push(found.next.clone().unwrap());
            // Page by page, each line once.
            let (mut before, mut count) = (None, 0);
            loop {
                let page = reader.find(&LogWanted { before: before.take(), ..newest(97) });
                count += page.lines.len();
                if count < 1000 {
                    assert_eq!(page.lines[0].message, format!("m{}", 1010 - count));
                }
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(count, 1010);
            let worse = LogWanted { level: Some("warn".into()), ..newest(2000) };
            let found = reader.find(&worse);
            assert_eq!((found.lines.len(), found.skipped_blocks > 0), (10, packed));
            let one = LogWanted { contains: Some("\"m7\"".into()), ..newest(2000) };
            assert_eq!(reader.find(&one).lines[0].message, "m7");
            let word = LogWanted { word: Some("m7".into()), ..newest(2000) };
            assert_eq!(reader.find(&word).lines.len(), 1);
        }
        assert_eq!(places[0], places[1], "a place stays the same when its file is packed");
        assert!(LogReader::new(Path::new("/nowhere")).find(&newest(5)).lines.is_empty());
    }
}
