//! Lines of other programs, made into lines of this log: JSON as it is, text with its time and level where it begins
//! with them, and what `journalctl -o export` writes. Pure functions.
//!
//! The export format is that of systemd ("Journal Export Formats", systemd.io): a field a line, `NAME=value`, or
//! `NAME`, the length as u64 LE and the bytes; an empty line ends an entry.
//!
//! Invariant: whatever the bytes are, a line of ours comes of them or nothing; none is longer than [`LONGEST`].

use serde_json::{Map, Value};

use crate::base::{format_second, parse_time};
use crate::redact::kept;

/// A longer line is cut; a longer field is left out.
const LONGEST: usize = 32 << 10;
const FIELDS: usize = 40;
/// A level stands so far at the front of a text.
const FRONT: usize = 80;
const INFO: &str = "INFO";

/// How lines come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogForm {
    /// A line each, JSON or text.
    #[default]
    Lines,
    /// As `journalctl -o export` has it.
    Journal,
}

/// What was made of bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Lines of the log, ready to be appended.
    pub lines: Vec<u8>,
    pub count: u64,
    /// Bytes that were used; what is behind them is the begin of a line that has not come yet.
    pub used: usize,
}

/// Makes whole lines of what came; the rest, too, when nothing follows (`is_end`).
#[must_use]
pub fn take_foreign(form: LogForm, source: &str, bytes: &[u8], is_end: bool, now_ms: u64) -> Taken {
    let mut taken = Taken::default();
    while let Some((fields, used)) = match form {
        LogForm::Lines => line(bytes.get(taken.used..).unwrap_or_default(), is_end, now_ms),
        LogForm::Journal => entry(bytes.get(taken.used..).unwrap_or_default(), is_end),
    } {
        taken.used += used;
        if let Some(line) = fields {
            taken.lines.extend_from_slice(line.written(source, now_ms).as_bytes());
            taken.count += 1;
        }
    }
    taken
}

/// What is known of a line.
#[derive(Debug, Default)]
struct Known {
    time_us: Option<u64>,
    level: Option<&'static str>,
    /// The program, where one source has several.
    program: Option<String>,
    message: String,
    fields: Map<String, Value>,
}

impl Known {
    /// Redacted like the box's own lines: text by text, so that it stays JSON.
    fn written(mut self, source: &str, now_ms: u64) -> String {
        let us = self.time_us.unwrap_or(now_ms.saturating_mul(1000));
        let second = format_second(us / 1000);
        let target = match self.program {
            Some(program) if program != source => format!("{source}/{program}"),
            _ => source.to_owned(),
        };
        let text = |text: &str| Value::from(kept(text)).to_string();
        let mut out = format!(
            "{{\"timestamp\":\"{}.{:06}Z\",\"level\":\"{}\",\"message\":{},\"target\":{}",
            second.trim_end_matches('Z'),
            us % 1_000_000,
            self.level.unwrap_or(INFO),
            text(cut(&self.message)),
            text(&target),
        );
        for name in ["timestamp", "level", "message", "target"] {
            self.fields.remove(name);
        }
        for (name, value) in self.fields.iter().take(FIELDS) {
            let value = match value {
                Value::String(value) => text(value),
                other => other.to_string(),
            };
            if value.len() <= LONGEST && out.len() <= 2 * LONGEST {
                out.push_str(&format!(",{}:{value}", Value::from(name.as_str())));
            }
        }
        out.push_str("}\n");
        out
    }

    fn of_json(mut fields: Map<String, Value>, now_ms: u64) -> Self {
        let mut first = |names: &[&str]| names.iter().find_map(|name| fields.remove(*name));
        let time = first(&["timestamp", "@timestamp", "time", "ts"]);
        let level = first(&["level", "severity", "lvl", "PRIORITY"]);
        let message = first(&["message", "msg", "MESSAGE"]);
        let program = first(&["target", "logger", "unit"]);
        let plain = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Self {
            time_us: time.and_then(|time| match time {
                Value::Number(number) => number.as_f64().and_then(us_of_number),
                other => us_of_text(&plain(other), now_ms).map(|(us, _)| us),
            }),
            level: level.and_then(|level| level_named(&plain(level))),
            program: program.map(plain).filter(|name| !name.is_empty()),
            message: message.map(plain).unwrap_or_default(),
            fields,
        }
    }

