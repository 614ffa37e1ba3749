//! CSV and TSV: rows become `header: value` text; rows with an id and a text become records.
//!
//! Invariant: one row of at most [`LONGEST_ROW`] bytes in memory.

use std::cell::Cell;
use std::io::{self, Cursor, Read};
use std::rc::Rc;

use super::chunker::Chunker;
use super::encoding::decode;
use super::error::{Outcome, fail};
use super::parse::head;

const LONGEST_ROW: u64 = 8 << 20;

/// Stops a row that never ends.
struct Metered<R> {
    inner: R,
    row: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(out)?;
        let row = self.row.get() + got as u64;
        self.row.set(row);
        if row > LONGEST_ROW {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a row of the table never ends"));
        }
        Ok(got)
    }
}

/// The columns that mean something to us.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    id: Option<usize>,
    title: Option<usize>,
    text: Option<usize>,
}

impl Columns {
    fn new(names: Vec<String>) -> Self {
        let place = |wanted: &[&str]| {
            names.iter().position(|name| wanted.iter().any(|word| name.trim().eq_ignore_ascii_case(word)))
        };
        Self {
            id: place(&["id", "_id", "docid"]),
            title: place(&["title"]),
            text: place(&["text", "body", "content", "contents"]),
            names,
        }
    }
}

pub(super) fn parse<R: Read>(mut reader: R, name: &str, out: &mut Chunker<'_>) -> Outcome {
    let start = head(&mut reader, 16 << 10)?;
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).to_vec();
    let delimiter = delimiter(&start, name);
    let row = Rc::new(Cell::new(0));
    let metered = Metered { inner: Cursor::new(start).chain(reader), row: Rc::clone(&row) };
    let mut table =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(metered);
    let mut record = csv::ByteRecord::new();
    let mut columns: Option<Columns> = None;
    loop {
        row.set(0);
        if !table.read_byte_record(&mut record).map_err(|error| damaged(&error))? {
            return Ok(());
        }
        let line = record.position().map_or(0, |position| u32::try_from(position.line()).unwrap_or(u32::MAX));
        let cells: Vec<String> = record.iter().map(|cell| decode(cell).replace('\0', "")).collect();
        match &columns {
            None => columns = Some(Columns::new(cells)),
            Some(columns) => one_row(columns, &cells, line, out)?,
        }
    }
}

fn damaged(error: &csv::Error) -> super::ExtractError {
    match error.kind() {
        csv::ErrorKind::Io(io) => super::error::from_io(io),
        _ => fail("damaged", format!("the table is damaged: {error}")),
    }
}

fn one_row(columns: &Columns, cells: &[String], line: u32, out: &mut Chunker<'_>) -> Outcome {
    let cell =
        |at: Option<usize>| at.and_then(|at| cells.get(at)).map(|cell| cell.trim()).unwrap_or_default();
    if columns.id.is_some() && columns.text.is_some() {
        let id = Some(cell(columns.id).to_owned()).filter(|id| !id.is_empty());
        return out.record(id, cell(columns.title), cell(columns.text), line);
    }
    let mut text = String::new();
    for (at, value) in cells.iter().enumerate() {
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push_str("; ");
        }
        if let Some(name) = columns.names.get(at).filter(|name| !name.trim().is_empty()) {
            text.push_str(name.trim());
            text.push_str(": ");
        }
        text.extend(value.chars().map(|c| if c == '\n' || c == '\r' { ' ' } else { c }));
    }
    if text.is_empty() { Ok(()) } else { out.verbatim(&text, line) }
}

/// The mark that is most frequent in the first line.
fn delimiter(start: &[u8], name: &str) -> u8 {
    let name = name.to_ascii_lowercase();
    if name.ends_with(".tsv") || name.ends_with(".tab") {
        return b'\t';
    }
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |mark: u8| first.iter().filter(|byte| **byte == mark).count();
    [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|mark| count(*mark)).unwrap_or(b',')
}
