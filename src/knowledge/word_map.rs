//! A map from words: short ones lie in the table itself, so that a hit costs one cache line and no call.

use foldhash::{HashMap, HashMapExt};

/// Bytes of a word that lie in the table, with its length in the last: one number, hashed and compared as one.
const INLINE: usize = 16;

/// Word → a small value.
pub(super) struct WordMap<V> {
    short: HashMap<u128, V>,
    long: HashMap<Box<str>, V>,
    long_bytes: usize,
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // below INLINE
fn inline(word: &str) -> Option<u128> {
    let mut key = [0; INLINE];
    key.get_mut(..word.len()).filter(|_| word.len() < INLINE)?.copy_from_slice(word.as_bytes());
    key[INLINE - 1] = word.len() as u8;
    Some(u128::from_le_bytes(key))
}

impl<V: Copy> Default for WordMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Copy> WordMap<V> {
    pub(super) fn new() -> Self {
        Self { short: HashMap::new(), long: HashMap::new(), long_bytes: 0 }
    }

    #[inline]
    pub(super) fn get(&self, word: &str) -> Option<V> {
        match inline(word) {
            Some(key) => self.short.get(&key),
            None => self.long.get(word),
        }
        .copied()
    }

    pub(super) fn insert(&mut self, word: &str, value: V) {
        match inline(word) {
            Some(key) => {
                self.short.insert(key, value);
            }
            None => {
                self.long_bytes += word.len();
                self.long.insert(word.into(), value);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Bytes of memory held, about.
    pub(super) fn held(&self) -> usize {
        let value = size_of::<V>() + 1;
        self.short.capacity() * (INLINE + value) + self.long.capacity() * (16 + value) + self.long_bytes
    }

    /// All words with their values, in no order.
    pub(super) fn into_words(self) -> impl Iterator<Item = (Box<str>, V)> {
        let short = self.short.into_iter().map(|(key, value)| {
            let key = key.to_le_bytes();
            let word = key.get(..usize::from(key[INLINE - 1])).unwrap_or_default();
            (String::from_utf8_lossy(word).into(), value)
        });
        short.chain(self.long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_a_map(words in prop::collection::btree_map(".{0,20}", any::<u32>(), 0..60), other in ".{0,20}") {
            let mut map = WordMap::new();
            for (word, value) in &words {
                map.insert(word, *value);
            }
            prop_assert_eq!(map.len(), words.len());
            prop_assert_eq!(map.get(&other), words.get(&other).copied());
            for (word, value) in &words {
                prop_assert_eq!(map.get(word), Some(*value));
            }
            let back: std::collections::BTreeMap<String, u32> =
                map.into_words().map(|(word, value)| (word.into(), value)).collect();
            prop_assert_eq!(back, words);
        }
    }
}
