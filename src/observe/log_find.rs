//! Which lines are looked for, and those of one stretch of the log: functions of bytes, no I/O.

use std::ops::Range;

use memchr::memmem::{self, Finder};
use serde_json::Value;

use super::log_block::{self, Head, LEVELS, hash, is_word, level_of, stamp_of};
use super::log_read::parse;
use crate::api::types::LogLine;

/// What is looked for in the log; everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogWanted {
    /// Newest lines wanted.
    pub n: usize,
    /// This and worse.
    pub level: Option<String>,
    /// Stands in the line as it is.
    pub contains: Option<String>,
    /// Whole words, one after the other as they are given.
    pub word: Option<String>,
    /// Is the value of a field: the id of a request, a trace or a job.
    pub trace: Option<String>,
    /// Who wrote the line: the beginning of its target, up to a whole word.
    pub source: Option<String>,
    /// Milliseconds since the epoch, both included.
    pub since_ms: Option<u64>,
    pub until_ms: Option<u64>,
    /// Only lines before this place.
    pub before: Option<LogPlace>,
}

/// A place in the log: the same one when its file was packed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    pub(super) day: String,
    pub(super) part: u32,
    pub(super) at: u64,
}

impl std::fmt::Display for LogPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.day, self.part, self.at)
    }
}

impl std::str::FromStr for LogPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let mut parts = text.split('.');
            let day = parts.next().filter(|day| day.len() == 10)?.to_owned();
            let (part, at) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { day, part, at })
        };
        read().ok_or_else(|| format!("'{text}' is no place in the log"))
    }
}

/// A search, made ready: texts as they stand in lines of JSON, hashes of words, times as text.
pub(super) struct Search<'w> {
    wanted: &'w LogWanted,
    level: usize,
    needles: Vec<Needle>,
    /// The longest text that is in every wanted line.
    finder: Option<Finder<'static>>,
    words: Vec<u64>,
    since: Option<String>,
    until: Option<String>,
    pub(super) found: Vec<LogLine>,
}

/// A text that is looked for: as it is, and as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Needle {
    text: Vec<u8>,
    in_json: Vec<u8>,
    whole: bool,
}

impl<'w> Search<'w> {
    pub(super) fn new(wanted: &'w LogWanted) -> Self {
        let needle = |text: &Option<String>, whole| {
            let text = text.as_deref().filter(|text| !text.is_empty())?;
            Some(Needle { text: text.into(), in_json: in_json(text), whole })
        };
        let source = wanted.source.as_ref().map(|source| format!("\"target\":\"{source}"));
        let needles: Vec<Needle> = [
            needle(&wanted.contains, false),
            needle(&wanted.word, true),
            needle(&wanted.trace, true),
            needle(&source, false),
        ]
        .into_iter()
        .flatten()
        .collect();
        let words = needles.iter().flat_map(sure_words).collect();
        let longest = needles.iter().map(Needle::plain).max_by_key(|text| text.len());
        let finder = longest.filter(|text| !text.is_empty()).map(|text| Finder::new(text).into_owned());
        let level = wanted.level.as_deref().map_or(LEVELS.len() - 1, |level| {
            LEVELS.iter().position(|known| known.eq_ignore_ascii_case(level)).unwrap_or(LEVELS.len() - 1)
        });
        Self {
            wanted,
            level,
            finder,
            needles,
            words,
            since: wanted.since_ms.map(|ms| stamp(ms, "")),
            until: wanted.until_ms.map(|ms| stamp(ms, "~")),
            found: Vec::new(),
        }
    }

    /// False where no line of a block can be wanted.
    pub(super) fn wants_block(&self, head: &Head<'_>) -> bool {
        let timed = head.last_ms > 0;
        (1..=self.level + 1).any(|n| head.levels & (1 << (n - 1)) != 0)
            && self.wanted.since_ms.is_none_or(|since| !timed || head.last_ms >= since)
            && self.wanted.until_ms.is_none_or(|until| !timed || head.first_ms <= until)
            && self.words.iter().all(|word| head.may_hold(*word))
    }

