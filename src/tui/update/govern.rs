//! Approvals and models: looked at freely, decided only when unlocked, with a reason, by the button.

mod use_case;

use super::moved;
use super::subjects::named;
use crate::api::types::approval::{Approval, ApprovalEvent, Gate};
use crate::api::types::registry::{JudgedQuestion, Judgement, ModelComparison, ModelMove, ModelVersion};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, GovernRequest, Order, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{Model, Overlay, View};
use crate::tui::msg::GovernAnswer;
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

/// Letters of a SHA-256 that tell models apart for people.
const SHORT: usize = 12;

fn ask(request: GovernRequest) -> Effect {
    Effect::Request(Request::Govern(request))
}

pub(super) fn use_cases() -> Effect {
    ask(GovernRequest::UseCases)
}

pub(super) fn load(model: &Model) -> Vec<Effect> {
    match model.view {
        View::Models => {
            let judged = model.models.judged.as_ref().map(|_| ask(GovernRequest::Judged));
            [super::access::who(), ask(GovernRequest::Models)].into_iter().chain(judged).collect()
        }
        View::UseCases => vec![super::access::who(), ask(GovernRequest::UseCases)],
        _ => vec![super::access::who(), list(model)],
    }
}

fn list(model: &Model) -> Effect {
    let (state, kind) = (model.approvals.field("state"), model.approvals.field("kind"));
    ask(GovernRequest::Approvals(state, kind))
}

/// A key while the filter is typed.
pub(super) fn typing(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let edit = model.approvals.editing.as_mut()?;
    match key.code {
        Code::Enter | Code::Down => {
            model.approvals.filter = edit.text().trim().to_owned();
            model.approvals.editing = None;
            model.approvals.selected = 0;
            return Some(vec![list(model)]);
        }
        Code::Esc => model.approvals.editing = None,
        _ if edit.key(key) => {}
        _ => return None,
    }
    Some(Vec::new())
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Unlock => {
            model.unlocked = !model.unlocked;
            let text = if model.unlocked { "Decisions are possible now." } else { "Read-only again." };
            model.tell(Tone::Accent, text);
            Vec::new()
        }
        Action::MarkRight | Action::MarkWrong => judge(model, action == Action::MarkRight),
        _ if model.view == View::Models => of_model(model, action),
        _ if model.view == View::UseCases => use_case::act(model, action),
        _ => of_approval(model, action),
    }
}

fn of_approval(model: &mut Model, action: Action) -> Vec<Effect> {
    let one = model.approvals.approval().cloned();
    match (action, one) {
        (Action::Filter, _) => {
            model.approvals.editing = Some(LineEdit::with(&model.approvals.filter));
            Vec::new()
        }
        (Action::Back, _) if !model.approvals.filter.is_empty() => {
            model.approvals.filter.clear();
            vec![list(model)]
        }
        (Action::Open, Some(one)) => vec![ask(GovernRequest::Approval(one.id))],
        (Action::Copy, Some(one)) => vec![Effect::Copy(one.digest)],
        (Action::Select, Some(one)) => {
            if !model.approvals.marked.remove(&one.id) {
                model.approvals.marked.insert(one.id);
            }
            Vec::new()
        }
        (action, _) => {
            let (len, page) = (model.approvals.shown().len(), model.body_height());
            model.approvals.selected = moved(model.approvals.selected, action, len, page);
            Vec::new()
        }
    }
}

pub(super) fn short(sha256: &str) -> String {
    sha256.chars().take(SHORT).collect()
}

