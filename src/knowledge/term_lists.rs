//! The lists of terms while they are counted: most are short, so a list begins inside its own cache line.
//!
//! Invariant: adding to a list that fits its line touches no other memory; no list ever moves.

use smallvec::SmallVec;

use super::pack::put_varint;
use super::simd;

/// Bytes of a list that lie beside its head.
const INSIDE: usize = 36;
/// Lists that lie together: more come without moving those that are there.
const PAGE: usize = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 9;

/// One list: varint (gap << 1 | tf == 1) [· tf] for each chunk; the newest is counted until another comes.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct TermList {
    bytes: SmallVec<[u8; INSIDE]>,
    /// The chunk after the last one in `bytes`.
    next: u32,
    chunk: u32,
    /// How often the term is in `chunk`; 0 before the first.
    tf: u32,
}

impl TermList {
    /// Counts a word of a chunk; returns the bytes of memory that the list grew by, about.
    #[inline]
    fn count(&mut self, chunk: u32, weight: u32) -> usize {
        let grown = if self.chunk == chunk { 0 } else { self.end_chunk() };
        self.chunk = chunk;
        self.tf += weight;
        grown
    }

    #[inline]
    fn end_chunk(&mut self) -> usize {
        let tf = std::mem::take(&mut self.tf).min(255);
        if tf == 0 {
            return 0;
        }
        let before = self.bytes.len();
        put_varint((self.chunk - self.next) << 1 | u32::from(tf == 1), |byte| self.bytes.push(byte));
        if tf > 1 {
            put_varint(tf, |byte| self.bytes.push(byte));
        }
        self.next = self.chunk + 1;
        if self.bytes.spilled() { self.bytes.len() - before } else { 0 }
    }

    /// The list as its head describes it, after [`TermLists::end`].
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Lists by the number of their term.
#[derive(Default)]
pub(super) struct TermLists {
    pages: Vec<Vec<TermList>>,
    /// Bytes of lists that did not fit their line.
    outside: usize,
}

impl TermLists {
    /// The list of a term, if there is one.
    #[inline]
    pub(super) fn get(&self, term: u32) -> Option<&TermList> {
        self.pages.get((term >> PAGE_BITS) as usize)?.get(term as usize % PAGE)
    }

    /// Adds an empty list; returns the number of its term.
    #[allow(clippy::cast_possible_truncation)] // the lists of one buffer are far below 2^32
    pub(super) fn push(&mut self) -> u32 {
        let full = self.pages.last().is_none_or(|page| page.len() == PAGE);
        if full {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let pages = self.pages.len();
        self.pages.last_mut().map_or(0, |page| {
            page.push(TermList::default());
            ((pages - 1) * PAGE + page.len() - 1) as u32
        })
    }

    /// Asks for the line of a list that is counted soon.
    #[inline]
    pub(super) fn prefetch(&self, term: u32) {
        if let Some(list) = self.get(term) {
            simd::prefetch(list);
        }
    }

    /// Counts a word of a chunk in the list of its term.
    #[inline]
    pub(super) fn count(&mut self, term: u32, chunk: u32, weight: u32) {
        let page = self.pages.get_mut((term >> PAGE_BITS) as usize);
        if let Some(list) = page.and_then(|page| page.get_mut(term as usize % PAGE)) {
            self.outside += list.count(chunk, weight);
        }
    }

    /// Ends the newest chunk of every list.
    pub(super) fn end(&mut self) {
        for list in self.pages.iter_mut().flatten() {
            list.end_chunk();
        }
    }

    /// Bytes of memory held, about.
    pub(super) fn held(&self) -> usize {
        self.pages.len() * PAGE * size_of::<TermList>() + self.outside * 3 / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::pack::get_varint;

    #[test]
    fn a_list_and_its_head_are_one_cache_line() {
        assert_eq!((size_of::<TermList>(), align_of::<TermList>()), (64, 64));
    }

    #[test]
    fn short_and_long_lists_keep_what_they_counted() {
        let mut lists = TermLists::default();
        for term in 0..2000 {
            assert_eq!(lists.push(), term);
        }
        for chunk in 0..300 {
            for term in (0..2000).filter(|term| chunk % (term / 10 + 1) == 0) {
                lists.count(term, chunk, 1);
                lists.count(term, chunk, term % 3);
            }
        }
        lists.end();
        assert!(lists.held() > 2000 * 64);
        for term in 0..2000 {
            let bytes = lists.get(term).unwrap().bytes();
            let (mut at, mut next, mut chunks) = (0, 0, Vec::new());
            while let Some(code) = get_varint(bytes, &mut at) {
                next += code >> 1;
                let tf = if code & 1 == 1 { 1 } else { get_varint(bytes, &mut at).unwrap() };
                assert_eq!(tf, 1 + term % 3);
                chunks.push(next);
                next += 1;
            }
            let wanted: Vec<u32> = (0..300).filter(|chunk| chunk % (term / 10 + 1) == 0).collect();
            assert_eq!(chunks, wanted, "of term {term}");
        }
        assert!(lists.get(2000).is_none());
    }
}