    fn of_text(text: &str, now_ms: u64) -> Self {
        let (time_us, rest) = match us_of_text(text, now_ms) {
            Some((us, length)) => (Some(us), text.get(length..).unwrap_or_default()),
            None => (None, text),
        };
        let message = rest.trim_start_matches([' ', ']', ':', '-', '\t']).to_owned();
        Self { time_us, level: level_in(rest), message, ..Self::default() }
    }
}

fn cut(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// A line of text or JSON, and how long it is with its end; an empty one is nothing.
fn line(bytes: &[u8], is_end: bool, now_ms: u64) -> Option<(Option<Known>, usize)> {
    let (line, used) = match memchr::memchr(b'\n', bytes) {
        Some(at) => (bytes.get(..at)?, at + 1),
        None if is_end && !bytes.is_empty() => (bytes, bytes.len()),
        // Who never ends a line is not waited for.
        None if bytes.len() > 2 * LONGEST => (bytes, bytes.len()),
        None => return None,
    };
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    let known = match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Some(Known::of_json(fields, now_ms)),
        _ if text.is_empty() => None,
        _ => Some(Known::of_text(text, now_ms)),
    };
    Some((known, used))
}

/// An entry of the journal, with the empty line that ends it; nothing while it is not whole.
fn entry(bytes: &[u8], is_end: bool) -> Option<(Option<Known>, usize)> {
    let (mut known, mut at, mut any) = (Known::default(), 0, false);
    loop {
        let rest = bytes.get(at..)?;
        if rest.is_empty() {
            return (is_end && any).then_some((Some(known), at));
        }
        // Cut off: what is there of it counts, when nothing follows.
        let end = memchr::memchr(b'\n', rest).or(is_end.then_some(rest.len()))?;
        let head = rest.get(..end)?;
        at = (at + end + 1).min(bytes.len());
        if head.is_empty() {
            return Some((Some(known).filter(|_| any), at));
        }
        let (name, value) = match memchr::memchr(b'=', head) {
            Some(sign) => (head.get(..sign)?, head.get(sign + 1..)?),
            None => {
                let Some((length, long)) = bytes.get(at..).and_then(|rest| rest.split_first_chunk::<8>())
                else {
                    return is_end.then_some((Some(known).filter(|_| any), bytes.len()));
                };
                let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
                let Some(value) = long.get(..length) else {
                    return is_end.then_some((Some(known).filter(|_| any), bytes.len()));
                };
                at += 8 + length + 1;
                (head, value)
            }
        };
        any = true;
        known.field(&String::from_utf8_lossy(name), &String::from_utf8_lossy(value));
    }
}

impl Known {
    /// A field of the journal: its own names (systemd.journal-fields(7)) have their places, addresses are left out.
    fn field(&mut self, name: &str, value: &str) {
        match name {
            "MESSAGE" => value.trim_end().clone_into(&mut self.message),
            "__REALTIME_TIMESTAMP" => self.time_us = value.parse().ok(),
            "_SOURCE_REALTIME_TIMESTAMP" => self.time_us = self.time_us.or(value.parse().ok()),
            "PRIORITY" => self.level = level_named(value),
            "SYSLOG_IDENTIFIER" => self.program = Some(value.to_owned()),
            "_COMM" if self.program.is_none() => self.program = Some(value.to_owned()),
            "_PID" | "_SYSTEMD_UNIT" | "_HOSTNAME" | "_UID" => {
                let name = name.trim_start_matches('_').to_ascii_lowercase();
                self.fields.insert(name, Value::from(value));
            }
            // The rest of the kernel's and the journal's own says nothing of what happened.
            _ if name.starts_with('_') || name.starts_with("SYSLOG_") || value.len() > LONGEST => {}
            _ => {
                self.fields.insert(name.to_ascii_lowercase(), Value::from(value));
            }
        }
    }
}

/// A level by its usual names, or by syslog's number (RFC 5424, section 6.2.1).
fn level_named(name: &str) -> Option<&'static str> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "0" | "1" | "2" | "3" | "error" | "err" | "fatal" | "critical" | "crit" | "panic" | "emerg"
        | "alert" => "ERROR",
        "4" | "warn" | "warning" => "WARN",
        "5" | "6" | "info" | "notice" | "information" => INFO,
        "7" | "debug" => "DEBUG",
        "trace" => "TRACE",
        _ => return None,
    })
}

