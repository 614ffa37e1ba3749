//! What a key, a reply or an event changes: `update(&mut Model, Msg) -> Vec<Effect>`.
//!
//! Invariant: no I/O and no clock in here; the time is [`Model::now_ms`].

mod access;
mod alerts;
mod ask;
mod audit;
mod backups;
mod config;
mod dashboards;
mod deeds;
mod form;
mod govern;
mod incidents;
mod library;
mod lock;
mod logs;
mod mode;
mod observe;
mod overlay;
mod probes;
mod profile;
mod queue;
mod reply;
mod sieve;
mod subjects;
mod traces;

pub(crate) use config::TRIAL_S;
pub(crate) use govern::summary as gate_summary;
pub(crate) use incidents::{left as breach_left, percent};
pub(crate) use overlay::matches as palette_matches;

use crate::api::types::{Event, EventKind};
use crate::tui::action::{Action, spec};
use crate::tui::effect::{Effect, Request};
use crate::tui::key::Key;
use crate::tui::model::{Focus, Model, Overlay, View};
use crate::tui::msg::{Msg, Wire};
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

/// What is done before the first frame.
pub(crate) fn start(model: &mut Model) -> Vec<Effect> {
    let mut effects = vec![Effect::Request(Request::Status), Effect::Request(Request::Collections)];
    listen(model, &mut effects);
    effects
}

pub(crate) fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let late = lock::over(model);
    let mut effects = match msg {
        // A key that comes too late decides nothing.
        Msg::Key(_) if late => Vec::new(),
        Msg::Key(key) => on_key(model, key),
        Msg::Paste(text) => on_paste(model, &text),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            ask::rewrap(model);
            vec![Effect::Redraw]
        }
        Msg::Reply(reply, wire) => {
            count(model, wire);
            model.link.down = false;
            model.link.problem = None;
            reply::came(model, *reply)
        }
        Msg::Refused(request, problem, wire) => {
            // A line that does not stand has no answering time.
            let round_trip_us = if problem.status == 0 { 0 } else { wire.round_trip_us };
            count(model, Wire { round_trip_us, ..wire });
            reply::refused(model, &request, *problem)
        }
        Msg::Events(events, wire) => {
            count(model, wire);
            events.into_iter().flat_map(|e| on_event(model, e)).collect()
        }
        Msg::Down(problem) => {
            model.link.down = true;
            model.link.problem = Some(*problem);
            Vec::new()
        }
        Msg::Up => came_back(model),
    };
    listen(model, &mut effects);
    effects
}

fn count(model: &mut Model, wire: Wire) {
    model.link.count(wire.bytes, model.now_ms);
    if wire.round_trip_us > 0 {
        model.link.round_trip_us = wire.round_trip_us;
    }
}

/// The event stream is open only while something shows it: an idle question line costs nothing.
fn listen(model: &mut Model, effects: &mut Vec<Effect>) {
    let working = model.library.jobs.items.iter().any(|j| !j.state.is_final())
        || model.overview.status.as_ref().is_some_and(|s| s.jobs_running > 0 || s.jobs_queued > 0);
    let watch = working || model.link.down || model.mode().is_some();
    let wanted = !model.quit && (model.view != View::Ask || watch);
    if wanted != model.link.listening {
        model.link.listening = wanted;
        effects.push(Effect::Listen(wanted));
    }
}

fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
    model.notice = None;
    model.touched = true;
    model.last_key_ms = model.now_ms;
    if model.overlay.is_some() {
        return overlay::key(model, key);
    }
    if model.typing() {
        let done = match model.view {
            View::Ask => ask::typing(model, key),
            View::Library => library::typing(model, key),
            View::Logs => logs::typing(model, key),
            View::Config => config::typing(model, key),
            View::Audit => audit::typing(model, key),
            View::Observe => observe::typing(model, key),
            View::Approvals => govern::typing(model, key),
            View::Models | View::UseCases | View::Access | View::Incidents => sieve::typing(model, key),
            _ => None,
        };
        if let Some(effects) = done {
            return effects;
        }
        if key.typed().is_some() {
            return Vec::new();
        }
    }
    match model.keymap.action(model.view, key) {
        Some(action) => act(model, action),
        None => Vec::new(),
    }
}

fn on_paste(model: &mut Model, text: &str) -> Vec<Effect> {
    model.notice = None;
    if model.overlay.is_some() {
        return overlay::paste(model, text);
    }
    if model.view == View::Ask {
        model.ask.focus = Focus::Question;
        model.ask.question.insert(text.trim_end());
    } else if let Some(edit) = line(model) {
        edit.insert(text);
        model.sifted();
    }
    Vec::new()
}

