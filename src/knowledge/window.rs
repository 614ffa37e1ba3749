//! BM25 of one window of chunks after another: which chunks of it may be among the best, and what they score.
//!
//! BM25 in Lucene's form (Robertson and Zaragoza 2009) with k1 = [`K1`], b = [`B`]. Pruning is MaxScore within
//! the window (Turtle and Flood 1995; block maxima after Ding and Suel 2011): the groups that a good chunk cannot
//! do without are added up in a table, the others are asked of the chunks that are left, group by group. A group
//! that many chunks ask is spread out in a table as well; of one that few ask, the lists are searched.
//!
//! Invariant: allocates per query and segment, never per chunk.

use super::pack::BLOCK;
use super::postings::ListReader;

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// Chunks that are scored together; such tables of f32 stay in L1/L2 cache.
pub(super) const WINDOW: u32 = 4096;
const PLACES: usize = WINDOW as usize;
/// Scores that are looked at together.
const ROW: usize = 16;
/// The list of a lone member is spread out, not searched, up to so many postings for each chunk that asks;
const SPREAD: usize = 16;
/// those of a group with more members, whose scores are worked out on the way, up to so many.
const SPREAD_GROUP: usize = 4;

/// BM25's saturation of a term frequency under the lengths of a segment's chunks.
#[derive(Clone, Copy)]
pub(super) struct Saturation<'a> {
    base: f32,
    per_term: f32,
    /// u16 LE each.
    lengths: &'a [[u8; 2]],
}

impl<'a> Saturation<'a> {
    /// `average` is that of all lengths.
    pub(super) fn new(average: f32, lengths: &'a [u8]) -> Self {
        Self { base: K1 * (1.0 - B), per_term: K1 * B / average, lengths: lengths.as_chunks().0 }
    }

    /// BM25's denominator beside tf.
    #[inline]
    fn norm(self, length: f32) -> f32 {
        self.per_term * length + self.base
    }

    #[inline]
    pub(super) fn norm_of(self, chunk: u32) -> f32 {
        self.norm(self.length_of(chunk))
    }

    #[inline]
    fn length_of(self, chunk: u32) -> f32 {
        f32::from(self.lengths.get(chunk as usize).map_or(0, |length| u16::from_le_bytes(*length)))
    }

    #[inline]
    fn of(tf: f32, norm: f32) -> f32 {
        tf * (K1 + 1.0) / (tf + norm)
    }

    fn bound(self, weight: f32, (tf, length): (u8, u8)) -> f32 {
        weight * Self::of(f32::from(tf), self.norm(f32::from(length)))
    }
}

/// A list with the weight of its term.
pub(super) struct Member<'a> {
    reader: ListReader<'a>,
    weight: f32,
    /// No chunk of the window (of the list, before there is one) scores more.
    bound: f32,
    /// Postings of the window, and of the blocks that reach into it.
    postings: usize,
}

impl<'a> Member<'a> {
    pub(super) fn new(reader: ListReader<'a>, weight: f32, saturation: Saturation<'_>) -> Self {
        let bound = saturation.bound(weight, reader.bounds());
        Self { reader, weight, bound, postings: 0 }
    }

    fn bind(&mut self, from: u32, to: u32, saturation: Saturation<'_>) -> f32 {
        let bounds = self.reader.bounds_between(from, to);
        self.bound = bounds.map_or(0.0, |(bounds, _)| saturation.bound(self.weight, bounds));
        self.postings = bounds.map_or(0, |(_, blocks)| blocks * BLOCK);
        self.bound
    }

    /// Score in one chunk; chunks must ascend from call to call.
    #[inline]
    fn score(&mut self, chunk: u32, norm: f32) -> f32 {
        self.reader.find(chunk).map_or(0.0, |tf| self.weight * Saturation::of(tf_to_f32(tf), norm))
    }

    /// Calls `each` with chunks and their tfs in `start..end`, a block at a time.
    #[inline]
    fn each_block(&mut self, start: u32, end: u32, mut each: impl FnMut(&[u32], &[u32])) {
        let mut more = self.reader.skip_to(start);
        while more {
            let (chunks, tfs) = self.reader.postings_from(start);
            let inside = if chunks.last().is_some_and(|last| *last < end) {
                chunks.len()
            } else {
                chunks.partition_point(|chunk| *chunk < end)
            };
            each(&chunks[..inside], &tfs[..inside]);
            if inside < chunks.len() {
                return; // the block goes on in a later window
            }
            more = self.reader.next_block();
        }
    }

