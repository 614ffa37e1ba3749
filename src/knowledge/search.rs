//! Hybrid search: lexical and dense candidates of every segment, fused by a measured rule.
//!
//! Fusion is a weighted sum of both scores in parts of their best (reciprocal ranks lose), followed by
//! evidence from the order and nearness of the question's words.

use std::collections::HashMap;

use super::answer::Part;
use super::best::{Best, Candidate};
use super::chunk_set::ChunkSet;
use super::dense::DenseQuery;
use super::lexical::Weighted;
use super::model::Model;
use super::query::Query;
use super::segment::Segment;
use crate::store::Damage;

/// One segment as it is searched.
#[derive(Clone, Copy)]
pub(super) struct Searched<'a> {
    pub(super) segment: &'a Segment,
    pub(super) removed: Option<&'a ChunkSet>,
    /// The vectors were made by the model that reads the question.
    pub(super) dense: bool,
}

impl Searched<'_> {
    fn keeps(&self, chunk: u32) -> bool {
        self.removed.is_none_or(|removed| !removed.contains(chunk))
    }
}

/// Whether a chunk (number of its segment, chunk) passes the question's filters.
pub(super) type Accepts<'a> = &'a dyn Fn(u32, u32) -> bool;

/// How much is looked at; the tier decides.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Candidates of each kind that are fused.
    pub candidates: usize,
    /// Coarse candidates that are rescored, per segment: 0 goes by its size, `usize::MAX` is an exact scan.
    pub rescored: usize,
}

impl Default for Effort {
    fn default() -> Self {
        // More change no answer of any judged collection: the range that scores are told in does not hang on them.
        Self { candidates: 80, rescored: 0 }
    }
}

/// A fused candidate with its parts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scored {
    pub(super) segment: u32,
    pub(super) chunk: u32,
    pub(super) lexical: f32,
    pub(super) dense: f32,
    pub(super) lexical_share: f32,
    pub(super) dense_share: f32,
    pub(super) proximity_share: f32,
}

impl Scored {
    pub(super) fn total(&self) -> f32 {
        self.lexical_share + self.dense_share + self.proximity_share
    }
}

/// What a search found, best first, and how the question was read.
pub(super) struct Found {
    pub(super) scored: Vec<Scored>,
    pub(super) terms: Vec<(String, f32)>,
    pub(super) idfs: Vec<f32>,
    /// More candidates would find more.
    pub(super) more: bool,
}

const LEXICAL_WEIGHT: f32 = 0.5;

