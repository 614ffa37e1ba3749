//! A block: what many series were at the same times, packed.
//!
//! The series of one box are read at the same moments, so that a block has one list of times for all of them. A
//! block is written as a head and frames, each compressed: who wants one series reads the head and one frame.
//!
//! ```text
//! block  = head · frames, one behind the other
//! packed = length when unpacked (varint) · zstd
//! head   = count of times · first (signed) · differences of differences (signed)
//!          count of columns · columns a frame · keys as differences · lengths of frames
//! frame  = ways (one byte a column) · lengths (varint a column) · columns, see `column`
//! ```
//! Behind a packed frame stand the bytes apart of its columns: noise, which nothing makes smaller.
//! A key is the number of a series and a role; what a series did not have at a time is [`ABSENT`].

use std::collections::HashMap;
use std::ops::Range;

use super::bytes::{Malformed, Reader, put, put_signed};
use super::column::{self, Values, Way};
use super::sample::ABSENT;

/// Samples of a frame, about.
const FRAME_SAMPLES: usize = 32 << 10;
/// Times and columns that a block may have, and what a part of it may have when it is unpacked.
const TIMES_MOST: usize = 1 << 20;
const COLUMNS_MOST: usize = 1 << 22;
const UNPACKED_MOST: usize = 64 << 20;
/// Blocks are written once in minutes and read often.
const LEVEL: i32 = 9;

/// Series and role: role 0 is the value.
pub type Key = u64;

/// The values of one key, one for each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub key: Key,
    pub values: Vec<u64>,
}

/// Times rise; columns stand by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    pub times: Vec<i64>,
    pub columns: Vec<Column>,
}

/// As it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    pub bytes: Vec<u8>,
    /// How many of them are the head.
    pub head: usize,
}

/// What the head of a block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub times: Vec<i64>,
    pub keys: Vec<Key>,
    columns_a_frame: usize,
    /// Where each frame is among the bytes of the block.
    frames: Vec<Range<usize>>,
}

impl Block {
    /// Values that are there.
    pub fn samples(&self) -> usize {
        let there = |column: &Column| column.values.iter().filter(|value| **value != ABSENT).count();
        self.columns.iter().map(there).sum()
    }

    /// Leaves only what is at or after `from` and before `until`.
    pub fn keep(&mut self, from: i64, until: i64) {
        let first = self.times.partition_point(|time| *time < from);
        let end = self.times.partition_point(|time| *time < until).max(first);
        self.times = self.times.get(first..end).unwrap_or_default().to_vec();
        for column in &mut self.columns {
            column.values = column.values.get(first..end).unwrap_or_default().to_vec();
        }
    }

    /// Packs it.
    pub fn pack(&self) -> std::io::Result<Packed> {
        let columns_a_frame = (FRAME_SAMPLES / self.times.len().max(1)).max(1);
        let mut head = Vec::new();
        put(&mut head, self.times.len() as u64);
        let (mut before, mut step) = (0, 0);
        for time in &self.times {
            let delta = time.wrapping_sub(before);
            put_signed(&mut head, delta.wrapping_sub(step));
            (before, step) = (*time, delta);
        }
        put(&mut head, self.columns.len() as u64);
        put(&mut head, columns_a_frame as u64);
        let mut last = 0;
        for column in &self.columns {
            put(&mut head, column.key.wrapping_sub(last));
            last = column.key;
        }
        let mut frames = Vec::new();
        for columns in self.columns.chunks(columns_a_frame) {
            let frame = frame(columns)?;
            put(&mut head, frame.len() as u64);
            frames.extend_from_slice(&frame);
        }
        let mut bytes = squeeze(&head)?;
        let head = bytes.len();
        bytes.append(&mut frames);
        Ok(Packed { bytes, head })
    }
}

