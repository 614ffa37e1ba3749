//! The dictionary of a segment: sorted terms in blocks, front-coded, each with the place of its posting list.
//!
//! ```text
//! dictionary = terms u32 · blocks u32 · keys u64 x blocks · starts u32 x blocks · blocks
//! block      = first term: length u8 · bytes · place of its list varint, then up to 15 times
//!              bytes shared with the term before u8 · bytes that follow u8 · those · list's distance varint
//! ```
//! A key is the first eight bytes of a block's first term, as a number that orders like them; a start counts
//! from the first block. Front coding and its search after Witten, Moffat and Bell, Managing Gigabytes, 4.1.
//!
//! Invariant: a look-up reads the keys and one block, seldom two; nothing is decoded ahead.

use std::io::{self, Write};
use std::ops::Range;

use crate::store::{BlockFile, Damage, read_u32};

/// Terms of a block.
const TERMS: u32 = 16;
const HEAD: usize = 8;

/// First bytes of a term as a number.
fn key_of(term: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(term).for_each(|(place, byte)| *place = *byte);
    u64::from_be_bytes(bytes)
}

#[allow(clippy::cast_possible_truncation)] // seven bits at a time
fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Makes a dictionary of terms that come in order.
#[derive(Default)]
pub(super) struct DictionaryWriter {
    terms: u32,
    keys: Vec<u8>,
    starts: Vec<u8>,
    blocks: Vec<u8>,
    previous: Vec<u8>,
    list: u64,
}

fn too_long<E>(_: E) -> io::Error {
    io::Error::other("a term or a dictionary is too long")
}

impl DictionaryWriter {
    /// Adds a term and where its list begins; both ascend.
    pub(super) fn push(&mut self, term: &[u8], list: u64) -> io::Result<()> {
        if self.terms.is_multiple_of(TERMS) {
            self.keys.extend_from_slice(&key_of(term).to_le_bytes());
            self.starts.extend_from_slice(&u32::try_from(self.blocks.len()).map_err(too_long)?.to_le_bytes());
            self.blocks.push(u8::try_from(term.len()).map_err(too_long)?);
            self.blocks.extend_from_slice(term);
            put_varint(list, &mut self.blocks);
        } else {
            let shared = self.previous.iter().zip(term).take_while(|(a, b)| a == b).count();
            let rest = term.get(shared..).unwrap_or_default();
            let lengths = [shared, rest.len()].map(|length| u8::try_from(length).map_err(too_long));
            let [shared, length] = lengths;
            self.blocks.extend_from_slice(&[shared?, length?]);
            self.blocks.extend_from_slice(rest);
            put_varint(list.saturating_sub(self.list), &mut self.blocks);
        }
        self.terms = self.terms.checked_add(1).ok_or(()).map_err(too_long)?;
        self.list = list;
        self.previous.clear();
        self.previous.extend_from_slice(term);
        Ok(())
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.terms.to_le_bytes())?;
        out.write_all(&self.terms.div_ceil(TERMS).to_le_bytes())?;
        [&self.keys, &self.starts, &self.blocks].into_iter().try_for_each(|part| out.write_all(part))
    }
}

/// Reads the bytes of a block front to back.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    #[inline]
    fn take(&mut self, length: u8) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(part)
    }

    #[inline]
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// The first term of the block, and its list.
    #[inline]
    fn first(&mut self) -> Option<(&'a [u8], u64)> {
        let length = self.byte()?;
        Some((self.take(length)?, self.varint()?))
    }

    /// Another term: how much it shares with the one before, what follows, how far on its list begins.
    #[inline]
    fn next(&mut self) -> Option<(usize, &'a [u8], u64)> {
        let (shared, length) = (self.byte()?, self.byte()?);
        Some((usize::from(shared), self.take(length)?, self.varint()?))
    }
}

/// A dictionary in its file.
#[derive(Clone)]
pub(super) struct Dictionary<'a> {
    file: &'a BlockFile,
    keys: &'a [[u8; 8]],
    starts: &'a [[u8; 4]],
    /// Where the blocks lie in the file.
    blocks: Range<usize>,
}

impl<'a> Dictionary<'a> {
    /// The dictionary in a section of the file; verifies its tables only.
    pub(super) fn open(file: &'a BlockFile, section: &Range<usize>) -> Result<Self, Damage> {
        let damaged = || file.damage("its dictionary contradicts its section");
        let head = file.bytes(section.start..section.end.min(section.start + HEAD))?;
        let (terms, count) = read_u32(head, 0).zip(read_u32(head, 4)).ok_or_else(damaged)?;
        let keys = section.start + HEAD;
        let starts = keys + count as usize * 8;
        let blocks = starts + count as usize * 4;
        if blocks > section.end || terms.div_ceil(TERMS) != count {
            return Err(damaged());
        }
        Ok(Self {
            file,
            keys: file.bytes(keys..starts)?.as_chunks().0,
            starts: file.bytes(starts..blocks)?.as_chunks().0,
            blocks: blocks..section.end,
        })
    }