    /// Takes the wanted lines of a stretch, last first, until there are enough: then the place of the last one taken,
    /// counted from the stretch's begin. Lines that begin at `upto` or after are left out.
    pub(super) fn take(&mut self, raw: &[u8], upto: usize) -> Option<usize> {
        for range in self.candidates(raw).into_iter().rev().filter(|range| range.start < upto) {
            let Some(line) = raw.get(range.clone()).filter(|line| self.may_want(line)) else { continue };
            let Some(line) = parse(&String::from_utf8_lossy(line)) else { continue };
            let is_of_trace = self.wanted.trace.as_ref().is_none_or(|id| has_value(&line, id));
            if is_of_trace && self.wanted.source.as_ref().is_none_or(|source| is_of(&line, source)) {
                self.found.push(line);
                if self.found.len() >= self.wanted.n {
                    return Some(range.start);
                }
            }
        }
        None
    }

    /// Lines that hold the longest text, or all.
    fn candidates(&self, raw: &[u8]) -> Vec<Range<usize>> {
        let end_of = |at: usize| {
            memchr::memchr(b'\n', raw.get(at..).unwrap_or_default()).map_or(raw.len(), |length| at + length)
        };
        let (mut found, mut from) = (Vec::new(), 0);
        while from < raw.len() {
            let start = match &self.finder {
                None => from,
                Some(finder) => {
                    let Some(hit) = finder.find(raw.get(from..).unwrap_or_default()) else { break };
                    let before = raw.get(from..from + hit).unwrap_or_default();
                    memchr::memrchr(b'\n', before).map_or(from, |at| from + at + 1)
                }
            };
            let at = if self.finder.is_some() { start.max(from) } else { from };
            let end = end_of(at);
            if end > start {
                found.push(start..end);
            }
            from = end + 1;
        }
        found
    }

    fn may_want(&self, line: &[u8]) -> bool {
        let stamp = stamp_of(line);
        let since =
            self.since.as_ref().is_none_or(|since| stamp.is_some_and(|stamp| stamp >= since.as_bytes()));
        let until =
            self.until.as_ref().is_none_or(|until| stamp.is_some_and(|stamp| stamp <= until.as_bytes()));
        since
            && until
            && level_of(line) <= self.level
            && self.needles.iter().all(|needle| needle.stands_in(line))
    }
}

