//! What a request did, and for how long: spans below one root, kept where they are worth it.
//!
//! Offers [`Tracer`] (begins and ends traces, keeps the slow and the failed ones), [`Trace`] (one under way),
//! [`span`] and [`note`] (parts of what this thread is at), [`Context`] (who asked, as W3C Trace Context has it),
//! [`shelf`] (traces on disk), [`otlp`] (traces as OpenTelemetry reads them), [`trouble`] (failures in groups).
//!
//! Invariant: a part of a trace that nobody keeps costs two looks at the clock and no allocation.

mod context;
mod current;
mod draft;
pub mod otlp;
mod outgoing;
mod record;
mod ring;
mod sampler;
pub mod shelf;
mod tracer;
pub mod trouble;

pub use context::{Context, SpanId, TraceId, vendors};
pub use current::{Entered, Open, note, now_at, span};
pub use draft::{Ending, Note, Trace};
pub use record::{Attribute, Kind, SpanRecord, TraceRecord};
pub use sampler::Why;
pub use tracer::{TraceSettings, Tracer, Waiting};

/// At most so many bytes of a text.
fn begin_of(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}
