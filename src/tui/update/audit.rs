//! The audit view: entries are filtered, opened, copied; the log is verified and signed.

use super::{deeds, moved};
use crate::api::types::compliance::ComplianceFramework;
use crate::api::types::evidence::{Evidence, EvidenceDetail};
use crate::api::types::violation::ViolationRule;
use crate::api::types::{AuditCheckpoint, AuditEntry, AuditVerdict, Page};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{AuditRequest, Effect, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{HELD, Model, Overlay, PickOf};
use crate::tui::msg::AuditAnswer;
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

fn ask(request: AuditRequest) -> Effect {
    Effect::Request(Request::Audit(request))
}

pub(super) fn load(model: &mut Model) -> Vec<Effect> {
    vec![ask(AuditRequest::Status), first_page(model)]
}

fn first_page(model: &mut Model) -> Effect {
    model.audit.loading = true;
    ask(AuditRequest::List { filter: model.audit.filter.clone(), cursor: None })
}

/// A key while the filter is typed; it is asked for when it is kept.
pub(super) fn typing(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let edit = model.audit.editing.as_mut()?;
    match key.code {
        Code::Enter | Code::Down => {
            model.audit.filter = edit.text().trim().to_owned();
            model.audit.editing = None;
            return Some(vec![first_page(model)]);
        }
        Code::Esc => model.audit.editing = None,
        _ if edit.key(key) => {}
        _ => return None,
    }
    Some(Vec::new())
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let seq = model.audit.entry().map(|entry| entry.seq.clone());
    match (action, seq) {
        (Action::VerifyAudit, _) => {
            model.audit.verifying = true;
            model.tell(Tone::Quiet, "Every leaf and node is made again.");
            vec![ask(AuditRequest::Verify)]
        }
        (Action::ViolationRules, _) => vec![ask(AuditRequest::Rules)],
        (Action::Compliance, _) => vec![ask(AuditRequest::Compliance)],
        (Action::SignAudit, _) => vec![ask(AuditRequest::Checkpoint)],
        (Action::Filter, _) => {
            model.audit.editing = Some(LineEdit::with(&model.audit.filter));
            Vec::new()
        }
        (Action::Back, _) if !model.audit.filter.is_empty() => {
            model.audit.filter.clear();
            vec![first_page(model)]
        }
        (Action::Open, Some(seq)) => vec![ask(AuditRequest::Show(seq))],
        (Action::Copy, Some(_)) => {
            model.audit.entry().map(|entry| Effect::Copy(entry.leaf.clone())).into_iter().collect()
        }
        (action, _) => {
            let (len, page) = (model.audit.items.len(), model.body_height());
            model.audit.selected = moved(model.audit.selected, action, len, page);
            more(model)
        }
    }
}

/// The next page, where the end of what is held is in sight.
fn more(model: &mut Model) -> Vec<Effect> {
    let page = model.body_height();
    let audit = &mut model.audit;
    let near = audit.selected + page >= audit.items.len();
    let cursor = audit.next.clone().filter(|_| near && !audit.loading && audit.items.len() < HELD);
    let Some(cursor) = cursor else { return Vec::new() };
    audit.loading = true;
    vec![ask(AuditRequest::List { filter: audit.filter.clone(), cursor: Some(cursor) })]
}

pub(super) fn answered(model: &mut Model, answer: AuditAnswer) -> Vec<Effect> {
    match answer {
        AuditAnswer::Status(status) => model.audit.status = Some(status),
        AuditAnswer::Page(cursor, page) => return listed(model, cursor.is_some(), page),
        AuditAnswer::Entry(entry) => shown(model, &entry),
        AuditAnswer::Verdict(verdict) => verified(model, &verdict),
        AuditAnswer::Evidence(items) => attested(model, &items),
        AuditAnswer::Rules(items) => rules(model, &items),
        AuditAnswer::Compliance(items) => controls(model, &items),
        AuditAnswer::Statement(one) => stated(model, &one),
        AuditAnswer::Signed(made) => {
            model.tell(Tone::Good, format!("Signed: {} entries.", made.size));
            shown_checkpoint(model, &made);
            return vec![ask(AuditRequest::Status)];
        }
    }
    Vec::new()
}

fn listed(model: &mut Model, append: bool, page: Page<AuditEntry>) -> Vec<Effect> {
    let audit = &mut model.audit;
    (audit.loaded, audit.loading) = (true, false);
    if !append {
        audit.items.clear();
        audit.selected = 0;
    }
    audit.next = page.next;
    let room = HELD.saturating_sub(audit.items.len());
    let found = page.items.len();
    audit.items.extend(page.items.into_iter().take(room));
    // A look that found nothing within its bound goes on by itself, a page of rows at most.
    if found == 0 && audit.items.len() < model.body_height() { more(model) } else { Vec::new() }
}

/// A refused page is not on its way any more.
pub(super) fn refused(model: &mut Model) {
    model.audit.loading = false;
    model.audit.verifying = false;
}

fn shown(model: &mut Model, entry: &AuditEntry) {
    let mut fields = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value));
        }
    };
    let some = |value: &Option<String>| value.clone().unwrap_or_default();
    add("seq", entry.seq.clone());
    add("at", format!("{} UTC", format_time(entry.at_ms)));
    add("kind", entry.kind.clone());
    add("who", entry.actor.clone());
    add("what", entry.subject_words());
    add("outcome", entry.outcome.clone());
    add("of", some(&entry.of));
    for text in &entry.texts {
        add(&text.name, text.text.clone().unwrap_or_else(|| "erased".to_owned()));
    }
    add("before", some(&entry.before));
    add("after", some(&entry.after));
    add("mode", entry.mode.clone());
    add("request", entry.request.clone());
    add("policy", some(&entry.policy));
    add("leaf", entry.leaf_hash.clone());
    model.overlay = Some(Overlay::Detail { title: "Entry".to_owned(), fields, top: 0 });
}

