//! A trace under way: its root, the parts that are over, what led to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::context::{Context, SpanId};
use super::record::{Attribute, Kind, SpanRecord, TraceRecord};
use super::sampler::Why;
use crate::base::{Clock, InOrder};

/// Parts of one trace below its root; further ones are counted.
pub(super) const SPANS: usize = 64;
/// Traces that led to one.
pub(super) const LINKS: usize = 8;
/// Bytes of a text that goes with a span.
const TEXT: usize = 500;

/// What is said of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note<'a> {
    Number(u64),
    Text(&'a str),
}

impl From<Note<'_>> for Attribute {
    fn from(note: Note<'_>) -> Self {
        match note {
            Note::Number(number) => Self::Number(number),
            Note::Text(text) => Self::Text(short(text)),
        }
    }
}

fn short(text: &str) -> String {
    super::begin_of(&crate::redact::kept(text), TEXT).to_owned()
}

/// A part that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) id: SpanId,
    pub(super) parent: SpanId,
    pub(super) name: &'static str,
    pub(super) start_us: u64,
    pub(super) took_us: u64,
    pub(super) notes: [Option<(&'static str, Note<'static>)>; 2],
}

#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) spans: Vec<Span>,
    pub(super) dropped: u32,
    pub(super) links: Vec<Context>,
}

pub(super) struct Draft {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) context: Context,
    pub(super) parent: u64,
    /// What others said of it.
    pub(super) state: String,
    pub(super) kind: Kind,
    pub(super) started_ms: u64,
    pub(super) started_us: u64,
    pub(super) ids: AtomicU64,
    pub(super) parts: Mutex<Parts>,
}

/// A trace under way. Clones are the same one.
#[derive(Clone)]
pub struct Trace(pub(super) Arc<Draft>);

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({})", self.0.context)
    }
}

impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Trace {}

impl Trace {
    /// Its root, as others are told of it.
    #[must_use]
    pub fn context(&self) -> Context {
        self.0.context
    }

    /// The same, saying whether somebody wants it kept, here or where it came from.
    #[must_use]
    pub fn asked(&self) -> Context {
        let sampled = self.0.context.sampled || self.parts().links.iter().any(|link| link.sampled);
        Context { sampled, ..self.0.context }
    }

    /// What others said of it (`tracestate`).
    #[must_use]
    pub fn state(&self) -> &str {
        &self.0.state
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It came about through another one.
    pub fn link(&self, context: Context) {
        let mut parts = self.parts();
        if parts.links.len() < LINKS {
            parts.links.push(context);
        }
    }

    /// True where something led to it.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        !self.parts().links.is_empty()
    }

    /// How long its parts of these names took together; nothing where it has none.
    #[must_use]
    pub fn took_us(&self, names: &[&str]) -> Option<u64> {
        let parts = self.parts();
        let named = parts.spans.iter().filter(|span| names.contains(&span.name));
        named.map(|span| span.took_us).reduce(u64::saturating_add)
    }

    pub(super) fn now_us(&self) -> u64 {
        self.0.clock.monotonic_us()
    }

    pub(super) fn next_id(&self) -> SpanId {
        let number = self.0.ids.fetch_add(1, Ordering::Relaxed);
        SpanId(mix(self.0.context.span.0.wrapping_add(number.wrapping_mul(GOLDEN))).max(1))
    }

    pub(super) fn add(&self, span: Span) {
        let mut parts = self.parts();
        if parts.spans.len() < SPANS {
            parts.spans.push(span);
        } else {
            parts.dropped = parts.dropped.saturating_add(1);
        }
    }
}

/// How a trace ended. Its name is both words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ending<'a> {
    pub verb: &'a str,
    pub what: &'a str,
    /// Why it failed, where it did.
    pub error: Option<&'a str>,
    pub notes: &'a [(&'a str, Note<'a>)],
}

/// The odd number nearest to 2^64 over the golden ratio.
pub(super) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads a number over all others (the finalizer of splitmix64).
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

pub(super) fn record(trace: &Trace, ending: &Ending<'_>, took_us: u64, why: Why) -> TraceRecord {
    let draft = &trace.0;
    let parts = trace.parts();
    let begin_us = draft.started_ms.saturating_mul(1000);
    let name = if ending.verb.is_empty() {
        ending.what.to_owned()
    } else {
        format!("{} {}", ending.verb, ending.what)
    };
    let notes = ending.notes.iter().map(|(name, note)| ((*name).to_owned(), Attribute::from(*note)));
    let root = SpanRecord {
        id: draft.context.span.0,
        parent: draft.parent,
        name,
        kind: draft.kind as u8,
        start_us: begin_us,
        took_us,
        failed: ending.error.is_some(),
        error: ending.error.map(short).unwrap_or_default(),
        attributes: notes.collect(),
    };
    let part = |span: &Span| SpanRecord {
        id: span.id.0,
        parent: span.parent.0,
        name: span.name.to_owned(),
        kind: Kind::Internal as u8,
        // What waited before the trace began stands at its begin.
        start_us: begin_us + span.start_us.saturating_sub(draft.started_us),
        took_us: span.took_us,
        failed: false,
        error: String::new(),
        attributes: span
            .notes
            .iter()
            .flatten()
            .map(|(name, note)| ((*name).to_owned(), (*note).into()))
            .collect(),
    };
    let mut spans: Vec<SpanRecord> = std::iter::once(root).chain(parts.spans.iter().map(part)).collect();
    if let Some((_, below)) = spans.split_first_mut() {
        below.order_by_key(|span| (span.start_us, u64::MAX - span.took_us));
    }
    TraceRecord {
        trace: draft.context.trace.0,
        state: draft.state.clone(),
        why: why as u8,
        links: parts.links.iter().map(|link| (link.trace.0, link.span.0)).collect(),
        dropped: parts.dropped,
        spans,
    }
}
