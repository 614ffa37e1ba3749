//! The mode of the box: what explains it, forcing one with a reason, giving the choice back; and how the box stands.

use crate::api::types::{ForceBreaker, ForceMode, HealthReport, ModeReport};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{Confirm, ForceDialog, Model, Overlay};

/// Mode, reason, time, Cancel, Force.
const FIELDS: usize = 5;
const CANCEL: usize = 3;
const FORCE: usize = 4;

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::ForceMode => {
            model.overlay = Some(Overlay::Force(Box::default()));
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
                typed: None,
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

pub(super) fn dialog(model: &mut Model, mut dialog: Box<ForceDialog>, key: Key) -> Vec<Effect> {
    dialog.problem = None;
    let edited = match dialog.field {
        1 => dialog.reason.key(key),
        2 => dialog.ttl.key(key),
        _ => false,
    };
    let count = dialog.choices().len();
    match key.code {
        _ if edited => {}
        Code::Tab | Code::Down => dialog.field = (dialog.field + 1) % FIELDS,
        Code::BackTab | Code::Up => dialog.field = (dialog.field + FIELDS - 1) % FIELDS,
        Code::Left if dialog.field == 0 => dialog.mode = (dialog.mode + count - 1) % count,
        Code::Right | Code::Char(' ') if dialog.field == 0 => dialog.mode = (dialog.mode + 1) % count,
        Code::Left if dialog.field == FORCE => dialog.field = CANCEL,
        Code::Right if dialog.field == CANCEL => dialog.field = FORCE,
        Code::Enter if dialog.field == CANCEL => return Vec::new(),
        // Enter moves on; only the button forces.
        Code::Enter if dialog.field < CANCEL => {
            dialog.field = if dialog.field == 2 { FORCE } else { dialog.field + 1 }
        }
        Code::Enter => match request(&dialog) {
            Ok(request) => return vec![Effect::Request(request)],
            Err((field, problem)) => (dialog.field, dialog.problem) = (field, Some(problem)),
        },
        _ => {}
    }
    model.overlay = Some(Overlay::Force(dialog));
    Vec::new()
}

/// What is asked for, or the field that is wrong and why.
fn request(dialog: &ForceDialog) -> Result<Request, (usize, &'static str)> {
    let reason = dialog.reason.text().trim().to_owned();
    if reason.is_empty() {
        return Err((1, "A reason is needed: it is kept in the history."));
    }
    let ttl = dialog.ttl.text();
    let ttl = if ttl.trim().is_empty() { "1h" } else { ttl.trim() };
    let ttl_s =
        humantime::parse_duration(ttl).map_err(|_| (2, "The time is written 30m, 1h or 2d."))?.as_secs();
    let chosen = dialog.choices().get(dialog.mode).map_or("", |(word, _)| *word).to_owned();
    Ok(match dialog.breaker.clone() {
        Some(name) => Request::HoldBreaker(ForceBreaker { name, state: chosen, reason, ttl_s }),
        None => Request::ForceMode(ForceMode { mode: chosen, reason, ttl_s }),
    })
}
