//! A block of a packed log file: what it is, how one is made, what can be told of it without unpacking it.
//!
//! ```text
//! file  = block*
//! block = 5c 2a 4d 18 · length u32 LE · "spudlog1" · record(head)      a skippable frame of zstd
//!       · a frame of zstd with the lines and a check of them
//! head  = raw_at u64 · first_ms u64 · last_ms u64 · raw u32 · packed u32 · levels u8 · bloom     all LE
//! ```
//! `zstd -dc FILE` gives the lines back as they were written. `raw_at` is where the block's first line stood in the
//! file before it was packed, so that a place in the log stays the same place.

use std::io;

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::base::parse_time;
use crate::store::codec;

/// Bytes of lines in one block, about.
pub(super) const BLOCK: usize = 256 << 10;
/// A head with its frame is never longer.
pub(super) const HEAD_MOST: usize = 24 << 10;
/// Levels, worst first.
pub(super) const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
const MAGIC: [u8; 4] = 0x184d_2a5c_u32.to_le_bytes();
const TAG: [u8; 8] = *b"spudlog1";
/// Bytes before the record of a head.
const BEFORE: usize = 16;
const FIXED: usize = 33;
const VERSION: u8 = 1;
/// More saves little: 3 packs fastest for what it saves on lines of JSON.
const EFFORT: i32 = 3;
/// Of a word that is not there, one block in about a hundred says that it might be.
const BITS_PER_WORD: usize = 10;
const PROBES: u64 = 6;
const BLOOM_MOST: usize = 16 << 10;
const STAMP: &[u8] = b"{\"timestamp\":\"";
const LEVEL: &[u8] = b"\"level\":\"";
/// The level stands so far at the front of a line, at most.
const FRONT: usize = 96;

/// What a block says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) raw_at: u64,
    /// Times of its lines; both 0 where none has one.
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    pub(super) raw: usize,
    pub(super) packed: usize,
    /// Bit n: a line of `LEVELS[n]` is in it.
    pub(super) levels: u8,
    bloom: &'a [u8],
}

impl<'a> Head<'a> {
    /// The head that begins here, and how long it is with its frame; `None` where there is none or it is damaged.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let length = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
        if bytes.get(..4)? != MAGIC || bytes.get(8..BEFORE)? != TAG {
            return None;
        }
        let end = length.checked_add(8).filter(|end| *end <= HEAD_MOST)?;
        let body = codec::unseal(VERSION, bytes.get(BEFORE..end)?).ok()?;
        let wide = |at: usize| Some(u64::from_le_bytes(body.get(at..at + 8)?.try_into().ok()?));
        let narrow = |at: usize| Some(u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?) as usize);
        let head = Self {
            raw_at: wide(0)?,
            first_ms: wide(8)?,
            last_ms: wide(16)?,
            raw: narrow(24)?,
            packed: narrow(28)?,
            levels: *body.get(32)?,
            bloom: body.get(FIXED..)?,
        };
        Some((head, end))
    }

    /// False where a word with this hash is certainly in none of its lines.
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        let bits = self.bloom.len() as u64 * 8;
        probes(hash, bits)
            .all(|bit| self.bloom.get((bit / 8) as usize).is_some_and(|byte| byte & (1 << (bit % 8)) != 0))
    }
}

/// Where a head may begin in bytes of which nothing is known.
pub(super) fn head_in(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(bytes.get(from..)?, &TAG) {
        let tag = from + found;
        if tag >= 8 && bytes.get(tag - 8..tag - 4) == Some(&MAGIC[..]) {
            return Some(tag - 8);
        }
        from = tag + 1;
    }
    None
}

/// Makes blocks.
pub(super) struct Packer {
    compressor: Compressor<'static>,
    words: Vec<u64>,
}

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        let mut compressor = Compressor::new(EFFORT)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self { compressor, words: Vec::new() })
    }

    /// Whole lines, the first of which stood at `raw_at`, as one block.
    pub(super) fn block(&mut self, raw: &[u8], raw_at: u64) -> io::Result<Vec<u8>> {
        let too_long = || io::Error::other("a block of the log is too long");
        let (mut first, mut last, mut levels): (&[u8], &[u8], u8) = (&[], &[], 0);
        self.words.clear();
        for line in raw.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            levels |= 1 << level_of(line);
            let stamp = stamp_of(line).unwrap_or_default();
            if !stamp.is_empty() {
                first = if first.is_empty() || stamp < first { stamp } else { first };
                last = stamp.max(last);
            }
            // Every line has a time of its own: nobody looks for it as a word.
            words_of(line.get(stamp.len()..).unwrap_or_default(), |word| self.words.push(hash(word)));
        }
        self.words.sort_unstable();
        self.words.dedup();
        let packed = self.compressor.compress(raw)?;
        let time = |stamp: &[u8]| std::str::from_utf8(stamp).ok().and_then(parse_time).unwrap_or(0);
        let mut body = Vec::with_capacity(FIXED + BLOOM_MOST);
        for value in [raw_at, time(first), time(last)] {
            body.extend_from_slice(&value.to_le_bytes());
        }
        for length in [raw.len(), packed.len()] {
            body.extend_from_slice(&u32::try_from(length).map_err(|_| too_long())?.to_le_bytes());
        }
        body.push(levels);
        let mut bloom = vec![0; (self.words.len() * BITS_PER_WORD / 8).clamp(8, BLOOM_MOST)];
        let bits = bloom.len() as u64 * 8;
        for bit in self.words.iter().flat_map(|word| probes(*word, bits)) {
            if let Some(byte) = bloom.get_mut((bit / 8) as usize) {
                *byte |= 1 << (bit % 8);
            }
        }
        body.append(&mut bloom);
        let record = codec::seal(VERSION, &body);
        let length = u32::try_from(record.len() + TAG.len()).map_err(|_| too_long())?;
        let mut out = Vec::with_capacity(BEFORE + record.len() + packed.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&TAG);
        out.extend_from_slice(&record);
        out.extend_from_slice(&packed);
        Ok(out)
    }
}

