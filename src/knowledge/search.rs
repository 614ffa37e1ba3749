//! Hybrid search: lexical and dense candidates of every segment, fused by a measured rule.
//!
//! Fusion is a weighted sum of min-max normalised scores (reciprocal ranks lose; DESIGN's table), followed
//! by evidence from the order and nearness of the question's words.

use std::collections::HashMap;

use super::chunk_set::ChunkSet;
use super::dense::DenseQuery;
use super::lexical::{Best, Candidate, Weighted};
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
        Self { candidates: 200, rescored: 0 }
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
}

const LEXICAL_WEIGHT: f32 = 0.6;

/// Searches all segments.
pub(super) fn hybrid(
    segments: &[Searched<'_>],
    query: &Query,
    model: Option<&Model>,
    effort: Effort,
    accepts: Accepts<'_>,
) -> Result<Found, Damage> {
    let weighted = weigh(segments, query)?;
    let lexical = lexical(segments, &weighted, effort, accepts)?;
    let vectors = query_vectors(segments, query, model)?;
    let dense = dense(segments, &vectors, effort, accepts)?;
    let mut scored = join(segments, &lexical, &dense, &weighted, &vectors)?;
    fuse(&mut scored, !vectors.is_empty());
    scored.sort_unstable_by(|a, b| {
        b.total().total_cmp(&a.total()).then((a.segment, a.chunk).cmp(&(b.segment, b.chunk)))
    });
    Ok(Found {
        scored,
        terms: weighted.terms().map(|(term, weight)| (term.to_owned(), weight)).collect(),
        idfs: weighted.idfs,
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

/// The union of both candidate lists, each with both scores.
fn join(
    segments: &[Searched<'_>],
    lexical: &[Candidate],
    dense: &[Candidate],
    weighted: &Weighted,
    vectors: &HashMap<usize, DenseQuery>,
) -> Result<Vec<Scored>, Damage> {
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
    for scored in all[..listed].iter_mut().filter(|s| s.dense == 0.0) {
        let Some(searched) = segments.get(scored.segment as usize) else { continue };
        if let (true, Some(vector)) = (searched.dense, vectors.get(&searched.segment.width())) {
            scored.dense = vector.cosine(searched.segment, scored.chunk)?;
        }
    }
    let (_, rest) = all.split_at_mut(listed);
    rest.sort_unstable_by_key(|s| (s.segment, s.chunk));
    for run in rest.chunk_by_mut(|a, b| a.segment == b.segment) {
        let Some(searched) = run.first().and_then(|s| segments.get(s.segment as usize)) else { continue };
        let chunks: Vec<u32> = run.iter().map(|s| s.chunk).collect();
        let number = run.first().map_or(0, |s| s.segment);
        for (scored, score) in run.iter_mut().zip(weighted.score_chunks(number, searched.segment, &chunks)?) {
            scored.lexical = score;
        }
    }
    Ok(all)
}

/// Min-max normalises both scores over the candidates and adds them up.
fn fuse(scored: &mut [Scored], has_dense: bool) {
    let range = |of: fn(&Scored) -> f32| {
        let values = scored.iter().map(of);
        let (low, high) = values.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
        (low, (high - low).max(1e-6))
    };
    let (lexical_low, lexical_span) = range(|s| s.lexical);
    let (dense_low, dense_span) = range(|s| s.dense);
    let lexical_weight = if has_dense { LEXICAL_WEIGHT } else { 1.0 };
    for s in scored {
        s.lexical_share = lexical_weight * (s.lexical - lexical_low) / lexical_span;
        s.dense_share = (1.0 - lexical_weight) * (s.dense - dense_low) / dense_span;
    }
}
