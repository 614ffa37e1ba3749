//! A map from words: short ones lie in the table itself, so that a hit costs one cache line and no call.

use std::hash::BuildHasher;

use foldhash::{HashMap, HashMapExt};

use super::simd;

/// Bytes of a word that lie in the table, with its length in the last: hashed, compared and ordered as numbers.
pub(super) const INLINE: usize = 16;
const LEAST_CELLS: usize = 64;

/// Word → a small value.
pub(super) struct WordMap<V> {
    short: Cells<V>,
    long: HashMap<Box<str>, V>,
    long_bytes: usize,
}

/// A short word, first bytes first: numbers order as words do. The length makes every `low` more than nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    high: u64,
    low: u64,
}

impl Key {
    /// Nothing where the word is empty or too long.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // below INLINE, and halves of a number
    pub(super) fn of(word: &str) -> Option<Self> {
        let mut bytes = [0; INLINE];
        bytes.get_mut(..word.len()).filter(|part| !part.is_empty())?.copy_from_slice(word.as_bytes());
        if bytes[INLINE - 1] != 0 || word.len() == INLINE {
            return None;
        }
        bytes[INLINE - 1] = word.len() as u8;
        let both = u128::from_be_bytes(bytes);
        Some(Self { high: (both >> 64) as u64, low: both as u64 })
    }

    /// The key of `text[start..end]` in lower case, which must be ASCII; nothing where it is empty or too long.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // halves of a number
    pub(super) fn of_lower_case(text: &[u8], start: usize, end: usize) -> Option<Self> {
        /// The same byte sixteen times.
        const ALL: u128 = u128::MAX / 255;
        let length = end.checked_sub(start).filter(|length| (1..INLINE).contains(length))?;
        let loaded = match text.get(start..).and_then(|rest| rest.first_chunk::<INLINE>()) {
            Some(whole) => u128::from_be_bytes(*whole),
            None => {
                let mut bytes = [0; INLINE];
                bytes.get_mut(..length)?.copy_from_slice(text.get(start..end)?);
                u128::from_be_bytes(bytes)
            }
        };
        let word = loaded & u128::MAX << (8 * (INLINE - length));
        // All bytes at once: 0x3f carries from 'A' on into the highest bit of its byte, 0x25 from the one after 'Z'.
        let upper = (word + 0x3f * ALL) & !(word + 0x25 * ALL) & (0x80 * ALL);
        let both = (word | upper >> 2) | length as u128;
        Some(Self { high: (both >> 64) as u64, low: both as u64 })
    }

    /// The word, written into `bytes`.
    pub(super) fn word(self, bytes: &mut [u8; INLINE]) -> &str {
        *bytes = (u128::from(self.high) << 64 | u128::from(self.low)).to_be_bytes();
        let length = usize::from(bytes[INLINE - 1]);
        bytes.get(..length).and_then(|word| str::from_utf8(word).ok()).unwrap_or_default()
    }
}

/// Open addressing with linear probing: a hit is found in the line where its cell should lie.
struct Cells<V> {
    /// A power of two of them, or none; an empty one has no `low`.
    cells: Box<[(Key, V)]>,
    used: usize,
    /// Random, so that no file can be written whose words all want one cell.
    seed: Key,
}

impl<V: Copy + Default> Cells<V> {
    fn new() -> Self {
        let state = foldhash::fast::RandomState::default();
        Self { cells: Box::default(), used: 0, seed: Key { high: state.hash_one(1), low: state.hash_one(2) } }
    }

    /// Where the key's cell should be: the folded product of both halves.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the mask takes the low bits
    fn home(&self, key: Key) -> usize {
        let product = u128::from(key.high ^ self.seed.high) * u128::from(key.low ^ self.seed.low);
        ((product >> 64) as u64 ^ product as u64) as usize
    }

