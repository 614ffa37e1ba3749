//! The list of alerts, and the dialog that asks why one is silenced or was seen.

use ratatui::layout::Rect;

use crate::api::types::{Alert, Notification};
use crate::tui::model::{AlertDialog, Model, Side, SideList};
use crate::tui::text::age;
use crate::tui::theme::Tone;
use crate::tui::view::dialog::{Cursor, body, buttons, field};
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::table::{self, Column, column, number};

const COLUMNS: &[Column] = &[
    column("state", 18, 70),
    column("severity", 8, 60),
    column("alert", 20, 0),
    column("group", 28, 120),
    number("since", 6, 0),
    column("summary", 0, 0),
];

const RECEIVERS: &[Column] =
    &[column("receiver", 16, 0), column("kind", 9, 60), number("waiting", 7, 0), column("told of", 0, 0)];
const SILENCES: &[Column] =
    &[column("until (UTC)", 16, 0), column("by", 10, 60), column("alerts", 0, 0), column("reason", 20, 70)];
const RULES: &[Column] = &[
    column("state", 8, 0),
    column("rule", 24, 0),
    column("group", 14, 100),
    column("expression or error", 0, 0),
];
const TOLD: &[Column] =
    &[number("age", 6, 0), column("to", 12, 0), column("state", 8, 50), column("what", 0, 0)];

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let list = &model.alerts;
    if let Some(side) = &list.side {
        return draw_side(pen, area, side, list.selected);
    }
    if let Some(notices) = &list.notices {
        let waiting = notices.iter().filter(|notice| notice.state == "waiting").count();
        let head = format!("Notifications, newest first; {waiting} wait.");
        pen.put(area.x, area.y, area.width, Tone::Quiet, &head);
        let rest = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if notices.is_empty() {
            pen.put(rest.x, rest.y, rest.width, Tone::Text, "Nobody was told of anything yet.");
            return;
        }
        table::draw(pen, rest, TOLD, (notices.len(), list.selected), |at| {
            notices.get(at).map_or_else(Vec::new, |notice| told(notice, model.now_ms))
        });
        return;
    }
    let firing = list.items.iter().filter(|alert| alert.state == "firing").count();
    let loud = list.items.iter().filter(|alert| alert.is_loud()).count();
    let head = format!("Alerts: {firing} fire, {loud} want somebody.");
    pen.put(area.x, area.y, area.width, Tone::Quiet, if list.loaded { &head } else { "Loading." });
    let rest = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if list.loaded && list.items.is_empty() {
        pen.put(rest.x, rest.y, rest.width, Tone::Text, "No alert is active.");
        return;
    }
    let mark = pen.look.glyphs.sep;
    table::draw(pen, rest, COLUMNS, (list.items.len(), list.selected), |at| {
        let before = at.checked_sub(1).and_then(|at| list.items.get(at));
        list.items.get(at).map_or_else(Vec::new, |alert| cells(alert, before, model.now_ms, mark))
    });
}

/// Columns, what stands above, and what is said where there is none.
fn words(side: Side) -> (&'static [Column], &'static str, &'static str) {
    match side {
        Side::Receivers => (RECEIVERS, "Who is told of alerts; T sends a test.", "Nobody is told of alerts."),
        Side::Silences => (SILENCES, "Silences that hold; u ends one.", "Nothing is silenced."),
        Side::Rules => (RULES, "Rules, by group.", "There is no rule."),
    }
}

fn draw_side(pen: &mut Pen<'_>, area: Rect, list: &SideList, selected: usize) {
    let (columns, head, none) = words(list.side);
    let (tone, head) = match list.problems.first() {
        _ if !list.loaded => (Tone::Quiet, "Loading."),
        Some(problem) => (Tone::Bad, problem.as_str()),
        None => (Tone::Quiet, head),
    };
    pen.put(area.x, area.y, area.width, tone, head);
    let rest = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if list.loaded && list.rows.is_empty() {
        pen.put(rest.x, rest.y, rest.width, Tone::Text, none);
        return;
    }
    table::draw(pen, rest, columns, (list.rows.len(), selected), |at| {
        list.rows.get(at).map_or_else(Vec::new, |row| row.cells.clone())
    });
}

fn told(notice: &Notification, now_ms: u64) -> Vec<Piece> {
    let tone = match notice.state.as_str() {
        "sent" => Tone::Good,
        "waiting" => Tone::Warn,
        _ => Tone::Bad,
    };
    let what = match notice.error.as_str() {
        "" => notice.title.clone(),
        error => format!("{}: {error}", notice.title),
    };
    vec![
        (Tone::Quiet, age(now_ms, notice.created_ms)),
        (Tone::Text, notice.receiver.clone()),
        (tone, notice.state.clone()),
        (Tone::Text, what),
    ]
}

/// Those that are told with the one before them stand below it.
fn cells(alert: &Alert, before: Option<&Alert>, now_ms: u64, mark: &str) -> Vec<Piece> {
    let tone = match alert.state.as_str() {
        "firing" if alert.is_loud() => Tone::Bad,
        "firing" | "pending" => Tone::Warn,
        _ => Tone::Quiet,
    };
    let same = !alert.grouping.is_empty() && before.is_some_and(|one| one.grouping == alert.grouping);
    let of = |name: &str, from: &std::collections::BTreeMap<String, String>| {
        from.get(name).cloned().unwrap_or_default()
    };
    vec![
        (tone, alert.state_in_words()),
        (Tone::Text, of("severity", &alert.labels)),
        (tone, if same { format!("{mark} {}", alert.name) } else { alert.name.clone() }),
        (Tone::Quiet, if same { String::new() } else { alert.grouping.clone() }),
        (Tone::Quiet, age(now_ms, alert.active_ms)),
        (Tone::Text, of("summary", &alert.annotations)),
    ]
}

pub(crate) fn dialog(pen: &mut Pen<'_>, screen: Rect, dialog: &AlertDialog) -> Cursor {
    let title = if dialog.silence { "Silence an alert" } else { "Acknowledge an alert" };
    let tall = screen.height > 14;
    let width = usize::from(screen.width.min(68).saturating_sub(4));
    let mut about = body(&dialog.about, width);
    about.truncate(if tall { 6 } else { 2 });
    let (high, gap) = (u16::try_from(about.len()).unwrap_or(0), u16::from(tall));
    let inner = pen.panel(screen, 68, 8 + high + 2 * gap, title);
    let row = |n: u16| inner.y + n.min(inner.height.saturating_sub(1));
    pen.put(inner.x, row(0), inner.width, Tone::Strong, &dialog.name);
    for (n, line) in (1..).zip(&about) {
        pen.pieces(inner.x, row(n), inner.width, &line.pieces);
    }
    let hint = "shown to whoever wonders";
    let first = 1 + high + gap;
    let mut cursor = field(pen, inner, row(first), "Reason", &dialog.reason, hint, dialog.field == 0);
    if dialog.silence {
        cursor = cursor.or(field(pen, inner, row(first + 1), "For", &dialog.ttl, "1h", dialog.field == 1));
    }
    let (tone, text) = match dialog.problem {
        Some(problem) => (Tone::Bad, problem),
        None => (Tone::Quiet, "Enter moves on; only the button decides."),
    };
    pen.put(inner.x, row(first + 2 + gap), inner.width, tone, text);
    let focus = match dialog.field {
        2 => Some(false),
        3 => Some(true),
        _ => None,
    };
    buttons(
        pen,
        inner,
        inner.bottom().saturating_sub(1),
        if dialog.silence { "Silence" } else { "Acknowledge" },
        focus,
    );
    cursor
}
