//! What is asked of metrics: how they stand now, what they were.

use std::collections::BTreeMap;
use std::sync::Arc;

pub use super::metrics::Ask as MetricAsk;
use super::run::Inner;
use super::{Caller, EngineError, intake, metrics};
use crate::api::types::{MetricCatalogue, MetricValue, PushedMetrics};
use crate::observe::metric::exposition::{Format, relay, write};

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricAction {
    /// Every metric now, in the text format that this `Accept` header prefers.
    Exposition { accept: String },
    /// What other programs told, in the text format of Prometheus.
    Collected,
    /// A program tells what it measures; the job is a name for it.
    Push { job: Option<String>, text: String },
    /// In the words of Prometheus.
    Ask(MetricAsk),
}

/// Why a question about metrics has no answer, as Prometheus tells its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricFault {
    /// `bad_data`, execution, timeout, internal
    pub kind: &'static str,
    pub what: String,
}

/// A value of a series that a trace tells more of.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricExemplar {
    pub series: BTreeMap<String, String>,
    pub trace: String,
    pub value: String,
    /// Seconds since 1970.
    pub at_s: f64,
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum MetricReply {
    Exposition { content_type: &'static str, text: Vec<u8> },
    Value { value: Box<MetricValue>, warnings: Vec<String>, infos: Vec<String> },
    Texts(Vec<String>),
    Series(Vec<BTreeMap<String, String>>),
    Metadata(MetricCatalogue),
    Exemplars(Vec<MetricExemplar>),
    Refused(MetricFault),
    Pushed(PushedMetrics),
}

/// Room for a usual exposition.
const USUAL_BYTES: usize = 32 << 10;

pub(super) fn act(
    inner: &Arc<Inner>,
    caller: &Caller,
    action: MetricAction,
) -> Result<MetricReply, EngineError> {
    match action {
        MetricAction::Collected => collected(inner),
        MetricAction::Push { job, text } => {
            intake::push(inner, caller, job.as_deref(), &text).map(MetricReply::Pushed)
        }
        MetricAction::Exposition { accept } => exposition(inner, &accept),
        MetricAction::Ask(ask) => Ok(metrics::answer(inner, ask)),
    }
}

#[allow(clippy::cast_precision_loss)] // milliseconds of our centuries have 42 bits
fn exposition(inner: &Inner, accept: &str) -> Result<MetricReply, EngineError> {
    let format = Format::accepted(accept);
    let mut text = Vec::with_capacity(USUAL_BYTES);
    let started_s = inner.started_ms() as f64 / 1000.0;
    write(&metrics::gather(inner), &inner.traces.exemplars(), format, started_s, &mut text)
        .map_err(|error| EngineError::Internal(error.to_string()))?;
    Ok(MetricReply::Exposition { content_type: format.content_type(), text })
}

/// Times are those of the box: who scrapes this keeps its labels (`honor_labels`).
fn collected(inner: &Inner) -> Result<MetricReply, EngineError> {
    let mut text = Vec::with_capacity(USUAL_BYTES);
    let relayed = inner.intake.intake.relayed(inner.clock.now_ms());
    write(&inner.probes.families(), &[], Format::Prometheus, 0.0, &mut text)
        .and_then(|()| relay(&relayed, &mut text))
        .map_err(|error| EngineError::Internal(error.to_string()))?;
    Ok(MetricReply::Exposition { content_type: Format::Prometheus.content_type(), text })
}
