//! What people ask of traces: list, show, export, failures in groups.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::types::{ErrorGroup, TraceDetail, TraceQuery, TraceSpan, TraceSummary};
use crate::base::{InOrder, format_bytes, ordered_map};
use crate::engine::EngineError;
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::observe::trace::trouble::Trouble;
use crate::observe::trace::{Attribute, Kind, SpanId, SpanRecord, TraceId, TraceRecord, Why, otlp};

const LIMIT: usize = 50;
const LIMIT_MOST: usize = 1000;
/// The begin of an id that is enough, where it is that of one only.
const SHORT_ID: usize = 4;
/// Roots of one trace that are shown, and traces that it led to.
const ROOTS: usize = 200;
const LINKED: usize = 50;
/// Bytes of one export.
const EXPORT_BYTES: usize = 8 << 20;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceAction {
    List(TraceQuery),
    /// By id, or the begin of one.
    Show(String),
    /// One trace, or all since then (milliseconds since 1970), as OTLP/JSON.
    Export {
        id: Option<String>,
        since_ms: Option<u64>,
    },
    Errors,
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum TraceReply {
    List(Vec<TraceSummary>),
    Trace(Box<TraceDetail>),
    /// OTLP/JSON
    Document(String),
    Errors(Vec<ErrorGroup>),
}

pub(in crate::engine) fn act(inner: &Inner, action: TraceAction) -> Result<TraceReply, EngineError> {
    match action {
        TraceAction::List(query) => list(inner, &query).map(TraceReply::List),
        TraceAction::Show(id) => show(inner, &id).map(Box::new).map(TraceReply::Trace),
        TraceAction::Export { id, since_ms } => {
            export(inner, id.as_deref(), since_ms.unwrap_or(0)).map(TraceReply::Document)
        }
        TraceAction::Errors => {
            inner.traces.load(inner).map_err(|error| said(error.to_string()))?;
            Ok(TraceReply::Errors(inner.traces.troubles.all().iter().map(group).collect()))
        }
    }
}

fn said(what: String) -> EngineError {
    EngineError::Internal(format!("traces cannot be read: {what}"))
}

fn started_ms(record: &TraceRecord) -> u64 {
    record.root().map_or(0, |root| root.start_us / 1000)
}

fn list(inner: &Inner, query: &TraceQuery) -> Result<Vec<TraceSummary>, EngineError> {
    let limit = if query.limit == 0 { LIMIT } else { query.limit };
    if limit > LIMIT_MOST {
        return Err(invalid(format!("limit: {limit} is more than {LIMIT_MOST}"), "ask for fewer"));
    }
    let wanted = |record: &TraceRecord| {
        let Some(root) = record.root() else { return false };
        (!query.slow || record.why() == Why::Slow)
            && (!query.failed || root.failed)
            && query.name.as_ref().is_none_or(|name| root.name.contains(name.as_str()))
            && query.since_ms.is_none_or(|since| started_ms(record) >= since)
    };
    let mut found = Vec::new();
    let mut take = |record: &TraceRecord| {
        if wanted(record) {
            found.extend(summary(record));
        }
        found.len() < limit
    };
    inner.traces.each(inner, &mut take).map_err(said)?;
    Ok(found)
}

fn summary(record: &TraceRecord) -> Option<TraceSummary> {
    let root = record.root()?;
    Some(TraceSummary {
        id: record.id().to_string(),
        name: root.name.clone(),
        started_ms: root.start_us / 1000,
        took_us: root.took_us,
        failed: root.failed,
        error: root.error.clone(),
        kept: record.why().name().to_owned(),
        spans: record.spans.len(),
    })
}

fn export(inner: &Inner, id: Option<&str>, since_ms: u64) -> Result<String, EngineError> {
    let mut document = otlp::Document::of_this_box();
    match id {
        Some(id) => of_id(inner, id)?.0.iter().for_each(|record| document.push(record)),
        None => {
            let mut take = |record: &TraceRecord| {
                if started_ms(record) >= since_ms {
                    document.push(record);
                }
                document.bytes() <= EXPORT_BYTES
            };
            inner.traces.each(inner, &mut take).map_err(said)?;
        }
    }
    if document.bytes() > EXPORT_BYTES {
        let what = format!("these traces have more than {}", format_bytes(EXPORT_BYTES as u64));
        return Err(invalid(what, "ask for a shorter time: a later --since"));
    }
    Ok(document.finish())
}

/// What is known of one trace, newest first, and the traces it led to.
fn of_id(inner: &Inner, id: &str) -> Result<(Vec<TraceRecord>, BTreeSet<TraceId>), EngineError> {
    let id = id.trim().to_ascii_lowercase();
    if id.len() < SHORT_ID || id.len() > 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(invalid(
            format!("'{}' is no id of a trace", id.chars().take(40).collect::<String>()),
            "it has 32 hexadecimal digits, of which the first 4 or more may do",
        ));
    }
    let (mut found, mut links) = (Vec::<TraceRecord>::new(), Vec::new());
    let mut take = |record: &TraceRecord| {
        if record.id().to_string().starts_with(&id) && found.len() < ROOTS {
            found.push(record.clone());
        }
        links.extend(record.links.iter().map(|(to, _)| (*to, record.id())));
        true
    };
    inner.traces.each(inner, &mut take).map_err(said)?;
    let Some(trace) = found.first().map(|record| record.trace) else {
        return Err(EngineError::NotFound {
            noun: "trace",
            name: id,
            advice: "`spud trace list` shows what is kept".into(),
        });
    };
    if found.iter().any(|record| record.trace != trace) {
        return Err(invalid(format!("several traces begin with {id}"), "give more of its digits"));
    }
    let led_to = links.into_iter().filter(|(to, _)| *to == trace).map(|(_, from)| from).take(LINKED);
    Ok((found, led_to.collect()))
}

