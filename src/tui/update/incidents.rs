//! The incidents view: looked at freely, changed only when unlocked, with a reason, by the button.

use super::moved;
use super::subjects::named;
use crate::api::types::incident::{BreachClock, Incident};
use crate::api::types::sla::Objective;
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, IncidentRequest, Request};
use crate::tui::model::{Model, Overlay, View};
use crate::tui::msg::IncidentAnswer;

/// The list is asked for again this often at most.
const AGAIN_MS: u64 = 10_000;

fn ask(request: IncidentRequest) -> Effect {
    Effect::Request(Request::Incident(request))
}

pub(super) fn load(model: &mut Model) -> Vec<Effect> {
    let mut effects = vec![super::access::who()];
    effects.extend(shown(model));
    effects
}

/// Asks for the list that is shown.
fn shown(model: &mut Model) -> Vec<Effect> {
    model.incidents.asked_ms = model.now_ms;
    if !model.incidents.service {
        return vec![ask(IncidentRequest::List(model.incidents.all))];
    }
    vec![ask(IncidentRequest::Objectives), ask(IncidentRequest::Budgets(model.now_ms / 1000))]
}

/// The box told how it is: a list that is shown is read again now and then.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let old = model.now_ms.saturating_sub(model.incidents.asked_ms) >= AGAIN_MS;
    if model.view == View::Incidents && old { shown(model) } else { Vec::new() }
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let one = model.incidents.incident().cloned();
    match (action, one) {
        (Action::AllIncidents, _) => {
            model.incidents.all = !model.incidents.all;
            return load(model);
        }
        (Action::ServiceLevels, _) => {
            model.incidents.service = !model.incidents.service;
            model.incidents.selected = 0;
            return shown(model);
        }
        (Action::Open | Action::Copy, None) => {
            let Some(one) = model.incidents.objective() else { return Vec::new() };
            if action == Action::Copy {
                return vec![Effect::Copy(one.name.clone())];
            }
            let fields = objective(one);
            model.overlay = Some(Overlay::Detail { title: "Objective".to_owned(), fields, top: 0 });
        }
        (Action::Open, Some(one)) => return vec![ask(IncidentRequest::Show(one.id))],
        (Action::Copy, Some(one)) => {
            return vec![Effect::Copy(format!("incident {}: {}", one.id, one.title))];
        }
        (action, _) => {
            let (len, page) = (model.incidents.len(), model.body_height());
            model.incidents.selected = moved(model.incidents.selected, action, len, page);
        }
    }
    Vec::new()
}

pub(super) fn answered(model: &mut Model, answer: IncidentAnswer) -> Vec<Effect> {
    let incidents = &mut model.incidents;
    match answer {
        IncidentAnswer::Objectives(items) => incidents.objectives = Some(items),
        IncidentAnswer::Budgets(value) => incidents.take_budgets(*value),
        IncidentAnswer::List(items) => {
            let selected = incidents.incident().map(|one| one.id.clone());
            (incidents.items, incidents.loaded) = (items, true);
            if incidents.service {
                return Vec::new();
            }
            // The selection stays with its incident.
            let is = |at: &usize| incidents.items.get(*at).map(|one| &one.id) == selected.as_ref();
            let rows = incidents.rows();
            let at = selected.as_ref().and_then(|_| rows.iter().position(is));
            incidents.selected = at.unwrap_or(incidents.selected).min(rows.len().saturating_sub(1));
        }
        IncidentAnswer::One(one) => {
            let fields = fields(&one);
            // What is changed next is what was just seen.
            if let Some(known) = incidents.items.iter_mut().find(|known| known.id == one.id) {
                *known = *one;
            }
            model.overlay = Some(Overlay::Detail { title: "Incident".to_owned(), fields, top: 0 });
        }
    }
    Vec::new()
}

/// What is left of the time to tell the authority.
pub(crate) fn left(clock: &BreachClock) -> String {
    match (clock.told_ms, clock.left_s) {
        (Some(_), _) => "told".to_owned(),
        (None, ..0) => "over".to_owned(),
        (None, left) => format!("{} h", left / 3600),
    }
}

/// A part of one as people read it; `-` where it is not known.
pub(crate) fn percent(part: Option<f64>) -> String {
    part.map_or_else(|| "-".to_owned(), |part| format!("{:.1} %", part * 100.0))
}

fn objective(one: &Objective) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = [
        ("objective", one.name.clone()),
        ("what", one.title.clone()),
        ("about", one.about.clone()),
        ("state", one.state.clone()),
        ("violated", one.since_ms.map_or_else(String::new, |ms| format!("since {} UTC", format_time(ms)))),
        ("error", one.error.clone()),
        ("target", format!("{} of {}", percent(Some(one.target)), one.method)),
        ("was", format!("{}, {:.0} of {:.0} bad", percent(one.attained), one.bad, one.total)),
        ("budget left", percent(one.budget_left)),
        ("file", one.file.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for rate in &one.burns {
        let burn = rate.burn.map_or_else(|| "-".to_owned(), |burn| format!("{burn:.1}"));
        let span = humantime::format_duration(std::time::Duration::from_millis(rate.window_ms));
        all.push((format!("burn {span}"), format!("{burn}, {:.0} events", rate.total)));
    }
    all.extend(one.queries.iter().map(|query| ("asks".to_owned(), query.clone())));
    all.retain(|(_, value)| !value.is_empty());
    all
}

fn fields(one: &Incident) -> Vec<(String, String)> {
    let breach = one.breach.as_ref().map_or_else(String::new, |clock| match clock.told_ms {
        Some(ms) => format!("the authority was told at {} UTC", format_time(ms)),
        None => {
            format!("{} left to tell the authority, until {} UTC", left(clock), format_time(clock.until_ms))
        }
    });
    let times = if one.times > 1 { format!(", {} times", one.times) } else { String::new() };
    let mut all: Vec<(String, String)> = [
        ("incident", format!("{} ({})", one.id, one.state)),
        ("title", one.title.clone()),
        ("type", format!("{}, {}", one.kind, one.severity)),
        ("by", format!("{} at {} UTC{times}", named(&one.by, one.login.as_ref()), format_time(one.at_ms))),
        ("owner", one.owner.as_ref().map_or_else(String::new, |id| named(id, one.owner_login.as_ref()))),
        ("breach", breach),
        ("links", one.links.join(" ")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for event in &one.timeline {
        let text = if event.text.is_empty() { String::new() } else { format!(": {}", event.text) };
        let words = format!("{} {}{text}", named(&event.by, event.login.as_ref()), event.act);
        all.push((format_time(event.at_ms), words));
    }
    all.retain(|(_, value)| !value.is_empty());
    all
}
