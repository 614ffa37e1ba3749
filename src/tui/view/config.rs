//! The settings view: a tree of sections, where each value comes from, versions, a trial's countdown.

use ratatui::layout::Rect;

use crate::api::types::{ConfigReport, ConfigSetting};
use crate::base::format_time;
use crate::tui::model::{Model, Row, SettingDialog};
use crate::tui::text::plural;
use crate::tui::theme::Tone;
use crate::tui::update::TRIAL_S;
use crate::tui::view::dialog::{Cursor, buttons, field};
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::table::{self, Column, column, number, path};

const TREE: &[Column] = &[column("setting", 30, 0), column("value", 18, 0), path("from")];
const TREE_NARROW: &[Column] = &[column("setting", 24, 0), column("value", 0, 0)];
const VERSIONS: &[Column] = &[
    number("no", 4, 0),
    column("at (UTC)", 16, 60),
    column("cause", 8, 0),
    column("by", 12, 100),
    column("changes", 0, 0),
];

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let Some(report) = &model.config.report else {
        let text = if model.link.down { "Not connected to the box; r tries again." } else { "Loading." };
        pen.put(area.x, area.y, area.width, Tone::Quiet, text);
        return None;
    };
    let line = state(model, report);
    pen.pieces(area.x, area.y, area.width, &line);
    let small = area.height < 12;
    let foot = if small { 0 } else { 3 };
    let mut top = area.y + 1;
    let mut cursor = None;
    if let Some(edit) = &model.config.editing {
        pen.put(area.x, top, 2, Tone::Accent, pen.look.glyphs.prompt);
        let room = Rect { x: area.x + 2, y: top, width: area.width.saturating_sub(2), height: 1 };
        let theme = pen.look.theme;
        cursor = Some(edit.draw(pen.buf, room, theme, "words, is:set, is:waiting"));
        top += 1;
    } else if !model.config.filter.is_empty() {
        pen.put(area.x, top, area.width, Tone::Accent, &format!("only: {}", model.config.filter));
        top += 1;
    }
    let room = Rect { y: top, height: area.bottom().saturating_sub(top + foot), ..area };
    match &model.config.versions {
        Some(_) => versions(pen, room, model),
        None => tree(pen, room, model, report),
    }
    if !small {
        about(pen, Rect { y: area.bottom() - 2, height: 2, ..area }, model);
    }
    cursor
}

/// One line: environment, what waits, what is wrong, the trial.
fn state(model: &Model, report: &ConfigReport) -> Vec<Piece> {
    if let Some(trial) = &report.trial {
        let left = trial.until_ms.saturating_sub(model.now_ms).div_ceil(1000);
        let text = format!("On trial: reverts in {left} s unless you press c.");
        return vec![(Tone::Warn, text)];
    }
    let mut line = vec![
        (Tone::Text, "Environment ".to_owned()),
        (Tone::Strong, report.environment.clone()),
        (Tone::Quiet, format!(", tier {}", report.tier)),
    ];
    if let Some(drift) = &report.drift {
        let text = match drift.problems.len() {
            0 => format!(". Waiting for a restart: {}.", plural(drift.waiting.len() as u64, "setting")),
            n => format!(". The files are wrong ({n}): what ran before goes on."),
        };
        line.push((Tone::Warn, text));
    } else {
        line.push((Tone::Good, ". What runs is what the files say.".to_owned()));
    }
    line
}

fn tree(pen: &mut Pen<'_>, area: Rect, model: &Model, report: &ConfigReport) {
    let config = &model.config;
    if config.rows.is_empty() {
        pen.put(area.x, area.y, area.width, Tone::Quiet, "Nothing fits the search.");
        return;
    }
    let columns = if area.width < 60 { TREE_NARROW } else { TREE };
    table::draw(pen, area, columns, (config.rows.len(), config.selected), |at| match config.rows.get(at) {
        Some(Row::Section(name, all, set)) => {
            let open = config.open.contains(name) || !config.filter.is_empty();
            let sign = if open { "-" } else { "+" };
            let count = if *set == 0 { format!("{all}") } else { format!("{all}, {set} set") };
            vec![(Tone::Title, format!("{sign} {name}")), (Tone::Quiet, count)]
        }
        Some(Row::Setting(at)) => report.settings.get(*at).map(row).unwrap_or_default(),
        None => Vec::new(),
    });
}

fn row(setting: &ConfigSetting) -> Vec<Piece> {
    let name = setting.key.split_once('.').map_or(setting.key.as_str(), |(_, name)| name);
    let set = setting.layer != "default";
    let (tone, value) = match &setting.waiting {
        Some(next) => (Tone::Warn, format!("{} > {next}", setting.shown)),
        None => (if set { Tone::Strong } else { Tone::Text }, setting.shown.clone()),
    };
    let from = if set { Tone::Text } else { Tone::Quiet };
    vec![(tone, format!("    {name}")), (tone, value), (from, setting.place.clone())]
}

