//! The mode of the box: what explains it, forcing one with a reason, giving the choice back; and how the box stands.

use crate::api::types::{ForceBreaker, ForceMode, HealthReport, ModeReport};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request};
use crate::tui::model::{Confirm, Form, FormOf, FormRow, Model, Overlay};
use crate::tui::update::form::Wrong;

/// Modes that can be forced, as people read them; on the wire they are small, with `_`.
const FORCED_MODES: &[&str] = &[
    "Reduced Performance",
    "Local Queue",
    "Selective Processing",
    "Memory Constrained",
    "Emergency",
    "Normal",
];
/// States in which a breaker can be held; on the wire is the first word.
const HELD_STATES: &[&str] = &["open: nothing goes through", "closed: all goes through"];

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::ForceMode => {
            force(model, None);
            Vec::new()
        }
        Action::AutoMode => {
            let forced = model.mode().and_then(|mode| mode.forced.clone()).unwrap_or_default();
            model.overlay = Some(Overlay::Confirm(Box::new(Confirm {
                title: "Let the box choose its mode".to_owned(),
                body: vec![
                    format!("{} was forced by {}: {}", forced.mode, forced.actor, forced.reason),
                    "What is measured decides from now on.".to_owned(),
                ],
                verb: "Give back",
                requests: vec![Request::AutoMode],

                yes: false,
            })));
            Vec::new()
        }
        _ => vec![Effect::Request(Request::Mode)],
    }
}

/// Opens the explanation.
pub(super) fn explained(model: &mut Model, report: &ModeReport) {
    let mode = &report.now;
    let mut fields = vec![("mode".to_owned(), mode.title.clone())];
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value));
        }
    };
    add("since", format!("{} UTC", format_time(mode.since_ms)));
    add("because", mode.reason.clone());
    for effect in &mode.effects {
        add(&effect.short, effect.about.clone());
    }
    add("back", mode.way_back.clone());
    if let Some(forced) = &mode.forced {
        let until = format_time(forced.until_ms);
        add("forced", format!("{} until {until} UTC by {}: {}", forced.mode, forced.actor, forced.reason));
    }
    for axis in &report.axes {
        let values: Vec<String> = axis.readings.iter().map(reading).collect();
        let state = if axis.mode == "normal" { String::new() } else { format!("{}. ", axis.mode) };
        add(&axis.axis, format!("{state}{}", values.join("; ")));
    }
    add("ballast", if report.ballast { "held" } else { "not held" }.to_owned());
    model.overlay = Some(Overlay::Detail { title: "Mode".to_owned(), fields, top: 0 });
}

/// Opens what the checks of the box found.
pub(super) fn looked(model: &mut Model, report: &HealthReport) {
    let ready = if report.ready { "questions are answered" } else { "no question is answered" };
    let mut fields = vec![("all".to_owned(), format!("{}; {ready}", report.status))];
    for check in &report.checks {
        let value = match check.status.as_str() {
            "pass" => format!("pass. {}", check.detail),
            status => {
                let since = format_time(check.since_ms);
                format!("{status} since {since} UTC. {}. {}", check.detail, check.advice)
            }
        };
        fields.push((check.name.clone(), value));
    }
    model.overlay = Some(Overlay::Detail { title: "Health".to_owned(), fields, top: 0 });
}

fn reading(reading: &crate::api::types::ModeReading) -> String {
    format!("{} {}, limit {}", reading.what, reading.value, reading.enter)
}

/// Opens the form that forces a mode, or holds a breaker.
pub(super) fn force(model: &mut Model, breaker: Option<String>) {
    let (what, options, title, said) = match &breaker {
        Some(name) => ("State", HELD_STATES, format!("Hold the breaker {name}"), "It ends by itself."),
        None => {
            let said = "It ends by itself and never hides a full disk.";
            ("Mode", FORCED_MODES, "Force a mode".to_owned(), said)
        }
    };
    let rows = vec![
        FormRow::choice(what, options, ""),
        FormRow::text("Reason", "kept in the history", ""),
        FormRow::text("For", "1h", ""),
    ];
    let mut form = Form::new(FormOf::Force(breaker), rows);
    (form.title, form.body) = (title.into(), vec![said.to_owned()]);
    model.overlay = Some(Overlay::Form(form));
}

/// What is asked for, or the row that is wrong and why.
pub(super) fn filled(form: &Form, breaker: Option<&String>) -> Result<Request, Wrong> {
    let (state, reason, ttl) = (form.value(0), form.value(1), form.value(2));
    if reason.is_empty() {
        return Err((1, "A reason is needed: it is kept in the history."));
    }
    let ttl = if ttl.is_empty() { "1h" } else { ttl.as_str() };
    let ttl_s =
        humantime::parse_duration(ttl).map_err(|_| (2, "The time is written 30m, 1h or 2d."))?.as_secs();
    Ok(match breaker.cloned() {
        Some(name) => {
            let state = state.split(':').next().unwrap_or_default().to_owned();
            Request::HoldBreaker(ForceBreaker { name, state, reason, ttl_s })
        }
        None => {
            let mode = state.to_lowercase().replace(' ', "_");
            Request::ForceMode(ForceMode { mode, reason, ttl_s })
        }
    })
}
