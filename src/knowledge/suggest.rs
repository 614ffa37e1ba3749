//! "Did you mean": the nearest terms of the index to a word that it does not have.

use super::segment::Segment;
use crate::store::Damage;

/// Edits (insert, delete, replace) between a word and terms, by rows of the classic table (Wagner and Fischer
/// 1974): one for each byte of the term, so that the next term begins where it differs.
struct Edits<'a> {
    word: &'a [u8],
    rows: Vec<u8>,
}

impl<'a> Edits<'a> {
    fn new(word: &'a [u8]) -> Self {
        Self { word, rows: (0..=word.len()).map(|n| u8::try_from(n).unwrap_or(u8::MAX)).collect() }
    }

    /// Edits to `term`, whose first `shared` bytes are those of the term before; or how many of its bytes are
    /// enough to need more than `limit`.
    fn to(&mut self, term: &[u8], shared: usize, limit: u8) -> Result<u8, usize> {
        let width = self.word.len() + 1;
        self.rows.truncate((shared + 1) * width);
        for (at, byte) in term.iter().enumerate().skip(self.rows.len() / width - 1) {
            let above = at * width;
            let mut left = self.rows.get(above).map_or(u8::MAX, |edits| edits.saturating_add(1));
            let mut least = left;
            self.rows.push(left);
            for (column, letter) in self.word.iter().enumerate() {
                let above = self.rows.get(above + column..above + column + 2).unwrap_or(&[u8::MAX; 2]);
                let replaced = above[0].saturating_add(u8::from(letter != byte));
                left = replaced.min(above[1].saturating_add(1)).min(left.saturating_add(1));
                least = least.min(left);
                self.rows.push(left);
            }
            if least > limit {
                return Err(at + 1);
            }
        }
        Ok(self.rows.last().copied().unwrap_or(u8::MAX))
    }
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
        let (mut terms, mut edits) = (segment.terms()?.cursor(), Edits::new(word.as_bytes()));
        // Terms that share as much with the one before are as far away.
        let mut hopeless = usize::MAX;
        while let Some(shared) = terms.step()? {
            let Some(term) = terms.term().filter(|_| shared < hopeless) else {
                terms.pass(hopeless);
                continue;
            };
            hopeless = usize::MAX;
            match edits.to(term, shared, limit) {
                Err(bytes) => hopeless = bytes,
                Ok(edits) if edits <= limit => {
                    let rank = (edits, std::cmp::Reverse(segment.df(terms.list())?));
                    if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
                        best = Some((rank, String::from_utf8_lossy(term).into_owned(), number, terms.list()));
                    }
                }
                Ok(_) => {}
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
        let edits = |a: &str, b: &str| Edits::new(a.as_bytes()).to(b.as_bytes(), 0, u8::MAX);
        assert_eq!(edits("pressur", "presur"), Ok(1));
        assert_eq!(edits("valv", "valv"), Ok(0));
        assert_eq!(edits("kitten", "sitting"), Ok(3));
    }

    #[test]
    fn a_term_goes_on_where_the_one_before_is_the_same_and_stops_where_it_cannot_match() {
        let mut edits = Edits::new(b"pressur");
        assert_eq!(edits.to(b"pressed", 0, 2), Ok(2));
        assert_eq!(edits.to(b"pressur", 5, 2), Ok(0));
        assert_eq!(edits.to(b"prxxxure", 2, 2), Err(5));
        assert_eq!(edits.to(b"press", 2, 2), Ok(2));
    }
}