fn show(inner: &Inner, id: &str) -> Result<TraceDetail, EngineError> {
    let (records, linked) = of_id(inner, id)?;
    Ok(detail(&records, &linked))
}

fn detail(records: &[TraceRecord], linked: &BTreeSet<TraceId>) -> TraceDetail {
    let all = || records.iter().flat_map(|record| &record.spans);
    let started_us = all().map(|span| span.start_us).min().unwrap_or(0);
    let ended_us = all().map(|span| span.start_us.saturating_add(span.took_us)).max().unwrap_or(0);
    let links: BTreeSet<String> =
        records.iter().flat_map(|record| &record.links).filter_map(|(trace, _)| link(*trace)).collect();
    let first = records.last();
    TraceDetail {
        id: first.map(|record| record.id().to_string()).unwrap_or_default(),
        state: first.map(|record| record.state.clone()).unwrap_or_default(),
        failed: records.iter().filter_map(TraceRecord::root).any(|root| root.failed),
        kept: first.map(|record| record.why().name().to_owned()).unwrap_or_default(),
        started_us,
        took_us: ended_us.saturating_sub(started_us),
        dropped: records.iter().map(|record| u64::from(record.dropped)).sum(),
        links: links.into_iter().collect(),
        linked: linked.iter().map(TraceId::to_string).collect(),
        spans: in_order(&all().collect::<Vec<_>>()),
    }
}

/// The trace of a link, as people know it.
fn link(trace: u128) -> Option<String> {
    TraceId::parse(&format!("{trace:032x}")).map(|id| id.to_string())
}

/// Those above before those below, by time.
fn in_order(spans: &[&SpanRecord]) -> Vec<TraceSpan> {
    let known: BTreeSet<u64> = spans.iter().map(|span| span.id).collect();
    let mut below: BTreeMap<u64, Vec<&SpanRecord>> = BTreeMap::new();
    for span in spans {
        let parent = if known.contains(&span.parent) && span.parent != span.id { span.parent } else { 0 };
        below.entry(parent).or_default().push(span);
    }
    for group in below.values_mut() {
        group.order_by_key(|span| std::cmp::Reverse((span.start_us, u64::MAX - span.took_us)));
    }
    // What is to come, last first: each span is taken once, whatever its parents say.
    let mut open: Vec<(usize, &SpanRecord)> =
        below.remove(&0).unwrap_or_default().into_iter().map(|span| (0, span)).collect();
    let mut out = Vec::with_capacity(spans.len());
    while let Some((depth, span)) = open.pop() {
        out.push(words(span, depth));
        let children = below.remove(&span.id).unwrap_or_default();
        open.extend(children.into_iter().map(|child| (depth + 1, child)));
    }
    out
}

fn words(span: &SpanRecord, depth: usize) -> TraceSpan {
    let value = |attribute: &Attribute| match attribute {
        Attribute::Number(number) => Value::from(*number),
        Attribute::Text(text) => Value::from(text.as_str()),
    };
    TraceSpan {
        id: span.id().to_string(),
        parent: span.parent().map(|id: SpanId| id.to_string()),
        depth,
        name: span.name.clone(),
        kind: Kind::name(span.kind).to_owned(),
        start_us: span.start_us,
        took_us: span.took_us,
        failed: span.failed,
        error: span.error.clone(),
        attributes: ordered_map(span.attributes.iter().map(|(name, one)| (name.clone(), value(one)))),
    }
}

fn group((fingerprint, one): &(u64, Trouble)) -> ErrorGroup {
    ErrorGroup {
        id: format!("{fingerprint:016x}"),
        kind: one.kind.clone(),
        place: one.place.clone(),
        pattern: one.pattern.clone(),
        message: one.message.clone(),
        count: one.count,
        first_ms: one.first_ms,
        last_ms: one.last_ms,
        trace: link(one.trace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: u64, parent: u64, start_us: u64, took_us: u64) -> SpanRecord {
        SpanRecord {
            id,
            parent,
            name: format!("s{id}"),
            kind: 1,
            start_us,
            took_us,
            failed: id == 9,
            error: String::new(),
            attributes: Vec::new(),
        }
    }

    fn record(spans: Vec<SpanRecord>) -> TraceRecord {
        TraceRecord { trace: 5, state: String::new(), why: 2, links: vec![(7, 1), (7, 2)], dropped: 1, spans }
    }

    #[test]
    fn a_trace_is_told_from_the_root_down_by_time() {
        // Two requests of one trace: the second is below a span of the first, by way of the caller.
        let later = record(vec![span(20, 3, 500, 100), span(21, 20, 510, 10)]);
        let first =
            record(vec![span(1, 99, 100, 300), span(2, 1, 150, 20), span(3, 1, 120, 10), span(4, 3, 121, 2)]);
        let detail = detail(&[later, first], &BTreeSet::new());
        let order: Vec<(&str, usize)> = detail.spans.iter().map(|s| (s.name.as_str(), s.depth)).collect();
        assert_eq!(order, [("s1", 0), ("s3", 1), ("s4", 2), ("s20", 2), ("s21", 3), ("s2", 1)]);
        assert_eq!((detail.started_us, detail.took_us, detail.dropped), (100, 500, 2));
        assert_eq!(detail.links, [format!("{:032x}", 7)]);
    }

    #[test]
    fn parents_in_a_circle_lead_nowhere() {
        let order = in_order(&[&span(1, 2, 0, 1), &span(2, 1, 0, 1), &span(3, 3, 0, 1)]);
        assert_eq!(order.len(), 1);
    }
}
