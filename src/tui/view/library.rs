//! The library's tabs, each a table with its filter and order above it.

use ratatui::layout::Rect;

use crate::api::types::{Collection, Document, Failure, Job, JobState};
use crate::base::format_bytes;
use crate::tui::model::{Library, Model, Tab, document_name, job_state};
use crate::tui::text::{age, count, percent, span};
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::table::{self, Column, column, number, path};

const COLLECTIONS: &[Column] = &[
    column("name", 0, 0),
    number("documents", 9, 0),
    number("passages", 9, 70),
    number("failed", 6, 0),
    number("source", 9, 56),
    number("index", 9, 66),
    column("language", 8, 100),
    number("watched", 7, 90),
];
const DOCUMENTS: &[Column] = &[
    column(" ", 1, 0),
    path("name"),
    column("kind", 8, 0),
    column("collection", 12, 74),
    number("pages", 5, 90),
    number("size", 9, 50),
    number("changed", 7, 60),
];
const JOBS: &[Column] = &[
    column("state", 9, 0),
    column("kind", 7, 0),
    column("collection", 12, 110),
    number("done", 5, 0),
    number("files", 11, 96),
    number("rate", 11, 64),
    number("left", 10, 50),
    path("working on"),
];
const FAILURES: &[Column] =
    &[column("kind", 11, 0), path("path"), column("reason", 28, 60), number("when", 6, 70)];

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let lib = &model.library;
    tabs(pen, area, lib);
    let cursor = state(pen, area, model);
    let gap = if area.height > 12 { 3 } else { 2 };
    let rest = Rect { y: area.y + gap, height: area.height.saturating_sub(gap), ..area };
    if lib.list().order.is_empty() {
        empty(pen, rest, model);
        return cursor;
    }
    let below = below(lib);
    let list = if rest.height > 10 && !below.is_empty() { under(pen, rest, &below) } else { rest };
    let face = lib.list();
    let now = model.now_ms;
    let len = (face.order.len(), face.selected);
    let item = |at: usize| face.order.get(at).copied();
    match lib.tab {
        Tab::Collections => table::draw(pen, list, COLLECTIONS, len, |at| {
            item(at).and_then(|i| lib.collections.items.get(i)).map(collection).unwrap_or_default()
        }),
        Tab::Documents => {
            let mark = pen.look.glyphs.mark;
            table::draw(pen, list, DOCUMENTS, len, |at| {
                let found = item(at).and_then(|i| lib.documents.items.get(i));
                found.map(|d| document(d, lib.marked.contains(&d.id), mark, now)).unwrap_or_default()
            });
        }
        Tab::Jobs => table::draw(pen, list, JOBS, len, |at| {
            item(at).and_then(|i| lib.jobs.items.get(i)).map(job).unwrap_or_default()
        }),
        Tab::Failures => table::draw(pen, list, FAILURES, len, |at| {
            item(at).and_then(|i| lib.failures.items.get(i)).map(|f| failure(f, now)).unwrap_or_default()
        }),
    }
    cursor
}

fn tabs(pen: &mut Pen<'_>, area: Rect, lib: &Library) {
    let mut x = area.x;
    let narrow = area.width < 60;
    for tab in Tab::ALL {
        let total = lib.total(tab);
        let more = if tab == Tab::Documents && lib.next.is_some() { "+" } else { "" };
        let known = total > 0 && !narrow;
        let label = if known { format!("{} {total}{more}", tab.title()) } else { tab.title().to_owned() };
        let tone = if tab == lib.tab { Tone::Selected } else { Tone::Text };
        let label = if narrow { label } else { format!(" {label} ") };
        x = pen.put(x, area.y, area.right().saturating_sub(x), tone, &label) + 1;
    }
}

/// Filter, order and restriction: what stands between the rows and all there is.
fn state(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let lib = &model.library;
    let face = lib.list();
    let y = area.y + 1;
    if let Some(problem) = &face.problem {
        pen.right(area, y, Tone::Bad, problem);
    }
    if let Some(edit) = &face.editing {
        pen.put(area.x, y, 2, Tone::Accent, "/");
        let line = Rect { x: area.x + 2, y, width: area.width.saturating_sub(2), height: 1 };
        let hint = if face.problem.is_some() { "" } else { "words, kind:pdf, size>1m, age<2d" };
        let theme = pen.look.theme;
        return Some(edit.draw(pen.buf, line, theme, hint));
    }
    let mut parts = Vec::new();
    if let Some(within) = lib.within.as_ref().filter(|_| lib.tab == Tab::Documents) {
        parts.push(format!("in {within}"));
    }
    if !face.filter_text.is_empty() {
        let shown = face.order.len();
        parts.push(format!("filter {} ({shown} of {})", face.filter_text, lib.total(lib.tab)));
    }
    if lib.tab == Tab::Documents && !lib.marked.is_empty() {
        parts.push(format!("{} selected", lib.marked.len()));
    }
    if face.sort > 0 || face.reverse {
        let order = lib.tab.orders().get(face.sort).copied().unwrap_or("");
        parts.push(format!("by {order}{}", if face.reverse { ", reversed" } else { "" }));
    }
    if lib.loading {
        parts.push("loading".to_owned());
    }
    let sep = format!(" {} ", pen.look.glyphs.sep);
    pen.put(area.x + 1, y, area.width.saturating_sub(1), Tone::Quiet, &parts.join(&sep));
    None
}