/// What the selected setting is for.
fn about(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let Some(setting) = model.config.setting().filter(|_| model.config.versions.is_none()) else { return };
    pen.put(area.x, area.y, area.width, Tone::Quiet, &setting.about);
    let mut line = setting.range.clone();
    if !setting.unit.is_empty() && !line.is_empty() && setting.kind == "number" {
        line.push_str(&format!(" {}", setting.unit));
    }
    if let Some(hidden) = setting.hidden.first() {
        line.push_str(&format!("  hides {} of {}", hidden.shown, hidden.place));
    }
    if !setting.reload {
        line.push_str("  at the next start");
    }
    pen.put(area.x, area.y + 1, area.width, Tone::Quiet, line.trim_start());
}

fn versions(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let all = model.config.versions.as_deref().unwrap_or_default();
    if all.is_empty() {
        pen.put(area.x, area.y, area.width, Tone::Quiet, "The settings were never changed.");
        return;
    }
    table::draw(pen, area, VERSIONS, (all.len(), model.config.version), |at| {
        let Some(version) = all.get(at) else { return Vec::new() };
        let what = match (version.changes.is_empty(), version.reason.is_empty()) {
            (true, _) => version.reason.clone(),
            (false, true) => version.changes.join("; "),
            (false, false) => format!("{} ({})", version.changes.join("; "), version.reason),
        };
        vec![
            (Tone::Text, version.id.clone()),
            (Tone::Quiet, format_time(version.at_ms)),
            (if version.cause == "revert" { Tone::Warn } else { Tone::Text }, version.cause.clone()),
            (Tone::Quiet, version.actor.clone()),
            (Tone::Text, what),
        ]
    });
}

/// Editing one setting: what is wrong, or what would change, stands below the value as it is typed.
pub(crate) fn edit(pen: &mut Pen<'_>, screen: Rect, dialog: &SettingDialog) -> Cursor {
    let inner = pen.panel(screen, 76, 11, &dialog.setting.key);
    let row = |n: u16| inner.y + n.min(inner.height.saturating_sub(1));
    let small = inner.height < 8;
    if !small {
        pen.put(inner.x, row(0), inner.width, Tone::Quiet, &dialog.setting.about);
    }
    let first = u16::from(!small);
    let hint = if dialog.setting.range.is_empty() { "not set" } else { &dialog.setting.range };
    let mut cursor = field(pen, inner, row(first), "Value", &dialog.value, hint, dialog.field == 0);
    let (tone, text) = said(dialog);
    pen.put(inner.x, row(first + 1), inner.width, tone, &text);
    let reason =
        field(pen, inner, row(first + 2), "Reason", &dialog.reason, "kept in the history", dialog.field == 1);
    cursor = cursor.or(reason);
    let on = dialog.field == 2;
    pen.put(inner.x, row(first + 3), 12, if on { Tone::Accent } else { Tone::Text }, "On trial");
    let mark = if dialog.trial { "[x]" } else { "[ ]" };
    let tone = if on { Tone::Selected } else { Tone::Text };
    let x = pen.put(inner.x + 12, row(first + 3), 3, tone, mark);
    let room = inner.right().saturating_sub(x + 1);
    pen.put(
        x + 1,
        row(first + 3),
        room,
        Tone::Quiet,
        &format!("reverts after {TRIAL_S} s unless confirmed (space)"),
    );
    let focus = match dialog.field {
        3 => Some(false),
        4 => Some(true),
        _ => None,
    };
    buttons(pen, inner, inner.bottom().saturating_sub(1), "Apply", focus);
    cursor
}

fn said(dialog: &SettingDialog) -> (Tone, String) {
    let Some(check) = &dialog.check else { return (Tone::Quiet, "Checking.".to_owned()) };
    let errors: Vec<&str> = check
        .problems
        .iter()
        .filter(|problem| problem.severity == "error")
        .map(|problem| problem.what.as_str())
        .collect();
    if let Some(first) = errors.first() {
        let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
        return (Tone::Bad, format!("{first}{more}"));
    }
    match check.differences.as_slice() {
        [] => (Tone::Quiet, "Nothing would change.".to_owned()),
        all => {
            let one = |d: &crate::api::types::ConfigDifference| {
                let when = if d.reload { "at once" } else { "at the next start" };
                format!("{} -> {}, {when}", d.from, d.to)
            };
            let more = if all.len() > 1 { format!(" (and {} more)", all.len() - 1) } else { String::new() };
            (Tone::Good, format!("{}{more}", all.first().map(one).unwrap_or_default()))
        }
    }
}
