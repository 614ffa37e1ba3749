//! Texts of any length in bounded memory: piece by piece, with what a find may reach over.

use std::io::{self, Read, Write};

use super::{Counts, find, mark, tally};

/// Bytes that are held; the last ones of them may belong to something that is not read to its end yet.
const HELD: usize = 128 << 10;
const MARGIN: usize = 24 << 10;
/// Bytes before a piece that say what something is.
const BEFORE: usize = 512;
/// Places that are told.
const PLACES: usize = 1_000;

/// Where something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub kind: &'static str,
    /// From 1 on.
    pub line: u64,
    /// From the beginning of all.
    pub offset: u64,
    pub bytes: u64,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub bytes: u64,
    pub counts: Counts,
    /// The first thousand.
    pub places: Vec<Place>,
}

/// Copies a text without what is found in it.
///
/// # Errors
/// What reading or writing says.
pub fn stream(mut input: impl Read, mut output: impl Write) -> io::Result<Report> {
    let mut report = Report::default();
    let mut held: Vec<u8> = Vec::with_capacity(HELD + BEFORE);
    // What of it was written already: it stands there for what comes.
    let (mut written, mut line, mut offset) = (0, 1, 0u64);
    loop {
        let room = (HELD + written).saturating_sub(held.len()) as u64;
        let got = input.by_ref().take(room).read_to_end(&mut held)?;
        report.bytes += got as u64;
        let is_last = (got as u64) < room;
        let found = find(&held);
        let sure = if is_last { held.len() } else { held.len().saturating_sub(MARGIN) };
        let mut at = written;
        for one in found.iter().filter(|one| one.from >= written && one.from < sure) {
            let before = held.get(at..one.from).unwrap_or_default();
            output.write_all(before)?;
            output.write_all(mark(one.kind).as_bytes())?;
            line += lines(before);
            tally(&mut report.counts, one.kind);
            let bytes = (one.to - one.from) as u64;
            if report.places.len() < PLACES {
                let offset = offset + (one.from - written) as u64;
                report.places.push(Place { kind: one.kind, line, offset, bytes });
            }
            line += lines(held.get(one.from..one.to).unwrap_or_default());
            at = one.to;
        }
        let end = at.max(sure);
        let rest = held.get(at..end).unwrap_or_default();
        output.write_all(rest)?;
        line += lines(rest);
        if is_last {
            output.flush()?;
            return Ok(report);
        }
        offset += (end - written) as u64;
        let keep = end.saturating_sub(BEFORE);
        held.drain(..keep);
        written = end - keep;
    }
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