fn shown_checkpoint(model: &mut Model, made: &AuditCheckpoint) {
    let fields = made.note.lines().map(|line| (String::new(), line.to_owned())).collect();
    model.overlay = Some(Overlay::Detail { title: "Checkpoint".to_owned(), fields, top: 0 });
}

/// Asks for what the log proves of the selected thing; of an entry, for its statement.
pub(super) fn evidence(model: &Model) -> Vec<Effect> {
    let request = match model.audited_subject() {
        Some(("entry", id)) => AuditRequest::Statement(id),
        Some((kind, id)) => AuditRequest::Evidence(format!("{kind}:{id}")),
        None => return Vec::new(),
    };
    vec![ask(request)]
}

fn attested(model: &mut Model, items: &[Evidence]) {
    if items.is_empty() {
        return model.tell(Tone::Quiet, "The audit log has no evidence of it.");
    }
    let field = |one: &Evidence| {
        let text = format!("{} by {} (entry {}, {})", one.what, one.by, one.id, one.topic);
        (format_time(one.at_ms), text)
    };
    let fields = items.iter().map(field).collect();
    model.overlay = Some(Overlay::Detail { title: "Evidence".to_owned(), fields, top: 0 });
}

fn controls(model: &mut Model, items: &[ComplianceFramework]) {
    let about = |one: &ComplianceFramework| {
        let ComplianceFramework { id, title, controls, evidence, some, .. } = one;
        (id.clone(), format!("{evidence} of {controls} with evidence, {some} with some: {title}"))
    };
    let items = items.iter().map(about).collect();
    model.overlay = Some(Overlay::Pick { of: PickOf::Framework, items, selected: 0 });
}

fn rules(model: &mut Model, items: &[ViolationRule]) {
    let said = |one: &ViolationRule| {
        let ViolationRule { id, title, incident, severity, .. } = one;
        (id.clone(), format!("{title}: {} opens an incident ({incident}, {severity})", one.finds()))
    };
    let fields = items.iter().map(said).collect();
    model.overlay = Some(Overlay::Detail { title: "Rules over the audit log".to_owned(), fields, top: 0 });
}

/// A framework is to be reported on.
pub(super) fn picked(model: &mut Model, name: Option<&String>) -> Vec<Effect> {
    model.audit.framework = name.cloned();
    deeds::begin(model, Action::ComplianceReport).unwrap_or_default()
}

fn stated(model: &mut Model, one: &EvidenceDetail) {
    let proof = match one.size {
        Some(size) => format!("in the log of {size} entries, by {} hashes", one.hashes.len()),
        None => "no checkpoint covers it yet".to_owned(),
    };
    let mut fields = vec![
        ("topic".to_owned(), one.evidence.topic.clone()),
        ("proof".to_owned(), proof),
        ("key".to_owned(), one.key_openssh.trim_end().to_owned()),
        ("file".to_owned(), format!("spud evidence show {} --envelope", one.evidence.id)),
    ];
    fields.push(("signed".to_owned(), one.statement.clone()));
    model.overlay = Some(Overlay::Detail { title: "Signed statement".to_owned(), fields, top: 0 });
}

fn verified(model: &mut Model, verdict: &AuditVerdict) {
    model.audit.verifying = false;
    if verdict.ok {
        let AuditVerdict { size, checkpoints, unanchored, .. } = verdict;
        let text = format!(
            "All as it was entered: {size} entries, {checkpoints} checkpoints; unanchored {unanchored}."
        );
        return model.tell(Tone::Good, text);
    }
    let fields = verdict.problems.iter().map(|problem| ("wrong".to_owned(), problem.clone())).collect();
    model.overlay = Some(Overlay::Detail { title: "The audit log is damaged".to_owned(), fields, top: 0 });
}