/// The time of a line as it stands there.
pub(super) fn stamp_of(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(STAMP)?;
    rest.get(..memchr::memchr(b'"', rest.get(..FRONT.min(rest.len()))?)?)
}

/// Place in [`LEVELS`]; what is unknown counts as worst, so that it is not hidden.
pub(super) fn level_of(line: &[u8]) -> usize {
    let front = line.get(..FRONT.min(line.len())).unwrap_or_default();
    let Some(at) = memchr::memmem::find(front, LEVEL) else { return 0 };
    let rest = front.get(at + LEVEL.len()..).unwrap_or_default();
    let name = rest.split(|byte| *byte == b'"').next().unwrap_or_default();
    LEVELS.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name)).unwrap_or(0)
}

/// Letters, digits, underscores and everything beyond ASCII make words.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Calls `each` with every word.
pub(super) fn words_of(text: &[u8], mut each: impl FnMut(&[u8])) {
    for word in text.split(|byte| !is_word(*byte)).filter(|word| !word.is_empty()) {
        each(word);
    }
}

/// FNV-1a with a last mixing, so that its upper half is as good as its lower one.
pub(super) fn hash(word: &[u8]) -> u64 {
    let all = word
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |all, byte| (all ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (all ^ (all >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

/// The bits of a word, by double hashing.
fn probes(hash: u64, bits: u64) -> impl Iterator<Item = u64> {
    let (start, step) = (hash >> 32, (hash & 0xffff_ffff) | 1);
    (0..PROBES).map(move |n| ((start.wrapping_add(n * step) & 0xffff_ffff) * bits) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(n: u32, level: &str, text: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-03-01T08:00:{:02}.000001Z\",\"level\":\"{level}\",\"message\":\"{text}\"}}\n",
            n % 60
        )
    }

    #[test]
    fn a_block_tells_what_is_in_it() {
        let raw = line(5, "INFO", "pump on") + &line(9, "WARN", "pump off 19b3c0-7");
        let block = Packer::new().unwrap().block(raw.as_bytes(), 77).unwrap();
        let (head, length) = Head::read(&block).unwrap();
        assert_eq!((head.raw_at, head.raw, head.packed), (77, raw.len(), block.len() - length));
        assert_eq!((head.first_ms % 60_000, head.last_ms % 60_000, head.levels), (5_000, 9_000, 0b110));
        for word in ["pump", "on", "19b3c0", "7", "message"] {
            assert!(head.may_hold(hash(word.as_bytes())), "{word}");
        }
        let absent = (0..10_000).filter(|n| head.may_hold(hash(format!("absent{n}").as_bytes()))).count();
        assert!(absent < 600, "{absent} of 10000 seem to be there");
        assert_eq!(zstd::bulk::decompress(&block[length..], 1 << 20).unwrap(), raw.as_bytes());
        assert_eq!(head_in(&[b"noise", &block[..]].concat()), Some(5));
        let whole = zstd::stream::decode_all(&block[..]).unwrap();
        assert_eq!(whole, raw.as_bytes(), "any zstd reads it, heads are passed over");
    }

    #[test]
    fn every_flipped_bit_of_a_head_is_found() {
        let block = Packer::new().unwrap().block(line(1, "INFO", "x").as_bytes(), 0).unwrap();
        let (_, length) = Head::read(&block).unwrap();
        for bit in 0..length * 8 {
            let mut bad = block.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Head::read(&bad).is_none(), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn no_word_is_missed(words in proptest::collection::vec("[a-zA-Z0-9_é]{1,12}", 1..60)) {
            let raw = line(1, "INFO", &words.join(" "));
            let block = Packer::new().unwrap().block(raw.as_bytes(), 0).unwrap();
            let (head, _) = Head::read(&block).unwrap();
            for word in &words {
                prop_assert!(head.may_hold(hash(word.as_bytes())));
            }
        }

        #[test]
        fn any_bytes_are_no_head_or_a_head(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Head::read(&bytes), head_in(&bytes), stamp_of(&bytes), level_of(&bytes));
        }
    }
}