    fn damaged(&self) -> Damage {
        self.file.damage("its dictionary cannot be read")
    }

    fn block(&self, number: usize) -> Result<Bytes<'a>, Damage> {
        let start_of = |number| self.starts.get(number).map(|start| u32::from_le_bytes(*start) as usize);
        let start = start_of(number).ok_or_else(|| self.damaged())?;
        let end = start_of(number + 1).unwrap_or(self.blocks.len());
        if start > end || end > self.blocks.len() {
            return Err(self.damaged());
        }
        Ok(Bytes(self.file.bytes(self.blocks.start + start..self.blocks.start + end)?))
    }

    /// The number of keys, from `from` on, for which `before` holds.
    fn partition(&self, from: usize, before: impl Fn(u64) -> bool) -> usize {
        let keys = self.keys.get(from..).unwrap_or_default();
        from + keys.partition_point(|key| before(u64::from_le_bytes(*key)))
    }

    /// Where the list of a term begins.
    pub(super) fn get(&self, term: &[u8]) -> Result<Option<u64>, Damage> {
        let key = key_of(term);
        // Blocks whose key is the term's own may begin before it or after it: their first terms tell.
        let (mut low, mut high) = (self.partition(0, |other| other < key), 0);
        high = high.max(self.partition(low, |other| other <= key));
        while low < high {
            let middle = usize::midpoint(low, high);
            let first = self.block(middle)?.first().ok_or_else(|| self.damaged())?.0;
            if first <= term { low = middle + 1 } else { high = middle }
        }
        let Some(number) = low.checked_sub(1) else { return Ok(None) };
        let mut block = self.block(number)?;
        find(&mut block, term).ok_or_else(|| self.damaged())
    }

    /// All terms in order.
    pub(super) fn cursor(&self) -> Cursor<'a> {
        Cursor {
            dictionary: self.clone(),
            block: 0,
            rest: Bytes(&[]),
            left: 0,
            term: Vec::new(),
            list: 0,
            ended: true,
        }
    }
}

/// Looks for a term in a block: the outer nothing is damage.
#[inline]
fn find(block: &mut Bytes<'_>, term: &[u8]) -> Option<Option<u64>> {
    let (first, mut list) = block.first()?;
    // How many bytes the term shares with the one before, which is smaller.
    let mut alike = first.iter().zip(term).take_while(|(a, b)| a == b).count();
    if alike == first.len() && alike == term.len() {
        return Some(Some(list));
    }
    while !block.0.is_empty() {
        let (shared, rest, distance) = block.next()?;
        list = list.saturating_add(distance);
        if shared < alike {
            return Some(None); // it went past
        }
        if shared == alike {
            let wanted = term.get(alike..).unwrap_or_default();
            let more = rest.iter().zip(wanted).take_while(|(a, b)| a == b).count();
            alike += more;
            if more == rest.len() && more == wanted.len() {
                return Some(Some(list));
            }
            if rest.get(more) > wanted.get(more) {
                return Some(None);
            }
        }
    }
    Some(None)
}

/// Goes through the terms of a dictionary.
pub(super) struct Cursor<'a> {
    dictionary: Dictionary<'a>,
    /// The block that comes after `rest`.
    block: usize,
    rest: Bytes<'a>,
    left: u32,
    term: Vec<u8>,
    list: u64,
    ended: bool,
}