fn of_model(model: &mut Model, action: Action) -> Vec<Effect> {
    let one = model.models.version().cloned();
    match (action, one) {
        (Action::Judged, _) => {
            let shown = model.models.judged.take().is_some();
            (model.models.judged, model.models.selected) = ((!shown).then(Vec::new), 0);
            load(model)
        }
        (Action::Back, _) if model.models.judged.is_some() => of_model(model, Action::Judged),
        (Action::Open, None) => {
            let Some(one) = model.models.question() else { return Vec::new() };
            let fields = question(one);
            model.overlay = Some(Overlay::Detail { title: "Judged question".to_owned(), fields, top: 0 });
            Vec::new()
        }
        (Action::Select, Some(one)) => {
            let again = model.models.marked.as_ref() == Some(&one.sha256);
            model.models.marked = (!again).then_some(one.sha256);
            Vec::new()
        }
        (Action::CompareModels, Some(one)) => match model.models.marked.clone() {
            Some(marked) => vec![ask(GovernRequest::Compare(marked, one.sha256))],
            None => Vec::new(),
        },
        (Action::Open, Some(one)) => vec![ask(GovernRequest::ModelHistory(one.sha256))],
        (Action::Copy, Some(one)) => vec![Effect::Copy(one.sha256)],
        (action, _) => {
            let (len, page) = (model.models.rows().len(), model.body_height());
            model.models.selected = moved(model.models.selected, action, len, page);
            Vec::new()
        }
    }
}

/// How many of the gates that this box has passed, or which failed.
pub(crate) fn summary(gates: &[Gate]) -> String {
    if gates.is_empty() {
        return "not measured".to_owned();
    }
    let count = |state: &str| gates.iter().filter(|gate| gate.state == state).count();
    let failed: Vec<&str> =
        gates.iter().filter(|gate| gate.state == "failed").map(|gate| gate.name.as_str()).collect();
    match failed.as_slice() {
        [] => format!("{} of {} passed", count("passed"), gates.len() - count("not configured")),
        failed => format!("failed: {}", failed.join(", ")),
    }
}

/// Says that the selected result answers the question, or does not.
fn judge(model: &mut Model, right: bool) -> Vec<Effect> {
    let question = model.ask.response().map(|response| response.search.query.clone());
    let (Some(hit), Some(question)) = (model.ask.hit(), question) else { return Vec::new() };
    let item = Judgement {
        collection: hit.collection.clone(),
        question,
        file: hit.path.clone(),
        heading: hit.heading.last().unwrap_or(&hit.title).clone(),
        text: hit.text.clone(),
        relevance: u32::from(right),
    };
    let Ok(item) = serde_json::to_value(&item) else { return Vec::new() };
    let order = Order {
        method: "POST",
        path: "/v1/judgements".to_owned(),
        fields: vec![("items", vec![item].into())],
        purpose: "keep the judgement",
        done: if right {
            "Kept as right: it measures models from now on."
        } else {
            "Kept as wrong: it measures models from now on."
        },
        ..Order::default()
    };
    vec![super::form::send(vec![order])]
}

pub(super) fn answered(model: &mut Model, answer: GovernAnswer) -> Vec<Effect> {
    match answer {
        GovernAnswer::Approvals(items) => {
            model.approvals.items = items;
            model.approvals.loaded = true;
            let len = model.approvals.shown().len();
            model.approvals.selected = model.approvals.selected.min(len.saturating_sub(1));
        }
        GovernAnswer::Approval(one) => opened(model, &one),
        GovernAnswer::Models(registry) => {
            model.models.registry = Some(registry);
            model.models.selected = model.models.selected.min(model.models.rows().len().saturating_sub(1));
        }
        GovernAnswer::UseCases(items) => {
            let list = &mut model.use_cases;
            (list.items, list.loaded) = (items, true);
            list.selected = list.selected.min(list.rows().len().saturating_sub(1));
            super::ask::pickable(model);
        }
        GovernAnswer::History(sha256, moves) => timeline(model, &sha256, &moves),
        GovernAnswer::Judged(items) => {
            model.models.judged = Some(items);
            model.models.selected = model.models.selected.min(model.models.rows().len().saturating_sub(1));
        }
        GovernAnswer::Compared(found) => compared(model, &found),
    }
    Vec::new()
}

fn opened(model: &mut Model, one: &Approval) {
    let mut fields = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value));
        }
    };
    add("request", format!("{} ({})", one.id, one.state));
    add("what", one.title.clone());
    add("digest", one.digest.clone());
    add("impact", one.impact.clone());
    add("by", named(&one.by, one.login.as_ref()));
    add("reason", one.reason.clone());
    add("votes", format!("{} of {}, of the role {}", one.votes, one.votes_needed, one.roles.join(" or ")));
    add("until", format!("{} UTC", format_time(one.expires_ms)));
    for (at, line) in one.diff.lines().enumerate() {
        add(if at == 0 { "changes" } else { " " }, line.to_owned());
    }
    gates(&one.gates, &mut add);
    for event in &one.history {
        add(&format_time(event.at_ms), event_words(event));
    }
    // What is decided next is what was just seen.
    if let Some(known) = model.approvals.items.iter_mut().find(|known| known.id == one.id) {
        *known = one.clone();
    }
    model.overlay = Some(Overlay::Detail { title: "Request".to_owned(), fields, top: 0 });
}

