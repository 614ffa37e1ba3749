//! A set of chunks of one segment, a bit each: those that were removed, or those that a phrase allows.

/// A bitmap over a segment's chunks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ChunkSet {
    words: Vec<u64>,
    count: u32,
}

impl ChunkSet {
    pub(super) fn contains(&self, chunk: u32) -> bool {
        self.words.get(chunk as usize / 64).is_some_and(|word| word & (1 << (chunk % 64)) != 0)
    }

    pub(super) fn insert(&mut self, chunk: u32) {
        let at = chunk as usize / 64;
        if self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        let before = self.words[at];
        self.words[at] |= 1 << (chunk % 64);
        self.count += u32::from(self.words[at] != before);
    }

    /// What both sets have.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.words.truncate(other.words.len());
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
        Self::from_words(self.words)
    }

    /// How many chunks are in it.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn to_words(&self) -> Vec<u64> {
        self.words.clone()
    }

    pub(super) fn from_words(words: Vec<u64>) -> Self {
        let count = words.iter().map(|word| word.count_ones()).sum();
        Self { words, count }
    }
}
