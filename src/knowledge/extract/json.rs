//! JSON and JSON Lines: objects flattened to `path: value` lines; records with an id stay records.
//!
//! Invariant: values are walked as they are read; what is held is one record of at most [`LONGEST_RECORD`] bytes.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::chunker::Chunker;
use super::error::{Outcome, fail, from_io};
use super::lines::Lines;

/// The longest record or string that is held in memory.
pub(super) const LONGEST_RECORD: usize = 8 << 20;

const TEXTS: [&str; 4] = ["text", "body", "content", "contents"];

/// One value and where it stands: `a.b[2]`.
struct Entry {
    path: String,
    value: String,
    line: u32,
}

/// Collects the values of one record, or passes them on when there are too many.
struct Walk<'w, 'c> {
    out: &'w mut Chunker<'c>,
    path: String,
    entries: Vec<Entry>,
    held: usize,
    line: Rc<Cell<u32>>,
    failed: Option<super::ExtractError>,
    /// Elements of the outermost array are records.
    depth: u32,
    overflowed: bool,
}

impl Walk<'_, '_> {
    fn leaf(&mut self, value: &str) -> Outcome {
        if value.trim().is_empty() {
            return Ok(());
        }
        self.held += value.len() + self.path.len() + 64;
        self.entries.push(Entry { path: self.path.clone(), value: value.to_owned(), line: self.line.get() });
        if self.held > LONGEST_RECORD / 4 {
            self.overflowed = true;
            return self.flatten();
        }
        Ok(())
    }

    /// The value is complete: a record if it says so, otherwise its flattened text.
    fn finish(&mut self) -> Outcome {
        if self.overflowed {
            self.overflowed = false;
            return self.flatten();
        }
        let find = |names: &[&str]| {
            names.iter().find_map(|name| self.entries.iter().position(|entry| entry.path == *name))
        };
        let (id, title, text) = (find(&["id", "_id", "docid"]), find(&["title"]), find(&TEXTS));
        if id.is_none() && text.is_none() {
            return self.flatten();
        }
        let entries = std::mem::take(&mut self.entries);
        self.held = 0;
        let line = entries.first().map_or(0, |entry| entry.line);
        let value = |at: Option<usize>| at.and_then(|at| entries.get(at)).map(|entry| entry.value.clone());
        let body = value(text).unwrap_or_else(|| {
            let rest = entries.iter().enumerate().filter(|(at, _)| Some(*at) != id && Some(*at) != title);
            rest.map(|(_, entry)| format!("{}: {}", entry.path, entry.value)).collect::<Vec<_>>().join("\n\n")
        });
        self.out.record(value(id), &value(title).unwrap_or_default(), &body, line)
    }

    fn flatten(&mut self) -> Outcome {
        self.held = 0;
        for entry in std::mem::take(&mut self.entries) {
            if entry.path == "title" {
                self.out.title(&entry.value);
            }
            let mut lines = entry.value.lines();
            let first = lines.next().unwrap_or_default();
            let label = if entry.path.is_empty() { String::new() } else { format!("{}: ", entry.path) };
            self.out.verbatim(&format!("{label}{first}"), entry.line)?;
            for more in lines {
                self.out.verbatim(more, entry.line)?;
            }
        }
        Ok(())
    }

    fn keep<E: Error>(&mut self, outcome: Outcome) -> Result<(), E> {
        outcome.map_err(|error| {
            self.failed = Some(error);
            E::custom("stopped")
        })
    }
}

struct Seed<'s, 'w, 'c>(&'s mut Walk<'w, 'c>);

impl<'de> DeserializeSeed<'de> for Seed<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        let outcome = self.0.leaf(if value { "true" } else { "false" });
        self.0.keep(outcome)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        let outcome = self.0.leaf(&value.to_string());
        self.0.keep(outcome)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        let outcome = self.0.leaf(&value.to_string());
        self.0.keep(outcome)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let outcome = self.0.leaf(&value.to_string());
        self.0.keep(outcome)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let outcome = self.0.leaf(value);
        self.0.keep(outcome)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let walk = self.0;
        let outermost = walk.depth == 0;
        walk.depth += 1;
        let length = walk.path.len();
        let mut at = 0_u64;
        loop {
            if !outermost {
                walk.path.push_str(&format!("[{at}]"));
            }
            let more = sequence.next_element_seed(Seed(walk))?;
            walk.path.truncate(length);
            if more.is_none() {
                break;
            }
            at += 1;
            if outermost {
                let outcome = walk.finish();
                walk.keep(outcome)?;
            }
        }
        walk.depth -= 1;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let walk = self.0;
        walk.depth += 1;
        let length = walk.path.len();
        while let Some(key) = map.next_key::<String>()? {
            if length > 0 {
                walk.path.push('.');
            }
            walk.path.extend(key.chars().filter(|c| !c.is_control()).take(200));
            map.next_value_seed(Seed(walk))?;
            walk.path.truncate(length);
        }
        walk.depth -= 1;
        Ok(())
    }
}

