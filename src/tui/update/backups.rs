//! The backups view: one is made, verified, tried, restored; old ones go.

use super::moved;
use crate::api::types::{BackupDetail, BackupRun, BackupStatus, CheckReport, CompactReport};
use crate::base::{format_bytes, format_time};
use crate::tui::action::Action;
use crate::tui::effect::{BackupRequest, Effect, Request};
use crate::tui::model::{Confirm, Model, Overlay};
use crate::tui::msg::BackupReply;
use crate::tui::theme::Tone;

pub(super) fn load() -> Vec<Effect> {
    vec![
        Effect::Request(Request::Backup(BackupRequest::Status)),
        Effect::Request(Request::Backup(BackupRequest::List)),
        Effect::Request(Request::Backup(BackupRequest::Store)),
    ]
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let id = model.backups.backup().map(|backup| backup.id.clone());
    match (action, id) {
        (Action::MakeBackup, _) => vec![Effect::Request(Request::Backup(BackupRequest::Make))],
        (Action::VerifyBackups, _) => vec![Effect::Request(Request::Backup(BackupRequest::Verify))],
        (Action::DrillBackup, Some(id)) => vec![Effect::Request(Request::Backup(BackupRequest::Drill(id)))],
        (Action::Open, Some(id)) => vec![Effect::Request(Request::Backup(BackupRequest::Show(id)))],
        (Action::Copy, Some(id)) => vec![Effect::Copy(id)],
        (Action::CheckBox, _) => {
            let body = vec!["Every segment, record and model is read; that may take minutes.".to_owned()];
            ask(model, ("Check the box", "Check"), body, Request::Backup(BackupRequest::Check));
            Vec::new()
        }
        (Action::CompactStores, _) => {
            let body = vec![
                "The stores are made as small as they can be.".to_owned(),
                "Requests that write wait meanwhile.".to_owned(),
            ];
            ask(model, ("Compact the stores", "Compact"), body, Request::Backup(BackupRequest::Compact));
            Vec::new()
        }
        (action, _) => {
            let page = model.body_height();
            model.backups.selected = moved(model.backups.selected, action, model.backups.items.len(), page);
            Vec::new()
        }
    }
}

fn ask(model: &mut Model, (title, verb): (&str, &'static str), body: Vec<String>, request: Request) {
    let (title, requests) = (title.to_owned(), vec![request]);
    let confirm = Confirm { title, body, verb, requests, yes: false };
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
}

pub(super) fn replied(model: &mut Model, reply: BackupReply) -> Vec<Effect> {
    match reply {
        BackupReply::Status(now) => return status(model, now),
        BackupReply::List(items) => {
            model.backups.selected = model.backups.selected.min(items.len().saturating_sub(1));
            model.backups.items = items;
        }
        BackupReply::Detail(detail) => shown(model, &detail),
        BackupReply::Store(report) => model.backups.store = Some(report),
        BackupReply::Checked(report) => checked(model, &report),
        BackupReply::Compacted(report) => compacted(model, &report),
        BackupReply::Begun(run) => return begun(model, &run),
    }
    Vec::new()
}

/// Takes the status in; tells how a run ended that was seen under way.
fn status(model: &mut Model, status: Box<BackupStatus>) -> Vec<Effect> {
    let before = model.backups.status.replace(status);
    let was = before.and_then(|before| before.running);
    let Some(status) = &model.backups.status else { return Vec::new() };
    let ended = was.filter(|was| status.running.as_ref().is_none_or(|now| now.id != was.id));
    let Some(ended) = ended else { return Vec::new() };
    if let Some(run) = status.runs.iter().find(|run| run.started_ms == ended.started_ms) {
        let tone = if run.problems.is_empty() { Tone::Good } else { Tone::Bad };
        let text = run.message.clone();
        model.tell(tone, text);
    }
    vec![Effect::Request(Request::Backup(BackupRequest::List))]
}

fn begun(model: &mut Model, run: &BackupRun) -> Vec<Effect> {
    model.tell(Tone::Good, format!("Under way: {}.", run.kind));
    load()
}

/// The second's sample came: what is under way is looked at again.
pub(super) fn tick(model: &Model) -> Vec<Effect> {
    let backups = &model.backups;
    let turning = backups.store.as_ref().is_some_and(|report| report.is_turning());
    let looks = [(backups.is_busy(), BackupRequest::Status), (turning, BackupRequest::Store)];
    looks
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, look)| Effect::Request(Request::Backup(look)))
        .collect()
}

fn checked(model: &mut Model, report: &CheckReport) {
    if report.ok {
        let CheckReport { records, segments, models, .. } = report;
        let text = format!("All is well: {records} records, {segments} segments, {models} models.");
        return model.tell(Tone::Good, text);
    }
    let fields = report.problems.iter().map(|problem| ("damaged".to_owned(), problem.clone()));
    let advice = "spud check --repair indexes damaged segments again; spud salvage brings over what is whole";
    let fields = std::iter::once(("try".to_owned(), advice.to_owned())).chain(fields).collect();
    model.overlay = Some(Overlay::Detail { title: "Damage".to_owned(), fields, top: 0 });
}

fn compacted(model: &mut Model, report: &CompactReport) {
    let store = |store: &crate::api::types::CompactedStore| {
        let [before, after] = [store.before_bytes, store.after_bytes].map(format_bytes);
        format!("{} {before} to {after}", store.name)
    };
    let stores: Vec<String> = report.stores.iter().map(store).collect();
    model.tell(Tone::Good, format!("Compacted: {}.", stores.join(", ")));
}

fn shown(model: &mut Model, detail: &BackupDetail) {
    let backup = &detail.backup;
    let known = if backup.trusted { "known to this box" } else { "not known to this box" };
    let mut fields = vec![
        ("id".to_owned(), backup.id.clone()),
        (
            "made".to_owned(),
            format!("{} UTC on {} by spud {}", format_time(backup.made_ms), backup.host, backup.spud),
        ),
        ("holds".to_owned(), format!("{} documents in {} collections", backup.documents, backup.collections)),
        (
            "bytes".to_owned(),
            format!("{}, of which {} were new", format_bytes(backup.bytes), format_bytes(backup.new_bytes)),
        ),
        ("key".to_owned(), format!("{} ({known})", backup.key)),
    ];
    let entry = |entry: &crate::api::types::BackupEntry| {
        let rows = if entry.kind == "table" { format!(", {} rows", entry.rows) } else { String::new() };
        (entry.kind.clone(), format!("{}: {}{rows}", entry.name, format_bytes(entry.bytes)))
    };
    fields.extend(detail.entries.iter().map(entry));
    model.overlay = Some(Overlay::Detail { title: "Backup".to_owned(), fields, top: 0 });
}
