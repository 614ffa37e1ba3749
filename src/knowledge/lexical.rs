//! Lexical scoring: soft BM25 over posting lists, window by window with block-max pruning.
//!
//! A query is a list of groups; a group's alternatives (stems of several languages, near words) count as one
//! word: the maximum, not the sum, of their scores (soft term mapping). BM25 in Lucene's form
//! (Robertson and Zaragoza 2009) with k1 = [`K1`], b = [`B`]. Pruning is MaxScore over windows of chunks
//! (Turtle and Flood 1995; block maxima after Ding and Suel 2011).
//!
//! Invariant: allocates per query and segment, never per chunk.

use super::best::{Best, Candidate};
use super::pack::BLOCK;
use super::postings::ListReader;
use super::segment::Segment;
use crate::store::Damage;

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// Chunks that are scored together; two such tables of f32 stay in L1/L2 cache.
const WINDOW: usize = 4096;

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

/// BM25's saturation of a term frequency under a length.
#[derive(Clone, Copy)]
struct Saturation {
    base: f32,
    per_term: f32,
}

impl Saturation {
    #[inline]
    fn norm(self, length: f32) -> f32 {
        self.per_term * length + self.base
    }

    #[inline]
    fn of(tf: f32, norm: f32) -> f32 {
        tf * (K1 + 1.0) / (tf + norm)
    }
}

struct Member<'a> {
    reader: ListReader<'a>,
    weight: f32,
    /// No chunk of the window (of the list, before there is one) scores more.
    bound: f32,
}

impl<'a> Member<'a> {
    fn new(reader: ListReader<'a>, weight: f32, saturation: Saturation) -> Self {
        let bound = bound_of(weight, reader.bounds(), saturation);
        Self { reader, weight, bound }
    }

    fn bind(&mut self, from: u32, to: u32, saturation: Saturation) -> f32 {
        let bounds = self.reader.bounds_between(from, to);
        self.bound = bounds.map_or(0.0, |bounds| bound_of(self.weight, bounds, saturation));
        self.bound
    }

    /// Score in one chunk; chunks must ascend from call to call.
    #[inline]
    fn score(&mut self, chunk: u32, norm: f32) -> f32 {
        self.reader.find(chunk).map_or(0.0, |tf| self.weight * Saturation::of(tf_to_f32(tf), norm))
    }
}

fn bound_of(weight: f32, (tf, length): (u8, u8), saturation: Saturation) -> f32 {
    weight * Saturation::of(f32::from(tf), saturation.norm(f32::from(length)))
}

