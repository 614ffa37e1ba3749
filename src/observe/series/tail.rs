//! The newest rows on disk, so that a power cut takes seconds and not the whole table in memory.
//!
//! A commit of redb costs 25 KB whatever its size; a row of a few hundred bytes is not worth that. So rows go into a
//! plain file beside the store, `telemetry.tail`, which is written over from its beginning after each block: one or
//! two pages and one sync a row, and no change of the file's length once it has grown.
//!
//! ```text
//! record  = length of the rest u32 LE · sealed by `store::codec` (generation u64 LE · length unpacked varint · zstd)
//! packed  = rows that are synced together: length varint · row, see `rows`
//! ```
//! Records of another generation than the store names, and all that follows one that does not check, are of old.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::store::codec;
use crate::store::samples::{Malformed, Reader, put};

const VERSION: u8 = 2;
const FRAME: usize = 4;
const GENERATION: usize = 8;
/// The file grows by so much at once, filled with zeros: its length seldom changes.
const GROWTH: u64 = 64 << 10;
/// What is longer is none of ours, packed or not.
const LONGEST: usize = 4 << 20;
/// Rows that waited for long (the disk was full) are not packed into one record.
const TOGETHER: usize = 256 << 10;
/// Rows are packed every ten seconds and read once, after a power cut.
const LEVEL: i32 = 3;

pub(super) struct Tail {
    file: File,
    /// Where the next record goes.
    at: u64,
    length: u64,
    generation: u64,
    written: u64,
    syncs: u64,
}

impl Tail {
    /// Opens or makes the file, and gives the rows of this generation, oldest first.
    pub(super) fn open(path: &Path, generation: u64) -> io::Result<(Self, Vec<Vec<u8>>)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let length = file.metadata()?.len();
        let (rows, at) = rows(&file, length, generation)?;
        Ok((Self { file, at, length, generation, written: 0, syncs: 0 }, rows))
    }

    /// Appends rows, packed together, and syncs them at once.
    pub(super) fn append(&mut self, rows: &[Vec<u8>]) -> io::Result<()> {
        let (mut record, mut all) = (Vec::new(), Vec::new());
        for row in rows {
            put(&mut all, row.len() as u64);
            all.extend_from_slice(row);
            if all.len() >= TOGETHER {
                self.pack(&mut all, &mut record)?;
            }
        }
        self.pack(&mut all, &mut record)?;
        let end = self.at + record.len() as u64;
        if end > self.length {
            let grown = end.next_multiple_of(GROWTH);
            let zeros = vec![0; usize::try_from(grown - self.length).unwrap_or(0)];
            self.file.write_all_at(&zeros, self.length)?;
            self.file.sync_all()?;
            self.written += zeros.len() as u64;
            self.length = grown;
        }
        self.file.write_all_at(&record, self.at)?;
        self.file.sync_data()?;
        self.at = end;
        self.written += record.len() as u64;
        self.syncs += 1;
        Ok(())
    }

    fn pack(&self, rows: &mut Vec<u8>, record: &mut Vec<u8>) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut body = self.generation.to_le_bytes().to_vec();
        put(&mut body, rows.len() as u64);
        body.extend_from_slice(&zstd::bulk::compress(rows, LEVEL)?);
        rows.clear();
        let sealed = codec::seal(VERSION, &body);
        let length = u32::try_from(sealed.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&sealed);
        Ok(())
    }

    /// Begins again from the start: what was here is in a block now.
    pub(super) fn begin(&mut self, generation: u64) {
        self.generation = generation;
        self.at = 0;
    }

    /// Bytes of records since the last block.
    pub(super) fn bytes(&self) -> u64 {
        self.at
    }

    /// Bytes and syncs since it was opened.
    pub(super) fn written(&self) -> (u64, u64) {
        (self.written, self.syncs)
    }
}

fn rows(file: &File, length: u64, generation: u64) -> io::Result<(Vec<Vec<u8>>, u64)> {
    let (mut found, mut at) = (Vec::new(), 0);
    let mut frame = [0; FRAME];
    while at + FRAME as u64 <= length {
        file.read_exact_at(&mut frame, at)?;
        let size = u32::from_le_bytes(frame);
        let end = at + FRAME as u64 + u64::from(size);
        let sealed_length = usize::try_from(size).unwrap_or(usize::MAX);
        if sealed_length > LONGEST || end > length {
            break;
        }
        let mut sealed = vec![0; sealed_length];
        file.read_exact_at(&mut sealed, at + FRAME as u64)?;
        let Ok(whole) = codec::unseal(VERSION, &sealed) else { break };
        match whole.split_first_chunk::<GENERATION>() {
            Some((own, body)) if u64::from_le_bytes(*own) == generation => {
                let Ok(mut rows) = unpacked(body) else { break };
                found.append(&mut rows);
            }
            _ => break,
        }
        at = end;
    }
    Ok((found, at))
}

fn unpacked(body: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let mut reader = Reader(body);
    let length = reader.count(LONGEST)?;
    let all = zstd::bulk::decompress(reader.0, length).map_err(|_| Malformed)?;
    let (mut reader, mut rows) = (Reader(&all), Vec::new());
    while !reader.0.is_empty() {
        let length = reader.count(all.len())?;
        rows.push(reader.bytes(length)?.to_vec());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn look(path: &Path, generation: u64) -> Vec<Vec<u8>> {
        Tail::open(path, generation).unwrap().1
    }

    #[test]
    fn records_of_the_generation_come_back_up_to_the_first_that_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tail");
        let (mut tail, none) = Tail::open(&path, 1).unwrap();
        assert!(none.is_empty());
        let append = |tail: &mut Tail, text: &str| tail.append(&[text.as_bytes().to_vec()]).unwrap();
        tail.append(&[b"one".to_vec(), Vec::new()]).unwrap();
        append(&mut tail, "three");
        drop(tail);
        let (mut tail, found) = Tail::open(&path, 1).unwrap();
        assert_eq!(found, [b"one".to_vec(), Vec::new(), b"three".to_vec()]);
        append(&mut tail, "four");
        assert_eq!(look(&path, 1).len(), 4);
        // The next generation writes over the first; what is left of the old is not taken for its own.
        tail.begin(2);
        append(&mut tail, "ONE");
        assert_eq!(look(&path, 2), [b"ONE".to_vec()]);
        assert!(look(&path, 1).is_empty());
        // A bit that is turned over in the second of three records ends it there.
        let place = tail.bytes() + (FRAME + 5 + GENERATION) as u64;
        append(&mut tail, "TWO");
        append(&mut tail, "THREE");
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, place).unwrap();
        file.write_all_at(&[byte[0] ^ 4], place).unwrap();
        let (mut tail, found) = Tail::open(&path, 2).unwrap();
        assert_eq!(found, [b"ONE".to_vec()]);
        append(&mut tail, "AGAIN");
        assert_eq!(look(&path, 2), [b"ONE".to_vec(), b"AGAIN".to_vec()]);
    }

    #[test]
    fn rows_that_waited_for_long_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tail");
        let rows: Vec<Vec<u8>> = (0..40u8).map(|at| vec![at; TOGETHER / 3]).collect();
        assert!(rows.len() * TOGETHER / 3 > LONGEST / 2);
        Tail::open(&path, 1).unwrap().0.append(&rows).unwrap();
        assert_eq!(look(&path, 1), rows);
        assert!(fs::metadata(&path).unwrap().len() <= GROWTH, "rows that are alike take little together");
    }
}
