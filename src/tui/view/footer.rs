//! The last rows: what was just done, which keys there are and why some are off, the line's speed.

use ratatui::layout::Rect;

use crate::base::format_bytes;
use crate::tui::action::{Action, TABLE, groups};
use crate::tui::model::{Model, Notice, Tab, View};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece, compact};

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let y = area.bottom().saturating_sub(1);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let notice = notice(model);
    if compact(area.height) {
        if let Some(n) = &notice {
            pen.put(inner.x, y, inner.width, n.tone, &n.text);
            return;
        }
    } else if let Some(n) = &notice {
        pen.put(inner.x, y - 1, inner.width, n.tone, &n.text);
    } else {
        pen.rule(area, y - 1);
    }
    let line = line(model);
    let left = if line.is_empty() || area.width < 60 {
        inner.right()
    } else {
        pen.right(inner, y, Tone::Quiet, &line)
    };
    let room = usize::from(left.saturating_sub(inner.x + 2));
    let mut x = inner.x;
    let mut used = 0;
    for (key, label) in hints(model) {
        let width = text::width(&key) + text::width(&label) + 3;
        if used + width > room + 2 {
            break;
        }
        used += width;
        let tone = if label.contains('(') { Tone::Quiet } else { Tone::Strong };
        let end = u16::try_from(room).unwrap_or(0) + inner.x;
        let rest = if tone == Tone::Strong { Tone::Text } else { Tone::Quiet };
        let pieces: [Piece; 2] = [(tone, key), (rest, format!(" {label}  "))];
        x = pen.pieces(x, y, end.saturating_add(2).saturating_sub(x), &pieces);
    }
}

/// What the last key brought, or why nothing comes.
fn notice(model: &Model) -> Option<Notice> {
    if model.notice.is_some() {
        return model.notice.clone();
    }
    let problem = model.link.problem.as_ref().filter(|_| model.link.down)?;
    let why = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    Some(Notice { text: format!("Not connected: {why} Trying again."), tone: Tone::Bad })
}

/// Speed and answering time of the line to the box.
fn line(model: &Model) -> String {
    let link = &model.link;
    let mut parts = Vec::new();
    if link.listening && link.rate > 0 {
        parts.push(format!("{}/s", format_bytes(link.rate)));
    }
    if link.round_trip_us > 0 {
        parts.push(text::micros(link.round_trip_us));
    }
    parts.join("  ")
}

/// Where the hint for a key stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    InTurn,
    Elsewhere,
}

/// In the Observe view many lists stand in one place: the keys of the one in sight come first, those of others not at all.
fn place(model: &Model, action: Action) -> Place {
    let alerts = model.alerts.shown;
    let (fits, place) = match action {
        Action::ZoomIn | Action::Earlier | Action::Newest | Action::Figures | Action::Dashboards => {
            (model.shows_graphs() || model.view != View::Observe, Place::InTurn)
        }
        Action::AcknowledgeAlert | Action::SilenceAlert | Action::GroupAlerts => {
            (model.alerts.lists_alerts(), Place::First)
        }
        Action::EndSilence | Action::NextList => (alerts, Place::First),
        Action::TestProbe => (model.probes.shown || alerts && model.alerts.side.is_some(), Place::First),
        Action::TraceKind => (model.traces.shown && !model.traces.failures, Place::First),
        _ => (true, Place::InTurn),
    };
    if fits { place } else { Place::Elsewhere }
}

/// Keys and labels: what can be done first, then what cannot, and why.
fn hints(model: &Model) -> Vec<(String, String)> {
    let fixed =
        |list: &[(&str, &str)]| list.iter().map(|(k, l)| ((*k).to_owned(), (*l).to_owned())).collect();
    if model.typing() {
        return match model.view {
            View::Ask => {
                fixed(&[("enter", "ask"), ("up", "earlier"), ("esc", "commands"), ("tab", "next view")])
            }
            View::Config => fixed(&[("enter", "keep"), ("esc", "drop"), ("", "is:set is:waiting words")]),
            View::Audit => fixed(&[
                ("enter", "find"),
                ("esc", "drop"),
                ("", "kind:mode actor:uid:0 outcome:failed words"),
            ]),
            View::Logs => fixed(&[("enter", "keep"), ("esc", "drop"), ("", "source:nginx status:500 words")]),
            View::Approvals => {
                fixed(&[("enter", "find"), ("esc", "drop"), ("", "state:all kind:model words")])
            }
            View::Observe => {
                fixed(&[("enter", "ask"), ("up", "earlier"), ("esc", "drop"), ("", "PromQL; empty: the box")])
            }
            View::Models | View::UseCases | View::Access | View::Incidents => {
                fixed(&[("enter", "keep"), ("esc", "drop"), ("", "words, -word, \"two words\"")])
            }
            _ => fixed(&[("enter", "keep"), ("esc", "drop"), ("", "kind:pdf size>1m age<2d words")]),
        };
    }
    let (mut own, mut able) = (Vec::new(), Vec::new());
    let mut unable = Vec::new();
    for group in groups(model.view) {
        for spec in TABLE.iter().filter(|s| s.group == *group && !s.short.is_empty()) {
            let place = place(model, spec.action);
            if place == Place::Elsewhere {
                continue;
            }
            let Some(key) = model.keymap.shown(model.view, spec.action) else { continue };
            match spec.disabled_reason(model) {
                None if place == Place::First => own.push((key.to_string(), spec.short.to_owned())),
                None => able.push((key.to_string(), spec.short.to_owned())),
                Some(
                    "no decisions here" | "no table here" | "no list here" | "only documents" | "it is open"
                    | "you are typing it",
                ) => {}
                Some(reason) => unable.push((key.to_string(), format!("{} ({reason})", spec.short))),
            }
        }
    }
    own.append(&mut able);
    let mut able = own;
    // What one came for first: back out of a document, then open.
    let deep = match model.view {
        View::Ask => model.ask.reader.is_some(),
        View::Library => model.library.within.is_some() && model.library.tab == Tab::Documents,
        View::Config => model.config.versions.is_some(),
        View::Observe => !model.shows_graphs() || !model.observe.is_dashboard(),
        View::Overview | View::Logs | View::Queue | View::Backups | View::Audit | View::Access => false,
        View::Approvals | View::Models | View::Incidents | View::UseCases => false,
    };
    for (label, wanted) in [("open", true), ("back", deep)] {
        if let Some(at) = able.iter().position(|(_, l)| l == label) {
            let hint = able.remove(at);
            if wanted {
                able.insert(0, hint);
            }
        }
    }
    // Help is always in sight.
    if let Some(at) = able.iter().position(|(_, l)| l == "help") {
        let help = able.remove(at);
        able.insert(at.min(4), help);
    }
    able.extend(unable);
    able
}