    /// The key's cell, or the empty one that ends its search.
    #[inline]
    fn find(&self, key: Key) -> Option<usize> {
        let mask = self.cells.len().checked_sub(1)?;
        let mut at = self.home(key) & mask;
        loop {
            let (held, _) = self.cells.get(at)?;
            if *held == key || held.low == 0 {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
    }

    #[inline]
    fn get(&self, key: Key) -> Option<V> {
        let (held, value) = self.cells.get(self.find(key)?)?;
        (held.low != 0).then_some(*value)
    }

    fn insert(&mut self, key: Key, value: V) {
        // Five eighths full at most: a search passes one or two cells.
        if (self.used + 1) * 8 > self.cells.len() * 5 {
            let empty = (Key { high: 0, low: 0 }, V::default());
            let more = vec![empty; (self.cells.len() * 2).max(LEAST_CELLS)].into_boxed_slice();
            for (key, value) in std::mem::replace(&mut self.cells, more) {
                if key.low != 0 {
                    self.place(key, value);
                }
            }
        }
        self.used += usize::from(self.place(key, value));
    }

    /// True when the key is new.
    fn place(&mut self, key: Key, value: V) -> bool {
        let Some(cell) = self.find(key).and_then(|at| self.cells.get_mut(at)) else { return false };
        let new = cell.0.low == 0;
        *cell = (key, value);
        new
    }
}

impl<V: Copy + Default> Default for WordMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Copy + Default> WordMap<V> {
    pub(super) fn new() -> Self {
        Self { short: Cells::new(), long: HashMap::new(), long_bytes: 0 }
    }

    #[inline]
    pub(super) fn get(&self, word: &str) -> Option<V> {
        match Key::of(word) {
            Some(key) => self.short.get(key),
            None => self.long.get(word).copied(),
        }
    }

    /// The same for a key.
    #[inline]
    pub(super) fn get_short(&self, key: Key) -> Option<V> {
        self.short.get(key)
    }

    /// Asks for the memory in which a key would be found.
    #[inline]
    pub(super) fn prefetch(&self, key: Key) {
        let mask = self.short.cells.len().wrapping_sub(1);
        if let Some(cell) = self.short.cells.get(self.short.home(key) & mask) {
            simd::prefetch(cell);
        }
    }

    pub(super) fn insert(&mut self, word: &str, value: V) {
        match Key::of(word) {
            Some(key) => self.short.insert(key, value),
            None => {
                self.long_bytes += word.len();
                self.long.insert(word.into(), value);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.short.used + self.long.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Bytes of memory held, about.
    pub(super) fn held(&self) -> usize {
        let value = size_of::<V>() + 1;
        self.short.cells.len() * size_of::<(Key, V)>() + self.long.capacity() * (16 + value) + self.long_bytes
    }

    /// All words with their values, in the order of their bytes.
    ///
    /// # Errors
    /// What `each` says; the rest is not visited then.
    pub(super) fn in_order<E>(self, mut each: impl FnMut(&[u8], V) -> Result<(), E>) -> Result<(), E> {
        let mut short: Vec<(Key, V)> = self.short.cells.into_iter().filter(|(key, _)| key.low != 0).collect();
        short.sort_unstable_by_key(|(key, _)| *key);
        let mut long: Vec<(Box<str>, V)> = self.long.into_iter().collect();
        long.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut long = long.into_iter().peekable();
        let mut bytes = [0; INLINE];
        for (key, value) in short {
            let word = key.word(&mut bytes).as_bytes();
            while let Some((before, value)) = long.next_if(|(other, _)| other.as_bytes() < word) {
                each(before.as_bytes(), value)?;
            }
            each(word, value)?;
        }
        long.try_for_each(|(word, value)| each(word.as_bytes(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_a_map(words in prop::collection::btree_map("[\\x00-\\x02a-c\u{e9}]{0,20}", any::<u32>(), 0..400), other in "[a-c]{0,20}") {
            let mut map = WordMap::new();
            for (word, value) in &words {
                map.insert(word, *value);
            }
            prop_assert_eq!(map.len(), words.len());
            prop_assert_eq!(map.get(&other), words.get(&other).copied());
            for (word, value) in &words {
                prop_assert_eq!(map.get(word), Some(*value));
            }
            let mut back = Vec::new();
            map.in_order(|word, value| {
                back.push((String::from_utf8(word.to_vec()).unwrap(), value));
                Ok::<(), ()>(())
            })
            .unwrap();
            prop_assert_eq!(back, words.into_iter().collect::<Vec<_>>());
        }
    }
}