fn bound_of_group(group: &[Member<'_>]) -> f32 {
    group.iter().map(|member| member.bound).fold(0.0, f32::max)
}

/// The best score of a group in one chunk. Members that cannot reach `least`, or what was found already, are
/// not looked up: beside the word itself its near words seldom matter.
#[inline]
fn best_of(members: &mut [Member<'_>], chunk: u32, norm: f32, least: f32) -> f32 {
    let mut best = 0.0f32;
    for member in members {
        if member.bound > best.max(least) {
            best = best.max(member.score(chunk, norm));
        }
    }
    best
}

#[inline]
#[allow(clippy::cast_precision_loss)] // at most 255
fn tf_to_f32(tf: u32) -> f32 {
    tf as f32
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
    saturation: Saturation,
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
        let saturation = Saturation { base: K1 * (1.0 - B), per_term: K1 * B / average };
        Ok(Self { groups: weighted, idfs, saturation })
    }

    /// The terms with their weights, for `--explain`.
    pub(super) fn terms(&self) -> impl Iterator<Item = (&str, f32)> {
        self.groups.iter().flatten().map(|term| (term.text.as_str(), term.weight))
    }

    /// Readers of the lists that segment `number` has, by group.
    fn cursors<'a>(&self, number: u32, segment: &'a Segment) -> Result<Vec<Vec<Member<'a>>>, Damage> {
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let mut members = Vec::with_capacity(group.len());
            for term in group {
                if let Some(offset) = term.lists.get(number as usize).copied().flatten() {
                    members.push(Member::new(segment.list(offset)?, term.weight, self.saturation));
                }
            }
            if !members.is_empty() {
                groups.push(members);
            }
        }
        Ok(groups)
    }

    /// Adds the segment's best chunks to `best`; `keep` filters.
    pub(super) fn search(
        &self,
        number: u32,
        segment: &Segment,
        best: &mut Best,
        keep: &dyn Fn(u32) -> bool,
    ) -> Result<(), Damage> {
        let mut groups = self.cursors(number, segment)?;
        if groups.is_empty() {
            return Ok(());
        }
        let lengths = segment.lengths()?.as_chunks::<2>().0;
        let mut window = Window::new(self.saturation, lengths);
        let chunks = segment.chunks();
        for start in (0..chunks).step_by(WINDOW) {
            let end = chunks.min(start.saturating_add(u32::try_from(WINDOW).unwrap_or(u32::MAX)));
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
        let groups = self.cursors(number, segment)?.into_iter();
        let mut groups: Vec<_> = groups.map(|group| (bound_of_group(&group), group)).collect();
        groups.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let all: f32 = groups.iter().map(|group| group.0).sum();
        let lengths = segment.lengths()?.as_chunks::<2>().0;
        let score = |(chunk, needed): (u32, f32)| {
            let norm = norm_of(self.saturation, lengths, chunk);
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

#[inline]
fn norm_of(saturation: Saturation, lengths: &[[u8; 2]], chunk: u32) -> f32 {
    let length = lengths.get(chunk as usize).map_or(0, |l| u16::from_le_bytes(*l));
    saturation.norm(f32::from(length))
}

/// Scores of one window of chunks.
struct Window<'a> {
    saturation: Saturation,
    lengths: &'a [[u8; 2]],
    start: u32,
    scores: Vec<f32>,
    group: Vec<f32>,
    /// BM25's denominator beside tf, of every chunk of the window.
    norms: Vec<f32>,
    touched: Vec<u64>,
    group_touched: Vec<u64>,
    /// (bound, group) of the groups looked up per candidate only, highest bound first.
    lookups: Vec<(f32, usize)>,
    lookup_bound: f32,
}

impl<'a> Window<'a> {
    fn new(saturation: Saturation, lengths: &'a [[u8; 2]]) -> Self {
        Self {
            saturation,
            lengths,
            start: 0,
            scores: vec![0.0; WINDOW],
            group: vec![0.0; WINDOW],
            norms: vec![1.0; WINDOW],
            touched: vec![0; WINDOW / 64],
            group_touched: vec![0; WINDOW / 64],
            lookups: Vec::new(),
            lookup_bound: 0.0,
        }
    }

    /// Scores the groups that a chunk must have to pass `threshold`; the others wait for [`Self::harvest`].
    fn score(&mut self, start: u32, end: u32, groups: &mut [Vec<Member<'_>>], threshold: f32) {
        self.start = start;
        self.lookups.clear();
        self.lookup_bound = 0.0;
        let mut bounds: Vec<(f32, usize)> = Vec::with_capacity(groups.len());
        for (at, group) in groups.iter_mut().enumerate() {
            let bound = group.iter_mut().map(|m| m.bind(start, end, self.saturation)).fold(0.0, f32::max);
            if bound > 0.0 {
                bounds.push((bound, at));
            }
        }
        let lengths = self.lengths.get(start as usize..end as usize).unwrap_or_default();
        if bounds.iter().map(|b| b.0).sum::<f32>() <= threshold {
            return;
        }
        let norm = |length: [u8; 2]| self.saturation.norm(f32::from(u16::from_le_bytes(length)));
        // In eights, which compilers turn into vectors.
        let (rows, rest) = lengths.as_chunks::<8>();
        for (norms, lengths) in self.norms.as_chunks_mut::<8>().0.iter_mut().zip(rows) {
            *norms = lengths.map(norm);
        }
        for (at, length) in (rows.len() * 8..).zip(rest) {
            self.norms[at] = norm(*length);
        }
        bounds.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        for (bound, at) in bounds {
            if self.lookup_bound + bound <= threshold {
                self.lookup_bound += bound;
                self.lookups.push((bound, at));
            } else if let Some(group) = groups.get_mut(at) {
                self.add_group(group, start, end);
            }
        }
        self.lookups.reverse();
    }

    fn add_group(&mut self, members: &mut [Member<'_>], start: u32, end: u32) {
        if let [member] = members {
            let (scores, touched) = (&mut self.scores, &mut self.touched);
            for_each(member, start, end, &self.norms, |at, score| {
                scores[at] += score;
                touched[at / 64] |= 1 << (at % 64);
            });
            return;
        }
        for member in members {
            let (scores, touched) = (&mut self.group, &mut self.group_touched);
            for_each(member, start, end, &self.norms, |at, score| {
                scores[at] = scores[at].max(score);
                touched[at / 64] |= 1 << (at % 64);
            });
        }
        for (word_at, word) in self.group_touched.iter_mut().enumerate() {
            self.touched[word_at] |= *word;
            while *word != 0 {
                let at = word_at * 64 + word.trailing_zeros() as usize;
                *word &= *word - 1;
                self.scores[at] += std::mem::take(&mut self.group[at]);
            }
        }
    }

    /// Gives every chunk that may pass, in ascending order, with its whole score; `give` returns the new threshold.
    fn harvest(
        &mut self,
        groups: &mut [Vec<Member<'_>>],
        mut threshold: f32,
        mut give: impl FnMut(u32, f32) -> f32,
    ) {
        for (word_at, word) in self.touched.iter_mut().enumerate() {
            while *word != 0 {
                let at = word_at * 64 + word.trailing_zeros() as usize;
                *word &= *word - 1;
                let mut score = std::mem::take(&mut self.scores[at]);
                let mut rest = self.lookup_bound;
                if score + rest <= threshold {
                    continue;
                }
                #[allow(clippy::cast_possible_truncation)] // below WINDOW
                let chunk = self.start + at as u32;
                for &(bound, group) in &self.lookups {
                    if score + rest <= threshold {
                        break;
                    }
                    rest -= bound;
                    if let Some(group) = groups.get_mut(group) {
                        score += best_of(group, chunk, self.norms[at], threshold - score - rest);
                    }
                }
                if score > threshold {
                    threshold = give(chunk, score);
                }
            }
        }
    }
}

/// Calls `each` with (place in window, score) for every posting of a member in `start..end`.
#[inline]
fn for_each(member: &mut Member<'_>, start: u32, end: u32, norms: &[f32], mut each: impl FnMut(usize, f32)) {
    let (weight, mut scores) = (member.weight, [0f32; BLOCK]);
    let Some(norms) = norms.first_chunk::<WINDOW>() else { return };
    let mut more = member.reader.skip_to(start);
    while more {
        let (chunks, tfs) = member.reader.postings_from(start);
        let inside = if chunks.last().is_some_and(|last| *last < end) {
            chunks.len()
        } else {
            chunks.partition_point(|chunk| *chunk < end)
        };
        let (chunks, goes_on) = (&chunks[..inside], inside < chunks.len());
        let place = |chunk: &u32| (chunk - start) as usize % WINDOW;
        for (score, chunk) in scores.iter_mut().zip(chunks) {
            *score = norms[place(chunk)];
        }
        // A loop of its own, since it divides four at a time.
        for (score, tf) in scores.iter_mut().zip(tfs).take(inside) {
            *score = weight * Saturation::of(tf_to_f32(*tf), *score);
        }
        for (score, chunk) in scores.iter().zip(chunks) {
            each(place(chunk), *score);
        }
        if goes_on {
            return; // the block goes on in a later window
        }
        more = member.reader.next_block();
    }
}
