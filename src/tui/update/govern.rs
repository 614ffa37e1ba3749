//! Approvals and models: looked at freely, decided only when unlocked, with a reason, by the button.

mod use_case;

use super::moved;
use crate::api::types::approval::{Approval, ApprovalEvent, Gate};
use crate::api::types::registry::{JudgeAnswers, Judgement, ModelMove, ModelVersion};
use crate::base::{format_time, parse_time};
use crate::tui::action::Action;
use crate::tui::effect::{Decision, Effect, GovernRequest, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{DecideDialog, Model, Overlay, View};
use crate::tui::msg::GovernAnswer;
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

const REASON: usize = 0;
const TYPED: usize = 1;
const EXTRA: usize = 2;
const CANCEL: usize = 3;
const BUTTON: usize = 4;
const FIELDS: usize = 5;
/// Letters of a SHA-256 that tell models apart for people.
const SHORT: usize = 12;

fn ask(request: GovernRequest) -> Effect {
    Effect::Request(Request::Govern(request))
}

pub(super) fn load(model: &Model) -> Vec<Effect> {
    match model.view {
        View::Models => vec![super::access::who(), ask(GovernRequest::Models)],
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

/// Asks for the permission that was missing last; it is typed, so that nobody breaks glass by habit.
pub(super) fn break_glass(model: &mut Model) -> Vec<Effect> {
    let Some(permission) = model.denied.clone() else { return Vec::new() };
    let body = vec![
        format!("You would be allowed to {permission} for a quarter of an hour, once somebody else agrees."),
        "It opens a critical incident, and the audit log says who, why and for what.".to_owned(),
    ];
    let decision = Decision::BreakGlass(permission.clone());
    dialog_for(model, "Break the glass", "Ask", body, decision, Some(permission))
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
        (Action::Approve, Some(one)) => {
            let decision = Decision::Approve(one.id.clone(), one.etag.clone());
            let typed = matches!(one.impact.as_str(), "high" | "critical").then(|| one.id.clone());
            decide(model, "Approve", "Approve", &one, decision, typed)
        }
        (Action::Reject, Some(one)) => {
            let decision = Decision::Reject(one.id.clone(), one.etag.clone());
            decide(model, "Reject", "Reject", &one, decision, None)
        }
        (Action::Comment, Some(one)) => {
            let decision = Decision::Comment(one.id.clone());
            decide(model, "Comment", "Send", &one, decision, None)
        }
        (Action::Withdraw, Some(one)) => {
            let decision = Decision::Withdraw(one.id.clone(), one.etag.clone());
            decide(model, "Withdraw", "Withdraw", &one, decision, None)
        }
        (action, _) => {
            let (len, page) = (model.approvals.shown().len(), model.body_height());
            model.approvals.selected = moved(model.approvals.selected, action, len, page);
            Vec::new()
        }
    }
}

fn decide(
    model: &mut Model,
    title: &'static str,
    verb: &'static str,
    one: &Approval,
    decision: Decision,
    typed: Option<String>,
) -> Vec<Effect> {
    let mut body = vec![
        format!("Request {}: {}", one.id, one.title),
        format!(
            "{} impact, {} of {} votes, by {}: {}",
            one.impact, one.votes, one.votes_needed, one.by, one.reason
        ),
    ];
    if one.signature_needed && matches!(decision, Decision::Approve(..)) {
        body.push(format!(
            "It must be signed: sign what spud approval document {} prints, and paste the signature here.",
            one.id
        ));
    }
    let vote = matches!(decision, Decision::Approve(..) | Decision::Reject(..));
    dialog_for(model, title, verb, body, decision, typed);
    if vote && one.signature_needed {
        may_say(model, "Signature", "file of it, or paste it");
    }
    Vec::new()
}

/// The dialog that was just opened takes something beside the reason.
pub(super) fn may_say(model: &mut Model, label: &'static str, hint: &'static str) {
    if let Some(Overlay::Decide(dialog)) = &mut model.overlay {
        dialog.extra = Some((label, hint, LineEdit::default()));
    }
}

pub(super) fn dialog_for(
    model: &mut Model,
    title: &'static str,
    verb: &'static str,
    body: Vec<String>,
    decision: Decision,
    typed: Option<String>,
) -> Vec<Effect> {
    let typed = typed.map(|want| (want, LineEdit::default()));
    let reason = LineEdit::default();
    let (extra, signature, field, problem) = (None, None, REASON, None);
    let dialog =
        DecideDialog { title, body, verb, decision, reason, typed, extra, signature, field, problem };
    model.overlay = Some(Overlay::Decide(Box::new(dialog)));
    Vec::new()
}

fn short(sha256: &str) -> String {
    sha256.chars().take(SHORT).collect()
}

fn of_model(model: &mut Model, action: Action) -> Vec<Effect> {
    let one = model.models.version().cloned();
    match (action, one) {
        (Action::Open, Some(one)) => vec![ask(GovernRequest::ModelHistory(one.sha256))],
        (Action::Copy, Some(one)) => vec![Effect::Copy(one.sha256)],
        (Action::StageModel, Some(one)) => vec![ask(GovernRequest::Stage(one.sha256))],
        (Action::SubmitModel, Some(one)) => {
            let body = vec![format!("{} ({})", one.name, short(&one.sha256))];
            dialog_for(model, "Submit the model", "Submit", body, Decision::Submit(one.sha256), None)
        }
        (Action::PromoteModel, Some(one)) => {
            let body = vec![
                format!("{} ({}) is to answer from now on.", one.name, short(&one.sha256)),
                format!("Gates: {}. What is missing is measured first.", summary(&one.gates)),
            ];
            let typed = Some(one.sha256.chars().take(6).collect());
            dialog_for(model, "Promote the model", "Promote", body, Decision::Promote(one.sha256), typed)
        }
        (Action::RollBack, _) => {
            let registry = model.models.registry.as_ref();
            let previous = registry.and_then(|registry| registry.previous.clone()).unwrap_or_default();
            let name = registry
                .and_then(|registry| registry.items.iter().find(|one| one.sha256 == previous))
                .map_or_else(String::new, |one| format!("{} ", one.name));
            let body = vec![format!("{name}({}) answers again, at once.", short(&previous))];
            dialog_for(model, "Roll back", "Roll back", body, Decision::RollBack, Some("back".to_owned()))
        }
        (action, _) => {
            let (len, page) = (model.models.len(), model.body_height());
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
    vec![ask(GovernRequest::Judge(JudgeAnswers { items: vec![item] }))]
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
            model.models.selected = model.models.selected.min(model.models.len().saturating_sub(1));
        }
        GovernAnswer::UseCases(items) => {
            let list = &mut model.use_cases;
            (list.selected, list.loaded) = (list.selected.min(items.len().saturating_sub(1)), true);
            list.items = items;
        }
        GovernAnswer::History(sha256, moves) => timeline(model, &sha256, &moves),
        GovernAnswer::Secret(made) => {
            let fields = vec![
                ("principal".to_owned(), made.principal),
                ("secret".to_owned(), made.secret),
                ("link".to_owned(), made.uri),
                (" ".to_owned(), "It is shown once: type it into the authenticator app now.".to_owned()),
            ];
            model.overlay = Some(Overlay::Detail { title: "Second factor".to_owned(), fields, top: 0 });
            if model.view == View::Access {
                return super::access::load(model);
            }
        }
        GovernAnswer::Changed(text) => {
            if model.view == View::Access {
                model.tell(Tone::Good, text);
                return super::access::load(model);
            }
            model.tell(Tone::Good, text);
            if matches!(model.view, View::Approvals | View::Models | View::UseCases) {
                return load(model);
            }
        }
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

fn named(id: &str, login: Option<&String>) -> String {
    login.map_or_else(|| id.to_owned(), |login| format!("{id} ({login})"))
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

pub(super) fn paste(dialog: &mut DecideDialog, text: &str) {
    let vote = matches!(dialog.decision, Decision::Approve(..) | Decision::Reject(..));
    match (dialog.field, &mut dialog.typed) {
        _ if vote && text.starts_with("-----BEGIN SSH SIGNATURE") => dialog.signature = Some(text.to_owned()),
        (REASON, _) => dialog.reason.insert(text),
        (EXTRA, _) => {
            if let Some((_, _, edit)) = &mut dialog.extra {
                edit.insert(text.trim());
            }
        }
        // What must be typed is typed.
        _ => dialog.problem = Some("This is typed by hand."),
    }
}

pub(super) fn dialog(model: &mut Model, mut dialog: Box<DecideDialog>, key: Key) -> Vec<Effect> {
    dialog.problem = None;
    let edited = match (dialog.field, &mut dialog.typed) {
        (REASON, _) => dialog.reason.key(key),
        (TYPED, Some((_, edit))) => edit.key(key),
        (EXTRA, _) => dialog.extra.as_mut().is_some_and(|(_, _, edit)| edit.key(key)),
        _ => false,
    };
    match key.code {
        _ if edited => {}
        Code::Tab | Code::Down => step(&mut dialog, 1),
        Code::BackTab | Code::Up => step(&mut dialog, FIELDS - 1),
        Code::Left if dialog.field == BUTTON => dialog.field = CANCEL,
        Code::Right if dialog.field == CANCEL => dialog.field = BUTTON,
        Code::Enter if dialog.field == CANCEL => return Vec::new(),
        // Enter moves on, and stops at Cancel: only the button decides.
        Code::Enter if dialog.field < CANCEL => step(&mut dialog, 1),
        Code::Enter => {
            let reason = dialog.reason.text().trim().to_owned();
            let ready = dialog.typed.as_ref().is_none_or(|(want, edit)| edit.text().trim() == *want);
            if reason.is_empty() {
                (dialog.field, dialog.problem) = (REASON, Some("A reason is needed: it is kept with it."));
            } else if ready {
                let said = dialog.extra.as_ref().map_or_else(String::new, |(_, _, edit)| edit.text());
                match decided(&dialog.decision, said.trim(), dialog.signature.as_ref()) {
                    Ok(Decision::Gone(gone)) => return vec![Effect::Request(gone.request(reason))],
                    Ok(decision) => return vec![ask(GovernRequest::Decide(decision, reason))],
                    Err(problem) => (dialog.field, dialog.problem) = (EXTRA, Some(problem)),
                }
            } else {
                (dialog.field, dialog.problem) = (TYPED, Some("That is not what must be typed."));
            }
        }
        _ => {}
    }
    model.overlay = Some(Overlay::Decide(dialog));
    Vec::new()
}

/// The decision with what was said beside it, or what is wrong with that.
fn decided(decision: &Decision, said: &str, pasted: Option<&String>) -> Result<Decision, &'static str> {
    Ok(match (decision, pasted) {
        (Decision::Approve(..) | Decision::Reject(..), Some(signature)) => {
            Decision::Signed(Box::new(decision.clone()), signature.clone())
        }
        (Decision::Approve(..) | Decision::Reject(..), None) if !said.is_empty() => {
            Decision::SignedFile(Box::new(decision.clone()), said.to_owned())
        }
        (Decision::Deprecate(name, _), _) if !said.is_empty() => {
            let ends = parse_time(said).ok_or("The date is written 2026-12-31 (UTC).")?;
            Decision::Deprecate(name.clone(), Some(ends))
        }
        (Decision::EnrolKey(..), _) if said.is_empty() => {
            return Err("Give the line of a .pub file, or the path of one.");
        }
        (Decision::EnrolKey(name, _), _) => Decision::EnrolKey(name.clone(), said.to_owned()),
        _ => decision.clone(),
    })
}

fn step(dialog: &mut DecideDialog, by: usize) {
    loop {
        dialog.field = (dialog.field + by) % FIELDS;
        let is_there = match dialog.field {
            TYPED => dialog.typed.is_some(),
            EXTRA => dialog.extra.is_some(),
            _ => true,
        };
        if is_there {
            return;
        }
    }
}
