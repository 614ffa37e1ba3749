//! The first row: the views, and how the box is.

use ratatui::layout::Rect;

use crate::api::types::JobState;
use crate::tui::model::{Model, View};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece, compact};

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let state = state(pen, model, area.width >= 60);
    let width: usize = state.iter().map(|(_, t)| text::width(t)).sum();
    let start = area.right().saturating_sub(u16::try_from(width).unwrap_or(u16::MAX).saturating_add(1));
    tabs(pen, Rect { width: start.saturating_sub(area.x + 1), ..area }, model.view);
    pen.pieces(start.max(area.x), area.y, area.right().saturating_sub(start), &state);
    if !compact(area.height) {
        pen.rule(area, area.y + 1);
    }
}

/// The name of the view shown, and those of the views around it as far as they fit; of the others the keys.
fn tabs(pen: &mut Pen<'_>, area: Rect, shown: View) {
    let label = |view: View, named: bool| match (view.digit(), named) {
        (Some(digit), true) => format!(" {digit} {} ", view.title()),
        (Some(digit), false) => format!(" {digit} "),
        // Without a key of its own, it is there while it is shown.
        (None, _) if view == shown => format!(" {} ", view.title()),
        (None, _) => String::new(),
    };
    let mut named = [false; View::ALL.len()];
    let mut room = usize::from(area.width);
    for view in View::ALL {
        room = room.saturating_sub(text::width(&label(view, false)));
    }
    for view in nearest(shown) {
        if view.digit().is_none() {
            continue;
        }
        let more = text::width(view.title()) + 1;
        if more > room && view != shown {
            break;
        }
        room = room.saturating_sub(more);
        if let Some(named) = named.get_mut(view.index()) {
            *named = true;
        }
    }
    let mut x = area.x;
    for (view, named) in View::ALL.into_iter().zip(named) {
        let tone = if view == shown { Tone::Selected } else { Tone::Text };
        x = pen.put(x, area.y, area.right().saturating_sub(x), tone, &label(view, named));
    }
}

/// This view, the next, the one before, and so on outwards.
fn nearest(shown: View) -> impl Iterator<Item = View> {
    let at = shown.index();
    (0..View::ALL.len()).flat_map(move |far| {
        let before = at.checked_sub(far).filter(|_| far > 0);
        [Some(at + far), before].into_iter().flatten().filter_map(|i| View::ALL.get(i).copied())
    })
}

fn state(pen: &Pen<'_>, model: &Model, wide: bool) -> Vec<Piece> {
    let g = &pen.look.glyphs;
    let mut out: Vec<Piece> = Vec::new();
    if let Some(status) = model.overview.status.as_ref().filter(|_| wide && !model.link.down) {
        if !status.damaged.is_empty() {
            out.push((Tone::Bad, format!("{} damage", g.warn)));
            out.push((Tone::Text, "  ".to_owned()));
        }
        if status.alerts > 0 {
            let noun = if status.alerts == 1 { "alert" } else { "alerts" };
            out.push((Tone::Bad, format!("{} {} {noun}", g.warn, status.alerts)));
            out.push((Tone::Text, "  ".to_owned()));
        }
        let running = model.library.jobs.items.iter().find(|j| j.state == JobState::Running);
        if let Some(job) = running {
            let done = text::percent(job.bytes_done, job.bytes_total).min(100);
            out.push((Tone::Accent, format!("{} {done} %", job.kind)));
            out.push((Tone::Text, "  ".to_owned()));
        }
        if !status.tier.is_empty() {
            out.push((Tone::Quiet, format!("{}  ", status.tier)));
        }
    }
    let (tone, word) = if model.link.down && model.overview.status.is_some() {
        (Tone::Bad, "connection lost")
    } else if model.link.down {
        (Tone::Bad, "not connected")
    } else if model.overview.status.is_some() {
        (Tone::Good, "connected")
    } else {
        (Tone::Quiet, "connecting")
    };
    out.push((tone, g.dot.to_owned()));
    if wide {
        out.push((if model.link.down { Tone::Bad } else { Tone::Text }, format!(" {word}")));
    }
    out
}
