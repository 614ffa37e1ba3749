//! Dashboards: one is picked, its panels are filled, changed, moved, added and taken away, and it is saved.

use super::{moved, observe};
use crate::api::types::Problem;
use crate::api::types::dashboard::{Dashboard, DashboardPanel, WriteDashboard};
use crate::tui::action::Action;
use crate::tui::effect::{DashboardRequest, Effect, MetricRequest, Request, RowsRequest};
use crate::tui::model::{Confirm, Form, FormOf, FormRow, Model, Overlay, PARTS, has_room, spots};
use crate::tui::msg::DashboardAnswer;
use crate::tui::theme::Tone;
use crate::tui::view::grid;

const KINDS: &[&str] = &["graph", "stat", "gauge", "table", "heatmap", "log", "alert"];
const UNITS: &[&str] = &["", "seconds", "bytes", "ratio", "celsius"];
const QUERIES: [&str; 6] = ["Query", "Query 2", "Query 3", "Query 4", "Query 5", "Query 6"];
/// What stands between matchers in one line of a form.
const BETWEEN: &str = " ; ";
const PANELS_MOST: usize = 24;

type Wrong = (usize, &'static str);

fn ask(request: DashboardRequest) -> Effect {
    Effect::Request(Request::Dashboard(request))
}

pub(super) fn list() -> Effect {
    ask(DashboardRequest::List)
}

/// Asks for what the panels in sight show, from `start_s` to `end_s`.
pub(super) fn load(model: &mut Model, start_s: u64, end_s: u64, step_s: u64) -> Vec<Effect> {
    let serial = model.observe.serial;
    let (panels, selected) = (model.dashboards.panels(), model.observe.selected);
    let area = grid(model);
    let seen: Vec<usize> = match has_room(area, &model.observe) {
        true => spots(panels, area, selected).iter().map(|spot| spot.panel).collect(),
        false => (0..panels.len()).collect(),
    };
    let mut effects = Vec::new();
    for at in seen {
        let Some(panel) = panels.get(at) else { continue };
        for (part, query) in panel.queries.iter().enumerate().take(PARTS) {
            let query = query.clone();
            let request = MetricRequest { serial, panel: at * PARTS + part, query, start_s, end_s, step_s };
            effects.push(Effect::Request(Request::Metric(request)));
        }
        effects.extend(rows(panel, serial, at));
    }
    effects
}

/// What a panel shows that asks no metrics.
fn rows(panel: &DashboardPanel, serial: u64, at: usize) -> Option<Effect> {
    let log = panel.kind == "log";
    if !log && panel.kind != "alert" {
        return None;
    }
    let (level, contains) = panel.log_filter();
    let most = usize::try_from(panel.height).unwrap_or(20).clamp(1, 20);
    let matchers = panel.matchers.clone();
    Some(ask(DashboardRequest::Rows(RowsRequest { serial, panel: at, log, level, contains, matchers, most })))
}

pub(super) fn answered(model: &mut Model, answer: DashboardAnswer) -> Vec<Effect> {
    match answer {
        DashboardAnswer::List(list) => {
            let before = model.dashboards.shown().cloned();
            model.dashboards.take(list);
            if model.dashboards.shown() != before.as_ref() {
                observe::forget(model);
            }
            if let Some(problem) = model.dashboards.problems.first() {
                let problem = problem.clone();
                model.tell(Tone::Bad, problem);
            }
            if model.observe.is_dashboard() { observe::load(model) } else { Vec::new() }
        }
        DashboardAnswer::Saved(one) => {
            model.tell(Tone::Good, format!("Saved in {}.", one.file));
            model.dashboards.saved(*one);
            observe::load(model)
        }
        DashboardAnswer::Removed(one) => {
            model.tell(Tone::Good, format!("Removed {}.", one.file));
            vec![list()]
        }
        DashboardAnswer::Rows(request, rows) => {
            if request.serial == model.observe.serial {
                model.dashboards.put_rows(request.panel, rows);
            }
            Vec::new()
        }
    }
}

/// A panel's question was refused: the panel says why.
pub(super) fn refused(model: &mut Model, slot: usize, problem: &Problem) {
    let why = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    model.dashboards.answered(slot, Some(vec![(Tone::Bad, why.clone())]));
}

/// What keys do while panels, or the list of dashboards, are shown.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(at) = model.dashboards.picking {
        return pick(model, at, action);
    }
    let at = model.observe.selected;
    match action {
        Action::Dashboards => {
            model.dashboards.picking = Some(model.dashboards.at);
            return vec![list()];
        }
        Action::EditPanel => {
            if let Some(panel) = model.dashboards.panels().get(at) {
                let rows = fields(panel);
                model.overlay = Some(Overlay::Form(Form::new(FormOf::Panel(at, false), rows)));
            }
        }
        Action::AddPanel if model.dashboards.panels().len() >= PANELS_MOST => {
            model.tell(Tone::Warn, format!("A dashboard has at most {PANELS_MOST} panels."));
        }
        Action::AddPanel => {
            let new = DashboardPanel { width: 6, height: 5, ..DashboardPanel::default() };
            let after = if model.dashboards.panels().is_empty() { 0 } else { at + 1 };
            model.overlay = Some(Overlay::Form(Form::new(FormOf::Panel(after, true), fields(&new))));
        }
        Action::RemovePanel => return changed(model, at, |panels| drop(panels.remove(at))),
        Action::PanelEarlier if at > 0 => return changed(model, at - 1, |panels| panels.swap(at - 1, at)),
        Action::PanelLater if at + 1 < model.dashboards.panels().len() => {
            return changed(model, at + 1, |panels| panels.swap(at, at + 1));
        }
        Action::PanelEarlier | Action::PanelLater => model.tell(Tone::Warn, "This is as far as it goes."),
        Action::UndoDashboard => {
            model.dashboards.changed = false;
            observe::forget(model);
            return vec![list()];
        }
        Action::SaveDashboard => {
            if let Some(one) = model.dashboards.shown() {
                let rows = vec![
                    FormRow::text("Name", "a-z, 0-9, - and _", &one.name),
                    FormRow::text("Title", "what it shows", &one.title),
                ];
                model.overlay = Some(Overlay::Form(Form::new(FormOf::Dashboard, rows)));
            }
        }
        _ => return select(model, action),
    }
    Vec::new()
}

