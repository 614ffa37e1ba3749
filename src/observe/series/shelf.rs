//! Blocks, series and figures in the tables of `telemetry.redb`.
//!
//! ```text
//! blocks   tier u8 · start i64 BE (sign turned)                          → end · samples · bytes · those of its head
//! pieces   tier u8 · start i64 BE · part u16 BE                          → bytes, as many as fit a page
//! series   number u32 BE                                                 → see `index`
//! figures  name                                                          → number
//! ```
//! A block is cut into pieces whatever they are: only its last page is not full.

use std::ops::Range;

use crate::store::samples::{Block, Column, Head, Key, Malformed, Reader, Unpacker, put, put_signed};
use crate::store::{
    Kept, ReadTransaction, Rows, StoreError, Table, WriteTransaction, codec, number_in, number_value, there,
};

const VERSION: u8 = 3;
pub(super) const BLOCKS: Table = Table::new("blocks");
const PIECES: Table = Table::new("pieces");
const SERIES: Table = Table::new("series");
const FIGURES: Table = Table::new("figures");
/// A page of 4 KiB without what redb (12 bytes), the key (11) and the record's frame (5) need of it, and a few to spare.
const PART: usize = 4064;
/// What the pieces of a block can hold.
const LONGEST: usize = PART * u16::MAX as usize;

/// How fine the points of a block are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    Raw = 0,
    Middle = 1,
    Hour = 2,
}

impl Tier {
    pub(super) const ALL: [Self; 3] = [Self::Raw, Self::Middle, Self::Hour];
}

/// Where a block is and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockRef {
    pub(super) tier: Tier,
    /// First and last time.
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) samples: u64,
    /// Of its pieces.
    pub(super) bytes: u64,
    head: usize,
}

fn damaged(_: impl Into<Malformed>) -> StoreError {
    StoreError::Record(codec::CodecError::Check)
}

/// Tier and time, in the order of time.
#[allow(clippy::cast_sign_loss)] // the bits are meant; the sign is turned so that they order
fn key(tier: Tier, start: i64) -> [u8; 9] {
    let mut key = [tier as u8; 9];
    key[1..].copy_from_slice(&((start as u64) ^ (1 << 63)).to_be_bytes());
    key
}

fn piece_key(reference: &BlockRef, part: usize) -> Vec<u8> {
    let part = u16::try_from(part).unwrap_or(u16::MAX).to_be_bytes();
    [&key(reference.tier, reference.start)[..], &part].concat()
}

impl BlockRef {
    fn row(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_signed(&mut out, self.end);
        put(&mut out, self.samples);
        put(&mut out, self.bytes);
        put(&mut out, self.head as u64);
        codec::seal(VERSION, &out)
    }

    #[allow(clippy::cast_possible_wrap)] // the bits are meant
    fn read(key: &[u8], row: &[u8]) -> Result<Self, StoreError> {
        let (tier, start) = key.split_first().ok_or(Malformed).map_err(damaged)?;
        let tier =
            Tier::ALL.into_iter().find(|known| *known as u8 == *tier).ok_or(Malformed).map_err(damaged)?;
        let start: [u8; 8] = start.try_into().map_err(|_| damaged(Malformed))?;
        let start = (u64::from_be_bytes(start) ^ (1 << 63)) as i64;
        let mut reader = Reader(codec::unseal(VERSION, row)?);
        let mut read = || -> Result<Self, Malformed> {
            let (end, samples, bytes) = (reader.signed()?, reader.number()?, reader.number()?);
            Ok(Self { tier, start, end, samples, bytes, head: reader.count(LONGEST)? })
        };
        read().map_err(damaged)
    }
}

/// Every block, by tier and time.
pub(super) fn blocks(read: &ReadTransaction) -> Result<Vec<BlockRef>, StoreError> {
    let Some(table) = there(read.open_table(BLOCKS))? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        found.push(BlockRef::read(key.value(), value.value())?);
    }
    Ok(found)
}

/// Every series, as `index` writes it.
pub(super) fn series(read: &ReadTransaction) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
    let Some(table) = there(read.open_table(SERIES))? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        let number = key.value().try_into().map(u32::from_be_bytes).map_err(|_| damaged(Malformed))?;
        found.push((number, codec::unseal(VERSION, value.value())?.to_vec()));
    }
    Ok(found)
}