fn frame(columns: &[Column]) -> std::io::Result<Vec<u8>> {
    let (mut ways, mut lengths, mut bodies, mut apart) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut known: HashMap<&[u64], usize> = HashMap::new();
    for (at, column) in columns.iter().enumerate() {
        let before = bodies.len();
        let way = match known.get(column.values.as_slice()) {
            Some(same) => {
                put(&mut bodies, *same as u64);
                Way::Same
            }
            None => column::encode(&column.values, &mut bodies, &mut apart),
        };
        // A value that stays costs no more than a place.
        if !matches!(way, Way::Same | Way::Constant) {
            known.insert(&column.values, at);
        }
        ways.push(way as u8);
        put(&mut lengths, (bodies.len() - before) as u64);
    }
    ways.append(&mut lengths);
    ways.append(&mut bodies);
    let mut packed = squeeze(&ways)?;
    packed.append(&mut apart);
    Ok(packed)
}

fn squeeze(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    put(&mut out, bytes.len() as u64);
    out.extend_from_slice(&zstd::bulk::compress(bytes, LEVEL)?);
    Ok(out)
}

impl Head {
    fn read(bytes: &[u8], mut at: usize) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let count = reader.count(TIMES_MOST)?;
        let mut times = Vec::with_capacity(count.min(bytes.len()));
        let (mut before, mut step) = (0i64, 0i64);
        for _ in 0..count {
            step = step.wrapping_add(reader.signed()?);
            before = before.wrapping_add(step);
            times.push(before);
        }
        let columns = reader.count(COLUMNS_MOST)?;
        let columns_a_frame = reader.count(COLUMNS_MOST)?.max(1);
        let mut keys = Vec::with_capacity(columns.min(bytes.len()));
        let mut last: Key = 0;
        for _ in 0..columns {
            last = last.wrapping_add(reader.number()?);
            keys.push(last);
        }
        let mut frames = Vec::new();
        for _ in 0..columns.div_ceil(columns_a_frame) {
            let end = at.checked_add(reader.count(UNPACKED_MOST)?).ok_or(Malformed)?;
            frames.push(at..end);
            at = end;
        }
        let rising = times.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let ordered = keys.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        if rising && ordered { Ok(Self { times, keys, columns_a_frame, frames }) } else { Err(Malformed) }
    }

    /// The frames that have one of these columns (keys rise), by number, and where each is among the bytes of the
    /// block.
    #[must_use]
    pub fn frames_of(&self, wanted: &[Key]) -> Vec<(usize, Range<usize>)> {
        let has = |(number, _): &(usize, _)| pairs(self.keys_of(*number), wanted).next().is_some();
        self.frames.iter().cloned().enumerate().filter(has).collect()
    }

    fn keys_of(&self, frame: usize) -> &[Key] {
        self.keys.chunks(self.columns_a_frame).nth(frame).unwrap_or_default()
    }
}

/// Places in both of what two rising lists share.
fn pairs(keys: &[Key], wanted: &[Key]) -> impl Iterator<Item = (usize, usize)> {
    let first = keys.first().copied().unwrap_or(Key::MAX);
    let (mut at, mut of) = (0, wanted.partition_point(|key| *key < first));
    std::iter::from_fn(move || {
        loop {
            let (key, other) = (keys.get(at)?, wanted.get(of)?);
            let here = (at, of);
            at += usize::from(key <= other);
            of += usize::from(other <= key);
            if key == other {
                return Some(here);
            }
        }
    })
}

/// Reads heads and frames one after another with the same memory.
#[derive(Default)]
pub struct Unpacker {
    context: Option<zstd::bulk::Decompressor<'static>>,
    bytes: Vec<u8>,
    values: Values,
}

