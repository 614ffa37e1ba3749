//! "Did you mean": the nearest terms of the index to a word that it does not have.

use fst::{Automaton, IntoStreamer, Streamer};

use super::segment::Segment;
use crate::store::Damage;

/// Matches terms within `limit` edits (insert, delete, replace) of `word`, by a row of the classic table.
struct Within<'a> {
    word: &'a [u8],
    limit: u8,
}

impl Automaton for Within<'_> {
    type State = Vec<u8>;

    fn start(&self) -> Vec<u8> {
        (0..=self.word.len()).map(|n| u8::try_from(n).unwrap_or(u8::MAX)).collect()
    }

    fn is_match(&self, row: &Vec<u8>) -> bool {
        row.last().is_some_and(|edits| *edits <= self.limit)
    }

    fn can_match(&self, row: &Vec<u8>) -> bool {
        row.iter().any(|edits| *edits <= self.limit)
    }

    fn accept(&self, row: &Vec<u8>, byte: u8) -> Vec<u8> {
        let mut next = Vec::with_capacity(row.len());
        let mut left = row.first().map_or(u8::MAX, |edits| edits.saturating_add(1));
        next.push(left);
        for ((above, diagonal), letter) in row.iter().skip(1).zip(row).zip(self.word) {
            let replaced = diagonal.saturating_add(u8::from(*letter != byte));
            left = replaced.min(above.saturating_add(1)).min(left.saturating_add(1));
            next.push(left);
        }
        next
    }
}

fn edits(word: &[u8], term: &[u8]) -> u8 {
    let automaton = Within { word, limit: u8::MAX };
    let row = term.iter().fold(automaton.start(), |row, byte| automaton.accept(&row, *byte));
    row.last().copied().unwrap_or(u8::MAX)
}

/// Fewest edits first, then the most frequent.
type Rank = (u8, std::cmp::Reverse<u32>);

/// The nearest term of the segments, with the segment's index and the offset of its list.
pub(super) fn nearest(word: &str, segments: &[&Segment]) -> Result<Option<(String, usize, u64)>, Damage> {
    let limit = match word.len() {
        0..=3 => return Ok(None),
        4..=7 => 1,
        _ => 2,
    };
    let mut best: Option<(Rank, String, usize, u64)> = None;
    for (number, segment) in segments.iter().enumerate() {
        let terms = segment.terms()?;
        let mut stream = terms.search(Within { word: word.as_bytes(), limit }).into_stream();
        while let Some((term, offset)) = stream.next() {
            let rank = (edits(word.as_bytes(), term), std::cmp::Reverse(segment.df(offset)?));
            if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
                best = Some((rank, String::from_utf8_lossy(term).into_owned(), number, offset));
            }
        }
    }
    Ok(best.map(|(_, term, segment, offset)| (term, segment, offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(edits(b"pressur", b"presur"), 1);
        assert_eq!(edits(b"valv", b"valv"), 0);
        assert_eq!(edits(b"kitten", b"sitting"), 3);
    }
}
