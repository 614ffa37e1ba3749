//! Reads a passage with the question in mind: which words match and where, how near they stand, and which
//! sentence answers best.

use std::cell::RefCell;
use std::ops::Range;

use foldhash::{HashMap, HashMapExt};

use super::analysis::{RawWord, Stems, raw_words};
use super::language::Language;
use super::query::Query;

/// Matched words further apart than this do not support each other.
const NEAR_WORDS: u32 = 8;

/// The question's terms, ready for looking up words of passages.
pub(super) struct Lookup {
    stems: Vec<Stems>,
    /// term → (group, part of the group's weight)
    terms: HashMap<String, (usize, f32)>,
    weights: Vec<f32>,
    heads: Option<Heads>,
    /// Words that were looked up before: passages of one answer repeat themselves.
    known: RefCell<HashMap<Box<str>, Option<Found>>>,
}

/// A group of the query, and the part of its weight that a word brings.
type Found = (usize, f32);

/// First two bytes of every term, a bit each: stems keep them, so that most words need not be made terms.
struct Heads(Box<[u64; 1024]>);

impl Heads {
    fn of<'a>(terms: impl Iterator<Item = &'a String>) -> Self {
        let mut bits = Box::new([0; 1024]);
        for term in terms {
            let (word, bit) = Self::place(head(term));
            bits[word] |= bit;
        }
        Self(bits)
    }

    fn place(head: [u8; 2]) -> (usize, u64) {
        let at = usize::from(u16::from_be_bytes(head));
        (at / 64, 1 << (at % 64))
    }

    #[inline]
    fn have(&self, head: [u8; 2]) -> bool {
        let (word, bit) = Self::place(head);
        self.0[word] & bit != 0
    }
}

/// What was seen in a passage.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Byte ranges of matching words.
    pub(super) highlights: Vec<(usize, usize)>,
    pub(super) best_sentence: (usize, usize),
    /// Part of the question's weight that occurs here, 0..=1.
    pub(super) coverage: f32,
    /// How near neighbouring words of the question stand, 0..=1.
    pub(super) proximity: f32,
}

struct Match {
    group: usize,
    part: f32,
    index: u32,
    start: usize,
}

impl Lookup {
    /// `idfs` weigh the groups of the query.
    pub(super) fn new(query: &Query, languages: &[Language], idfs: &[f32]) -> Self {
        let mut terms = HashMap::new();
        let mut weights = Vec::with_capacity(query.groups.len());
        for (number, (group, idf)) in query.groups.iter().zip(idfs).enumerate() {
            let own = group.alternatives.first().map_or(0.0, |a| a.weight);
            weights.push(own * idf);
            for alternative in &group.alternatives {
                let part = if own > 0.0 { alternative.weight / own } else { 0.0 };
                let entry = terms.entry(alternative.term.clone()).or_insert((number, part));
                if part > entry.1 {
                    *entry = (number, part);
                }
            }
        }
        let languages = if languages.is_empty() { &[Language::English][..] } else { languages };
        // Arabic stems lose prefixes.
        let keeps_heads = !languages.contains(&Language::Arabic);
        let heads = keeps_heads.then(|| Heads::of(terms.keys()));
        Self {
            stems: languages.iter().map(|l| Stems::new(*l)).collect(),
            terms,
            weights,
            heads,
            known: RefCell::default(),
        }
    }

    fn find(&self, raw: &RawWord<'_>, buffer: &mut String) -> Option<Found> {
        if let (Some(heads), Some(head)) = (&self.heads, raw.head())
            && !heads.have(head)
        {
            return None;
        }
        let word = raw.normalised(buffer)?;
        if self.heads.as_ref().is_some_and(|heads| !heads.have(head(word.text))) {
            return None;
        }
        if let Some(found) = self.known.borrow().get(word.text) {
            return *found;
        }
        let found = self
            .stems
            .iter()
            .find_map(|stems| self.terms.get(stems.term(word.text, word.shape).as_ref()).copied());
        self.known.borrow_mut().insert(word.text.into(), found);
        found
    }

    /// Looks through a passage; `above` (title and headings) counts for coverage only.
    pub(super) fn look(&self, text: &str, above: &[&str], query: &Query) -> Seen {
        let mut seen = Seen::default();
        let mut covered = vec![0f32; self.weights.len()];
        let mut matches: Vec<Match> = Vec::new();
        let mut index = 0;
        let mut buffer = String::new();
        raw_words(text, |word| {
            index += 1;
            if let Some((group, part)) = self.find(&word, &mut buffer) {
                covered[group] = covered[group].max(part);
                matches.push(Match { group, part, index, start: word.start });
                if self.weights[group] > 0.3 || query.only_stop_words {
                    add_highlight(&mut seen.highlights, (word.start, word.end));
                }
            }
        });
        seen.proximity = self.proximity(&matches);
        seen.best_sentence = self.best_sentence(text, &matches);
        for part in above {
            raw_words(part, |word| {
                if let Some((group, part)) = self.find(&word, &mut buffer) {
                    covered[group] = covered[group].max(part);
                }
            });
        }
        let all: f32 = self.weights.iter().sum();
        let got: f32 = covered.iter().zip(&self.weights).map(|(c, w)| c * w).sum();
        seen.coverage = if all > 0.0 { got / all } else { 0.0 };
        seen
    }