/// A level near the front of a text: in capitals, in brackets, or as `level=`.
fn level_in(text: &str) -> Option<&'static str> {
    let mut from = 0;
    let front = cut(text).get(..).unwrap_or_default();
    for word in front.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        let before = front.get(..from).unwrap_or_default();
        from += word.len() + 1;
        if from > FRONT {
            return None;
        }
        let is_marked = word.bytes().all(|letter| letter.is_ascii_uppercase())
            || before.ends_with(['[', '<'])
            || before.ends_with("level=")
            || before.ends_with("level=\"");
        let is_word = word.len() > 2 && word.bytes().all(|letter| letter.is_ascii_alphabetic());
        if let Some(level) = level_named(word).filter(|_| is_marked && is_word) {
            return Some(level);
        }
    }
    None
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, by how large the number is.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between the bounds that are checked
fn us_of_number(number: f64) -> Option<u64> {
    let us = match number {
        n if n < 1e8 => return None,
        n if n < 1e11 => n * 1e6,
        n if n < 1e14 => n * 1e3,
        n if n < 1e17 => n,
        n if n < 1e20 => n / 1e3,
        _ => return None,
    };
    Some(us as u64)
}

/// The time that a text begins with, and how many bytes of it: RFC 3339 with `T` or a space, a point or a comma, an
/// offset or none (UTC); or syslog's `Mar  1 08:00:00` (RFC 3164) of this year.
fn us_of_text(text: &str, now_ms: u64) -> Option<(u64, usize)> {
    let begin = text.len() - text.trim_start_matches('[').len();
    let rest = text.get(begin..)?;
    let (day, length) = match rest.get(..10).filter(|day| day.as_bytes().get(4) == Some(&b'-')) {
        Some(day) => (day.to_owned(), 11),
        None => (syslog_day(rest.get(..6)?, now_ms)?, 7),
    };
    let clock = rest.get(length..length + 8)?;
    let ms = parse_time(&format!("{day}T{clock}Z"))?;
    let mut after = rest.get(length + 8..)?;
    let mut us = ms * 1000;
    if let Some(part) = after.strip_prefix(['.', ',']) {
        let digits = part.len() - part.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let micros: String = part.chars().take(digits.min(6)).chain("000000".chars().skip(digits)).collect();
        us += micros.parse::<u64>().ok()?;
        after = part.get(digits..)?;
    }
    if let Some((offset_us, length)) = offset(after) {
        us = us.checked_add_signed(-offset_us)?;
        after = after.get(length..)?;
    }
    Some((us, text.len() - after.len()))
}

