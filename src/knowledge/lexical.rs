//! Lexical scoring: soft BM25 over posting lists, window by window with block-max pruning.
//!
//! A query is a list of groups; a group's alternatives (stems of several languages, near words) count as one
//! word: the maximum, not the sum, of their scores (soft term mapping). What chunks score, and which of them
//! need no look, is told by [`Window`].
//!
//! Invariant: allocates per query and segment, never per chunk.

use super::best::{Best, Candidate};
use super::segment::Segment;
use super::window::{Member, Saturation, WINDOW, Window, best_of, bound_of_group};
use crate::store::Damage;

/// Near words that count beside the word itself.
const NEAR_USED: usize = 5;

/// A term with the part of its group's weight that it brings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alternative {
    pub(super) term: String,
    pub(super) weight: f32,
    /// Not the word itself but one that means nearly the same.
    pub(super) near: bool,
}

/// One word of the query with everything that counts as it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) alternatives: Vec<Alternative>,
}

/// A term that counts as a word of the query, and where its list begins in every segment that is searched.
struct Term {
    text: String,
    weight: f32,
    lists: Vec<Option<u64>>,
}

/// Empties the groups that bring less than this part of what the question weighs: the longest lists tell least.
const NEGLIGIBLE: f32 = 0.02;

fn drop_negligible(groups: &mut [Vec<Term>]) {
    let weight = |group: &Vec<Term>| group.iter().map(|term| term.weight).fold(0.0, f32::max);
    let least = NEGLIGIBLE * groups.iter().map(weight).sum::<f32>();
    groups.iter_mut().filter(|group| weight(group) < least).for_each(Vec::clear);
}

/// A query bound to the statistics of everything that is searched.
pub(super) struct Weighted {
    /// Per group: its terms, weighed by idf.
    groups: Vec<Vec<Term>>,
    /// Per group: the idf of the word itself.
    pub(super) idfs: Vec<f32>,
    /// Of all chunks that are searched.
    average_length: f32,
}

impl Weighted {
    /// Looks the terms up in all segments and weighs them.
    #[allow(clippy::cast_precision_loss)] // counts
    pub(super) fn new(groups: &[Group], segments: &[&Segment]) -> Result<Self, Damage> {
        let total: u64 = segments.iter().map(|s| u64::from(s.chunks())).sum();
        let terms: u64 = segments.iter().map(|s| s.meta().terms_total).sum();
        let average = (terms as f32 / total.max(1) as f32).max(1.0);
        let dictionaries = segments.iter().map(|s| s.terms()).collect::<Result<Vec<_>, _>>()?;
        let idf = |df: u64| (1.0 + (total as f32 - df as f32 + 0.5) / (df as f32 + 0.5)).ln().max(0.0);
        let mut weighted = Vec::with_capacity(groups.len());
        let mut idfs = Vec::with_capacity(groups.len());
        for group in groups {
            let mut members = Vec::with_capacity(group.alternatives.len());
            let mut own = None;
            let mut near = 0;
            for alternative in &group.alternatives {
                if alternative.near && near == NEAR_USED {
                    break;
                }
                let mut df = 0;
                let mut lists = Vec::with_capacity(segments.len());
                for (segment, terms) in segments.iter().zip(&dictionaries) {
                    let list = terms.get(alternative.term.as_bytes())?;
                    df += list.map_or(Ok(0), |list| segment.df(list).map(u64::from))?;
                    lists.push(list);
                }
                let idf = idf(df.min(total));
                let own = *own.get_or_insert(idf);
                if df > 0 {
                    near += usize::from(alternative.near);
                    let weight = alternative.weight * idf.min(own);
                    members.push(Term { text: alternative.term.clone(), weight, lists });
                }
            }
            idfs.push(own.unwrap_or(f32::MAX));
            weighted.push(members);
        }
        drop_negligible(&mut weighted);
        Ok(Self { groups: weighted, idfs, average_length: average })
    }

    /// The terms with their weights, for `--explain`.
    pub(super) fn terms(&self) -> impl Iterator<Item = (&str, f32)> {
        self.groups.iter().flatten().map(|term| (term.text.as_str(), term.weight))
    }

    /// Readers of the lists that segment `number` has, by group, and what its chunks' lengths mean.
    fn cursors<'a>(
        &self,
        number: u32,
        segment: &'a Segment,
    ) -> Result<(Vec<Vec<Member<'a>>>, Saturation<'a>), Damage> {
        let saturation = Saturation::new(self.average_length, segment.lengths()?);
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let mut members = Vec::with_capacity(group.len());
            for term in group {
                if let Some(offset) = term.lists.get(number as usize).copied().flatten() {
                    members.push(Member::new(segment.list(offset)?, term.weight, saturation));
                }
            }
            if !members.is_empty() {
                groups.push(members);
            }
        }
        Ok((groups, saturation))
    }

    /// Adds the segment's best chunks to `best`; `keep` filters.
    pub(super) fn search(
        &self,
        number: u32,
        segment: &Segment,
        best: &mut Best,
        keep: &dyn Fn(u32) -> bool,
    ) -> Result<(), Damage> {
        let (mut groups, saturation) = self.cursors(number, segment)?;
        if groups.is_empty() {
            return Ok(());
        }
        let mut window = Window::new(saturation);
        let chunks = segment.chunks();
        for start in (0..chunks).step_by(WINDOW as usize) {
            let end = chunks.min(start.saturating_add(WINDOW));
            window.score(start, end, &mut groups, best.threshold());
            let threshold = best.threshold();
            window.harvest(&mut groups, threshold, |chunk, score| {
                if score > best.threshold() && keep(chunk) {
                    best.push(Candidate { score, segment: number, chunk });
                }
                best.threshold()
            });
        }
        Ok(())
    }

    /// Scores of chunks of segment `number`, which must ascend, each with the score that it needs to matter: of
    /// one that cannot reach it no more is told than was seen until then.
    pub(super) fn score_chunks(
        &self,
        number: u32,
        segment: &Segment,
        chunks: impl Iterator<Item = (u32, f32)>,
    ) -> Result<Vec<f32>, Damage> {
        let (groups, saturation) = self.cursors(number, segment)?;
        let mut groups: Vec<_> = groups.into_iter().map(|group| (bound_of_group(&group), group)).collect();
        groups.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let all: f32 = groups.iter().map(|group| group.0).sum();
        let score = |(chunk, needed): (u32, f32)| {
            let norm = saturation.norm_of(chunk);
            let (mut score, mut rest) = (0.0, all);
            for (bound, group) in &mut groups {
                if score + rest < needed {
                    break;
                }
                rest -= *bound;
                score += best_of(group, chunk, norm, 0.0);
            }
            score
        };
        Ok(chunks.map(score).collect())
    }
}