fn event_words(event: &ApprovalEvent) -> String {
    let whom = event.whom.as_ref().map_or_else(String::new, |whom| match event.act.as_str() {
        "delegated" => format!(" to {whom}"),
        _ => format!(" for {whom}"),
    });
    let signed = event.signed.as_ref().map_or_else(String::new, |mark| format!(", signed {mark}"));
    let text = if event.text.is_empty() { String::new() } else { format!(": {}", event.text) };
    format!("{} {}{whom}{signed}{text}", named(&event.by, event.login.as_ref()), event.act)
}

fn gates(all: &[Gate], add: &mut impl FnMut(&str, String)) {
    for gate in all {
        add(&gate.name, format!("{}: {}", gate.state, gate.what));
    }
}

fn question(one: &JudgedQuestion) -> Vec<(String, String)> {
    let mut fields = vec![
        ("question".to_owned(), one.question.clone()),
        ("in".to_owned(), one.collection.clone()),
        (
            "by".to_owned(),
            format!("{} at {} UTC", named(&one.by, one.login.as_ref()), format_time(one.at_ms)),
        ),
    ];
    for target in &one.targets {
        let word = if target.relevance > 0 { "right" } else { "wrong" };
        fields.push((word.to_owned(), format!("{}: {}", target.file, target.heading)));
    }
    fields
}

/// Two models side by side: what differs comes with both values.
fn compared(model: &mut Model, found: &ModelComparison) {
    let mut fields = Vec::new();
    for one in &found.fields {
        if one.differs {
            fields.push((one.name.clone(), one.a.clone()));
            fields.push((String::new(), one.b.clone()));
        } else {
            fields.push((one.name.clone(), format!("{} (both)", one.a)));
        }
    }
    let title = format!("{} and {}", found.a, found.b);
    model.overlay = Some(Overlay::Detail { title, fields, top: 0 });
}

fn timeline(model: &mut Model, sha256: &str, moves: &[ModelMove]) {
    let items = model.models.registry.as_ref().map(|registry| registry.items.as_slice()).unwrap_or_default();
    let Some(one) = items.iter().find(|one| one.sha256 == sha256) else { return };
    let ModelVersion { name, licence, source, stage, review, .. } = one;
    let mut fields = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value));
        }
    };
    add("name", name.clone());
    add("sha256", sha256.to_owned());
    add("stage", if one.serving { format!("{stage}, answers") } else { stage.clone() });
    let request = one.approval.as_ref().map_or_else(String::new, |id| format!(" (request {id})"));
    add("review", format!("{review}{request}"));
    add("licence", licence.clone());
    add("source", source.clone());
    add("signature", one.signature.clone().unwrap_or_default());
    add("about", one.about.clone());
    for fact in &one.metadata {
        add(&fact.name, fact.value.clone());
    }
    if let Some(shadow) = &one.shadow {
        let (overlap, top1) = (shadow.overlap, shadow.top1);
        let times = format!("{:.1} ms against {:.1} ms", shadow.candidate_ms, shadow.production_ms);
        let asked = format!("{} real questions: overlap@10 {overlap:.3}", shadow.questions);
        add("shadow", format!("{asked}, same first {top1:.3}, {times}"));
    }
    if one.passages_missing > 0 {
        add("missing", format!("vectors of {} passages", one.passages_missing));
    }
    gates(&one.gates, &mut add);
    for one in moves {
        let reason = if one.reason.is_empty() { String::new() } else { format!(": {}", one.reason) };
        add(&format_time(one.at_ms), format!("{} by {}{reason}", one.what, one.by));
    }
    model.overlay = Some(Overlay::Detail { title: "Model".to_owned(), fields, top: 0 });
}
