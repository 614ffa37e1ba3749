//! A question against the library's snapshot: candidates, filters, passages, relevance, suggestions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bincode::{Decode, Encode};

use super::KnowledgeError;
use super::analysis::{Stems, words};
use super::beside::Serving;
use super::catalogue::{DocumentRecord, read_document};
use super::extract::Place;
use super::glob::Glob;
use super::language::Language;
use super::library::{Library, SegmentView, Snapshot};
use super::passage::{Lookup, Seen};
use super::query::Query;
use super::record::ChunkRecord;
use super::search::{Effort, Found, Scored, Searched, hybrid, with_phrases};
use super::segment::Segment;
use super::suggest::nearest;
use super::text::TextReader;

/// Parts of answering that are told apart by those who measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Candidates by words are found.
    Lexical,
    /// Candidates by vectors are found.
    Dense,
    /// Both are fused.
    Candidates,
    /// The best were read and weighed again.
    Read,
}

/// What is asked, and where.
#[derive(Debug, Clone, Default)]
pub struct Question {
    pub text: String,
    /// Empty means all.
    pub collections: Vec<String>,
    pub n: usize,
    pub path: Option<Glob>,
    pub kind: Option<String>,
    pub after_ms: Option<u64>,
    pub before_ms: Option<u64>,
    pub effort: Effort,
    /// One result per judged document: what stands before `#` in a record's id (evaluation).
    pub by_record: bool,
}

impl Question {
    fn filters(&self) -> bool {
        self.path.is_some() || self.kind.is_some() || self.after_ms.is_some() || self.before_ms.is_some()
    }

    fn accepts(&self, document: &DocumentRecord) -> bool {
        let path = || Path::new(std::ffi::OsStr::from_bytes(&document.path));
        self.path.as_ref().is_none_or(|glob| glob.is_match(path()))
            && self.kind.as_ref().is_none_or(|kind| *kind == document.kind)
            && self.after_ms.is_none_or(|after| document.modified_ms >= after)
            && self.before_ms.is_none_or(|before| document.modified_ms < before)
    }
}

/// One passage that answers.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Passage {
    pub collection: String,
    pub document_id: u64,
    pub document: DocumentRecord,
    /// (segment, chunk)
    pub place_in_index: (u64, u32),
    pub title: String,
    pub heading: Vec<String>,
    pub place: Place,
    pub text: String,
    pub highlights: Vec<(usize, usize)>,
    pub best_sentence: (usize, usize),
    pub lexical: f32,
    pub dense: f32,
    pub shares: [f32; 3],
    pub score: f32,
    pub duplicates: usize,
    pub coverage: f32,
}

/// What a question found.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Answer {
    pub passages: Vec<Passage>,
    /// Index terms with their weights.
    pub terms: Vec<(String, f32)>,
    pub did_you_mean: Option<String>,
    pub only_stop_words: bool,
}

/// A passage is relevant when this much of the question's weight occurs in it, …
const COVERAGE_LEAST: f32 = 0.34;
/// … or when its vector is this near.
const COSINE_LEAST: f32 = 0.55;
/// Fused candidates that are read for proximity, beyond those wanted.
const READ_BEYOND: usize = 5;
/// Candidates that are told in their exact order, for each that is read.
const EXACT_PART: usize = 4;
/// Candidates that are read at most: duplicates and passages without a phrase are passed over.
const READ_MOST: usize = 400;
const PROXIMITY_WEIGHT: f32 = 0.1;

struct View<'a> {
    collection: &'a str,
    collection_id: u32,
    segment: &'a SegmentView,
}

impl Library {
    /// Answers a question from what is served now. A damaged segment is taken out and the rest asked again.
    ///
    /// # Errors
    /// Damage of the model or the catalogue; [`KnowledgeError::NotFound`] for an unknown collection.
    pub fn ask(&self, question: &Question) -> Result<Answer, KnowledgeError> {
        self.ask_noting(question, &mut |_| {})
    }

    /// As [`Library::ask`]; `ended` is told when a part of the work is done, and may look at its own clock.
    ///
    /// # Errors
    /// As [`Library::ask`].
    pub fn ask_noting(
        &self,
        question: &Question,
        ended: &mut dyn FnMut(Part),
    ) -> Result<Answer, KnowledgeError> {
        loop {
            let snapshot = self.snapshot();
            match self.ask_snapshot(&snapshot, question, ended) {
                Err(KnowledgeError::Damage(damage))
                    if damage.path != snapshot.serving.model.file().path() =>
                {
                    self.quarantine(&damage);
                }
                other => return other,
            }
        }
    }

