//! Backups: how old the last good one is, whether it was tried, what there is to restore.

use ratatui::layout::Rect;

use crate::api::types::{Backup, BackupRun, BackupStatus, StoreReport};
use crate::base::format_bytes;
use crate::tui::model::Model;
use crate::tui::text::{age, count, span};
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::table::{self, Column, column, number};

const DAY_MS: u64 = 86_400_000;
/// A backup that is older than so many days is told as old, where there is no schedule that says otherwise.
const OLD_DAYS: u64 = 8;

const COLUMNS: &[Column] = &[
    column("backup", 22, 0),
    number("age", 6, 0),
    number("bytes", 9, 50),
    number("new", 9, 60),
    number("documents", 9, 70),
    column("state", 0, 0),
];

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let Some(status) = &model.backups.status else {
        let text = if model.link.down { "Not connected to the box; r tries again." } else { "Loading." };
        pen.put(area.x, area.y, area.width, Tone::Quiet, text);
        return None;
    };
    let mut rows = vec![last_good(model, status), schedule(model, status), drill(model, status)];
    if let Some(report) = model.backups.store.as_ref().filter(|report| report.state != "plain") {
        rows.push(encryption(report));
    }
    if let Some(run) = &status.running {
        rows.push(running(run));
    }
    let mut y = area.y;
    for row in &rows {
        pen.pieces(area.x, y, area.width, row);
        y += 1;
    }
    if area.height >= 12 {
        y += 1;
    }
    let room = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    let backups = &model.backups;
    if backups.items.is_empty() {
        pen.put(room.x, room.y, room.width, Tone::Quiet, "No backups here yet.");
        return None;
    }
    table::draw(pen, room, COLUMNS, (backups.items.len(), backups.selected), |at| {
        backups.items.get(at).map_or_else(Vec::new, |backup| cells(backup, model.now_ms))
    });
    None
}

fn label(text: &str) -> Piece {
    (Tone::Quiet, format!("{text:<11}"))
}

fn last_good(model: &Model, status: &BackupStatus) -> Vec<Piece> {
    let Some(ms) = status.last_good_ms else {
        return vec![label("last good"), (Tone::Warn, "none yet: n makes one".to_owned())];
    };
    let weekly = status.schedule.as_ref().is_some_and(|schedule| schedule.when.starts_with("weekly"));
    let daily = status.schedule.as_ref().is_some_and(|schedule| schedule.when.starts_with("daily"));
    let days = if daily && !weekly { 2 } else { OLD_DAYS };
    let old = model.now_ms.saturating_sub(ms) > days * DAY_MS;
    let id = status.last_good.clone().unwrap_or_default();
    vec![
        label("last good"),
        (if old { Tone::Warn } else { Tone::Good }, format!("{} ago", age(model.now_ms, ms))),
        (Tone::Quiet, format!("  {id}")),
    ]
}

fn schedule(model: &Model, status: &BackupStatus) -> Vec<Piece> {
    let Some(schedule) = status.schedule.as_ref().filter(|schedule| !schedule.when.is_empty()) else {
        let text = format!("none (spud backup schedule --daily 02:30); folder {}", status.repository);
        return vec![label("schedule"), (Tone::Warn, text)];
    };
    let next = status
        .next_ms
        .map_or_else(String::new, |ms| format!(", next in {}", span(ms.saturating_sub(model.now_ms))));
    vec![
        label("schedule"),
        (Tone::Text, schedule.when.clone()),
        (Tone::Quiet, format!("{next}, to {}", schedule.to)),
    ]
}

fn drill(model: &Model, status: &BackupStatus) -> Vec<Piece> {
    let Some(run) = &status.last_drill else {
        return vec![label("drill"), (Tone::Quiet, "never tried: t tries a restore".to_owned())];
    };
    let good = run.problems.is_empty();
    vec![
        label("drill"),
        (if good { Tone::Good } else { Tone::Bad }, if good { "good" } else { "failed" }.to_owned()),
        (Tone::Quiet, format!(" {} ago: {}", age(model.now_ms, run.started_ms), run.message)),
    ]
}

/// How the stores are kept: told only where they are encrypted, or on their way.
fn encryption(report: &StoreReport) -> Vec<Piece> {
    let mut row = vec![label("stores")];
    if report.is_turning() {
        let percent = (report.rows_done * 100).checked_div(report.rows).unwrap_or(0);
        row.push((Tone::Accent, report.state.clone()));
        row.push((Tone::Text, format!(" {percent} %")));
    } else {
        row.push((Tone::Good, report.state.clone()));
    }
    match &report.problem {
        Some(problem) => row.push((Tone::Warn, format!("  waits: {problem}"))),
        None => {
            let key = report.key_id.clone().unwrap_or_default();
            let by = report.key.clone().unwrap_or_default();
            row.push((Tone::Quiet, format!("  key {key}, opened by {by}")));
        }
    }
    if report.rows_stuck > 0 {
        row.push((Tone::Bad, format!("  {} rows do not open", report.rows_stuck)));
    }
    row
}

fn running(run: &BackupRun) -> Vec<Piece> {
    let current = run.current.clone().unwrap_or_default();
    vec![
        label("under way"),
        (Tone::Accent, run.kind.clone()),
        (Tone::Text, format!(" {} {current}", format_bytes(run.bytes_done))),
    ]
}

fn cells(backup: &Backup, now_ms: u64) -> Vec<Piece> {
    let state = match &backup.problem {
        Some(problem) => (Tone::Bad, problem.clone()),
        None if backup.trusted => (Tone::Good, "signed".to_owned()),
        None => (Tone::Warn, "unknown key".to_owned()),
    };
    vec![
        (Tone::Text, backup.id.clone()),
        (Tone::Quiet, age(now_ms, backup.made_ms)),
        (Tone::Text, format_bytes(backup.bytes)),
        (Tone::Text, format_bytes(backup.new_bytes)),
        (Tone::Text, count(backup.documents)),
        state,
    ]
}