fn empty(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let lib = &model.library;
    let (text, advice) = if !lib.list().filter_text.is_empty() && lib.total(lib.tab) > 0 {
        ("Nothing passes this filter.", "esc drops the filter.")
    } else if !lib.loaded() && model.link.down {
        ("Not connected to the box.", "r tries again.")
    } else if !lib.loaded() {
        ("Loading.", "")
    } else {
        match lib.tab {
            Tab::Collections => {
                ("No collections yet.", "a adds a file or folder; its collection is made then.")
            }
            Tab::Documents => ("No documents here.", "a adds a file or folder."),
            Tab::Jobs => ("No jobs.", "Adding and re-indexing run as jobs."),
            Tab::Failures => ("Every file could be indexed.", ""),
        }
    };
    pen.put(area.x + 1, area.y, area.width.saturating_sub(1), Tone::Text, text);
    pen.put(area.x + 1, area.y + 1, area.width.saturating_sub(1), Tone::Quiet, advice);
}

/// The selected row in full, for the tabs whose rows seldom fit: what it is, how far, what to do.
fn below(lib: &Library) -> Vec<Piece> {
    if let Some(f) = lib.failure() {
        return vec![
            (Tone::Text, f.path.clone()),
            (Tone::Warn, f.reason.clone()),
            (Tone::Good, f.advice.clone()),
        ];
    }
    let Some(j) = lib.job() else { return Vec::new() };
    let files = format!("{} of {} files", count(j.files_done), count(j.files_total));
    let rest = format!("{} unchanged, {} failed", count(j.files_skipped), count(j.files_failed));
    let bytes = format!("{} of {}", format_bytes(j.bytes_done), format_bytes(j.bytes_total));
    let about = j.current.as_ref().or(j.paths.first()).cloned().unwrap_or_default();
    let last = match &j.error {
        Some(error) => (Tone::Bad, error.clone()),
        None => (Tone::Quiet, bytes),
    };
    vec![(Tone::Text, about), (Tone::Quiet, format!("{}: {files}, {rest}", j.collection)), last]
}

/// Draws lines under the list; returns what is left for the list.
fn under(pen: &mut Pen<'_>, area: Rect, lines: &[Piece]) -> Rect {
    let height = u16::try_from(lines.len() + 1).unwrap_or(4).min(area.height);
    let list = Rect { height: area.height - height, ..area };
    pen.rule(area, list.bottom());
    for (y, (tone, text)) in (list.bottom() + 1..area.bottom()).zip(lines) {
        pen.put(area.x + 1, y, area.width.saturating_sub(1), *tone, text);
    }
    list
}

fn quiet(text: impl Into<String>) -> Piece {
    (Tone::Quiet, text.into())
}

fn plain(text: impl Into<String>) -> Piece {
    (Tone::Text, text.into())
}

fn collection(c: &Collection) -> Vec<Piece> {
    let failed = if c.failures > 0 { (Tone::Warn, count(c.failures)) } else { quiet("0") };
    let name = if c.built_in { format!("{} (built in)", c.name) } else { c.name.clone() };
    let language = if c.language == "auto" || c.language.is_empty() {
        c.languages.join(" ")
    } else {
        c.language.clone()
    };
    vec![
        plain(name),
        plain(count(c.documents)),
        plain(count(c.chunks)),
        failed,
        plain(format_bytes(c.source_bytes)),
        plain(format_bytes(c.index_bytes)),
        quiet(language),
        quiet(c.watched.len().to_string()),
    ]
}

fn document(d: &Document, marked: bool, mark: &str, now_ms: u64) -> Vec<Piece> {
    let pages = if d.pages > 0 { d.pages.to_string() } else { "-".to_owned() };
    vec![
        (Tone::Accent, if marked { mark.to_owned() } else { " ".to_owned() }),
        plain(document_name(d)),
        quiet(d.kind.clone()),
        quiet(d.collection.clone()),
        plain(pages),
        plain(format_bytes(d.bytes)),
        quiet(age(now_ms, d.modified_ms)),
    ]
}

fn job(j: &Job) -> Vec<Piece> {
    let tone = match j.state {
        JobState::Running => Tone::Accent,
        JobState::Failed => Tone::Bad,
        JobState::Done => Tone::Good,
        JobState::Queued | JobState::Cancelled => Tone::Quiet,
    };
    let running = j.state == JobState::Running;
    let done = if j.state == JobState::Done { 100 } else { percent(j.bytes_done, j.bytes_total).min(100) };
    let rate = if running { format!("{}/s", format_bytes(j.bytes_per_second)) } else { "-".to_owned() };
    let left = j.eta_ms.filter(|_| running).map_or("-".to_owned(), span);
    let about = j.error.as_ref().or(j.current.as_ref()).or(j.paths.first()).cloned().unwrap_or_default();
    vec![
        (tone, job_state(j).to_owned()),
        plain(j.kind.clone()),
        quiet(j.collection.clone()),
        plain(format!("{done} %")),
        plain(format!("{}/{}", j.files_done, j.files_total)),
        plain(rate),
        plain(left),
        if j.error.is_some() { (Tone::Bad, about) } else { quiet(about) },
    ]
}

fn failure(f: &Failure, now_ms: u64) -> Vec<Piece> {
    vec![
        (Tone::Warn, f.kind.replace('_', " ")),
        plain(f.path.clone()),
        quiet(f.reason.clone()),
        quiet(age(now_ms, f.at_ms)),
    ]
}
