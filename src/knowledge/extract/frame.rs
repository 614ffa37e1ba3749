//! What the child says to its parent: a tag, a length, fields.
//!
//! Invariant: no length that came over the pipe is believed before it is checked against a bound.

use super::error::{Outcome, fail, known_kind};
use super::{Chunk, ExtractError, Extracted, Kind, Place};

/// Longest frame that is accepted.
pub(super) const LONGEST: usize = 1 << 20;

/// One message.
pub(super) enum Frame {
    /// The page that is read now: should it be the last word, the page is to blame.
    Page(u32),
    Chunk(Chunk),
    Done(Extracted),
    Failed(ExtractError),
}

const KINDS: [Kind; 12] = [
    Kind::Markdown,
    Kind::Text,
    Kind::Html,
    Kind::Pdf,
    Kind::Docx,
    Kind::Epub,
    Kind::Man,
    Kind::Rst,
    Kind::Csv,
    Kind::Json,
    Kind::Log,
    Kind::Odt,
];

pub(super) fn encode(frame: &Frame) -> Vec<u8> {
    let mut body = Vec::new();
    let tag = match frame {
        Frame::Chunk(chunk) => {
            put_number(&mut body, chunk.heading.len());
            for heading in &chunk.heading {
                put_text(&mut body, heading);
            }
            put_text(&mut body, &chunk.title);
            put_text(&mut body, &chunk.text);
            put_span(&mut body, chunk.place.lines);
            put_span(&mut body, chunk.place.pages);
            body.push(u8::from(chunk.place.record.is_some()));
            put_text(&mut body, chunk.place.record.as_deref().unwrap_or_default());
            1
        }
        Frame::Done(done) => {
            let kind = KINDS.iter().position(|kind| *kind == done.kind).unwrap_or_default();
            put_number(&mut body, kind);
            put_text(&mut body, &done.title);
            put_number(&mut body, done.pages as usize);
            put_number(&mut body, done.broken_pages as usize);
            2
        }
        Frame::Failed(error) => {
            put_text(&mut body, error.kind);
            put_text(&mut body, &error.reason);
            3
        }
        Frame::Page(number) => {
            put_number(&mut body, *number as usize);
            4
        }
    };
    let mut out = vec![tag];
    put_number(&mut out, body.len());
    out.extend_from_slice(&body);
    out
}

fn put_number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_span(out: &mut Vec<u8>, span: Option<(u32, u32)>) {
    let (first, last) = span.unwrap_or_default();
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&last.to_le_bytes());
}

/// Takes the next whole frame off the front of `buffer`; `None` when more bytes are needed.
pub(super) fn take(buffer: &mut Vec<u8>) -> Outcome<Option<Frame>> {
    let Some(length) = buffer.get(1..5).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes)
    else {
        return Ok(None);
    };
    let length = length as usize;
    if length > LONGEST {
        return Err(broken());
    }
    let Some(body) = buffer.get(5..5 + length) else { return Ok(None) };
    let frame = decode(buffer.first().copied().unwrap_or(0), body).ok_or_else(broken)?;
    buffer.drain(..5 + length);
    Ok(Some(frame))
}

fn broken() -> ExtractError {
    fail("crash", "the extractor answered with nonsense")
}

fn decode(tag: u8, body: &[u8]) -> Option<Frame> {
    let mut fields = Fields(body);
    Some(match tag {
        1 => {
            let count = fields.number()?;
            let heading = (0..count.min(64)).map(|_| fields.text()).collect::<Option<Vec<_>>>()?;
            let (title, text) = (fields.text()?, fields.text()?);
            let (lines, pages) = (fields.span()?, fields.span()?);
            let has_record = fields.byte()? == 1;
            let record = Some(fields.text()?).filter(|_| has_record);
            Frame::Chunk(Chunk { heading, title, text, place: Place { lines, pages, record } })
        }
        2 => {
            let kind = *KINDS.get(fields.number()? as usize)?;
            let (title, pages, broken_pages) = (fields.text()?, fields.number()?, fields.number()?);
            Frame::Done(Extracted { kind, title, pages, broken_pages })
        }
        3 => {
            let kind = known_kind(&fields.text()?);
            Frame::Failed(fail(kind, fields.text()?))
        }
        4 => Frame::Page(fields.number()?),
        _ => return None,
    })
}

struct Fields<'f>(&'f [u8]);

impl Fields<'_> {
    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (first, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(first)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()? as usize;
        String::from_utf8(self.bytes(length)?.to_vec()).ok()
    }

    fn span(&mut self) -> Option<Option<(u32, u32)>> {
        let (first, last) = (self.number()?, self.number()?);
        Some((last > 0).then_some((first, last)))
    }
}

/// Bytes as they might come from a child gone mad; for fuzzing.
pub fn parse_frames(bytes: &[u8]) -> usize {
    let mut buffer = bytes.to_vec();
    let mut count = 0;
    while let Ok(Some(_)) = take(&mut buffer) {
        count += 1;
    }
    count
}
