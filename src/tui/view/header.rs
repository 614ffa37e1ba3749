//! The first row: the views, and how the box is.

use ratatui::layout::Rect;

use crate::api::types::JobState;
use crate::tui::model::{Model, View};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece, compact};

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut x = area.x;
    for view in View::ALL {
        let label = format!(" {} {} ", view.index() + 1, view.title());
        let tone = if view == model.view { Tone::Selected } else { Tone::Text };
        x = pen.put(x, area.y, area.right().saturating_sub(x), tone, &label);
    }
    let mut state = state(pen, model, area.width >= 60);
    let width = |state: &[Piece]| {
        let cells: usize = state.iter().map(|(_, t)| text::width(t)).sum();
        u16::try_from(cells).unwrap_or(u16::MAX)
    };
    let fits = |state: &[Piece]| x.saturating_add(width(state)).saturating_add(1) < area.right();
    // The line to the box, which stands last, is worth more than what stands before it.
    while !fits(&state) && state.len() > 1 {
        let at = state.len().saturating_sub(3);
        state.remove(if state.len() == 2 { 1 } else { at });
    }
    let width = width(&state);
    if fits(&state) {
        let start = area.right() - width - 1;
        pen.pieces(start, area.y, width, &state);
    }
    if !compact(area.height) {
        pen.rule(area, area.y + 1);
    }
}

fn state(pen: &Pen<'_>, model: &Model, wide: bool) -> Vec<Piece> {
    let g = &pen.look.glyphs;
    let mut out: Vec<Piece> = Vec::new();
    if let Some(status) = model.overview.status.as_ref().filter(|_| wide) {
        if !status.damaged.is_empty() {
            out.push((Tone::Bad, format!("{} damage", g.warn)));
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