/// Searches all segments. The order of the first `exact` is that of the whole scores; further back, words of
/// chunks that came by their vectors only may not have been looked up.
pub(super) fn hybrid(
    segments: &[Searched<'_>],
    query: &Query,
    model: Option<&Model>,
    (effort, exact): (Effort, usize),
    accepts: Accepts<'_>,
    ended: &mut dyn FnMut(Part),
) -> Result<Found, Damage> {
    let weighted = weigh(segments, query)?;
    let lexical = lexical(segments, &weighted, effort, accepts)?;
    ended(Part::Lexical);
    let vectors = query_vectors(segments, query, model)?;
    let dense = dense(segments, &vectors, effort, accepts)?;
    ended(Part::Dense);
    // Fewer than were asked for are all that have a word of the question.
    let full = lexical.len() == effort.candidates.max(1);
    let least = lexical.last().filter(|_| full).map(|last| last.score);
    let (mut scored, listed) = join(segments, &lexical, &dense, &vectors)?;
    let fusion = Fusion::of(&scored, !vectors.is_empty());
    scored.iter_mut().for_each(|scored| fusion.weigh(scored));
    if let Some(least) = least {
        let needed = needed(&scored[..listed], exact);
        look_up(segments, &weighted, &fusion, &mut scored[listed..], (least, needed))?;
    }
    scored.sort_unstable_by(|a, b| {
        b.total().total_cmp(&a.total()).then((a.segment, a.chunk).cmp(&(b.segment, b.chunk)))
    });
    Ok(Found {
        scored,
        terms: weighted.terms().map(|(term, weight)| (term.to_owned(), weight)).collect(),
        idfs: weighted.idfs,
        more: full || dense.len() == effort.candidates.max(1),
    })
}

/// For each segment the chunks that have all words of all phrases; None when the question has no phrase.
pub(super) fn with_phrases(
    segments: &[Searched<'_>],
    query: &Query,
) -> Result<Option<Vec<ChunkSet>>, Damage> {
    if query.phrases.is_empty() {
        return Ok(None);
    }
    let of = |searched: &Searched<'_>| {
        let mut kept = None;
        for phrase in &query.phrases {
            kept = Some(phrase.narrow(searched.segment, kept)?);
        }
        Ok(kept.unwrap_or_default())
    };
    segments.iter().map(of).collect::<Result<Vec<_>, _>>().map(Some)
}

/// The question's words, weighed by what all segments know of them.
pub(super) fn weigh(segments: &[Searched<'_>], query: &Query) -> Result<Weighted, Damage> {
    let plain: Vec<&Segment> = segments.iter().map(|s| s.segment).collect();
    Weighted::new(&query.groups, &plain)
}

/// The best chunks by words alone.
pub(super) fn lexical(
    segments: &[Searched<'_>],
    weighted: &Weighted,
    effort: Effort,
    accepts: Accepts<'_>,
) -> Result<Vec<Candidate>, Damage> {
    let mut best = Best::new(effort.candidates);
    for (number, searched) in (0u32..).zip(segments) {
        weighted.search(number, searched.segment, &mut best, &|chunk| {
            searched.keeps(chunk) && accepts(number, chunk)
        })?;
    }
    Ok(best.into_sorted())
}

/// The best chunks by vectors alone.
pub(super) fn dense(
    segments: &[Searched<'_>],
    vectors: &HashMap<usize, DenseQuery>,
    effort: Effort,
    accepts: Accepts<'_>,
) -> Result<Vec<Candidate>, Damage> {
    let mut best = Best::new(effort.candidates);
    for (number, searched) in (0u32..).zip(segments) {
        if let (true, Some(vector)) = (searched.dense, vectors.get(&searched.segment.width())) {
            vector.search(number, searched.segment, effort.rescored, &mut best, &|chunk| {
                searched.keeps(chunk) && accepts(number, chunk)
            })?;
        }
    }
    Ok(best.into_sorted())
}

/// The question's vector in every width that the segments use.
pub(super) fn query_vectors(
    segments: &[Searched<'_>],
    query: &Query,
    model: Option<&Model>,
) -> Result<HashMap<usize, DenseQuery>, Damage> {
    let mut vectors = HashMap::new();
    let Some(model) = model else { return Ok(vectors) };
    let mut rows = Vec::new();
    for searched in segments.iter().filter(|s| s.dense) {
        let width = searched.segment.width();
        if let std::collections::hash_map::Entry::Vacant(entry) = vectors.entry(width) {
            let mut vector = vec![0.0; width];
            model.embed(&query.text, &mut vector, &mut rows)?;
            if let Some(vector) = DenseQuery::new(vector) {
                entry.insert(vector);
            }
        }
    }
    Ok(vectors)
}

/// The union of both candidate lists by place, first those that came by their words (how many), which have
/// both scores, then those that came by their vectors only.
fn join(
    segments: &[Searched<'_>],
    lexical: &[Candidate],
    dense: &[Candidate],
    vectors: &HashMap<usize, DenseQuery>,
) -> Result<(Vec<Scored>, usize), Damage> {
    let of = |c: &Candidate| Scored { segment: c.segment, chunk: c.chunk, ..Scored::default() };
    let mut all: Vec<Scored> = lexical.iter().map(|c| Scored { lexical: c.score, ..of(c) }).collect();
    all.sort_unstable_by_key(|s| (s.segment, s.chunk));
    let listed = all.len();
    for candidate in dense {
        let place = (candidate.segment, candidate.chunk);
        match all[..listed].binary_search_by_key(&place, |s| (s.segment, s.chunk)) {
            Ok(at) => all[at].dense = candidate.score,
            Err(_) => all.push(Scored { dense: candidate.score, ..of(candidate) }),
        }
    }
    let (known, rest) = all.split_at_mut(listed);
    for scored in known.iter_mut().filter(|s| s.dense == 0.0) {
        let Some(searched) = segments.get(scored.segment as usize) else { continue };
        if let (true, Some(vector)) = (searched.dense, vectors.get(&searched.segment.width())) {
            scored.dense = vector.cosine(searched.segment, scored.chunk)?;
        }
    }
    rest.sort_unstable_by_key(|s| (s.segment, s.chunk));
    Ok((all, listed))
}

/// The total that is in the first `exact` for sure.
fn needed(known: &[Scored], exact: usize) -> f32 {
    let mut totals: Vec<f32> = known.iter().map(Scored::total).collect();
    let Some(at) = exact.checked_sub(1).filter(|at| *at < totals.len()) else { return f32::MIN };
    *totals.select_nth_unstable_by(at, |a, b| b.total_cmp(a)).1
}

/// Looks up the words of chunks that came by their vectors, as far as they can still matter: none has a
/// better score by words than `least`, and only a total of `needed` counts.
fn look_up(
    segments: &[Searched<'_>],
    weighted: &Weighted,
    fusion: &Fusion,
    by_vector: &mut [Scored],
    (least, needed): (f32, f32),
) -> Result<(), Damage> {
    let mut wanted: Vec<(&mut Scored, f32)> = by_vector
        .iter_mut()
        .map(|scored| {
            let needed = fusion.lexical_for(needed - scored.dense_share);
            (scored, needed)
        })
        .filter(|(_, needed)| *needed <= least)
        .collect();
    for run in wanted.chunk_by_mut(|a, b| a.0.segment == b.0.segment) {
        let number = run.first().map_or(0, |(scored, _)| scored.segment);
        let Some(searched) = segments.get(number as usize) else { continue };
        let chunks = run.iter().map(|(scored, needed)| (scored.chunk, *needed));
        let scores = weighted.score_chunks(number, searched.segment, chunks)?;
        for ((scored, _), score) in run.iter_mut().zip(scores) {
            scored.lexical = score;
            fusion.weigh(scored);
        }
    }
    Ok(())
}

/// How two scores become one: each in parts of the best that a candidate has, so that a chunk's total does not
/// hang on how many others are looked at.
struct Fusion {
    lexical_weight: f32,
    best_lexical: f32,
    best_dense: f32,
}

impl Fusion {
    fn of(scored: &[Scored], has_dense: bool) -> Self {
        let best = |of: fn(&Scored) -> f32| scored.iter().map(of).fold(1e-6, f32::max);
        Self {
            lexical_weight: if has_dense { LEXICAL_WEIGHT } else { 1.0 },
            best_lexical: best(|s| s.lexical),
            best_dense: best(|s| s.dense),
        }
    }

    fn weigh(&self, scored: &mut Scored) {
        scored.lexical_share = self.lexical_weight * scored.lexical / self.best_lexical;
        scored.dense_share = (1.0 - self.lexical_weight) * scored.dense.max(0.0) / self.best_dense;
    }

    /// The score by words that brings a share.
    fn lexical_for(&self, share: f32) -> f32 {
        share * self.best_lexical / self.lexical_weight
    }
}
