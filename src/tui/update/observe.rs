//! The Observe view: an expression is typed, time is zoomed and moved, panels are opened.

use super::{dashboards, moved};
use crate::api::types::{MetricValue, Problem};
use crate::tui::action::Action;
use crate::tui::effect::{Effect, MetricRequest, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{Model, Overlay, SPANS, Unit, banded};
use crate::tui::theme::Tone;

/// Points of one graph: as many as the widest has columns.
const POINTS: u64 = 72;
/// What is shown is asked for again this often at most.
const AGAIN_MS: u64 = 10_000;

/// Asks for everything that is shown; `again` for which dashboards there are, too.
pub(super) fn load_all(model: &mut Model, again: bool) -> Vec<Effect> {
    let graphs = model.shows_graphs() && model.observe.is_dashboard();
    if graphs && (again || !model.dashboards.loaded) {
        return vec![dashboards::list()];
    }
    load(model)
}

/// Asks for everything that is shown.
pub(super) fn load(model: &mut Model) -> Vec<Effect> {
    if model.probes.shown {
        return super::probes::load(model);
    }
    if model.traces.shown {
        return super::traces::load(model);
    }
    if model.alerts.shown {
        return super::alerts::load(model);
    }
    if model.observe.is_dashboard() && !model.dashboards.loaded {
        return vec![dashboards::list()];
    }
    let observe = &mut model.observe;
    observe.serial += 1;
    observe.asked_ms = model.now_ms;
    let step_s = (observe.span_s() / POINTS).max(1);
    // Steps stand at whole multiples: what was drawn stays where it is.
    let end_s = (model.now_ms.saturating_sub(observe.back_ms) / 1000) / step_s * step_s;
    observe.end_ms = end_s * 1000;
    let (serial, start_s) = (observe.serial, end_s.saturating_sub(observe.span_s()));
    if observe.is_dashboard() {
        return dashboards::load(model, start_s, end_s, step_s);
    }
    let one = |(panel, query): (usize, String)| {
        Effect::Request(Request::Metric(MetricRequest { serial, panel, query, start_s, end_s, step_s }))
    };
    observe.queries().into_iter().enumerate().map(one).collect()
}

/// The box told how it is: graphs that end now go on, and lists are read again.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let mut effects = super::alerts::tick(model);
    effects.extend(super::traces::tick(model));
    effects.extend(super::probes::tick(model));
    effects.extend(graphs_tick(model));
    effects
}

/// What stands in the place of graphs moves, where something does.
pub(super) fn in_place(model: &mut Model, action: Action) -> Vec<Effect> {
    match () {
        () if model.probes.shown => super::probes::act(model, action),
        () if model.traces.shown => super::traces::act(model, action),
        () if model.alerts.shown => super::alerts::act(model, action),
        () => act(model, action),
    }
}

fn graphs_tick(model: &mut Model) -> Vec<Effect> {
    let observe = &model.observe;
    let shown = model.shows_graphs() && observe.back_ms == 0 && observe.editing.is_none();
    let shown = shown && model.dashboards.picking.is_none();
    let every = (observe.span_s() * 1000 / POINTS).max(AGAIN_MS);
    if shown && observe.problem.is_none() && model.now_ms.saturating_sub(observe.asked_ms) >= every {
        return load(model);
    }
    Vec::new()
}

pub(super) fn replied(model: &mut Model, request: &MetricRequest, value: MetricValue) {
    if request.serial == model.observe.serial {
        model.observe.problem = None;
        model.dashboards.answered(request.panel, None);
        model.observe.take(request.panel, value);
        model.observe.selected = model.observe.selected.min(model.graphs().saturating_sub(1));
    }
}

/// What is wrong is shown where it was typed.
pub(super) fn refused(model: &mut Model, request: &MetricRequest, problem: &Problem) {
    if request.serial != model.observe.serial {
        return;
    }
    if model.observe.is_dashboard() {
        return dashboards::refused(model, request.panel, problem);
    }
    let detail = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    let what = detail.strip_prefix("invalid parameter \"query\": ").unwrap_or(detail);
    // LINE:COLUMN: what; an expression that is typed here has one line.
    let column = what.strip_prefix("1:").and_then(|rest| rest.split(':').next()?.parse().ok());
    let what = match column {
        Some(_) => what.splitn(3, ':').nth(2).unwrap_or(what).trim(),
        None => what,
    };
    model.observe.problem = Some((what.to_owned(), column));
}

/// Goes on with the name that is typed, as far as all that it may become agree; tells them where they are several.
pub(super) fn completed(model: &mut Model, start: &str, words: Vec<String>) {
    let observe = &mut model.observe;
    // Something else was typed meanwhile.
    let Some(edit) = observe.editing.as_mut().filter(|edit| edit.name_before() == start) else { return };
    let Some(first) = words.first() else { return };
    let agree = |other: &String| first.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let common = words.iter().map(agree).min().unwrap_or(0);
    edit.insert(first.get(start.len()..common).unwrap_or_default());
    observe.words = if words.len() > 1 { words } else { Vec::new() };
}

