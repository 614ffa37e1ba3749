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
mod form;
mod govern;
mod incidents;
mod library;
mod logs;
mod mode;
mod observe;
mod overlay;
mod probes;
mod profile;
mod queue;
mod traces;

pub(crate) use config::TRIAL_S;
pub(crate) use govern::summary as gate_summary;
pub(crate) use incidents::{left as breach_left, percent};
pub(crate) use overlay::matches as palette_matches;

use crate::api::types::{Event, EventKind, Job, Problem, Status};
use crate::tui::action::{Action, spec};
use crate::tui::effect::{AccessRequest, Effect, Request};
use crate::tui::key::Key;
use crate::tui::model::{Focus, Model, Overlay, Tab, View};
use crate::tui::msg::{Msg, Reply, Wire};
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

/// What is done before the first frame.
pub(crate) fn start(model: &mut Model) -> Vec<Effect> {
    let mut effects = vec![Effect::Request(Request::Status), Effect::Request(Request::Collections)];
    listen(model, &mut effects);
    effects
}

/// Without a key for so long, a view is read-only again.
const UNLOCKED_MS: u64 = 5 * 60_000;

/// True where nobody was there for long: what was unlocked is locked, and what was being decided is put away.
fn relocked(model: &mut Model) -> bool {
    let over = model.unlocked && model.now_ms.saturating_sub(model.last_key_ms) >= UNLOCKED_MS;
    if over {
        (model.unlocked, model.overlay) = (false, None);
        model.tell(Tone::Warn, "Read-only again: no key was pressed for five minutes.");
    }
    over
}

pub(crate) fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let late = relocked(model);
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
            on_reply(model, *reply)
        }
        Msg::Refused(request, problem, wire) => {
            // A line that does not stand has no answering time.
            let round_trip_us = if problem.status == 0 { 0 } else { wire.round_trip_us };
            count(model, Wire { round_trip_us, ..wire });
            refused(model, &request, *problem)
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
        Action::BreakGlass => govern::break_glass(model),
        Action::Unlock | Action::MarkRight | Action::MarkWrong => govern::act(model, action),
        Action::EditQuery | Action::ZoomIn | Action::ZoomOut | Action::Figures => observe::act(model, action),
        Action::Earlier | Action::Later | Action::Newest => observe::act(model, action),
        Action::Probes | Action::TestProbe => probes::act(model, action),
        Action::Alerts | Action::Notices | Action::AcknowledgeAlert => alerts::act(model, action),
        Action::SilenceAlert | Action::EndSilence | Action::NextList => alerts::act(model, action),
        Action::Traces | Action::Troubles | Action::TraceKind => traces::act(model, action),
        Action::Evidence => audit::evidence(model),
        Action::Refresh => load(model, true),
        Action::EditQuestion | Action::TakeSuggestion | Action::Collection | Action::Explain => {
            ask::act(model, action)
        }
        Action::ReadBefore | Action::ReadAfter => ask::act(model, action),
        Action::EditSetting | Action::UnsetSetting | Action::ConfigHistory => config::act(model, action),
        Action::Rollback | Action::ConfirmTrial => config::act(model, action),
        Action::NextTab | Action::PreviousTab | Action::Add | Action::Remove => library::act(model, action),
        Action::Reindex | Action::CancelJob | Action::Sort | Action::Reverse | Action::Select => {
            library::act(model, action)
        }
        Action::Level | Action::Pause | Action::NextError | Action::PreviousError => logs::act(model, action),
        Action::Mode | Action::ForceMode | Action::AutoMode => mode::act(model, action),
        Action::RetryLetter | Action::EditLetter | Action::PurgeLetter => queue::act(model, action),
        Action::PurgeLetters | Action::PauseQueue => queue::act(model, action),
        Action::Breakers | Action::HoldBreaker | Action::ReleaseBreaker => queue::act(model, action),
        Action::AccessTab | Action::GrantRole => access::act(model, action),
        _ => in_view(model, action),
    }
}