/// A figure by name; 0 where there is none.
pub(super) fn figure(read: &ReadTransaction, name: &str) -> Result<u64, StoreError> {
    let Some(table) = there(read.open_table(FIGURES))? else { return Ok(0) };
    let Some(value) = table.get(name.as_bytes())? else { return Ok(0) };
    Ok(number_in(value.value())?)
}

pub(super) fn put_figure(write: &WriteTransaction, name: &str, number: u64) -> Result<(), StoreError> {
    write.open_table(FIGURES)?.insert(name.as_bytes(), &number_value(number))?;
    Ok(())
}

pub(super) fn put_series(write: &WriteTransaction, rows: &[(u32, Vec<u8>)]) -> Result<(), StoreError> {
    let mut table = write.open_table(SERIES)?;
    for (number, row) in rows {
        table.insert(&number.to_be_bytes(), &codec::seal(VERSION, row))?;
    }
    Ok(())
}

pub(super) fn remove_series(write: &WriteTransaction, numbers: &[u32]) -> Result<(), StoreError> {
    let mut table = write.open_table(SERIES)?;
    for number in numbers {
        table.remove(&number.to_be_bytes())?;
    }
    Ok(())
}

/// Keeps a block; nothing where it has no time.
pub(super) fn put_block(
    write: &WriteTransaction,
    tier: Tier,
    block: &Block,
) -> Result<Option<BlockRef>, StoreError> {
    let (Some(start), Some(end)) = (block.times.first(), block.times.last()) else { return Ok(None) };
    let packed = block.pack().map_err(redb::Error::Io)?;
    let samples = block.samples() as u64;
    let mut reference = BlockRef { tier, start: *start, end: *end, samples, bytes: 0, head: packed.head };
    let mut pieces = write.open_table(PIECES)?;
    for (part, bytes) in packed.bytes.chunks(PART).enumerate() {
        let sealed = codec::seal(VERSION, bytes);
        reference.bytes += sealed.len() as u64;
        pieces.insert(&piece_key(&reference, part), &sealed)?;
    }
    write.open_table(BLOCKS)?.insert(&key(tier, reference.start), &reference.row())?;
    Ok(Some(reference))
}

pub(super) fn remove_block(write: &WriteTransaction, reference: &BlockRef) -> Result<(), StoreError> {
    let (first, last) = (piece_key(reference, 0), piece_key(reference, usize::MAX));
    write.open_table(PIECES)?.retain_in(first.as_slice()..=last.as_slice(), |_| false)?;
    write.open_table(BLOCKS)?.remove(&key(reference.tier, reference.start))?;
    Ok(())
}

/// A whole block, while it is written beside.
pub(super) fn whole_block(write: &WriteTransaction, reference: &BlockRef) -> Result<Block, StoreError> {
    let pieces = write.open_table(PIECES)?;
    let mut reader = BlockReader::new(&pieces);
    let head = reader.head(reference)?;
    let mut columns = Vec::with_capacity(head.keys.len());
    reader.columns(reference, &head, &head.keys, &mut |at, values| {
        columns.extend(head.keys.get(at).map(|key| Column { key: *key, values: values.to_vec() }));
    })?;
    Ok(Block { times: head.times, columns })
}

/// The pieces that a reader reads; `None` where there never was one.
pub(super) fn pieces(read: &ReadTransaction) -> Result<Option<Rows<impl Kept>>, StoreError> {
    there(read.open_table(PIECES))
}

/// Reads blocks from their pieces, one after another with the same memory.
pub(super) struct BlockReader<'a, K: Kept> {
    pieces: &'a Rows<K>,
    unpacker: Unpacker,
    bytes: Vec<u8>,
}

impl<'a, K: Kept> BlockReader<'a, K> {
    pub(super) fn new(pieces: &'a Rows<K>) -> Self {
        Self { pieces, unpacker: Unpacker::default(), bytes: Vec::new() }
    }

