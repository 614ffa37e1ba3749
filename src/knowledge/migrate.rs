//! How older catalogues and segments become today's.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use fst::Streamer;

use super::cache::CACHE_TABLES;
use super::catalogue::{COUNTERS, PATHS};
use super::dictionary::DictionaryWriter;
use super::segment::{DICTIONARY, Segment};
use crate::store::{
    BlockFile, BlockFileWriter, Damage, Database, Step, StoreError, Table, number_in, number_value,
    seal_values, sync_parent,
};

/// The dictionary of segments up to November 2026: an FST.
const OLD_DICTIONARY: [u8; 4] = *b"tfst";
/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// In order.
pub(super) const STEPS: &[Step] = &[Step { to: 2, run: frame_numbers }];

/// Numbers got a check value; cached answers, too, and are simply made anew.
fn frame_numbers(database: &Database) -> Result<(), StoreError> {
    for table in [PATHS, COUNTERS] {
        seal_values(database, table, |value| match value.len() {
            8 => Ok(Some(number_value(number_in(value)?))),
            _ => Ok(None),
        })?;
    }
    let mut write = database.begin_write()?;
    write.set_quick_repair(true);
    for table in CACHE_TABLES {
        write.delete_table(Table::new(table))?;
    }
    Ok(write.commit()?)
}

/// Opens a segment; one with the older dictionary is written anew first, under its own name.
pub(super) fn open_segment(path: &Path) -> Result<Segment, Damage> {
    Segment::open(path).or_else(|damage| {
        let old = BlockFile::open(path)?;
        if old.section(OLD_DICTIONARY).is_err() {
            return Err(damage);
        }
        renew(&old, path).map_err(|error| {
            old.damage(format!("is of an older release and cannot be written anew: {error}"))
        })?;
        tracing::info!(path = %path.display(), "a segment of an older release was written anew");
        Segment::open(path)
    })
}

fn renew(old: &BlockFile, path: &Path) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut out = BlockFileWriter::create(&unfinished)?;
    for (tag, section) in old.sections() {
        if tag == OLD_DICTIONARY {
            out.section(DICTIONARY)?;
            dictionary_of(old.bytes(section).map_err(io::Error::other)?)?.write(&mut out)?;
            continue;
        }
        out.section(tag)?;
        for from in section.clone().step_by(PIECE) {
            let piece = from..section.end.min(from + PIECE);
            out.write_all(old.bytes(piece).map_err(io::Error::other)?)?;
        }
    }
    out.finish()?;
    fs::rename(&unfinished, path)?;
    sync_parent(path)
}

fn dictionary_of(fst: &[u8]) -> io::Result<DictionaryWriter> {
    let terms = fst::Map::new(fst).map_err(io::Error::other)?;
    let (mut stream, mut dictionary) = (terms.stream(), DictionaryWriter::default());
    while let Some((term, list)) = stream.next() {
        dictionary.push(term, list)?;
    }
    Ok(dictionary)
}
