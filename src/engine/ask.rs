//! Questions: cache, search, and the answer in the API's words.

use std::sync::Arc;

use super::EngineError;
use super::documents::{chunk_id, place_words};
use super::metrics::Stage;
use super::run::Inner;
use super::worker::invalid;
use crate::api::types::{
    AnswerSentence, AskResponse, CacheLayer, Hit, ScoreParts, SearchRequest, SearchResponse,
};
use crate::base::InOrder;
use crate::knowledge::{Answer, Effort, Glob, Key, Layer, Part, Passage, Question, Slash};
use crate::observe::trace;

const RESULTS_DEFAULT: usize = 10;
const RESULTS_MOST: usize = 100;
/// Bytes of a question; longer ones are refused.
const QUESTION_BYTES: usize = 16 << 10;
/// Sentences of an answer.
const SENTENCES: usize = 3;
/// A further sentence must come from a passage that scores at least this part of the best.
const SENTENCE_LEAST: f32 = 0.75;

/// Results only.
pub(super) fn search(inner: &Inner, request: &SearchRequest) -> Result<SearchResponse, EngineError> {
    let start = inner.clock.monotonic_us();
    let outcome = find(inner, request);
    let took_us = inner.clock.monotonic_us() - start;
    inner.meters.query(took_us, outcome.as_ref().ok().map(|(answer, ..)| !answer.passages.is_empty()));
    let (answer, layer, reduced) = outcome?;
    let words_us = inner.clock.monotonic_us();
    tracing::debug!(took_us, results = answer.passages.len(), ?layer, "query answered");
    let mut response = response(inner, request, &answer, layer, took_us);
    let ended_us = inner.clock.monotonic_us();
    inner.instruments.stage(Stage::Words, ended_us - words_us);
    trace::note("words", words_us, ended_us);
    if reduced {
        response.notes.push("fewer candidates than usual were looked at: `spud mode show` says why".into());
    }
    Ok(response)
}

/// Results with the sentences that answer best.
pub(super) fn ask(inner: &Inner, request: &SearchRequest) -> Result<AskResponse, EngineError> {
    let search = search(inner, request)?;
    let best = search.results.first().map_or(0.0, |hit| hit.score);
    let mut answer: Vec<AnswerSentence> = Vec::new();
    for hit in search.results.iter().filter(|hit| hit.score >= best * SENTENCE_LEAST) {
        let sentence = hit.text.get(hit.best_sentence.0..hit.best_sentence.1).unwrap_or(&hit.text);
        let sentence = out_of_its_list(sentence.trim());
        let new = answer.iter().all(|known| known.text != sentence);
        if new && !sentence.is_empty() && answer.len() < SENTENCES {
            answer.push(AnswerSentence { text: sentence.to_owned(), citation: hit.rank });
        }
    }
    Ok(AskResponse { answer, search })
}

/// A sentence without the mark that made it an item of a list: alone it is none.
fn out_of_its_list(sentence: &str) -> &str {
    let mark = ["- ", "* ", "• "].into_iter().find_map(|mark| sentence.strip_prefix(mark));
    mark.map_or(sentence, str::trim_start)
}

fn find(inner: &Inner, request: &SearchRequest) -> Result<(Arc<Answer>, CacheLayer, bool), EngineError> {
    let question = question(request)?;
    let database = &inner.library.database();
    let mut key =
        Key { fingerprint: inner.library.snapshot().fingerprint(), question: canonical(request, question.n) };
    let question = Question { effort: inner.modes.effort(), ..question };
    let mut since_us = inner.clock.monotonic_us();
    let mut part_us = since_us;
    // A part ends, and perhaps a stage with it.
    let mut ended = |part: &'static str, stage: Option<Stage>| {
        let now_us = inner.clock.monotonic_us();
        trace::note(part, part_us, now_us);
        part_us = now_us;
        if let Some(stage) = stage {
            inner.instruments.stage(stage, now_us.saturating_sub(since_us));
            since_us = now_us;
        }
    };
    let mut reduced = false;
    let mut known = inner.answers.get(database, &key);
    // A full answer is welcome in every mode, a reduced one only where no better can be had.
    if known.is_none() && question.effort.candidates != Effort::default().candidates {
        reduced = true;
        key.question.push_str("\u{1f}reduced");
        known = inner.answers.get(database, &key);
    }
    ended("cache", Some(Stage::Cache));
    if let Some((answer, layer)) = known {
        let layer = match layer {
            Layer::L1 => CacheLayer::L1,
            Layer::L2 => CacheLayer::L2,
        };
        return Ok((answer, layer, reduced));
    }
    let answer = inner.library.ask_noting(&question, &mut |part| match part {
        Part::Lexical => ended("lexical", None),
        Part::Dense => ended("dense", None),
        Part::Candidates => ended("fuse", Some(Stage::Candidates)),
        Part::Read => ended("passages", Some(Stage::Read)),
    })?;
    let answer = Arc::new(answer);
    // An answer of an index that changed meanwhile, or that lacks damaged parts, must not be remembered.
    let now = inner.library.snapshot();
    if now.damaged.is_empty() && now.fingerprint() == key.fingerprint {
        inner.answers.put(key, answer.clone());
    }
    Ok((answer, CacheLayer::None, reduced))
}