    /// Reads the pieces that hold these bytes of a block; gives how many of those stand before and that there are.
    fn fetch(&mut self, reference: &BlockRef, place: &Range<usize>) -> Result<Range<usize>, StoreError> {
        let begin = place.start / PART;
        let (first, last) = (piece_key(reference, begin), piece_key(reference, place.end.div_ceil(PART)));
        self.bytes.clear();
        for row in self.pieces.range(first.as_slice()..last.as_slice())? {
            self.bytes.extend_from_slice(codec::unseal(VERSION, row?.1.value())?);
        }
        let before = begin * PART;
        Ok(place.start - before..place.end - before)
    }

    pub(super) fn head(&mut self, reference: &BlockRef) -> Result<Head, StoreError> {
        let place = self.fetch(reference, &(0..reference.head))?;
        let bytes = self.bytes.get(place).ok_or(Malformed).map_err(damaged)?;
        self.unpacker.head(bytes).map_err(damaged)
    }

    /// Gives the columns that are wanted (keys rise), each with its place among those.
    pub(super) fn columns(
        &mut self,
        reference: &BlockRef,
        head: &Head,
        wanted: &[Key],
        each: &mut dyn FnMut(usize, &[u64]),
    ) -> Result<(), StoreError> {
        for (number, place) in head.frames_of(wanted) {
            let place = self.fetch(reference, &place)?;
            let bytes = self.bytes.get(place).ok_or(Malformed).map_err(damaged)?;
            self.unpacker.frame(head, number, bytes, wanted, each).map_err(damaged)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Control;

    fn sample(start: i64, rows: i64) -> Block {
        let times: Vec<i64> = (0..rows).map(|at| start + at * 1000).collect();
        let value = |at: i64, key: u64| (at as f64 * 0.37 + key as f64).sin().to_bits();
        let column = |key: u64| Column { key, values: times.iter().map(|time| value(*time, key)).collect() };
        Block { columns: (0..20).map(|key| column(key * 8)).collect(), times }
    }

    #[test]
    fn blocks_are_kept_in_pieces_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Control::open(&folder.path().join("telemetry.redb"), 1 << 20).unwrap();
        let (first, second) = (sample(-5000, 3000), sample(10_000_000, 10));
        let references = store
            .write(|write| {
                put_series(write, &[(7, b"seven".to_vec()), (8, Vec::new())])?;
                remove_series(write, &[8])?;
                put_figure(write, "x", 9)?;
                let first = put_block(write, Tier::Raw, &first)?.unwrap();
                assert_eq!(put_block(write, Tier::Hour, &Block::default())?, None);
                Ok([first, put_block(write, Tier::Raw, &second)?.unwrap()])
            })
            .unwrap();
        let read = store.snapshot().unwrap();
        assert_eq!(blocks(&read).unwrap(), references);
        assert_eq!((references[0].start, references[0].samples), (-5000, 60_000));
        assert!(references[0].bytes > PART as u64 * 20, "it has many pieces");
        let count = read.open_table(PIECES).unwrap().len().unwrap();
        assert!(count <= references[0].bytes / PART as u64 + 2, "but for the last, each is full: {count}");
        assert_eq!(series(&read).unwrap(), [(7, b"seven".to_vec())]);
        assert_eq!((figure(&read, "x").unwrap(), figure(&read, "y").unwrap()), (9, 0));
        let pieces = pieces(&read).unwrap().unwrap();
        let mut reader = BlockReader::new(&pieces);
        let head = reader.head(&references[0]).unwrap();
        assert_eq!(head.times, first.times);
        let mut found = Vec::new();
        reader
            .columns(&references[0], &head, &[80], &mut |at, values| found.push((at, values.to_vec())))
            .unwrap();
        assert_eq!(found, [(0, first.columns[10].values.clone())]);
        store
            .write(|write| {
                assert_eq!(whole_block(write, &references[0])?, first);
                remove_block(write, &references[0])
            })
            .unwrap();
        let read = store.snapshot().unwrap();
        assert_eq!(blocks(&read).unwrap(), references[1..]);
        let left = read.open_table(PIECES).unwrap().len().unwrap();
        assert!(left == 1, "{left}");
    }
}