/// The panel before or after; those of another page are asked for.
fn select(model: &mut Model, action: Action) -> Vec<Effect> {
    let (len, before) = (model.dashboards.panels().len(), model.observe.selected);
    let page = 8;
    model.observe.selected = moved(before, action, len, page);
    let area = grid(model);
    let seen = |at: usize| spots(model.dashboards.panels(), area, at).first().map(|spot| spot.panel);
    if has_room(area, &model.observe) && seen(before) != seen(model.observe.selected) {
        return observe::load(model);
    }
    Vec::new()
}

fn pick(model: &mut Model, at: usize, action: Action) -> Vec<Effect> {
    match action {
        Action::Open => {
            if at != model.dashboards.at {
                (model.dashboards.at, model.observe.selected) = (at, 0);
                observe::forget(model);
                // What was changed and not saved is not carried to another one.
                let dropped = std::mem::take(&mut model.dashboards.changed);
                if dropped {
                    model.tell(Tone::Warn, "What was changed was not saved, and is gone.");
                }
            }
            model.dashboards.picking = None;
            return vec![list()];
        }
        Action::Back | Action::Dashboards => {
            model.dashboards.picking = None;
            return observe::load(model);
        }
        Action::RemovePanel => {
            let Some(one) = model.dashboards.items.get(at).cloned() else { return Vec::new() };
            let body = match one.file.as_str() {
                "built in" => vec!["It comes with spud: only what was saved in its place can go.".to_owned()],
                file => vec![format!("{file} goes; what comes with spud is there again.")],
            };
            let title = format!("Remove the dashboard {}", one.name);
            let requests = vec![Request::Dashboard(DashboardRequest::Remove(one.name))];
            let confirm = Confirm { title, body, verb: "Remove", requests, yes: false };
            model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
        }
        _ => {
            let (len, page) = (model.dashboards.items.len(), model.body_height());
            model.dashboards.picking = Some(moved(at, action, len, page));
        }
    }
    Vec::new()
}