/// `Z`, `+01:00` or `-0530`, in microseconds, and how many bytes.
fn offset(text: &str) -> Option<(i64, usize)> {
    let sign = match text.bytes().next()? {
        b'Z' => return Some((0, 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours: i64 = text.get(1..3)?.parse().ok()?;
    let (minutes, length) =
        if text.as_bytes().get(3) == Some(&b':') { (text.get(4..6)?, 6) } else { (text.get(3..5)?, 5) };
    let minutes: i64 = minutes.parse().ok()?;
    Some((sign * (hours * 60 + minutes) * 60_000_000, length))
}

/// `Mar  1` as a day that is not in the future.
fn syslog_day(text: &str, now_ms: u64) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (month, day) = text.split_at_checked(3)?;
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let day: u8 = day.trim().parse().ok()?;
    let year: u64 = format_second(now_ms).get(..4)?.parse().ok()?;
    let of = |year: u64| format!("{year:04}-{month:02}-{day:02}");
    let tomorrow = now_ms.saturating_add(86_400_000);
    let is_past = parse_time(&of(year)).is_some_and(|ms| ms <= tomorrow);
    Some(of(if is_past { year } else { year.saturating_sub(1) }))
}

#[cfg(test)]
mod tests {
    use super::super::log_block::LEVELS;
    use super::*;
    use proptest::prelude::*;

    /// 2026-03-01T08:00:00Z
    const NOW: u64 = 1_772_352_000_000;

    fn lines(form: LogForm, bytes: &[u8]) -> Vec<Value> {
        let taken = take_foreign(form, "src", bytes, true, NOW);
        assert_eq!(taken.used, bytes.len());
        let text = String::from_utf8(taken.lines).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn one(text: &str) -> [String; 4] {
        let found = lines(LogForm::Lines, text.as_bytes());
        assert_eq!(found.len(), 1, "{text}");
        ["timestamp", "level", "target", "message"].map(|name| found[0][name].as_str().unwrap().to_owned())
    }

    #[test]
    fn times_and_levels_of_texts_are_told() {
        let cases = [
            (
                "2026-02-28T23:59:58.5+01:00 ERROR pump: dry",
                "2026-02-28T22:59:58.500000Z",
                "ERROR",
                "ERROR pump: dry",
            ),
            ("2026-02-28 23:59:58,123 [warn] slow", "2026-02-28T23:59:58.123000Z", "WARN", "[warn] slow"),
            ("[2026-02-28T10:00:00Z] no error here", "2026-02-28T10:00:00.000000Z", "INFO", "no error here"),
            (
                "Feb 28 10:00:01 box sshd[7]: level=debug x",
                "2026-02-28T10:00:01.000000Z",
                "DEBUG",
                "box sshd[7]: level=debug x",
            ),
            ("Dec 24 10:00:01 box cron: CRON", "2025-12-24T10:00:01.000000Z", "INFO", "box cron: CRON"),
            ("just a text", "2026-03-01T08:00:00.000000Z", "INFO", "just a text"),
        ];
        for (text, time, level, message) in cases {
            assert_eq!(one(text), [time, level, "src", message].map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn lines_of_json_keep_their_fields() {
        let text = r#"{"ts":1772352001.25,"lvl":"warning","msg":"a\nb","unit":"api","n":7,"target":"x","user":"anna@example.org"}"#;
        let found = lines(LogForm::Lines, text.as_bytes());
        assert_eq!(found[0]["timestamp"], "2026-03-01T08:00:01.250000Z");
        assert_eq!((&found[0]["level"], &found[0]["target"]), (&Value::from("WARN"), &Value::from("src/x")));
        assert_eq!((&found[0]["message"], &found[0]["n"]), (&Value::from("a\nb"), &Value::from(7)));
        assert_eq!(found[0]["user"], "[redacted: email]");
    }

    #[test]
    fn entries_of_the_journal_come_whole() {
        let mut bytes = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1772352001000007\nPRIORITY=3\nSYSLOG_IDENTIFIER=sshd\n_PID=7\nMESSAGE\n".to_vec();
        let message = b"two\n\nlines";
        bytes.extend_from_slice(&(message.len() as u64).to_le_bytes());
        bytes.extend_from_slice(message);
        bytes.extend_from_slice(b"\n\nMESSAGE=second\nCODE_LINE=9\n\n");
        let found = lines(LogForm::Journal, &bytes);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (&found[0]["message"], &found[0]["level"]),
            (&Value::from("two\n\nlines"), &Value::from("ERROR"))
        );
        assert_eq!((&found[0]["target"], &found[0]["pid"]), (&Value::from("src/sshd"), &Value::from("7")));
        assert_eq!(found[0]["timestamp"], "2026-03-01T08:00:01.000007Z");
        assert_eq!(
            (&found[1]["message"], &found[1]["code_line"]),
            (&Value::from("second"), &Value::from("9"))
        );
        // What has not come whole is left for the next time.
        for cut in 0..bytes.len() {
            let first = take_foreign(LogForm::Journal, "src", &bytes[..cut], false, NOW);
            let rest = take_foreign(LogForm::Journal, "src", &bytes[first.used..], true, NOW);
            assert_eq!(first.count + rest.count, 2, "{cut}");
        }
    }

    #[test]
    fn a_line_that_never_ends_is_cut() {
        let taken = take_foreign(LogForm::Lines, "src", &vec![b'x'; 3 * LONGEST], false, NOW);
        assert_eq!((taken.count, taken.used), (1, 3 * LONGEST));
        assert!(taken.lines.len() < LONGEST + 200);
        assert_eq!(take_foreign(LogForm::Lines, "src", b"half", false, NOW), Taken::default());
    }

    proptest! {
        #[test]
        fn garbage_gives_lines_of_ours(bytes in prop::collection::vec(any::<u8>(), 0..400), journal in any::<bool>(), text in "[\\[\\]0-9TZ:., +A-Za-z{}\"=-]{0,60}") {
            let form = if journal { LogForm::Journal } else { LogForm::Lines };
            for bytes in [&bytes[..], text.as_bytes()] {
                let taken = take_foreign(form, "src", bytes, true, NOW);
                prop_assert_eq!(taken.used, bytes.len());
                let text = String::from_utf8(taken.lines).unwrap();
                prop_assert_eq!(text.lines().count() as u64, taken.count);
                for line in text.lines() {
                    prop_assert!(super::super::log_read::parse(line).is_some_and(|line| LEVELS.contains(&line.level.to_ascii_lowercase().as_str())), "{}", line);
                }
            }
        }
    }
}
