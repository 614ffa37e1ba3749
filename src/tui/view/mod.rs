//! The screen: header, one view, footer, and what lies over them.
//!
//! Invariant: reads the model and never changes it; the same model draws the same screen.

mod access;
mod alerts;
mod ask;
mod audit;
mod backups;
mod banner;
mod config;
mod dashboards;
mod dialog;
mod footer;
mod form;
mod govern;
mod header;
mod help;
mod incidents;
mod library;
mod logs;
mod observe;
mod overview;
mod palette;
mod pen;
mod probes;
mod queue;
mod too_small;
mod traces;

pub(crate) use observe::grid;
pub(crate) use overview::height as overview_height;
pub(crate) use pen::{Pen, Piece};

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::api::types::Place;
use crate::tui::glyphs::Glyphs;
use crate::tui::model::{Model, Overlay, View};
use crate::tui::theme::{Theme, Tone};

/// How everything looks.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) theme: Theme,
    pub(crate) glyphs: Glyphs,
}

const MIN_WIDTH: u16 = 40;
const MIN_HEIGHT: u16 = 10;

/// True where rows are too dear for rules and empty lines.
pub(crate) fn compact(height: u16) -> bool {
    height < 16
}

/// Where a view draws, below the header and the banner.
pub(crate) fn body(model: &Model) -> Rect {
    let (width, height) = model.size;
    let (top, rest) = if compact(height) { (1, 2) } else { (2, 4) };
    let banner = banner::rows(model);
    Rect {
        x: 1,
        y: top + banner,
        width: width.saturating_sub(2),
        height: height.saturating_sub(rest + banner),
    }
}

pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model, look: &Look) {
    let area = frame.area();
    let mut pen = Pen::new(frame.buffer_mut(), look);
    if area.width < MIN_WIDTH || area.height < MIN_HEIGHT {
        too_small::draw(&mut pen, area);
        return;
    }
    let inner = body(model).intersection(area);
    header::draw(&mut pen, area, model);
    banner::draw(&mut pen, area, model);
    let cursor = match model.view {
        View::Overview => overview::draw(&mut pen, inner, model),
        View::Ask => ask::draw(&mut pen, inner, model),
        View::Library => library::draw(&mut pen, inner, model),
        View::Logs => logs::draw(&mut pen, inner, model),
        View::Queue => queue::draw(&mut pen, inner, model),
        View::Backups => backups::draw(&mut pen, inner, model),
        View::Config => config::draw(&mut pen, inner, model),
        View::Access => access::draw(&mut pen, inner, model),
        View::Audit => audit::draw(&mut pen, inner, model),
        View::Observe => observe::draw(&mut pen, inner, model),
        View::Approvals => govern::approvals(&mut pen, inner, model),
        View::Models => govern::models(&mut pen, inner, model),
        View::Incidents => incidents::draw(&mut pen, inner, model),
        View::UseCases => govern::use_cases(&mut pen, inner, model),
    };
    footer::draw(&mut pen, area, model);
    let cursor = match &model.overlay {
        None => cursor,
        Some(Overlay::Help { top }) => help::draw(&mut pen, area, model, *top),
        Some(Overlay::Palette { edit, selected }) => palette::draw(&mut pen, area, model, edit, *selected),
        Some(Overlay::Setting(edit)) => config::edit(&mut pen, area, edit),
        Some(Overlay::Form(open)) => form::draw(&mut pen, area, open),
        Some(Overlay::Alert(dialog)) => alerts::dialog(&mut pen, area, dialog),
        Some(Overlay::Pick { of, items, selected }) => dialog::pick(&mut pen, area, *of, items, *selected),
        Some(Overlay::Confirm(confirm)) => dialog::confirm(&mut pen, area, confirm),
        Some(Overlay::Detail { title, fields, top }) => dialog::detail(&mut pen, area, title, fields, *top),
    };
    if let Some((x, y)) = cursor {
        frame.set_cursor_position((x.min(area.right().saturating_sub(1)), y));
    }
}

/// The panels of the dashboard alone, without anything around them.
pub(crate) fn draw_dashboard(buffer: &mut ratatui::buffer::Buffer, model: &Model, look: &Look) {
    let (area, body) = (buffer.area, body(model));
    let mut pen = Pen::new(buffer, look);
    dashboards::draw(&mut pen, Rect { y: 0, height: body.height, ..body }.intersection(area), model);
}

/// The row of a list's filter, where there is one; the list's own room, and the cursor.
pub(crate) fn sieve(pen: &mut Pen<'_>, area: Rect, model: &Model) -> (Rect, Option<(u16, u16)>) {
    let mut cursor = None;
    let mut used = 1;
    if let Some(edit) = &model.sieve.editing {
        pen.put(area.x, area.y, 2, Tone::Accent, pen.look.glyphs.prompt);
        let line = Rect { x: area.x + 2, width: area.width.saturating_sub(2), height: 1, ..area };
        cursor = Some(edit.draw(pen.buf, line, pen.look.theme, "words that all must be found, -word not"));
    } else if !model.sieve.text.is_empty() {
        pen.put(area.x, area.y, area.width, Tone::Accent, &format!("only: {}", model.sieve.text));
    } else {
        used = u16::from(area.height >= 10);
    }
    (Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area }, cursor)
}

/// What is said in the place of what did not come yet: why, where that is known.
pub(crate) fn waiting(model: &Model, permission: &str) -> String {
    match (model.link.down, model.access.lacks(permission)) {
        (true, _) => "Not connected to the box; r tries again.".to_owned(),
        (_, true) => format!("This needs the permission {permission}."),
        _ => "Loading.".to_owned(),
    }
}

/// Where in its document a passage stands: `p. 12`, `lines 10-20`, `record 7`; empty when unknown.
pub(crate) fn place(place: &Place) -> String {
    let range = |one: &str, many: &str, from: u32, to: Option<u32>| match to {
        Some(to) if to > from => format!("{many} {from}-{to}"),
        _ => format!("{one} {from}"),
    };
    match (place.page, place.line_start, &place.record) {
        (Some(page), _, _) => range("p.", "pp.", page, place.page_end),
        (None, _, Some(record)) => format!("record {record}"),
        (None, Some(line), None) => range("line", "lines", line, place.line_end),
        (None, None, None) => String::new(),
    }
}
