//! Traces and failures in the Observe view: they are listed, and opened as a waterfall.

use super::moved;
use crate::api::types::{ErrorGroup, TraceDetail, TraceSpan};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request, TraceRequest};
use crate::tui::model::{Model, Overlay, View, field_text};
use crate::tui::msg::TraceAnswer;
use crate::tui::text::micros;
use crate::tui::theme::Tone;

/// A list is asked for again this often at most.
const AGAIN_MS: u64 = 10_000;

fn ask(request: TraceRequest) -> Vec<Effect> {
    vec![Effect::Request(Request::Trace(request))]
}

pub(super) fn load(model: &mut Model) -> Vec<Effect> {
    let traces = &mut model.traces;
    traces.asked_ms = model.now_ms;
    ask(if traces.failures { TraceRequest::Errors } else { TraceRequest::List(traces.kind) })
}

/// The box told how it is: a list that is shown is read again now and then.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let traces = &model.traces;
    let shown = model.view == View::Observe && traces.shown && traces.open.is_none();
    let old = model.now_ms.saturating_sub(traces.asked_ms) >= AGAIN_MS;
    if shown && old { load(model) } else { Vec::new() }
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let traces = &mut model.traces;
    match action {
        Action::Traces | Action::Troubles => {
            let failures = action == Action::Troubles;
            let again = traces.shown && traces.failures == failures && traces.open.is_none();
            (traces.shown, traces.failures, traces.open, traces.selected) = (!again, failures, None, 0);
            (model.alerts.shown, model.probes.shown) = (false, false);
            return super::observe::load(model);
        }
        Action::TraceKind => {
            (traces.kind, traces.items, traces.selected) = (traces.kind.next(), None, 0);
            (traces.shown, traces.failures, traces.open) = (true, false, None);
            (model.alerts.shown, model.probes.shown) = (false, false);
            return load(model);
        }
        Action::Open => {
            if let Some((detail, at)) = &traces.open {
                let fields = detail.spans.get(*at).map(|span| span_fields(detail, span));
                model.overlay =
                    fields.map(|fields| Overlay::Detail { title: "Span".to_owned(), fields, top: 0 });
            } else if let Some(id) = traces.id() {
                return ask(TraceRequest::Show(id.to_owned()));
            } else if let Some(group) = traces.group() {
                let fields = group_fields(group);
                model.overlay = Some(Overlay::Detail { title: "Failure".to_owned(), fields, top: 0 });
            }
        }
        Action::Copy => {
            let copied = traces.id().map(|id| Effect::Copy(id.to_owned()));
            if copied.is_some() {
                model.tell(Tone::Good, "Copied the id of the trace.");
            }
            return copied.into_iter().collect();
        }
        Action::Back => {
            if traces.open.take().is_none() {
                traces.shown = false;
                return super::observe::load(model);
            }
        }
        action => {
            let page = model.body_height();
            let traces = &mut model.traces;
            let to = moved(traces.at(), action, traces.len(), page);
            traces.select(to);
        }
    }
    Vec::new()
}

fn pairs<const N: usize>(fields: [(&str, String); N]) -> Vec<(String, String)> {
    let named = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    named.filter(|(_, value)| !value.is_empty()).collect()
}

fn span_fields(detail: &TraceDetail, span: &TraceSpan) -> Vec<(String, String)> {
    let mut all = pairs([
        ("span", span.name.clone()),
        ("kind", span.kind.clone()),
        ("after", micros(span.start_us.saturating_sub(detail.started_us))),
        ("took", micros(span.took_us)),
        ("error", span.error.clone()),
    ]);
    all.extend(span.attributes.iter().map(|(name, value)| (name.clone(), field_text(value).into_owned())));
    all.extend(pairs([
        ("id", span.id.clone()),
        ("below", span.parent.clone().unwrap_or_default()),
        ("trace", detail.id.clone()),
        ("came from", detail.links.join(" ")),
        ("led to", detail.linked.join(" ")),
    ]));
    all
}

fn group_fields(group: &ErrorGroup) -> Vec<(String, String)> {
    let time = |ms: u64| format!("{} UTC", format_time(ms));
    pairs([
        ("what", group.message.clone()),
        ("where", format!("{} {}", group.kind, group.place)),
        ("count", group.count.to_string()),
        ("first", time(group.first_ms)),
        ("last", time(group.last_ms)),
        ("group", group.pattern.clone()),
        ("id", group.id.clone()),
    ])
}

pub(super) fn answered(model: &mut Model, answer: TraceAnswer) {
    match answer {
        // A list of another kind came too late.
        TraceAnswer::List(kind, items) if kind == model.traces.kind => model.traces.take(items),
        TraceAnswer::List(..) => {}
        TraceAnswer::Groups(groups) => model.traces.take_groups(groups),
        TraceAnswer::Whole(detail) => {
            if model.view == View::Observe && model.traces.shown {
                model.traces.open = Some((detail, 0));
            }
        }
    }
}