/// Changes the panels, selects one, and fills them anew.
fn changed(model: &mut Model, selected: usize, change: impl FnOnce(&mut Vec<DashboardPanel>)) -> Vec<Effect> {
    let Some(panels) = model.dashboards.panels_mut() else { return Vec::new() };
    change(panels);
    model.observe.selected = selected.min(panels.len().saturating_sub(1));
    model.dashboards.changed = true;
    observe::forget(model);
    observe::load(model)
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// The rows of a panel's form: one query more than there are.
fn fields(panel: &DashboardPanel) -> Vec<FormRow> {
    let thresholds: Vec<String> = panel.thresholds.iter().map(f64::to_string).collect();
    let mut rows = vec![
        FormRow::text("Title", "what it shows", &panel.title),
        FormRow::choice("Kind", KINDS, &panel.kind),
    ];
    let queries = panel.queries.iter().map(String::as_str).chain([""]);
    rows.extend(QUERIES.into_iter().zip(queries).map(|(label, query)| FormRow::text(label, "PromQL", query)));
    let filter = if panel.kind == "alert" { panel.matchers.join(BETWEEN) } else { panel.filter.clone() };
    rows.extend([
        FormRow::choice("Unit", UNITS, &panel.unit),
        FormRow::text("Min", "as the values are", &number(panel.min)),
        FormRow::text("Max", "as the values are", &number(panel.max)),
        FormRow::text("Thresholds", "warn, bad: 0.7, 0.9", &thresholds.join(", ")),
        FormRow::text("Width", "of 12 columns", &panel.width.to_string()),
        FormRow::text("Height", "rows", &panel.height.to_string()),
        FormRow::text("Filter", "log: level:warn text; alert: severity=critical", &filter),
    ]);
    rows
}

/// The row of this label, for what is wrong with it.
fn place(form: &Form, wanted: &str) -> usize {
    let is = |row: &FormRow| match row {
        FormRow::Text { label, .. } | FormRow::Choice { label, .. } => *label == wanted,
    };
    form.rows.iter().position(is).unwrap_or(0)
}

fn number_of(form: &Form, label: &'static str) -> Result<Option<f64>, Wrong> {
    let text = form.named(label);
    let read = text.parse::<f64>().ok().filter(|value| value.is_finite());
    if text.is_empty() || read.is_some() { Ok(read) } else { Err((place(form, label), "It is no number.")) }
}

fn size(form: &Form, label: &'static str, least: u64, most: u64) -> Result<u64, Wrong> {
    let read = form.named(label).parse().ok().filter(|size| (least..=most).contains(size));
    let wrong = if most == 12 { "A width is 2 to 12 columns." } else { "A height is 2 to 20 rows." };
    read.ok_or((place(form, label), wrong))
}

/// What the form says, as far as it is sound; whether a query is, the box says.
fn panel_of(form: &Form) -> Result<DashboardPanel, Wrong> {
    let kind = form.named("Kind");
    let asks = !matches!(kind.as_str(), "log" | "alert");
    let title = form.named("Title");
    if title.is_empty() {
        return Err((0, "A title is needed."));
    }
    let queries = QUERIES.into_iter().map(|label| form.named(label)).filter(|query| !query.is_empty());
    let mut queries: Vec<String> = if asks { queries.collect() } else { Vec::new() };
    if asks && queries.is_empty() {
        return Err((place(form, "Query"), "A query is needed: it is PromQL."));
    }
    if !matches!(kind.as_str(), "graph" | "table") {
        queries.truncate(1);
    }
    let mut panel = DashboardPanel {
        title,
        queries,
        width: size(form, "Width", 2, 12)?,
        height: size(form, "Height", 2, 20)?,
        ..DashboardPanel::default()
    };
    let filter = form.named("Filter");
    match kind.as_str() {
        "log" => panel.filter = filter,
        "alert" => {
            let all = filter.split(BETWEEN.trim()).map(|one| one.trim().to_owned());
            panel.matchers = all.filter(|one| !one.is_empty()).collect();
        }
        _ => {
            panel.unit = form.named("Unit");
            (panel.min, panel.max) = (number_of(form, "Min")?, number_of(form, "Max")?);
            let wrong = (place(form, "Thresholds"), "One or two numbers, such as 0.7, 0.9.");
            let thresholds = form.named("Thresholds");
            let words = thresholds.split([',', ' ']).filter(|word| !word.is_empty());
            let read: Result<Vec<f64>, _> = words.map(str::parse).collect();
            panel.thresholds = read.map_err(|_| wrong)?;
            if panel.thresholds.len() > 2 {
                return Err(wrong);
            }
        }
    }
    Ok(DashboardPanel { kind, ..panel })
}

/// The form of a panel was filled in.
pub(super) fn filled(model: &mut Model, form: &Form, at: usize, new: bool) -> Result<Vec<Effect>, Wrong> {
    let panel = panel_of(form)?;
    Ok(changed(model, at, |panels| match panels.get_mut(at) {
        Some(known) if !new => *known = panel,
        _ => panels.insert(at.min(panels.len()), panel),
    }))
}

/// The dashboard was given its name: it is saved.
pub(super) fn named(model: &mut Model, form: &Form) -> Result<Vec<Effect>, Wrong> {
    let (name, title) = (form.value(0), form.value(1));
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(fine) {
        return Err((0, "A name has a-z, 0-9, - and _."));
    }
    if title.is_empty() {
        return Err((1, "A title is needed."));
    }
    let Some(shown) = model.dashboards.shown() else { return Ok(Vec::new()) };
    if name != shown.name && model.dashboards.items.iter().any(|one| one.name == name) {
        return Err((0, "There is another one of that name."));
    }
    let etag = (name == shown.name).then(|| shown.etag.clone()).filter(|etag| !etag.is_empty());
    let text = Dashboard { title, ..shown.clone() }.to_toml();
    Ok(vec![ask(DashboardRequest::Save(name, WriteDashboard { text, etag }))])
}
