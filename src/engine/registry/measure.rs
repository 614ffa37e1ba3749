//! The gates of a promotion, measured on this box: its own judged questions, both models, the same passages.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{control, record, shadow, signing};
use crate::base::InOrder;
use crate::engine::EngineError;
use crate::engine::access::circumstances;
use crate::engine::run::Inner;
use crate::engine::use_cases::denials;
use crate::governance::registry::{
    Gate, GateState, Judged, JudgedShelf, Quality, Window, latency, memory, passage_hash, quality, use_cases,
};
use crate::governance::use_case::Measured;
use crate::knowledge::eval::{Judgements, ndcg, percentile};
use crate::knowledge::{Answer, Effort, Model, Question, Snapshot};

const K: usize = 10;

/// All gates; what is not measured or not there says so.
pub(super) fn gates(inner: &Inner, model: &Arc<Model>, sha256: &str) -> Result<Vec<Gate>, EngineError> {
    let running = inner.config.running();
    let shadow = inner.library.shadow(Arc::clone(model), sha256);
    let now = inner.library.snapshot();
    let by_collection = judged(inner, &now)?;
    let (mut qualities, mut times) = (Vec::new(), Vec::new());
    for (collection, questions) in by_collection {
        let (mut production, mut candidate) = (0.0, 0.0);
        for judged in &questions {
            production += asked(inner, &now, judged)?;
            candidate += asked(inner, &shadow, judged)?;
            // Once more, as a question to a box at work would be.
            let began_us = inner.clock.monotonic_us();
            asked(inner, &shadow, judged)?;
            #[allow(clippy::cast_precision_loss)] // microseconds
            times.push(inner.clock.monotonic_us().saturating_sub(began_us) as f64 / 1000.0);
        }
        #[allow(clippy::cast_precision_loss)] // a count
        let n = questions.len().max(1) as f64;
        let (production, candidate) = (production / n, candidate / n);
        qualities.push(Quality { collection, questions: questions.len(), production, candidate });
    }
    times.order_by(f64::total_cmp);
    let p95 = (!times.is_empty()).then(|| percentile(&times, 95.0));
    let chunks: u64 = now.collections.values().map(|view| view.chunks()).sum();
    let codes = chunks.saturating_mul(inner.width_of(model) as u64 / 8);
    let mut gates = vec![
        quality(&qualities, running.number("promotion.margin")),
        latency(p95, times.len(), running.number("modes.latency_target_ms")),
        memory(model.file().len(), codes, inner.budgets.memory_total),
        window(inner, running.text("promotion.window").unwrap_or_default()),
    ];
    gates.extend(record::gates(inner, sha256)?);
    let measured: Vec<Measured> = qualities.into_iter().map(measured).collect();
    let (asked, denied) = denials(inner, (sha256, &model.meta().name), &measured)?;
    gates.push(use_cases(asked, &denied));
    gates.push(signing::gate(inner, sha256)?);
    gates.extend(shadow::gate(inner, sha256));
    Ok(gates)
}

/// Judged questions that have an answer, by collection.
fn judged(inner: &Inner, now: &Snapshot) -> Result<BTreeMap<String, Vec<Judged>>, EngineError> {
    let mut by_collection: BTreeMap<String, Vec<Judged>> = BTreeMap::new();
    for (_, one) in JudgedShelf::list(control(inner)?, None)? {
        if one.has_answer() && now.collections.contains_key(&one.collection) {
            by_collection.entry(one.collection.clone()).or_default().push(one);
        }
    }
    Ok(by_collection)
}

fn measured(one: Quality) -> Measured {
    Measured { collection: one.collection, questions: one.questions, quality: one.candidate }
}

/// How well the model that answers now does so, on these collections or on all.
pub(in crate::engine) fn answering(inner: &Inner, wanted: &[String]) -> Result<Vec<Measured>, EngineError> {
    let now = inner.library.snapshot();
    let mut found = Vec::new();
    for (collection, questions) in judged(inner, &now)? {
        if !wanted.is_empty() && !wanted.contains(&collection) {
            continue;
        }
        let mut sum = 0.0;
        for one in &questions {
            sum += asked(inner, &now, one)?;
        }
        #[allow(clippy::cast_precision_loss)] // a count
        let quality = sum / questions.len().max(1) as f64;
        found.push(Measured { collection, questions: questions.len(), quality });
    }
    Ok(found)
}

fn window(inner: &Inner, text: &str) -> Gate {
    let name = "change window";
    if text.trim().is_empty() {
        let what = "promotion.window is not set: any time is fine".to_owned();
        return Gate { name: name.into(), state: GateState::NotConfigured, what };
    }
    let Some(window) = Window::parse(text) else {
        return Gate::of(name, false, format!("promotion.window '{text}' cannot be read; write 1-5 8-16"));
    };
    let around = circumstances(inner);
    let (day, hour) = (around.weekday(), around.hour());
    let fine = window.contains(day, hour);
    Gate::of(name, fine, format!("day {day}, hour {hour} (UTC); open {text}"))
}

/// nDCG@10 of one question.
fn asked(inner: &Inner, snapshot: &Snapshot, judged: &Judged) -> Result<f64, EngineError> {
    let question = Question {
        text: judged.question.clone(),
        collections: vec![judged.collection.clone()],
        n: K,
        effort: Effort::default(),
        ..Question::default()
    };
    let answer = inner.library.ask_shadow(snapshot, &question)?;
    Ok(ndcg(&ranking(&answer, judged), &relevances(judged), K))
}

fn relevances(judged: &Judged) -> Judgements {
    judged.targets.iter().enumerate().map(|(at, target)| (at.to_string(), target.relevance)).collect()
}

/// What was found, as places of the targets; each target counts once, at its best place.
fn ranking(answer: &Answer, judged: &Judged) -> Vec<String> {
    let mut left: Vec<usize> = (0..judged.targets.len()).collect();
    let place = |passage: &crate::knowledge::Passage| {
        let path = String::from_utf8_lossy(&passage.document.path).into_owned();
        let heading = passage.heading.last().unwrap_or(&passage.title).clone();
        let hash = passage_hash(&passage.text);
        let is = |at: &&usize| judged.targets.get(**at).is_some_and(|one| one.is(&path, &heading, &hash));
        let found = left.iter().find(is).copied();
        left.retain(|at| Some(*at) != found);
        found.map_or_else(|| "-".to_owned(), |at| at.to_string())
    };
    answer.passages.iter().map(place).collect()
}
