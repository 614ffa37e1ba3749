//! `spud eval`: a judged collection through the product's real pipeline, in this (throw-away) box.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::EngineError;
use super::jobs::JobRecord;
use super::run::Inner;
use super::worker::{enqueue, invalid};
use crate::api::types::{EvalReport, EvalRequest, JobState, LatencyMs, QueryScore};
use crate::base::InOrder;
use crate::hardware::ProcessReader;
use crate::knowledge::eval::{Judgements, ndcg, percentile, recall, reciprocal_rank};
use crate::knowledge::{Effort, Question};

const COLLECTION: &str = "eval";
const K: usize = 10;

/// Indexes the corpus with a job like any other, asks every judged question, measures.
pub(super) fn run(inner: &Arc<Inner>, request: &EvalRequest) -> Result<EvalReport, EngineError> {
    if !inner.settings.scratch {
        return Err(invalid("evaluation runs in a throw-away box only", "use `spud eval`, which makes one"));
    }
    let queries = read_queries(Path::new(&request.queries))?;
    let judged = read_judgements(Path::new(&request.qrels))?;
    ingest(inner, &request.corpus)?;
    let view = inner.library.collection(COLLECTION)?;
    let mut sums = (0.0, 0.0, 0.0);
    let mut latencies = Vec::new();
    let mut per_query = Vec::new();
    for (id, text) in queries {
        let Some(relevant) = judged.get(&id) else { continue };
        let start = inner.clock.monotonic_us();
        let question = Question {
            text: text.clone(),
            n: K,
            by_record: true,
            effort: Effort::default(),
            ..Question::default()
        };
        let answer = inner.library.ask(&question)?;
        #[allow(clippy::cast_precision_loss)] // microseconds
        latencies.push((inner.clock.monotonic_us() - start) as f64 / 1000.0);
        let ranking: Vec<String> =
            answer.passages.iter().map(|p| judged_id(p.place.record.as_deref())).collect();
        let score = ndcg(&ranking, relevant, K);
        sums = (
            sums.0 + score,
            sums.1 + recall(&ranking, relevant, K),
            sums.2 + reciprocal_rank(&ranking, relevant),
        );
        if request.per_query {
            per_query.push(QueryScore { id, ndcg_at_10: score, text });
        }
    }
    per_query.order_by(|a, b| a.ndcg_at_10.total_cmp(&b.ndcg_at_10));
    latencies.order_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss)] // a count
    let n = latencies.len().max(1) as f64;
    Ok(EvalReport {
        ndcg_at_10: sums.0 / n,
        recall_at_10: sums.1 / n,
        mrr: sums.2 / n,
        latency_ms: LatencyMs {
            p50: percentile(&latencies, 50.0),
            p95: percentile(&latencies, 95.0),
            p99: percentile(&latencies, 99.0),
        },
        queries: latencies.len() as u64,
        documents: view.chunks(),
        index_bytes: view.index_bytes(),
        peak_rss_bytes: ProcessReader::default().read().peak,
        model: format!("{} ({} columns)", inner.library.model().meta().name, inner.width()),
        tier: inner.tier.tier.to_owned(),
        per_query,
    })
}

/// `page#3` is a passage of the judged document `page`.
fn judged_id(record: Option<&str>) -> String {
    record.map_or("", |id| id.split('#').next().unwrap_or(id)).to_owned()
}

fn ingest(inner: &Arc<Inner>, corpus: &str) -> Result<(), EngineError> {
    if !Path::new(corpus).is_file() {
        return Err(invalid(
            format!("{corpus} is not a file"),
            "give the corpus as JSON Lines {\"id\",\"title\",\"text\"}",
        ));
    }
    inner.library.create_collection(COLLECTION, "auto", false, inner.clock.now_ms())?;
    let job = enqueue(
        inner,
        JobRecord {
            kind: "add".into(),
            collection: COLLECTION.into(),
            paths: vec![corpus.as_bytes().to_vec()],
            ..JobRecord::default()
        },
    )?;
    let job = inner.jobs.wait(&inner.library.database(), job.id.parse().unwrap_or(0))?;
    if job.state() != JobState::Done || job.files_done == 0 {
        let failures = inner.library.failures(COLLECTION, 1)?;
        let reason = failures.into_iter().next().map(|(_, f)| f.reason).or(job.error);
        return Err(invalid(
            format!("{corpus} could not be indexed: {}", reason.unwrap_or_default()),
            "each line needs id and text",
        ));
    }
    Ok(())
}

fn lines(path: &Path) -> Result<impl Iterator<Item = (usize, Result<String, EngineError>)>, EngineError> {
    let show = path.display().to_string();
    let unreadable =
        move |e: std::io::Error| invalid(format!("{show} cannot be read: {e}"), "check the path");
    let file = File::open(path).map_err(&unreadable)?;
    Ok((1..).zip(BufReader::new(file).lines().map(move |line| line.map_err(&unreadable))))
}

fn read_queries(path: &Path) -> Result<Vec<(String, String)>, EngineError> {
    let mut found = Vec::new();
    for (number, line) in lines(path)? {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let bad = |what: String| {
            invalid(
                format!("{}:{number}: {what}", path.display()),
                "each line is {\"id\": \"...\", \"text\": \"...\"}",
            )
        };
        let json: serde_json::Value = serde_json::from_str(&line).map_err(|e| bad(e.to_string()))?;
        let text = |key: &str| json.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
        found.push((
            text("id").ok_or_else(|| bad("has no id".into()))?,
            text("text").ok_or_else(|| bad("has no text".into()))?,
        ));
    }
    Ok(found)
}

fn read_judgements(path: &Path) -> Result<HashMap<String, Judgements>, EngineError> {
    let mut found: HashMap<String, Judgements> = HashMap::new();
    for (number, line) in lines(path)? {
        let line = line?;
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            [query, document, relevance] if relevance.trim().parse::<i64>().is_ok() => {
                let relevance = relevance.trim().parse::<i64>().unwrap_or(0).clamp(0, 30);
                let entry = found.entry(query.to_owned()).or_default();
                entry.insert(document.to_owned(), u32::try_from(relevance).unwrap_or(0));
            }
            _ if line.trim().is_empty() || number == 1 => {} // a header line
            _ => {
                return Err(invalid(
                    format!("{}:{number}: not query, document, relevance", path.display()),
                    "separate the three by tabs",
                ));
            }
        }
    }
    Ok(found)
}