pub(super) fn question(request: &SearchRequest) -> Result<Question, EngineError> {
    if request.q.trim().is_empty() {
        return Err(invalid("the question is empty", "ask something: spud ask \"how do I reset the pump?\""));
    }
    if request.q.len() > QUESTION_BYTES {
        let what = format!("the question has {} bytes; at most {QUESTION_BYTES} are read", request.q.len());
        return Err(invalid(what, "ask with fewer words"));
    }
    let n = if request.n == 0 { RESULTS_DEFAULT } else { request.n };
    if n > RESULTS_MOST {
        return Err(invalid(format!("{n} results are too many"), format!("ask for at most {RESULTS_MOST}")));
    }
    let path = match &request.path {
        Some(glob) => Some(Glob::new(glob, Slash::Crossed).map_err(|error| {
            invalid(format!("the path filter cannot be read: {error}"), "use a glob such as **/*.md")
        })?),
        None => None,
    };
    Ok(Question {
        text: request.q.clone(),
        collections: request.collections.clone(),
        n,
        path,
        kind: request.kind.clone(),
        after_ms: request.after_ms,
        before_ms: request.before_ms,
        effort: Effort::default(),
        by_record: false,
    })
}

/// Everything of a request that changes its results, white space folded.
fn canonical(request: &SearchRequest, n: usize) -> String {
    let q = request.q.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut collections = request.collections.clone();
    collections.order();
    let filters = (&request.path, &request.kind, request.after_ms, request.before_ms);
    format!("{n}\u{1f}{q}\u{1f}{collections:?}\u{1f}{filters:?}")
}

fn response(
    inner: &Inner,
    request: &SearchRequest,
    answer: &Answer,
    cache: CacheLayer,
    took_us: u64,
) -> SearchResponse {
    let terms = || answer.terms.iter().map(|(term, weight)| format!("{term} {weight:.2}")).collect();
    let hits = answer.passages.iter().zip(1..);
    let results = hits.map(|(passage, rank)| {
        let parts = request.explain.then(|| parts(passage, if rank == 1 { terms() } else { Vec::new() }));
        hit(passage, rank, parts)
    });
    let mut notes: Vec<String> =
        inner.library.snapshot().damaged.iter().map(|damage| format!("left out: {damage}")).collect();
    if answer.only_stop_words {
        notes.push("the question has only very common words".into());
    }
    SearchResponse {
        query: request.q.clone(),
        found: !answer.passages.is_empty(),
        results: results.collect(),
        did_you_mean: answer.did_you_mean.clone(),
        notes,
        took_us,
        cache,
    }
}

fn parts(passage: &Passage, terms: Vec<String>) -> ScoreParts {
    ScoreParts {
        lexical: passage.lexical,
        dense: passage.dense,
        lexical_share: passage.shares[0],
        dense_share: passage.shares[1],
        proximity_share: passage.shares[2],
        terms,
    }
}

fn hit(passage: &Passage, rank: usize, parts: Option<ScoreParts>) -> Hit {
    Hit {
        rank,
        chunk: chunk_id(passage.place_in_index.0, passage.place_in_index.1),
        document: passage.document_id.to_string(),
        collection: passage.collection.clone(),
        path: String::from_utf8_lossy(&passage.document.path).into_owned(),
        title: passage.title.clone(),
        kind: passage.document.kind.clone(),
        heading: passage.heading.clone(),
        place: place_words(&passage.place),
        text: passage.text.clone(),
        highlights: passage.highlights.clone(),
        best_sentence: passage.best_sentence,
        score: passage.score,
        parts,
        duplicates: passage.duplicates,
    }
}

#[cfg(test)]
mod tests {
    use super::out_of_its_list;

    #[test]
    fn an_item_stands_alone_without_its_mark() {
        assert_eq!(out_of_its_list("- Start the pump."), "Start the pump.");
        assert_eq!(out_of_its_list("*  Open it."), "Open it.");
        assert_eq!(out_of_its_list("-5 °C is too cold."), "-5 °C is too cold.");
        assert_eq!(out_of_its_list("-"), "-");
    }
}