    /// Calls `each` with (place in the window, score) for every posting in `start..end`.
    #[inline]
    fn each_score(
        &mut self,
        start: u32,
        end: u32,
        saturation: Saturation<'_>,
        mut each: impl FnMut(usize, f32),
    ) {
        let (weight, mut scores) = (self.weight, [0f32; BLOCK]);
        self.each_block(start, end, |chunks, tfs| {
            for (score, chunk) in scores.iter_mut().zip(chunks) {
                *score = saturation.length_of(*chunk);
            }
            // A loop of its own, since it divides four at a time.
            for (score, tf) in scores.iter_mut().zip(tfs) {
                *score = weight * Saturation::of(tf_to_f32(*tf), saturation.norm(*score));
            }
            for (chunk, score) in chunks.iter().zip(&scores) {
                each(place_of(*chunk, start), *score);
            }
        });
    }
}

#[inline]
fn place_of(chunk: u32, start: u32) -> usize {
    (chunk - start) as usize % PLACES
}

#[inline]
#[allow(clippy::cast_precision_loss)] // at most 255
fn tf_to_f32(tf: u32) -> f32 {
    tf as f32
}

pub(super) fn bound_of_group(group: &[Member<'_>]) -> f32 {
    group.iter().map(|member| member.bound).fold(0.0, f32::max)
}

/// The best score of a group in one chunk. Members that cannot reach `least`, or what was found already, are
/// not looked up: beside the word itself its near words seldom matter.
#[inline]
pub(super) fn best_of(members: &mut [Member<'_>], chunk: u32, norm: f32, least: f32) -> f32 {
    let mut best = 0.0f32;
    for member in members {
        if member.bound > best.max(least) {
            best = best.max(member.score(chunk, norm));
        }
    }
    best
}

/// Scores of one window of chunks.
pub(super) struct Window<'a> {
    saturation: Saturation<'a>,
    start: u32,
    end: u32,
    scores: Vec<f32>,
    /// Rows of `scores` in which something stands.
    rows: Vec<bool>,
    /// One group by place, as long as it is added up.
    group: Vec<f32>,
    group_touched: Vec<u64>,
    /// One list by place, as long as it is asked.
    tfs: Vec<u8>,
    /// (bound, group) of the groups looked up per candidate only, highest bound first.
    lookups: Vec<(f32, usize)>,
    lookup_bound: f32,
    /// (place, score) of what may pass.
    found: Vec<(u32, f32)>,
}

impl<'a> Window<'a> {
    pub(super) fn new(saturation: Saturation<'a>) -> Self {
        Self {
            saturation,
            start: 0,
            end: 0,
            scores: vec![0.0; PLACES],
            rows: vec![false; PLACES / ROW],
            group: vec![0.0; PLACES],
            group_touched: vec![0; PLACES / 64],
            tfs: vec![0; PLACES],
            lookups: Vec::new(),
            lookup_bound: 0.0,
            found: vec![(0, 0.0); PLACES + ROW],
        }
    }

    /// Scores the groups that a chunk must have to pass `threshold`; the others wait for [`Self::harvest`].
    pub(super) fn score(&mut self, start: u32, end: u32, groups: &mut [Vec<Member<'_>>], threshold: f32) {
        (self.start, self.end) = (start, end);
        self.lookups.clear();
        self.lookup_bound = 0.0;
        let mut bounds: Vec<(f32, usize)> = Vec::with_capacity(groups.len());
        for (at, group) in groups.iter_mut().enumerate() {
            let bound = group.iter_mut().map(|m| m.bind(start, end, self.saturation)).fold(0.0, f32::max);
            if bound > 0.0 {
                bounds.push((bound, at));
            }
        }
        if bounds.iter().map(|b| b.0).sum::<f32>() <= threshold {
            return;
        }
        bounds.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        for (bound, at) in bounds {
            if self.lookup_bound + bound <= threshold {
                self.lookup_bound += bound;
                self.lookups.push((bound, at));
            } else if let Some(group) = groups.get_mut(at) {
                self.add_group(group);
            }
        }
        self.lookups.reverse();
    }

    fn add_group(&mut self, members: &mut [Member<'_>]) {
        if let [member] = members {
            let (scores, rows) = (&mut self.scores, &mut self.rows);
            member.each_score(self.start, self.end, self.saturation, |at, score| {
                scores[at] += score;
                rows[at / ROW] = true;
            });
            return;
        }
        self.merge(members);
        for (word_at, word) in self.group_touched.iter_mut().enumerate() {
            while *word != 0 {
                let at = word_at * 64 + word.trailing_zeros() as usize;
                *word &= *word - 1;
                self.rows[at / ROW] = true;
                self.scores[at] += std::mem::take(&mut self.group[at]);
            }
        }
    }

    /// Puts the best score of each chunk that has any member into `group`.
    fn merge(&mut self, members: &mut [Member<'_>]) {
        for member in members {
            let (scores, touched) = (&mut self.group, &mut self.group_touched);
            member.each_score(self.start, self.end, self.saturation, |at, score| {
                scores[at] = scores[at].max(score);
                touched[at / 64] |= 1 << (at % 64);
            });
        }
    }

    /// Gives every chunk that may pass, in ascending order, with its whole score; `give` returns the new threshold.
    pub(super) fn harvest(
        &mut self,
        groups: &mut [Vec<Member<'_>>],
        mut threshold: f32,
        mut give: impl FnMut(u32, f32) -> f32,
    ) {
        let mut rest = self.lookup_bound;
        let mut count = self.collect(needed(threshold, rest));
        let lookups = std::mem::take(&mut self.lookups);
        for (bound, group) in &lookups {
            rest -= bound;
            if let Some(group) = groups.get_mut(*group) {
                count = self.look_up(group, count, needed(threshold, rest));
            }
        }
        // Kept for the next window: nothing is allocated for each.
        self.lookups = lookups;
        for (place, score) in &self.found[..count] {
            if *score > threshold {
                threshold = give(self.start + place, *score);
            }
        }
    }

    /// Moves to `found` what scores more than `needed`, tells how many, and forgets the rest.
    fn collect(&mut self, needed: f32) -> usize {
        let mut count = 0;
        let rows = self.rows.iter_mut().zip(self.scores.as_chunks_mut::<ROW>().0);
        for (row_at, (used, row)) in (0u32..).step_by(ROW).zip(rows) {
            if !std::mem::take(used) {
                continue;
            }
            // As a sum, which compilers turn into vectors.
            if row.iter().map(|score| u32::from(*score > needed)).sum::<u32>() > 0 {
                let Some(found) = self.found[count..].first_chunk_mut::<ROW>() else { break };
                let mut here = 0;
                // Without a branch, which nobody could foresee.
                for (at, score) in (row_at..).zip(&*row) {
                    found[here % ROW] = (at, *score);
                    here += usize::from(*score > needed);
                }
                count += here;
            }
            row.fill(0.0);
        }
        count
    }

    /// Adds a group's scores to the first `count` found, keeps what is above `needed`, and tells how many.
    fn look_up(&mut self, group: &mut [Member<'_>], count: usize, needed: f32) -> usize {
        let (start, end, saturation) = (self.start, self.end, self.saturation);
        let postings: usize = group.iter().map(|member| member.postings).sum();
        match group {
            [member] if postings <= count * SPREAD => {
                let (weight, spread) = (member.weight, &mut self.tfs);
                member.each_block(start, end, |chunks, tfs| {
                    for (chunk, tf) in chunks.iter().zip(tfs) {
                        spread[place_of(*chunk, start)] = u8::try_from(*tf).unwrap_or(u8::MAX);
                    }
                });
                let kept = keep(&mut self.found[..count], needed, |place, _| {
                    let tf = spread[place as usize % PLACES];
                    weight * Saturation::of(f32::from(tf), saturation.norm_of(start + place))
                });
                spread.fill(0);
                kept
            }
            [_, _, ..] if postings <= count * SPREAD_GROUP => {
                self.merge(group);
                let scores = &self.group;
                let kept = keep(&mut self.found[..count], needed, |place, _| scores[place as usize % PLACES]);
                self.group.fill(0.0);
                self.group_touched.fill(0);
                kept
            }
            _ => keep(&mut self.found[..count], needed, |place, score| {
                best_of(group, start + place, saturation.norm_of(start + place), needed - score)
            }),
        }
    }
}

/// Adds what `more` tells of a place and the score until then; keeps what is above `needed`, and tells how many.
#[inline]
fn keep(found: &mut [(u32, f32)], needed: f32, mut more: impl FnMut(u32, f32) -> f32) -> usize {
    let mut kept = 0;
    for at in 0..found.len() {
        let (place, mut score) = found[at];
        score += more(place, score);
        found[kept] = (place, score);
        kept += usize::from(score > needed);
    }
    kept
}

/// What a score must be above to reach more than `threshold` with `rest`, less what a sum may lose by rounding.
fn needed(threshold: f32, rest: f32) -> f32 {
    (threshold - rest - threshold * 1e-6).max(0.0)
}