    pub(super) fn ask_snapshot(
        &self,
        snapshot: &Snapshot,
        question: &Question,
        ended: &mut dyn FnMut(Part),
    ) -> Result<Answer, KnowledgeError> {
        let views = select(snapshot, &question.collections)?;
        let languages = languages(&views);
        let query = Query::new(&question.text, Some(&snapshot.serving.model), &languages)?;
        let mut answer = Answer { only_stop_words: query.only_stop_words, ..Answer::default() };
        if query.is_empty() || views.is_empty() {
            return Ok(answer);
        }
        let mut effort = question.effort;
        effort.candidates = effort.candidates.max(question.n + READ_BEYOND);
        if !query.phrases.is_empty() {
            effort.candidates = effort.candidates.max(READ_MOST);
        }
        let (found, passages, relevant) = loop {
            let place = (views.as_slice(), &snapshot.serving);
            let found = self.candidates(place, &query, question, effort, ended)?;
            ended(Part::Candidates);
            let lookup = Lookup::new(&query, &languages, &found.idfs);
            let (passages, relevant) = self.read(&views, &query, &lookup, &found, question)?;
            ended(Part::Read);
            // Many twins: what was found is less than it seemed.
            if passages.len() >= question.n || !found.more || effort.candidates >= READ_MOST {
                break (found, passages, relevant);
            }
            effort.candidates *= 4;
        };
        answer.terms = found.terms;
        if relevant {
            answer.passages = passages;
        } else {
            answer.did_you_mean = suggestion(&views, &query, &languages)?;
        }
        Ok(answer)
    }

    fn candidates(
        &self,
        (views, serving): (&[View<'_>], &Serving),
        query: &Query,
        question: &Question,
        effort: Effort,
        ended: &mut dyn FnMut(Part),
    ) -> Result<Found, KnowledgeError> {
        let model = Some(&*serving.model);
        let searched: Vec<Searched<'_>> = views
            .iter()
            .map(|view| Searched {
                segment: &view.segment.segment,
                removed: view.segment.removed.as_deref(),
                dense: *view.segment.segment.meta().model == *serving.id,
            })
            .collect();
        // Twins and pages of one record take places; phrases drop any number.
        let exact =
            if query.phrases.is_empty() { EXACT_PART * (question.n + READ_BEYOND) } else { usize::MAX };
        let with_phrases = with_phrases(&searched, query)?;
        let has_words = |number: u32, chunk: u32| {
            with_phrases
                .as_ref()
                .is_none_or(|sets| sets.get(number as usize).is_some_and(|s| s.contains(chunk)))
        };
        if !question.filters() {
            return Ok(hybrid(&searched, query, model, (effort, exact), &has_words, ended)?);
        }
        let read = self.catalogue.read()?;
        let known: RefCell<HashMap<u64, bool>> = RefCell::default();
        let accepts = |number: u32, chunk: u32| {
            if !has_words(number, chunk) {
                return false;
            }
            let Some(view) = views.get(number as usize) else { return false };
            let Ok(document) = view.segment.segment.document_of(chunk) else { return false };
            *known.borrow_mut().entry(document).or_insert_with(|| {
                let record = read_document(&read, view.collection_id, document).ok().flatten();
                record.is_some_and(|record| question.accepts(&record))
            })
        };
        Ok(hybrid(&searched, query, model, (effort, exact), &accepts, ended)?)
    }

    /// Reads the best candidates, adds proximity, folds duplicates; says whether any is relevant.
    fn read(
        &self,
        views: &[View<'_>],
        query: &Query,
        lookup: &Lookup,
        found: &Found,
        question: &Question,
    ) -> Result<(Vec<Passage>, bool), KnowledgeError> {
        let read = self.catalogue.read()?;
        let mut reader = TextReader::new()?;
        let mut passages: Vec<Passage> = Vec::new();
        let mut relevant = false;
        for (at, scored) in found.scored.iter().enumerate() {
            if passages.len() >= question.n + READ_BEYOND || at >= READ_MOST {
                break;
            }
            let Some(view) = views.get(scored.segment as usize) else { continue };
            let segment = &view.segment.segment;
            let record = segment.record(&mut reader, scored.chunk)?;
            if !query.phrases.iter().all(|phrase| phrase.occurs_in(&record.text)) {
                continue;
            }
            if let Some(twin) = passages.iter_mut().find(|p| same(p, &record, question.by_record)) {
                twin.duplicates += 1;
                continue;
            }
            let seen = look(lookup, query, &record);
            let document_id = segment.document_of(scored.chunk)?;
            let Some(document) = read_document(&read, view.collection_id, document_id)? else { continue };
            relevant |= seen.coverage >= COVERAGE_LEAST || scored.dense >= COSINE_LEAST;
            passages.push(passage(view, scored, record, seen, document_id, document));
        }
        passages.sort_by(|a, b| b.score.total_cmp(&a.score));
        passages.truncate(question.n);
        Ok((passages, relevant))
    }
}

fn look(lookup: &Lookup, query: &Query, record: &ChunkRecord) -> Seen {
    let above: Vec<&str> =
        std::iter::once(&record.title).chain(&record.heading).map(String::as_str).collect();
    lookup.look(&record.text, &above, query)
}

fn same(known: &Passage, record: &ChunkRecord, by_record: bool) -> bool {
    if by_record {
        let judged =
            |id: &Option<String>| id.as_deref().map(|id| id.split('#').next().unwrap_or(id).to_owned());
        return judged(&known.place.record) == judged(&record.record);
    }
    known.text == record.text
}

fn passage(
    view: &View<'_>,
    scored: &Scored,
    record: ChunkRecord,
    seen: Seen,
    document_id: u64,
    document: DocumentRecord,
) -> Passage {
    let proximity = PROXIMITY_WEIGHT * seen.proximity;
    Passage {
        collection: view.collection.to_owned(),
        document_id,
        document,
        place_in_index: (view.segment.id, scored.chunk),
        place: record.place(),
        title: record.title,
        heading: record.heading,
        text: record.text,
        highlights: seen.highlights,
        best_sentence: seen.best_sentence,
        lexical: scored.lexical,
        dense: scored.dense,
        shares: [scored.lexical_share, scored.dense_share, proximity],
        score: scored.lexical_share + scored.dense_share + proximity,
        duplicates: 0,
        coverage: seen.coverage,
    }
}

fn select<'a>(snapshot: &'a Snapshot, wanted: &[String]) -> Result<Vec<View<'a>>, KnowledgeError> {
    for name in wanted {
        if !snapshot.collections.contains_key(name) {
            return Err(KnowledgeError::NotFound { noun: "collection", name: name.clone() });
        }
    }
    let chosen = snapshot.collections.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name));
    Ok(chosen
        .flat_map(|(name, view)| {
            let collection_id = view.record.id;
            view.segments.iter().map(move |segment| View { collection: name, collection_id, segment })
        })
        .collect())
}