impl Cursor<'_> {
    /// Moves to the next term; returns how many bytes it shares with the one before, nothing at the end.
    pub(super) fn step(&mut self) -> Result<Option<usize>, Damage> {
        if self.left == 0 {
            if self.block == self.dictionary.keys.len() {
                self.ended = true;
                return Ok(None);
            }
            self.rest = self.dictionary.block(self.block)?;
            self.block += 1;
            self.left = TERMS;
        }
        self.read().map(Some).ok_or_else(|| self.dictionary.damaged())
    }

    fn read(&mut self) -> Option<usize> {
        let first = self.left == TERMS;
        let (shared, rest) = if first {
            let (term, list) = self.rest.first()?;
            self.list = list;
            (0, term)
        } else {
            let (shared, rest, distance) = self.rest.next()?;
            self.list = self.list.saturating_add(distance);
            (shared, rest)
        };
        if shared > self.term.len() {
            return None;
        }
        self.ended = false;
        self.term.truncate(shared);
        self.term.extend_from_slice(rest);
        self.left = if self.rest.0.is_empty() { 0 } else { self.left.checked_sub(1)? };
        Some(shared)
    }

    /// After a step that found a term with this prefix: the next one leaves out the blocks that have no other,
    /// when it would begin a new one.
    pub(super) fn pass(&mut self, prefix: usize) {
        let Some(prefix) = self.term.get(..prefix).filter(|prefix| (1..=8).contains(&prefix.len())) else {
            return;
        };
        if self.left == 0 {
            let last = key_of(prefix) | u64::MAX.checked_shr(8 * prefix.len() as u32).unwrap_or(0);
            // The last block that begins with the prefix may go on behind it.
            let after = self.dictionary.partition(self.block, |key| key <= last);
            self.block = self.block.max(after.saturating_sub(1));
        }
    }

    /// The term that it stands at; nothing before the first step and after the last.
    pub(super) fn term(&self) -> Option<&[u8]> {
        (!self.ended).then_some(&self.term)
    }

    /// Where its list begins.
    pub(super) fn list(&self) -> u64 {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::store::BlockFileWriter;

    fn written(path: &Path, section: &[u8]) -> BlockFile {
        let mut out = BlockFileWriter::create(path).unwrap();
        out.section(*b"term").unwrap();
        out.write_all(section).unwrap();
        out.finish().unwrap();
        BlockFile::open(path).unwrap()
    }

    fn dictionary_of(terms: &BTreeSet<String>) -> Vec<u8> {
        let (mut writer, mut bytes) = (DictionaryWriter::default(), Vec::new());
        for (number, term) in terms.iter().enumerate() {
            writer.push(term.as_bytes(), number as u64 * 300).unwrap();
        }
        writer.write(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn has_what_was_put_in_and_nothing_else(
            terms in prop::collection::btree_set("[\\x00a-b]{0,12}|[a-c\u{e9}]{0,6}", 0..300),
            others in prop::collection::vec("[\\x00a-b]{0,12}|[a-c\u{e9}]{0,6}", 0..40),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let file = written(&folder.path().join("d"), &dictionary_of(&terms));
            let dictionary = Dictionary::open(&file, &file.section(*b"term").unwrap()).unwrap();
            for (number, term) in terms.iter().enumerate() {
                prop_assert_eq!(dictionary.get(term.as_bytes()), Ok(Some(number as u64 * 300)));
            }
            for other in others.iter().filter(|other| !terms.contains(*other)) {
                prop_assert_eq!(dictionary.get(other.as_bytes()), Ok(None));
            }
            let mut cursor = dictionary.cursor();
            prop_assert_eq!(cursor.term(), None);
            let mut before = Vec::new();
            for (number, term) in terms.iter().enumerate() {
                let shared = cursor.step().unwrap().unwrap();
                prop_assert_eq!((cursor.term(), cursor.list()), (Some(term.as_bytes()), number as u64 * 300));
                prop_assert!(term.as_bytes().starts_with(&before[..shared]));
                before = term.as_bytes().to_vec();
            }
            prop_assert_eq!(cursor.step(), Ok(None));
            prop_assert_eq!(cursor.term(), None);
        }

        #[test]
        fn passing_a_prefix_leaves_out_nothing_else(
            terms in prop::collection::btree_set("[a-b]{0,10}", 0..300),
            prefix in 1usize..10,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let file = written(&folder.path().join("d"), &dictionary_of(&terms));
            let dictionary = Dictionary::open(&file, &file.section(*b"term").unwrap()).unwrap();
            let (mut cursor, mut seen) = (dictionary.cursor(), BTreeSet::new());
            while cursor.step().unwrap().is_some() {
                seen.insert(cursor.term().unwrap().to_vec());
                cursor.pass(prefix);
            }
            let prefixes: BTreeSet<Vec<u8>> =
                seen.iter().filter(|term| term.len() >= prefix).map(|term| term[..prefix].to_vec()).collect();
            for term in terms.iter().map(String::as_bytes).filter(|term| !seen.contains(*term)) {
                prop_assert!(term.len() >= prefix && prefixes.contains(&term[..prefix]));
            }
        }

        #[test]
        fn garbage_is_damage(bytes in prop::collection::vec(any::<u8>(), 0..300), terms in 0u8..40, term in "[a-b]{0,9}") {
            let folder = tempfile::tempdir().unwrap();
            let count = terms.div_ceil(16);
            let section: Vec<u8> = [terms, 0, 0, 0, count, 0, 0, 0].into_iter().chain(bytes).collect();
            let file = written(&folder.path().join("d"), &section);
            if let Ok(dictionary) = Dictionary::open(&file, &file.section(*b"term").unwrap()) {
                let _ = dictionary.get(term.as_bytes());
                let (mut cursor, mut steps) = (dictionary.cursor(), 0);
                while let Ok(Some(_)) = cursor.step() {
                    cursor.pass(1);
                    steps += 1;
                    prop_assert!(steps < 1000);
                }
            }
        }
    }
}
