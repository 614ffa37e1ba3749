//! What the box answered, or refused.

use super::{
    access, alerts, ask, audit, backups, config, dashboards, go, govern, incidents, library, load, logs,
    mode, observe, probes, profile, queue, traces,
};
use crate::api::types::{Job, Problem, Status};
use crate::tui::effect::{AccessRequest, Effect, Request};
use crate::tui::model::{Model, Overlay, Tab, View};
use crate::tui::msg::{Ordered, Reply};
use crate::tui::theme::Tone;

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

/// What was decided is done: the lists are read again.
fn ordered(model: &mut Model, done: Ordered) -> Vec<Effect> {
    if !done.told.is_empty() {
        model.tell(Tone::Good, done.told);
    }
    if let Some((title, fields)) = done.shown {
        model.overlay = Some(Overlay::Detail { title: title.to_owned(), fields, top: 0 });
    }
    model.approvals.marked.clear();
    decided(model)
}

/// What may be another one now.
fn decided(model: &mut Model) -> Vec<Effect> {
    match model.view {
        View::Approvals | View::Models | View::UseCases | View::Access | View::Incidents => load(model, true),
        _ => Vec::new(),
    }
}

pub(super) fn came(model: &mut Model, reply: Reply) -> Vec<Effect> {
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
        Reply::Ordered(done) => return ordered(model, done),
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

pub(super) fn refused(model: &mut Model, request: &Request, problem: Problem) -> Vec<Effect> {
    if problem.status == 0 {
        model.link.down = true;
        model.link.problem = Some(problem.clone());
    }
    let denied = problem.status == 403;
    let mut effects = Vec::new();
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
        Request::Order(_) => {
            let waits = problem.approval.is_some();
            let (tone, text) = match waits {
                true => (Tone::Accent, problem.detail.clone()),
                false => (Tone::Bad, sentence(request, &problem)),
            };
            // What does not fit in its line is read above it.
            if tone == Tone::Bad && crate::tui::text::width(&text) > model.body_width() {
                refusal(model, request, &problem);
            }
            model.tell(tone, text);
            effects = decided(model);
        }
        _ if problem.approval.is_some() => model.tell(Tone::Accent, problem.detail),
        _ if request.changes() || problem.status != 0 => model.tell(Tone::Bad, sentence(request, &problem)),
        _ => {}
    }
    // What is missing is shown from now on, beside the keys.
    if denied && !matches!(request, Request::Access(AccessRequest::WhoAmI)) {
        effects.push(access::who());
    }
    effects
}

fn why(problem: &Problem) -> &str {
    if problem.detail.is_empty() { &problem.title } else { &problem.detail }
}

fn sentence(request: &Request, problem: &Problem) -> String {
    let (why, advice) = (why(problem), problem.advice.as_deref().unwrap_or(""));
    let between = if advice.is_empty() || why.ends_with('.') { "" } else { ";" };
    format!("Could not {}: {why}{between} {advice}", request.purpose()).trim_end().to_owned()
}

/// A refusal with all its words.
fn refusal(model: &mut Model, request: &Request, problem: &Problem) {
    let said = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let mut fields = vec![said("why", why(problem))];
    fields.extend(problem.advice.as_deref().map(|advice| said("do", advice)));
    model.overlay =
        Some(Overlay::Detail { title: format!("Could not {}", request.purpose()), fields, top: 0 });
}