/// The line of the view in which a filter or an expression is being typed.
fn line(model: &mut Model) -> Option<&mut LineEdit> {
    match model.view {
        View::Library => model.library.list_mut().editing.as_mut(),
        View::Logs => model.logs.editing.as_mut(),
        View::Config => model.config.editing.as_mut(),
        View::Audit => model.audit.editing.as_mut(),
        View::Observe => model.observe.editing.as_mut(),
        View::Approvals => model.approvals.editing.as_mut(),
        View::Models | View::UseCases | View::Access | View::Incidents => model.sieve.editing.as_mut(),
        _ => None,
    }
}

/// Does what the table calls `action`, or says why not.
pub(crate) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(spec) = spec(action)
        && let Some(reason) = spec.disabled_reason(model)
    {
        model.tell(Tone::Warn, format!("{}: {reason}.", spec.label));
        return Vec::new();
    }
    deeds::begin(model, action).unwrap_or_else(|| other(model, action))
}

/// Does what needs no form of the table's.
fn other(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => {
            model.quit = true;
            vec![Effect::Quit]
        }
        Action::Suspend => vec![Effect::Suspend],
        Action::Redraw => vec![Effect::Redraw],
        Action::Health => vec![Effect::Request(Request::Health)],
        Action::Profile => vec![Effect::Request(Request::Profile)],
        Action::SaveScreen => vec![logs::export(model)],
        Action::Help => {
            model.overlay = Some(Overlay::Help { top: 0 });
            Vec::new()
        }
        Action::Palette => {
            model.overlay = Some(Overlay::Palette { edit: Default::default(), selected: 0 });
            Vec::new()
        }
        Action::NextView => go(model, step(model.view, 1)),
        Action::PreviousView => go(model, step(model.view, View::ALL.len() - 1)),
        Action::ViewOverview => go(model, View::Overview),
        Action::ViewAsk => go(model, View::Ask),
        Action::ViewLibrary => go(model, View::Library),
        Action::ViewLogs => go(model, View::Logs),
        Action::ViewQueue => go(model, View::Queue),
        Action::ViewBackups => go(model, View::Backups),
        Action::ViewConfig => go(model, View::Config),
        Action::ViewAccess => go(model, View::Access),
        Action::ViewAudit => go(model, View::Audit),
        Action::ViewIncidents => go(model, View::Incidents),
        Action::ViewObserve => go(model, View::Observe),
        Action::ViewApprovals => go(model, View::Approvals),
        Action::ViewModels => go(model, View::Models),
        Action::ViewUseCases => go(model, View::UseCases),
        Action::Unlock | Action::MarkRight | Action::MarkWrong => govern::act(model, action),
        Action::EditQuery | Action::ZoomIn | Action::ZoomOut | Action::Figures => observe::act(model, action),
        Action::Earlier | Action::Later | Action::Newest => observe::act(model, action),
        Action::Probes | Action::TestProbe => probes::act(model, action),
        Action::Alerts | Action::Notices | Action::AcknowledgeAlert => alerts::act(model, action),
        Action::SilenceAlert | Action::EndSilence | Action::NextList => alerts::act(model, action),
        Action::Traces | Action::Troubles | Action::TraceKind => traces::act(model, action),
        Action::Evidence => audit::evidence(model),
        Action::Compliance | Action::ViolationRules => audit::act(model, action),
        Action::Refresh => load(model, true),
        Action::EditQuestion | Action::TakeSuggestion | Action::Collection | Action::Explain => {
            ask::act(model, action)
        }
        Action::ReadBefore | Action::ReadAfter => ask::act(model, action),
        Action::EditSetting | Action::UnsetSetting | Action::ConfigHistory => config::act(model, action),
        Action::Rollback | Action::ConfirmTrial => config::act(model, action),
        Action::NextTab | Action::PreviousTab | Action::Add | Action::Remove => library::act(model, action),
        Action::Select if model.view != View::Library => govern::act(model, action),
        Action::Reindex | Action::CancelJob | Action::Sort | Action::Reverse | Action::Select => {
            library::act(model, action)
        }
        Action::Level | Action::Pause | Action::NextError | Action::PreviousError => logs::act(model, action),
        Action::UseCase => ask::pick(model),
        Action::Mode | Action::ForceMode | Action::AutoMode => mode::act(model, action),
        Action::RetryLetter | Action::EditLetter => queue::act(model, action),
        Action::PauseQueue => queue::act(model, action),
        Action::Breakers | Action::HoldBreaker | Action::ReleaseBreaker => queue::act(model, action),
        Action::AccessTab => access::act(model, action),
        _ => in_view(model, action),
    }
}

