//! Traces as a list and as a waterfall, and failures in groups.

use ratatui::layout::Rect;

use crate::api::types::{ErrorGroup, TraceDetail, TraceSpan, TraceSummary};
use crate::base::format_second;
use crate::tui::model::Model;
use crate::tui::text::{age, count, micros, width};
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::table::{self, Column, column, first, number};

const TRACES: &[Column] =
    &[number("age", 6, 0), number("took", 8, 0), column("kept", 6, 60), column("what", 0, 0)];
const GROUPS: &[Column] =
    &[number("count", 6, 0), number("last", 6, 0), column("where", 22, 70), column("what", 0, 0)];
/// Columns of a time in the waterfall.
const TIME: u16 = 8;

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let traces = &model.traces;
    if let Some((detail, at)) = &traces.open {
        return waterfall(pen, area, detail, *at);
    }
    let rest = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let (head, empty, loaded) = match traces.failures {
        true => {
            let head = "Failures, newest first; enter opens a trace.".to_owned();
            (head, "Nothing failed.", traces.groups.is_some())
        }
        false => {
            let head = format!("Traces that were kept, newest first: {}.", traces.kind.name());
            (head, "No trace was kept.", traces.items.is_some())
        }
    };
    pen.put(area.x, area.y, area.width, Tone::Quiet, if loaded { &head } else { "Loading." });
    if loaded && traces.len() == 0 {
        pen.put(rest.x, rest.y, rest.width, Tone::Text, empty);
        return;
    }
    let place = (traces.len(), traces.selected);
    if traces.failures {
        let groups = traces.groups.as_deref().unwrap_or_default();
        table::draw(pen, rest, GROUPS, place, |at| {
            groups.get(at).map_or_else(Vec::new, |group| failure(group, model.now_ms))
        });
    } else {
        let items = traces.items.as_deref().unwrap_or_default();
        table::draw(pen, rest, TRACES, place, |at| {
            items.get(at).map_or_else(Vec::new, |one| cells(one, model.now_ms))
        });
    }
}

fn cells(one: &TraceSummary, now_ms: u64) -> Vec<Piece> {
    let tone = match one.kept.as_str() {
        _ if one.failed => Tone::Bad,
        "slow" => Tone::Warn,
        _ => Tone::Text,
    };
    let what = if one.failed { format!("{}: {}", one.name, one.error) } else { one.name.clone() };
    vec![
        (Tone::Quiet, age(now_ms, one.started_ms)),
        (tone, micros(one.took_us)),
        (tone, one.kept.clone()),
        (tone, what),
    ]
}

fn failure(group: &ErrorGroup, now_ms: u64) -> Vec<Piece> {
    vec![
        (Tone::Text, count(group.count)),
        (Tone::Quiet, age(now_ms, group.last_ms)),
        (Tone::Text, format!("{} {}", group.kind, group.place)),
        (Tone::Bad, group.message.clone()),
    ]
}

fn waterfall(pen: &mut Pen<'_>, area: Rect, detail: &TraceDetail, selected: usize) {
    let tone = if detail.failed { Tone::Bad } else { Tone::Strong };
    let short: String = detail.id.chars().take(12).collect();
    let head = format!("{short}  {}  {}", micros(detail.took_us), detail.kept);
    let end = pen.put(area.x, area.y, area.width, tone, &head);
    let when = format!("  {}", format_second(detail.started_us / 1000));
    pen.put(end, area.y, area.right().saturating_sub(end), Tone::Quiet, &when);
    let names = detail.spans.iter().map(|span| indent(span) + width(&span.name)).max().unwrap_or(0);
    let names = u16::try_from(names).unwrap_or(u16::MAX).min(area.width * 2 / 5);
    let x = area.x + names + TIME + 2;
    let room = area.right().saturating_sub(x);
    let rows = usize::from(area.height.saturating_sub(1));
    let from = first(selected, rows);
    for ((y, span), at) in (area.y + 1..area.bottom()).zip(detail.spans.iter().skip(from)).zip(from..) {
        let tone = if span.failed { Tone::Bad } else { Tone::Text };
        let depth = u16::try_from(indent(span)).unwrap_or(0).min(names);
        pen.put(area.x + depth, y, names - depth, tone, &span.name);
        let time = Rect { x: area.x + names, y, width: TIME + 1, height: 1 };
        pen.right(time, y, Tone::Quiet, &micros(span.took_us));
        let (before, length) = detail.bar(span, usize::from(room));
        let bar = pen.look.glyphs.bar_full.repeat(length);
        let before = u16::try_from(before).unwrap_or(0);
        let tone = if span.failed { Tone::Bad } else { Tone::Accent };
        pen.put(x + before, y, room.saturating_sub(before), tone, &bar);
        if at == selected {
            pen.over(Rect { y, height: 1, ..area }, Tone::Selected);
        }
    }
}

fn indent(span: &TraceSpan) -> usize {
    span.depth.min(8) * 2
}
