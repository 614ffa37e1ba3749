//! Probes and targets in the Observe view: they are listed, opened, and let look at once.

use super::moved;
use crate::api::types::Probe;
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{AlertRequest, Effect, ProbeRequest, Request};
use crate::tui::model::{Model, Overlay, View};
use crate::tui::msg::ProbeAnswer;
use crate::tui::text::micros;
use crate::tui::theme::Tone;

/// The list is asked for again this often at most.
const AGAIN_MS: u64 = 5_000;

fn ask(request: ProbeRequest) -> Vec<Effect> {
    vec![Effect::Request(Request::Probe(request))]
}

pub(super) fn load(model: &mut Model) -> Vec<Effect> {
    model.probes.asked_ms = model.now_ms;
    ask(ProbeRequest::List)
}

/// The box told how it is: a list that is shown is read again now and then.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let shown = model.view == View::Observe && model.probes.shown;
    let old = model.now_ms.saturating_sub(model.probes.asked_ms) >= AGAIN_MS;
    if shown && old { load(model) } else { Vec::new() }
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Probes => {
            model.probes.shown = !model.probes.shown;
            (model.alerts.shown, model.traces.shown, model.probes.selected) = (false, false, 0);
            return super::observe::load(model);
        }
        Action::TestProbe => {
            if let Some(name) = model.alerts.receiver() {
                let test = AlertRequest::Test(name.to_owned());
                return vec![Effect::Request(Request::Alert(test))];
            }
            let name = model.probes.probe().map(|probe| probe.name.clone());
            return name.into_iter().flat_map(|name| ask(ProbeRequest::Test(name))).collect();
        }
        Action::Open => {
            if let Some(probe) = model.probes.probe() {
                let fields = fields(probe);
                model.overlay = Some(Overlay::Detail { title: "Probe".to_owned(), fields, top: 0 });
            }
        }
        Action::Copy => {
            let copied = model.probes.probe().map(|probe| Effect::Copy(probe.what.clone()));
            return copied.into_iter().collect();
        }
        Action::Back => {
            model.probes.shown = false;
            return super::observe::load(model);
        }
        action => {
            let page = model.body_height();
            let count = model.probes.list.items.len();
            model.probes.selected = moved(model.probes.selected, action, count, page);
        }
    }
    Vec::new()
}

fn fields(probe: &Probe) -> Vec<(String, String)> {
    let time = |ms: u64| format!("{} UTC", format_time(ms));
    let labels: Vec<String> = probe.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut all: Vec<(String, String)> = [
        ("name", probe.name.clone()),
        ("kind", probe.kind.clone()),
        ("looks at", probe.what.clone()),
        ("state", probe.state.clone()),
        ("since", time(probe.since_ms)),
        ("seen", probe.detail.clone()),
        ("at", probe.last_ms.map(time).unwrap_or_default()),
        ("took", probe.last_ms.map(|_| micros(probe.took_us)).unwrap_or_default()),
        ("value", probe.value.map(|value| value.to_string()).unwrap_or_default()),
        ("samples", if probe.samples > 0 { probe.samples.to_string() } else { String::new() }),
        (
            "looks",
            format!("{} of which {} failed, every {} s", probe.runs, probe.failed, probe.period_ms / 1000),
        ),
        ("critical", if probe.critical { "no question is answered while it is down" } else { "" }.to_owned()),
        ("labels", labels.join(" ")),
        ("file", probe.file.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    all.retain(|(_, value)| !value.is_empty());
    all
}

pub(super) fn answered(model: &mut Model, answer: ProbeAnswer) -> Vec<Effect> {
    match answer {
        ProbeAnswer::List(list) => {
            model.probes.take(list);
            Vec::new()
        }
        ProbeAnswer::Tested(probe) => {
            let tone = if probe.state == "up" { Tone::Good } else { Tone::Bad };
            model.tell(tone, format!("{}: {}, {}", probe.name, probe.state, probe.detail));
            load(model)
        }
    }
}