    /// For each pair of neighbouring query words: 1 / (distance in the passage), weighed by both.
    #[allow(clippy::cast_precision_loss)] // at most NEAR_WORDS
    fn proximity(&self, matches: &[Match]) -> f32 {
        let pairs = self.weights.len().saturating_sub(1);
        let mut best = vec![0f32; pairs];
        for (at, first) in matches.iter().enumerate() {
            for second in matches[at + 1..].iter().take_while(|m| m.index - first.index <= NEAR_WORDS) {
                let (low, high) = (first.group.min(second.group), first.group.max(second.group));
                if high == low + 1 {
                    let distance = (second.index - first.index).max(1) as f32;
                    let swapped = if first.group > second.group { 0.5 } else { 1.0 };
                    best[low] = best[low].max(first.part * second.part * swapped / distance);
                }
            }
        }
        let pair_weight = |at: usize| self.weights[at].min(self.weights[at + 1]);
        let all: f32 = (0..pairs).map(pair_weight).sum();
        let got: f32 = best.iter().enumerate().map(|(at, b)| b * pair_weight(at)).sum();
        if all > 0.0 { got / all } else { 0.0 }
    }

    /// The sentence with the most of the question's weight; earlier and shorter wins ties.
    #[allow(clippy::cast_precision_loss)] // lengths of sentences
    fn best_sentence(&self, text: &str, matches: &[Match]) -> (usize, usize) {
        let mut best = ((0, text.len()), -1f32);
        let mut found = vec![0f32; self.weights.len()];
        for sentence in sentences(text) {
            found.fill(0.0);
            for m in matches.iter().filter(|m| sentence.contains(&m.start)) {
                found[m.group] = found[m.group].max(m.part * self.weights[m.group]);
            }
            let length = sentence.len() as f32;
            let sum: f32 = found.iter().sum();
            // A heading-like scrap says less than a sentence; a very long one hides its point.
            let fitting = (length / 40.0).min(1.0) * (1.0 - (length / 2000.0).min(0.5));
            let score = sum * fitting;
            if score > best.1 {
                best = ((sentence.start, sentence.end), score);
            }
        }
        best.0
    }
}

fn head(term: &str) -> [u8; 2] {
    let bytes = term.as_bytes();
    [bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)]
}

fn add_highlight(highlights: &mut Vec<(usize, usize)>, range: (usize, usize)) {
    // A whole identifier comes before its parts, which lie inside it.
    if highlights.last().is_none_or(|last| range.0 >= last.1) {
        highlights.push(range);
    }
}

/// What stands between the cells of a row.
const CELLS: &str = " | ";

/// Sentences of a text, and rows of its tables, as byte ranges without surrounding white space.
pub(super) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let next = bytes.get(end).copied();
        let stops = match c {
            '.' | '!' | '?' => {
                next.is_none_or(|b| b.is_ascii_whitespace())
                    && !abbreviation(&text[start..at])
                    && capital_follows(text, end)
            }
            '。' | '！' | '？' => true,
            '\n' => {
                next.is_none_or(|b| b == b'\n' || b == b'-' || b == b'*' || b.is_ascii_digit())
                    || text[start..at].contains(CELLS)
                    || text[end..].lines().next().is_some_and(|line| line.contains(CELLS))
            }
            _ => false,
        };
        if stops {
            push_trimmed(text, start..end, &mut found);
            start = end;
        }
    }
    push_trimmed(text, start..text.len(), &mut found);
    found
}

fn capital_follows(text: &str, at: usize) -> bool {
    let next = text[at..].trim_start().chars().next();
    next.is_none_or(|c| !c.is_lowercase())
}

fn abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or("");
    let short = word.len() == 1 && word.chars().all(char::is_alphabetic);
    short
        || ["e.g", "i.e", "etc", "vs", "No", "Fig", "Dr", "Mr", "Mrs", "St", "approx", "max", "min"]
            .contains(&word)
}

fn push_trimmed(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let part = &text[range.clone()];
    let from = range.start + (part.len() - part.trim_start().len());
    let to = from + part.trim().len();
    if to > from {
        found.push(from..to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_they_end() {
        let text =
            "Turn off the pump, e.g. with S1. Wait 5.5 minutes! Is it cold?\n\n- Open the valve\n- Close it";
        let got: Vec<&str> = sentences(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(
            got,
            [
                "Turn off the pump, e.g. with S1.",
                "Wait 5.5 minutes!",
                "Is it cold?",
                "- Open the valve",
                "- Close it"
            ]
        );
    }

    #[test]
    fn each_row_of_a_table_stands_for_itself() {
        let text = "Faults of the pump.\nCode | Cause | Remedy\nE-05 | pressure. too low | open S1\nE-06 | no flow | call\nCall us";
        let got: Vec<&str> = sentences(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(
            got,
            [
                "Faults of the pump.",
                "Code | Cause | Remedy",
                "E-05 | pressure. too low | open S1",
                "E-06 | no flow | call",
                "Call us"
            ]
        );
    }

    #[test]
    fn sees_words_phrases_and_the_best_sentence() {
        let query = Query::new("reset the \"pressure valve\" E-05", None, &[]).unwrap();
        let idfs = vec![2.0; query.groups.len()];
        let lookup = Lookup::new(&query, &[], &idfs);
        let text = "The pump is blue. Resetting the pressure valve clears E-05 at once. Valves are round.";
        let seen = lookup.look(text, &[], &query);
        assert_eq!(
            &text[seen.best_sentence.0..seen.best_sentence.1],
            "Resetting the pressure valve clears E-05 at once."
        );
        assert!(query.phrases[0].occurs_in(text) && seen.coverage > 0.9 && seen.proximity > 0.3);
        let marked: Vec<&str> = seen.highlights.iter().map(|(a, b)| &text[*a..*b]).collect();
        assert!(marked.contains(&"E-05") && marked.contains(&"Resetting"));
        assert!(!query.phrases[0].occurs_in("the valve pressure"));
    }
}