fn languages(views: &[View<'_>]) -> Vec<Language> {
    let codes = views.iter().flat_map(|view| view.segment.segment.meta().languages.iter());
    let mut found: Vec<Language> = codes.filter_map(|code| Language::from_code(code)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The question with each word that the index does not have replaced by the nearest that it has.
fn suggestion(
    views: &[View<'_>],
    query: &Query,
    languages: &[Language],
) -> Result<Option<String>, KnowledgeError> {
    let segments: Vec<&Segment> = views.iter().map(|view| &*view.segment.segment).collect();
    let dictionaries = segments.iter().map(|s| s.terms()).collect::<Result<Vec<_>, _>>()?;
    let stems: Vec<Stems> = languages.iter().map(|l| Stems::new(*l)).collect();
    let mut replacements: Vec<(usize, usize, String)> = Vec::new();
    let mut unknown: Vec<(usize, usize, String)> = Vec::new();
    let mut damage = None;
    words(&query.text, |word| {
        let terms: Vec<String> = stems.iter().map(|s| s.term(word.text, word.shape).into_owned()).collect();
        let mut has = |term: &String| {
            dictionaries
                .iter()
                .any(|d| d.get(term.as_bytes()).map_err(|error| damage = Some(error)) != Ok(None))
        };
        if let Some(first) = terms.first().filter(|_| !terms.iter().any(&mut has)) {
            unknown.push((word.start, word.end, first.clone()));
        }
    });
    damage.map_or(Ok(()), Err)?;
    for (start, end, term) in unknown {
        if let Some((near, segment, offset)) = nearest(&term, &segments)?
            && let Some(segment) = segments.get(segment)
            && let Some(surface) = surface_of(segment, offset, &near, &stems)?
        {
            replacements.push((start, end, surface));
        }
    }
    if replacements.is_empty() {
        return Ok(None);
    }
    let mut text = query.text.clone();
    for (start, end, surface) in replacements.into_iter().rev() {
        text.replace_range(start..end, &surface);
    }
    Ok(Some(text))
}

/// How a term is written in the first passage that has it.
fn surface_of(
    segment: &Segment,
    offset: u64,
    term: &str,
    stems: &[Stems],
) -> Result<Option<String>, KnowledgeError> {
    let mut list = segment.list(offset)?;
    list.skip_to(0);
    let Some(chunk) = list.postings().0.first().copied() else { return Ok(None) };
    let record = segment.record(&mut TextReader::new()?, chunk)?;
    let mut surface = None;
    for text in [&record.text, &record.title].into_iter().chain(&record.heading) {
        words(text, |word| {
            if surface.is_none() && stems.iter().any(|s| s.term(word.text, word.shape) == term) {
                surface = Some(word.text.to_owned());
            }
        });
    }
    Ok(surface)
}