/// A key while an expression is typed.
pub(super) fn typing(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let observe = &mut model.observe;
    let edit = observe.editing.as_mut()?;
    observe.words.clear();
    match key.code {
        Code::Tab => {
            let name = edit.name_before();
            let ask = (!name.is_empty()).then_some(Effect::Request(Request::Words(name)));
            return Some(ask.into_iter().collect());
        }
        Code::Enter => {
            let text = edit.text().trim().to_owned();
            if !text.is_empty() {
                edit.remember();
            }
            observe.line = edit.clone();
            observe.editing = None;
            return Some(ask(model, text, None, false));
        }
        Code::Esc => observe.editing = None,
        Code::Up => edit.older(),
        Code::Down => edit.newer(),
        _ if edit.key(key) => {}
        _ => return None,
    }
    Some(Vec::new())
}

fn ask(model: &mut Model, query: String, unit: Option<Unit>, bands: bool) -> Vec<Effect> {
    let observe = &mut model.observe;
    (observe.query, observe.selected, observe.problem) = (query, 0, None);
    (observe.unit, observe.bands) = (unit, bands);
    forget(model);
    load(model)
}

/// Other panels, or another expression, are shown: nothing of what was asked before is theirs, nor what still comes.
pub(super) fn forget(model: &mut Model) {
    model.observe.serial += 1;
    model.observe.answers.clear();
    (model.dashboards.rows, model.dashboards.refused) = (Vec::new(), Vec::new());
}

/// The panel's question, large. Several percentiles stay together.
fn open(model: &mut Model) -> Vec<Effect> {
    let Some(panel) = model.dashboards.panels().get(model.observe.selected) else { return Vec::new() };
    let Some(query) = panel.queries.first().cloned() else {
        model.tell(Tone::Warn, "This panel asks nothing in PromQL.");
        return Vec::new();
    };
    let bands = panel.queries.len() > 1 && panel.queries.iter().all(|query| banded(query).is_some());
    let unit = (!panel.unit.is_empty()).then(|| Unit::of(&panel.unit));
    ask(model, query, unit, bands)
}

/// All labels of the selected series.
fn open_series(model: &mut Model) {
    let observe = &model.observe;
    let labels = observe.series().get(observe.selected).map(|line| line.labels.clone());
    let fields: Vec<_> = labels.into_iter().flatten().collect();
    if fields.is_empty() {
        model.tell(Tone::Warn, "This series has no labels.");
    } else {
        model.overlay = Some(Overlay::Detail { title: "Series".to_owned(), fields, top: 0 });
    }
}

/// Percentiles of a histogram in the place of one, or back.
fn turn_bands(model: &mut Model) -> Vec<Effect> {
    let observe = &model.observe;
    if banded(&observe.query).is_none() {
        let why = "Bands are of histogram_quantile(...), or of a name that ends in _bucket.";
        model.tell(Tone::Warn, why);
        return Vec::new();
    }
    let (query, unit, bands) = (observe.query.clone(), observe.unit, !observe.bands);
    ask(model, query, unit, bands)
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.dashboards.picking.is_some() && action != Action::EditQuery {
        return dashboards::act(model, action);
    }
    let observe = &mut model.observe;
    let quarter_ms = observe.span_s() * 1000 / 4;
    match action {
        Action::EditQuery => {
            (model.alerts.shown, model.traces.shown, model.probes.shown) = (false, false, false);
            model.dashboards.picking = None;
            let mut line = observe.line.clone();
            line.set(&observe.query);
            observe.editing = Some(line);
            Vec::new()
        }
        Action::ZoomIn | Action::ZoomOut => {
            let next =
                if action == Action::ZoomIn { observe.span.checked_sub(1) } else { Some(observe.span + 1) };
            match next.filter(|span| *span < SPANS.len()) {
                Some(span) => observe.span = span,
                None => {
                    model.tell(Tone::Warn, "This is as far as it goes.");
                    return Vec::new();
                }
            }
            load(model)
        }
        Action::Earlier => {
            observe.back_ms = observe.back_ms.saturating_add(quarter_ms);
            load(model)
        }
        Action::Later => {
            observe.back_ms = observe.back_ms.saturating_sub(quarter_ms);
            load(model)
        }
        Action::Newest => {
            observe.back_ms = 0;
            load(model)
        }
        Action::Figures => {
            observe.table = !observe.table;
            // Other panels of a dashboard are in sight now.
            if observe.is_dashboard() { load(model) } else { Vec::new() }
        }
        Action::Bands => turn_bands(model),
        Action::LargeGraph => {
            observe.large = !observe.large;
            Vec::new()
        }
        Action::Open if observe.is_dashboard() => open(model),
        Action::Open => {
            open_series(model);
            Vec::new()
        }
        Action::Copy => {
            let panel = model.dashboards.panels().get(observe.selected).map(|panel| panel.queries.join("\n"));
            let text =
                if observe.is_dashboard() { panel.unwrap_or_default() } else { observe.queries().join("\n") };
            model.tell(Tone::Good, "Copied the expression.");
            vec![Effect::Copy(text)]
        }
        Action::Back if !observe.is_dashboard() => ask(model, String::new(), None, false),
        Action::Back => Vec::new(),
        _ if observe.is_dashboard() => dashboards::act(model, action),
        _ => {
            let (rows, page) = (model.graphs(), 8);
            model.observe.selected = moved(model.observe.selected, action, rows, page);
            Vec::new()
        }
    }
}