impl Unpacker {
    /// What was squeezed is then in `bytes`; gives what stands behind it.
    fn unsqueeze<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Malformed> {
        let mut reader = Reader(bytes);
        let length = reader.count(UNPACKED_MOST)?;
        let packed = zstd::zstd_safe::find_frame_compressed_size(reader.0).map_err(|_| Malformed)?;
        let (packed, apart) = reader.0.split_at_checked(packed).ok_or(Malformed)?;
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(zstd::bulk::Decompressor::new().map_err(|_| Malformed)?),
        };
        self.bytes.clear();
        self.bytes.reserve(length);
        context.decompress_to_buffer(packed, &mut self.bytes).map_err(|_| Malformed)?;
        if self.bytes.len() == length { Ok(apart) } else { Err(Malformed) }
    }

    /// Reads the head of a block; `bytes` are those of the head alone.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn head(&mut self, bytes: &[u8]) -> Result<Head, Malformed> {
        self.unsqueeze(bytes)?;
        Head::read(&self.bytes, bytes.len())
    }

    /// Gives the wanted columns of a frame (keys rise), each with its place among those that are wanted.
    ///
    /// # Errors
    /// [`Malformed`]; columns may have been given before.
    pub fn frame(
        &mut self,
        head: &Head,
        frame: usize,
        bytes: &[u8],
        wanted: &[Key],
        each: &mut dyn FnMut(usize, &[u64]),
    ) -> Result<(), Malformed> {
        let apart = self.unsqueeze(bytes)?;
        let keys = head.keys_of(frame);
        let mut reader = Reader(&self.bytes);
        let ways = reader.bytes(keys.len())?;
        let mut lengths = Vec::with_capacity(keys.len());
        for _ in keys {
            lengths.push(reader.count(self.bytes.len())?);
        }
        let mut parts = Vec::with_capacity(keys.len());
        for (way, length) in ways.iter().zip(lengths) {
            parts.push((Way::parse(*way)?, reader.bytes(length)?));
        }
        for (at, place) in pairs(keys, wanted) {
            let mut part = *parts.get(at).ok_or(Malformed)?;
            if part.0 == Way::Same {
                let at = Reader(part.1).count(parts.len())?;
                part = *parts.get(at).ok_or(Malformed)?;
            }
            column::decode(part.0, part.1, apart, head.times.len(), &mut self.values)?;
            each(place, &self.values.bits);
        }
        Ok(())
    }
}

/// The whole block again.
#[cfg(test)]
fn unpack(packed: &Packed) -> Result<Block, Malformed> {
    let head = Unpacker::default().head(packed.bytes.get(..packed.head).ok_or(Malformed)?)?;
    let mut columns = Vec::with_capacity(head.keys.len());
    let mut unpacker = Unpacker::default();
    for (number, place) in head.frames_of(&head.keys) {
        let bytes = packed.bytes.get(place).ok_or(Malformed)?;
        let mut add =
            |at: usize, values: &[u64]| columns.push(Column { key: head.keys[at], values: values.to_vec() });
        unpacker.frame(&head, number, bytes, &head.keys, &mut add)?;
    }
    Ok(Block { times: head.times.clone(), columns })
}

