//! The newest lines of the log, read from the end of the files: bounded in bytes, whatever their size.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::log_file::files;
use crate::api::types::LogLine;

/// Read at once, and at most for one question.
const BLOCK: u64 = 64 << 10;
const MOST: u64 = 16 << 20;
/// A line that is longer is not shown.
const LONGEST_LINE: usize = 256 << 10;

/// Reads the log of one data folder.
#[derive(Debug, Clone)]
pub struct LogReader {
    folder: PathBuf,
}

impl LogReader {
    /// `folder` is the one given to [`super::start`].
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The newest `n` lines of this level and worse that contain the text, oldest first.
    #[must_use]
    pub fn tail(&self, n: usize, level: Option<&str>, contains: Option<&str>) -> Vec<LogLine> {
        let mut found = Vec::new();
        let mut left = MOST;
        for file in files(&self.folder).into_iter().rev() {
            if found.len() >= n || left == 0 {
                break;
            }
            backwards(&file.path, &mut left, |line| {
                if contains.is_none_or(|text| line.contains(text))
                    && let Some(line) = parse(line)
                    && level.is_none_or(|level| rank(&line.level) <= rank(level))
                {
                    found.push(line);
                }
                found.len() < n
            });
        }
        found.reverse();
        found
    }
}

/// 0 is the worst; what is unknown counts as worst, so that it is not hidden.
fn rank(level: &str) -> usize {
    const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
    LEVELS.iter().position(|known| known.eq_ignore_ascii_case(level)).unwrap_or(0)
}

/// Calls `each` with every line, last first, until it says no or the allowance is used up.
fn backwards(path: &Path, left: &mut u64, mut each: impl FnMut(&str) -> bool) {
    let Ok(mut file) = File::open(path) else { return };
    let Ok(mut end) = file.seek(SeekFrom::End(0)) else { return };
    // The beginning of a line whose end was read before.
    let mut rest: Vec<u8> = Vec::new();
    while end > 0 && *left > 0 {
        let size = BLOCK.min(end).min(*left);
        let start = end - size;
        let mut block = Vec::new();
        let read =
            file.seek(SeekFrom::Start(start)).and_then(|_| (&mut file).take(size).read_to_end(&mut block));
        if read.is_err() {
            return;
        }
        *left -= size;
        end = start;
        block.append(&mut rest);
        let first_break =
            if start == 0 { Some(0) } else { block.iter().position(|&byte| byte == b'\n').map(|at| at + 1) };
        let Some(whole) = first_break else {
            // A line longer than a block: go on, but do not keep what nobody will see.
            rest = if block.len() > LONGEST_LINE { Vec::new() } else { block };
            continue;
        };
        let tail = block.split_off(whole);
        rest = block;
        for line in tail.split(|&byte| byte == b'\n').rev().filter(|line| !line.is_empty()) {
            if !each(&String::from_utf8_lossy(line)) {
                return;
            }
        }
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
    use super::*;

    #[test]
    fn reads_from_the_end_over_files_and_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let line = |number: usize, level: &str| {
            let pad = "p".repeat(300);
            format!(
                "{{\"timestamp\":\"t\",\"level\":\"{level}\",\"target\":\"x\",\"message\":\"m{number}\",\"pad\":\"{pad}\"}}\n"
            )
        };
        let first: String = (0..1000).map(|number| line(number, "INFO")).collect();
        let second: String = (1000..1010).map(|number| line(number, "ERROR")).collect();
        std::fs::write(folder.path().join("spud.2026-01-01.jsonl"), first).unwrap();
        std::fs::write(folder.path().join("spud.2026-01-01.2.jsonl"), second + "{torn").unwrap();
        let reader = LogReader::new(folder.path());
        let newest = reader.tail(15, None, None);
        assert_eq!(newest.len(), 15);
        assert_eq!((newest[0].message.as_str(), newest[14].message.as_str()), ("m995", "m1009"));
        assert_eq!(reader.tail(2000, None, None).len(), 1010);
        assert_eq!(reader.tail(2000, Some("warn"), None).len(), 10);
        assert_eq!(reader.tail(2000, None, Some("\"m7\""))[0].message, "m7");
        assert!(LogReader::new(Path::new("/nowhere")).tail(5, None, None).is_empty());
    }
}