/// Counts lines and refuses a string that never ends.
struct Counted<R> {
    inner: R,
    line: Rc<Cell<u32>>,
    inside: bool,
    escaped: bool,
    length: usize,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // The parser reads byte by byte; more than one at once would put the lines ahead of the values.
        let Some(first) = out.get_mut(..1) else { return Ok(0) };
        let got = self.inner.read(first)?;
        let Some(byte) = first.first().filter(|_| got == 1) else { return Ok(got) };
        match byte {
            b'\n' => self.line.set(self.line.get().saturating_add(1)),
            b'"' if !self.escaped => self.inside = !self.inside,
            _ => {}
        }
        self.escaped = self.inside && *byte == b'\\' && !self.escaped;
        self.length = if self.inside || !matches!(byte, b',' | b'{' | b'[' | b'}' | b']') {
            self.length + 1
        } else {
            0
        };
        if self.length > LONGEST_RECORD {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a value in it is longer than 8 MB"));
        }
        Ok(got)
    }
}

fn walk<'w, 'c>(out: &'w mut Chunker<'c>, line: &Rc<Cell<u32>>) -> Walk<'w, 'c> {
    Walk {
        out,
        path: String::new(),
        entries: Vec::new(),
        held: 0,
        line: Rc::clone(line),
        failed: None,
        depth: 0,
        overflowed: false,
    }
}

/// One JSON value of any size.
pub(super) fn document<R: Read>(reader: R, out: &mut Chunker<'_>) -> Outcome {
    let line = Rc::new(Cell::new(1));
    let buffered = io::BufReader::with_capacity(64 << 10, reader);
    let counted =
        Counted { inner: buffered, line: Rc::clone(&line), inside: false, escaped: false, length: 0 };
    let mut walk = walk(out, &line);
    let mut json = serde_json::Deserializer::from_reader(SkipMark { inner: counted, started: false });
    let read = Seed(&mut walk).deserialize(&mut json).and_then(|()| json.end());
    if let Some(error) = walk.failed.take() {
        return Err(error);
    }
    read.map_err(|error| match error.io_error_kind() {
        Some(kind) => from_io(&io::Error::new(kind, error.to_string())),
        None => fail("damaged", format!("the JSON is damaged: {error}")),
    })?;
    walk.finish()
}

/// Drops a byte order mark.
struct SkipMark<R> {
    inner: R,
    started: bool,
}

impl<R: Read> Read for SkipMark<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let got = self.inner.read(out)?;
            match out.first() {
                Some(0xef | 0xbb | 0xbf) if got == 1 && !self.started => {}
                _ => {
                    self.started = true;
                    return Ok(got);
                }
            }
        }
    }
}

/// One record a line. A line that is no JSON is kept as text.
pub(super) fn lines<R: Read>(lines: &mut Lines<R>, out: &mut Chunker<'_>) -> Outcome {
    let number = Rc::new(Cell::new(0));
    let mut long = false;
    while let Some(line) = lines.next()? {
        number.set(line.number);
        let whole = !line.cut && !long;
        long = line.cut;
        if line.text.trim().is_empty() {
            continue;
        }
        out.end_paragraph()?;
        if !(whole && one_line(&line.text, out, &number)?) {
            out.verbatim(&line.text, line.number)?;
        }
    }
    Ok(())
}

fn one_line(text: &str, out: &mut Chunker<'_>, number: &Rc<Cell<u32>>) -> Outcome<bool> {
    // Checked first, so that half a record never gets out.
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Ok(false);
    }
    let mut walk = walk(out, number);
    // An array on a line is one record too, not many.
    walk.depth = 1;
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Seed(&mut walk).deserialize(&mut json);
    if let Some(error) = walk.failed.take() {
        return Err(error);
    }
    match read {
        Ok(()) => walk.finish().map(|()| true),
        Err(_) => Ok(false),
    }
}