/// One block of two that follow each other; times of the later one that do not are left out.
pub fn joined(first: Block, second: Block) -> Block {
    let end = first.times.last().copied().unwrap_or(i64::MIN);
    let skipped = second.times.partition_point(|time| *time <= end);
    let (before, after) = (first.times.len(), second.times.len() - skipped);
    let mut times = first.times;
    times.extend(second.times.iter().skip(skipped));
    let mut columns = Vec::new();
    let mut rest = second.columns.into_iter().peekable();
    let late = |column: Column| {
        let mut values = vec![ABSENT; before];
        values.extend(column.values.into_iter().skip(skipped));
        Column { key: column.key, values }
    };
    for mut column in first.columns {
        while let Some(other) = rest.next_if(|other| other.key < column.key) {
            columns.push(late(other));
        }
        match rest.next_if(|other| other.key == column.key) {
            Some(other) => column.values.extend(other.values.into_iter().skip(skipped)),
            None => column.values.extend(std::iter::repeat_n(ABSENT, after)),
        }
        columns.push(column);
    }
    columns.extend(rest.map(late));
    Block { times, columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(times: Vec<i64>, columns: Vec<(Key, Vec<f64>)>) -> Block {
        let column = |(key, values): (Key, Vec<f64>)| Column {
            key,
            values: values.into_iter().map(f64::to_bits).collect(),
        };
        Block { times, columns: columns.into_iter().map(column).collect() }
    }

    /// The stored form must not change without a new version.
    #[test]
    fn golden() {
        let block = block(vec![1000, 2000, 3000], vec![(8, vec![1.0, 2.0, 3.0]), (16, vec![5.5; 3])]);
        let packed = block.pack().unwrap();
        let (head, frame) = packed.bytes.split_at(packed.head);
        let length = u8::try_from(frame.len()).unwrap();
        let unsqueeze = |bytes: &[u8]| {
            let mut unpacker = Unpacker::default();
            unpacker.unsqueeze(bytes).unwrap();
            unpacker.bytes
        };
        let (head, frame) = (unsqueeze(head), unsqueeze(frame));
        assert_eq!(head, [3, 208, 15, 0, 0, 2, 170, 85, 8, 8, length]);
        assert_eq!(frame, [3, 0, 5, 8, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 22, 64]);
        assert_eq!(unpack(&packed).unwrap(), block);
    }

    #[test]
    fn one_column_is_read_without_the_others() {
        let times: Vec<i64> = (0..1000).map(|at| at * 1000).collect();
        let rising = |by: f64| (0..1000).map(|at| f64::from(at) * by).collect::<Vec<f64>>();
        let mut columns: Vec<(Key, Vec<f64>)> =
            (0..100u32).map(|id| (Key::from(id) * 8, rising(f64::from(id)))).collect();
        columns[70].1 = columns[69].1.clone();
        let block = block(times, columns);
        let packed = block.pack().unwrap();
        let head = Unpacker::default().head(&packed.bytes[..packed.head]).unwrap();
        assert!(head.frames.len() > 2);
        let wanted = [3, 70 * 8, 70 * 8 + 1];
        let [(number, place)] = head.frames_of(&wanted).try_into().unwrap();
        let mut found = Vec::new();
        let mut add = |at: usize, values: &[u64]| found.push((at, values.to_vec()));
        Unpacker::default().frame(&head, number, &packed.bytes[place], &wanted, &mut add).unwrap();
        assert_eq!(found, [(1, block.columns[70].values.clone())]);
        assert_eq!(head.frames_of(&[]), []);
        assert_eq!(head.frames_of(&[1, 100 * 8]), []);
    }

    #[test]
    fn blocks_are_joined_with_what_either_lacks() {
        let nan = f64::from_bits(ABSENT);
        let first = block(vec![1, 2], vec![(0, vec![1.0, 2.0]), (16, vec![5.0, 6.0])]);
        let second = block(vec![2, 3], vec![(8, vec![8.0, 9.0]), (16, vec![0.0, 7.0]), (24, vec![0.0, 4.0])]);
        let expected = block(
            vec![1, 2, 3],
            vec![
                (0, vec![1.0, 2.0, nan]),
                (8, vec![nan, nan, 9.0]),
                (16, vec![5.0, 6.0, 7.0]),
                (24, vec![nan, nan, 4.0]),
            ],
        );
        assert_eq!(joined(first, second), expected);
        assert_eq!(expected.samples(), 7);
    }

    proptest! {
        #[test]
        fn blocks_come_back(
            start in any::<i32>(),
            steps in prop::collection::vec(1i64..100_000, 1..40),
            columns in prop::collection::btree_map(0u64..1000, prop::collection::vec(prop_oneof![any::<f64>().prop_map(f64::to_bits), Just(ABSENT), Just(0x7ff0_0000_0000_0002), (0u32..50).prop_map(|n| f64::from(n).to_bits()), any::<u64>()], 40), 0..30),
        ) {
            let mut time = i64::from(start);
            let times: Vec<i64> = steps.iter().map(|step| { time += step; time }).collect();
            let columns = columns.into_iter().map(|(key, mut values)| { values.truncate(times.len()); Column { key, values } }).collect();
            let block = Block { times, columns };
            prop_assert_eq!(unpack(&block.pack().unwrap()).unwrap(), block);
        }

        #[test]
        fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Unpacker::default().head(&bytes);
            let squeezed = squeeze(&bytes).unwrap();
            if let Ok(head) = Unpacker::default().head(&squeezed) {
                let _ = Unpacker::default().frame(&head, 0, &squeezed, &head.keys, &mut |_, _| ());
            }
        }
    }
}