/// Actions that every view has in its own way: moving, opening, filtering, copying, back.
fn in_view(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(effects) = sieve::act(model, action) {
        return effects;
    }
    match model.view {
        View::Ask => ask::act(model, action),
        View::Library => library::act(model, action),
        View::Logs => logs::act(model, action),
        View::Queue => queue::act(model, action),
        View::Backups => backups::act(model, action),
        View::Config => config::act(model, action),
        View::Access => access::act(model, action),
        View::Audit => audit::act(model, action),
        View::Observe => observe::in_place(model, action),
        View::Incidents => incidents::act(model, action),
        View::Approvals | View::Models | View::UseCases => govern::act(model, action),
        View::Overview => {
            let top = model.overview.top;
            let height = model.body_height();
            let last = crate::tui::view::overview_height(model).saturating_sub(height) + 1;
            model.overview.top = moved(top, action, last, height);
            Vec::new()
        }
    }
}

fn step(view: View, by: usize) -> View {
    View::ALL.get((view.index() + by) % View::ALL.len()).copied().unwrap_or_default()
}

fn go(model: &mut Model, view: View) -> Vec<Effect> {
    // Whoever unlocked one view did not unlock the next.
    if model.view != view {
        sieve::clear(model);
        model.unlocked = false;
    }
    model.view = view;
    load(model, false)
}

/// Asks for what the view shows and does not have.
fn load(model: &mut Model, again: bool) -> Vec<Effect> {
    match model.view {
        View::Overview => {
            let mut effects = Vec::new();
            if again || model.overview.hardware.is_none() {
                effects.push(Effect::Request(Request::Hardware));
            }
            effects.push(Effect::Request(Request::Status));
            effects.push(Effect::Request(Request::Collections));
            effects.push(Effect::Request(Request::Jobs));
            effects
        }
        View::Ask if again => ask::submit(model),
        View::Ask => Vec::new(),
        View::Library => library::load(model, again),
        View::Logs => logs::load(model, again),
        View::Queue => queue::load(model),
        View::Backups => backups::load(),
        View::Config => config::load(),
        View::Access => access::load(model),
        View::Audit => audit::load(model),
        View::Observe => observe::load_all(model, again),
        View::Incidents => incidents::load(model),
        View::Approvals | View::Models | View::UseCases => govern::load(model),
    }
}

/// A position in `len` things after a move by one, by a page, or to an end.
pub(crate) fn moved(at: usize, action: Action, len: usize, page: usize) -> usize {
    let last = len.saturating_sub(1);
    let page = page.max(2) - 1;
    match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => (at + 1).min(last),
        Action::PageUp => at.saturating_sub(page),
        Action::PageDown => (at + page).min(last),
        Action::Top => 0,
        Action::Bottom => last,
        _ => at.min(last),
    }
}

/// The line stands again: what is shown may be old.
fn came_back(model: &mut Model) -> Vec<Effect> {
    let was_down = std::mem::take(&mut model.link.down);
    model.link.problem = None;
    if !was_down {
        return Vec::new();
    }
    let mut effects = vec![Effect::Request(Request::Status), Effect::Request(Request::Collections)];
    if model.view != View::Ask {
        effects.extend(load(model, true));
    }
    effects
}

fn on_event(model: &mut Model, event: Event) -> Vec<Effect> {
    match event.kind {
        EventKind::Status(status) => {
            model.overview.sample(&status);
            model.overview.status = Some(status);
            let mut effects = backups::tick(model);
            effects.extend(observe::tick(model));
            effects.extend(alerts::tick(model));
            effects.extend(incidents::tick(model));
            effects
        }
        EventKind::Job(job) => {
            library::job(model, job);
            Vec::new()
        }
        EventKind::Index(collection) => {
            library::index(model, collection);
            Vec::new()
        }
        EventKind::Mode(_) => vec![Effect::Request(Request::Status)],
        EventKind::Queue(status) => {
            let before = model.queue.status.replace(status.clone()).map(|before| before.dead_letters);
            let more = before != Some(status.dead_letters) && model.view == View::Queue;
            match &model.queue.breakers {
                Some(_) if model.view == View::Queue => vec![Effect::Request(Request::Breakers)],
                None if more => vec![Effect::Request(Request::DeadLetters)],
                _ => Vec::new(),
            }
        }
        // The queue's own event tells how many there are.
        EventKind::Operation(_) | EventKind::Missed(_) => Vec::new(),
        EventKind::Alert(alert) => {
            alerts::event(model, *alert);
            Vec::new()
        }
        EventKind::Config(event) => config::event(model, &event),
        EventKind::Log(line) => {
            if model.logs.loaded {
                model.logs.push(line);
            }
            Vec::new()
        }
    }
}
