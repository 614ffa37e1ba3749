//! From an open stream to passages: looks at the first bytes, then runs the parser of the format.
//!
//! Invariant: every parser runs against the same limits, in this process or in the child.

use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;

use super::chunker::Chunker;
use super::detect::{Format, detect};
use super::encoding::{Narrow, wide};
use super::error::{Outcome, fail, from_io};
use super::lines::Lines;
use super::{Chunk, ExtractError, Extracted, Kind, Limits};
use super::{html, json, markdown, pdf, plain, roff, rst, table, zipped};

/// How much of a file is looked at to tell its format.
pub(super) const HEAD: usize = 64 << 10;

/// Refuses to give more than so many bytes: the end of every bomb.
pub(super) struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Bounded<R> {
    pub(super) fn new(inner: R, most: u64) -> Self {
        Self { inner, left: most }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(out)?;
        match self.left.checked_sub(got as u64) {
            Some(left) => self.left = left,
            None => {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "it unfolds to more than is allowed",
                ));
            }
        }
        Ok(got)
    }
}

/// The first bytes of a stream, as many as there are up to `most`.
pub(super) fn head(reader: &mut dyn Read, most: usize) -> Outcome<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(most as u64).read_to_end(&mut head).map_err(|error| from_io(&error))?;
    Ok(head)
}

/// Reads a whole document; `name` helps where the content does not tell.
pub(super) fn document(
    reader: &mut dyn Read,
    name: &str,
    limits: &Limits,
    sink: &mut dyn FnMut(Chunk) -> ControlFlow<()>,
) -> Outcome<Extracted> {
    let start = head(reader, HEAD)?;
    let format = detect(&start, name)?;
    let mut all = Cursor::new(start).chain(reader);
    if format != Format::Gzip {
        return run(format, &mut all, name, limits, sink);
    }
    let most = limits.text_bytes.saturating_mul(2).max(64 << 20);
    let mut inner = Bounded::new(flate2::read::MultiGzDecoder::new(all), most);
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".GZ")).unwrap_or(name);
    let start = head(&mut inner, HEAD)?;
    match detect(&start, name)? {
        Format::Gzip => Err(fail("unsupported", "it is packed more than once")),
        format => run(format, &mut Cursor::new(start).chain(inner), name, limits, sink),
    }
}

/// Runs the parser of `format`.
pub(super) fn run(
    format: Format,
    reader: &mut dyn Read,
    name: &str,
    limits: &Limits,
    sink: &mut dyn FnMut(Chunk) -> ControlFlow<()>,
) -> Outcome<Extracted> {
    let mut out = Chunker::new(limits.text_bytes, sink);
    let mut kind = format.kind();
    let mut broken_pages = 0;
    match format {
        Format::Html => {
            // The tokenizer's own strings come on top of the page.
            let bytes = all(reader, limits.child_memory / 4)?;
            html::parse(super::encoding::page(&bytes), &mut out)?;
        }
        Format::Pdf => broken_pages = pdf::parse(&all(reader, limits.child_memory / 3)?, &mut out)?,
        Format::Zip => kind = zipped::parse(all(reader, limits.child_memory / 2)?, limits, &mut out)?,
        _ => lines(format, reader, name, &mut out)?,
    }
    let (title, pages, count) = out.finish()?;
    if count == 0 {
        return Err(fail("empty", "there is no text in it"));
    }
    Ok(Extracted {
        kind,
        title: title.filter(|title| !title.is_empty()).unwrap_or_else(|| stem(name)),
        pages,
        broken_pages,
    })
}

fn lines(format: Format, reader: &mut dyn Read, name: &str, out: &mut Chunker<'_>) -> Outcome {
    let start = head(reader, 4096)?;
    let side = wide(&start);
    let all = Cursor::new(start).chain(reader);
    let text = Narrow::new(all, side);
    match format {
        Format::Csv => return table::parse(text, name, out),
        Format::Json => return json::document(text, out),
        Format::Jsonl => return json::lines(&mut Lines::new(text).with_longest(json::LONGEST_RECORD), out),
        _ => {}
    }
    let mut lines = Lines::new(text);
    match format {
        Format::Markdown => markdown::parse(&mut lines, out),
        Format::Rst => rst::parse(&mut lines, out),
        Format::Man => roff::parse(&mut lines, out),
        Format::Log => plain::log(&mut lines, out),
        _ => plain::text(&mut lines, out),
    }
}

/// Everything there is, up to a bound.
pub(super) fn all(reader: &mut dyn Read, most: u64) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    Bounded::new(reader, most).read_to_end(&mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            fail("too_large", "it is too large to be read within the memory allowed")
        }
        _ => from_io(&error),
    })?;
    Ok(bytes)
}

/// The file name without its extension.
pub(super) fn stem(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem });
    stem.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// One door to the parser of each kind, for tests and fuzzing: no file, no child, same limits.
///
/// # Errors
/// The reason the bytes give no text.
pub fn parse_bytes(
    kind: Kind,
    bytes: &[u8],
    limits: &Limits,
    sink: &mut dyn FnMut(Chunk) -> ControlFlow<()>,
) -> Result<Extracted, ExtractError> {
    let format = match kind {
        Kind::Markdown => Format::Markdown,
        Kind::Text => Format::Text,
        Kind::Html => Format::Html,
        Kind::Pdf => Format::Pdf,
        Kind::Docx | Kind::Epub | Kind::Odt => Format::Zip,
        Kind::Man => Format::Man,
        Kind::Rst => Format::Rst,
        Kind::Csv => Format::Csv,
        Kind::Json if is_many(bytes) => Format::Jsonl,
        Kind::Json => Format::Json,
        Kind::Log => Format::Log,
    };
    run(format, &mut &*bytes, "bytes", limits, sink)
}

/// Several records, one a line.
fn is_many(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.next().is_some_and(|line| line.starts_with(b"{"))
        && lines.next().is_some_and(|line| line.starts_with(b"{"))
}
