//! A trace as it is kept: in memory, on disk, on its way to a reader.

use bincode::{Decode, Encode};

use super::context::{SpanId, TraceId};
use super::sampler::Why;

/// Part that a span has in what goes on between programs; the numbers are those of OpenTelemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Internal = 1,
    /// Answers a request.
    Server = 2,
    /// Takes out what was queued.
    Consumer = 5,
}

impl Kind {
    #[must_use]
    pub fn name(number: u8) -> &'static str {
        match number {
            2 => "server",
            5 => "consumer",
            _ => "internal",
        }
    }
}

/// What else is known of a span.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Attribute {
    Number(u64),
    Text(String),
}

/// A part of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SpanRecord {
    pub id: u64,
    /// 0: none.
    pub parent: u64,
    pub name: String,
    /// See [`Kind`].
    pub kind: u8,
    /// Microseconds since 1970.
    pub start_us: u64,
    pub took_us: u64,
    pub failed: bool,
    /// Why it failed.
    pub error: String,
    pub attributes: Vec<(String, Attribute)>,
}

/// What one box, at one time, did for a trace: a root and what is below it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TraceRecord {
    pub trace: u128,
    /// What others said of it (`tracestate`).
    pub state: String,
    /// See [`Why`].
    pub why: u8,
    /// Traces that led to it: trace and span.
    pub links: Vec<(u128, u64)>,
    /// Spans that found no place.
    pub dropped: u32,
    /// The root first.
    pub spans: Vec<SpanRecord>,
}

impl TraceRecord {
    #[must_use]
    pub fn id(&self) -> TraceId {
        TraceId(self.trace)
    }

    #[must_use]
    pub fn why(&self) -> Why {
        Why::of(self.why)
    }

    #[must_use]
    pub fn root(&self) -> Option<&SpanRecord> {
        self.spans.first()
    }

    /// Bytes in memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let text = |attribute: &Attribute| match attribute {
            Attribute::Number(_) => 0,
            Attribute::Text(text) => text.capacity(),
        };
        let pair = size_of::<(String, Attribute)>();
        let of = |span: &SpanRecord| {
            let attributes: usize =
                span.attributes.iter().map(|(name, value)| pair + name.capacity() + text(value)).sum();
            size_of::<SpanRecord>() + span.name.capacity() + span.error.capacity() + attributes
        };
        size_of::<Self>()
            + self.state.capacity()
            + self.links.len() * 32
            + self.spans.iter().map(of).sum::<usize>()
    }
}

impl SpanRecord {
    #[must_use]
    pub fn id(&self) -> SpanId {
        SpanId(self.id)
    }

    #[must_use]
    pub fn parent(&self) -> Option<SpanId> {
        (self.parent != 0).then_some(SpanId(self.parent))
    }
}