/// Actions that every view has in its own way: moving, opening, filtering, copying, back.
fn in_view(model: &mut Model, action: Action) -> Vec<Effect> {
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
    model.unlocked &= model.view == view;
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

/// Something was accepted as a job, or is done.
fn done(model: &mut Model, text: String, job: Option<Box<Job>>) -> Vec<Effect> {
    model.tell(Tone::Good, text);
    if let Some(job) = job {
        library::job(model, *job);
    }
    let mut effects = vec![Effect::Request(Request::Collections), Effect::Request(Request::Jobs)];
    if model.view == View::Library && model.library.tab == Tab::Documents {
        effects.extend(library::load_documents(model));
    }
    effects
}

fn on_reply(model: &mut Model, reply: Reply) -> Vec<Effect> {
    let now = model.now_ms;
    match reply {
        Reply::Answer(serial, response) => {
            ask::answered(model, serial, response);
            // The question line does not listen: an answer is when a changed mode is noticed.
            if !model.link.listening {
                return vec![Effect::Request(Request::Status)];
            }
        }
        Reply::Passages(serial, way, passages) => ask::read_on(model, serial, way, passages),
        Reply::Status(status) => return stated(model, status),
        Reply::Health(report) => mode::looked(model, &report),
        Reply::Profile(profile) => profile::shown(model, &profile),
        Reply::Hardware(hardware) => model.overview.hardware = Some(hardware),
        Reply::Collections(items) => {
            model.library.collections.items = items;
            model.library.collections.loaded = true;
            model.library.arrange(Tab::Collections, now);
            ask::check_collection(model);
        }
        Reply::Documents(serial, append, page) => return library::documents(model, serial, append, page),
        Reply::Jobs(items) => {
            model.library.jobs.items = items;
            model.library.jobs.loaded = true;
            model.library.arrange(Tab::Jobs, now);
        }
        Reply::Failures(items) => {
            model.library.failures.items = items;
            model.library.failures.loaded = true;
            model.library.arrange(Tab::Failures, now);
        }
        Reply::Logs(query, page) => return logs::found(model, &query, page),
        Reply::Mode(report) => mode::explained(model, &report),
        Reply::Done(text, job) => return done(model, text, job),
        Reply::ModeSet(text) => {
            model.tell(Tone::Good, text);
            return vec![Effect::Request(Request::Status)];
        }
        Reply::Queue(status) => model.queue.status = Some(status),
        Reply::Breakers(items) => queue::breakers(model, items),
        Reply::DeadLetters(items) => {
            model.queue.selected = model.queue.selected.min(items.len().saturating_sub(1));
            (model.queue.dead, model.queue.loaded) = (items, true);
        }
        Reply::Backup(reply) => return backups::replied(model, reply),
        Reply::Access(reply) => return access::replied(model, reply),
        Reply::Audit(answer) => return audit::answered(model, answer),
        Reply::Govern(answer) => return govern::answered(model, answer),
        Reply::Incident(answer) => return incidents::answered(model, answer),
        Reply::Alert(answer) => return alerts::answered(model, answer),
        Reply::Dashboard(answer) => return dashboards::answered(model, answer),
        Reply::Probe(answer) => return probes::answered(model, answer),
        Reply::Trace(answer) => traces::answered(model, answer),
        Reply::Operation(detail, false) => queue::shown(model, &detail),
        Reply::Operation(detail, true) => queue::edit(model, &detail),
        Reply::Words(start, words) => observe::completed(model, &start, words),
        Reply::Metric(request, value) => observe::replied(model, &request, value),
        Reply::Config(answer) => return config::answered(model, answer),
        Reply::QueueSet(text) => {
            model.tell(Tone::Good, text);
            return queue::load(model);
        }
    }
    Vec::new()
}

/// A box that is busy or hurt is shown first, unless someone is typing already.
fn stated(model: &mut Model, status: Box<Status>) -> Vec<Effect> {
    let busy = status.jobs_running > 0 || !status.damaged.is_empty();
    let first = model.overview.status.replace(status).is_none();
    let shown = first && busy && !model.touched && model.view == View::Ask;
    if shown { go(model, View::Overview) } else { Vec::new() }
}

fn refused(model: &mut Model, request: &Request, problem: Problem) -> Vec<Effect> {
    if problem.status == 0 {
        model.link.down = true;
        model.link.problem = Some(problem.clone());
    }
    let denied = problem.status == 403;
    model.denied = problem.permission.clone().or(model.denied.take());
    match request {
        Request::Ask(serial, _) => {
            let degraded = problem.status == 503;
            ask::failed(model, *serial, problem);
            if degraded {
                return vec![Effect::Request(Request::Status)];
            }
        }
        Request::Passages { serial, way, .. } => ask::unread(model, *serial, *way, &problem),
        Request::Metric(request) if problem.status != 0 => observe::refused(model, request, &problem),
        Request::Documents { .. } => {
            model.library.loading = false;
            model.tell(Tone::Bad, sentence(request, &problem));
        }
        Request::Audit(_) => {
            audit::refused(model);
            model.tell(Tone::Bad, sentence(request, &problem));
        }
        _ if problem.approval.is_some() => model.tell(Tone::Accent, problem.detail),
        _ if request.changes() || problem.status != 0 => model.tell(Tone::Bad, sentence(request, &problem)),
        _ => {}
    }
    // What is missing is shown from now on, beside the keys.
    if denied && !matches!(request, Request::Access(AccessRequest::WhoAmI)) {
        return vec![access::who()];
    }
    Vec::new()
}

fn sentence(request: &Request, problem: &Problem) -> String {
    let why = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    let advice = problem.advice.as_deref().unwrap_or("");
    format!("Could not {}: {why} {advice}", request.purpose()).trim_end().to_owned()
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