impl Needle {
    /// The longest part that JSON does not escape.
    fn plain(&self) -> &[u8] {
        let parts = self.text.split(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        parts.max_by_key(|part| part.len()).unwrap_or_default()
    }

    fn stands_in(&self, line: &[u8]) -> bool {
        let is_end = |at: Option<&u8>| at.is_none_or(|byte| !is_word(*byte));
        let forms = [&self.text, &self.in_json];
        forms.iter().take(1 + usize::from(self.text != self.in_json)).any(|form| {
            memmem::find_iter(line, form).any(|at| {
                let before = at.checked_sub(1).and_then(|before| line.get(before));
                !self.whole || (is_end(before) && is_end(line.get(at + form.len())))
            })
        })
    }
}

fn in_json(text: &str) -> Vec<u8> {
    let quoted = Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or(text).into()
}

/// Words that must be in the line as whole words: those at the ends of a text may be parts of longer ones.
fn sure_words(needle: &Needle) -> Vec<u64> {
    let text = needle.plain();
    let inner = if needle.whole && text == needle.text {
        text
    } else {
        let first = text.iter().position(|byte| !is_word(*byte)).unwrap_or(text.len());
        let last = text.iter().rposition(|byte| !is_word(*byte)).unwrap_or(0);
        text.get(first..=last).unwrap_or_default()
    };
    let mut words = Vec::new();
    log_block::words_of(inner, |word| words.push(hash(word)));
    words
}

fn is_of(line: &LogLine, source: &str) -> bool {
    let rest = line.target.strip_prefix(source);
    rest.is_some_and(|rest| rest.bytes().next().is_none_or(|byte| !is_word(byte)))
}

fn has_value(line: &LogLine, id: &str) -> bool {
    fn is_in(value: &Value, id: &str) -> bool {
        match value {
            Value::String(text) => text == id,
            Value::Number(number) => number.to_string() == id,
            Value::Array(all) => all.iter().any(|one| is_in(one, id)),
            Value::Object(all) => all.values().any(|one| is_in(one, id)),
            Value::Null | Value::Bool(_) => false,
        }
    }
    line.fields.values().any(|value| is_in(value, id))
}

/// A time as lines have it, to the millisecond, and what comes after it.
fn stamp(ms: u64, after: &str) -> String {
    let second = crate::base::format_second(ms);
    format!("{}.{:03}{after}", second.trim_end_matches('Z'), ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::super::log_block::Packer;
    use super::*;

    fn line(second: u32, level: &str, rest: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-03-01T08:00:{second:02}.000001Z\",\"level\":\"{level}\",\"message\":\"m{second}\"{rest}}}\n"
        )
    }

    fn messages(raw: &str, wanted: &LogWanted) -> Vec<String> {
        let mut search = Search::new(wanted);
        search.take(raw.as_bytes(), usize::MAX);
        let block = Packer::new().unwrap().block(raw.as_bytes(), 0).unwrap();
        let asked = search.wants_block(&Head::read(&block).unwrap().0);
        assert!(asked || search.found.is_empty(), "a block is passed over that holds a wanted line");
        search.found.into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn texts_words_ids_levels_and_times_choose_lines() {
        let raw = line(1, "INFO", ",\"request\":\"19b3c0-7\"")
            + &line(2, "WARN", ",\"request\":\"19b3c0-71\"")
            + &line(3, "ERROR", ",\"what\":\"a \\\"quoted\\\" pump\"")
            + &line(4, "DEBUG", ",\"spans\":[{\"request\":\"19b3c0-7\"}]");
        let some = |text: &str| Some(text.to_owned());
        let all = LogWanted { n: 9, ..LogWanted::default() };
        assert_eq!(messages(&raw, &all), ["m4", "m3", "m2", "m1"]);
        assert_eq!(messages(&raw, &LogWanted { n: 2, ..all.clone() }), ["m4", "m3"]);
        let contains = |text| LogWanted { contains: some(text), ..all.clone() };
        assert_eq!(messages(&raw, &contains("9b3c0-7")), ["m4", "m2", "m1"]);
        assert_eq!(messages(&raw, &contains("\"quoted\" pu")), ["m3"]);
        assert_eq!(messages(&raw, &contains("\"level\":\"WARN\"")), ["m2"], "as it stands there, too");
        assert_eq!(messages(&raw, &contains("\"")).len(), 4);
        assert!(messages(&raw, &contains("nothing")).is_empty());
        assert_eq!(messages(&raw, &LogWanted { word: some("19b3c0-7"), ..all.clone() }), ["m4", "m1"]);
        assert!(messages(&raw, &LogWanted { word: some("9b3c0"), ..all.clone() }).is_empty());
        assert_eq!(messages(&raw, &LogWanted { trace: some("19b3c0-7"), ..all.clone() }), ["m4", "m1"]);
        assert!(messages(&raw, &LogWanted { trace: some("19b3c0"), ..all.clone() }).is_empty());
        assert_eq!(messages(&raw, &LogWanted { level: some("warn"), ..all.clone() }), ["m3", "m2"]);
        let at = |second: u64| Some(1_772_352_000_000 + second * 1000);
        assert_eq!(messages(&raw, &LogWanted { since_ms: at(3), ..all.clone() }), ["m4", "m3"]);
        assert_eq!(messages(&raw, &LogWanted { until_ms: at(2), ..all.clone() }), ["m2", "m1"]);
        let both = LogWanted { contains: some("request"), word: some("7"), level: some("info"), ..all };
        assert_eq!(messages(&raw, &both), ["m1"]);
    }

    #[test]
    fn places_are_written_and_read() {
        let place = LogPlace { day: "2026-03-01".into(), part: 2, at: 77 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "2026-03-01", "2026-03-01.2", "2026-03-01.2.x", "1.2.3", "2026-03-01.2.7.7"] {
            assert!(wrong.parse::<LogPlace>().is_err(), "{wrong}");
        }
    }
}
