//! The question, the answer with its citations, the results, and the document that is read.

use ratatui::layout::Rect;

use crate::api::types::{AskResponse, CacheLayer, Hit, Problem};
use crate::tui::model::{Answer, Focus, Model, Reader, Reading};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece, place};
use crate::tui::widgets::passage::{self, Marks};

type Cursor = Option<(u16, u16)>;

/// Most rows of the answer, so that results stay in sight.
const ANSWER_ROWS: usize = 7;
/// Rows of one result: title and snippet.
const RESULT_ROWS: u16 = 2;

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Cursor {
    let cursor = question(pen, area, model);
    meta(pen, area, model);
    let gap = if area.height > 12 { 3 } else { 2 };
    let rest = Rect { y: area.y + gap, height: area.height.saturating_sub(gap), ..area };
    if let Some(reader) = &model.ask.reader {
        read(pen, rest, reader);
        return None;
    }
    match &model.ask.answer {
        Answer::Nothing => welcome(pen, rest, model),
        Answer::Waiting => {
            pen.put(rest.x, rest.y, rest.width, Tone::Quiet, "Looking it up.");
        }
        Answer::Failed(problem) => failed(pen, rest, problem),
        Answer::Ready(response) if !response.search.found || response.search.results.is_empty() => {
            nothing(pen, rest, model, response);
        }
        Answer::Ready(response) => answer(pen, rest, model, response),
    }
    cursor
}

fn question(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Cursor {
    let typing = model.ask.focus == Focus::Question;
    let prompt = pen.look.glyphs.prompt;
    pen.put(area.x, area.y, 2, if typing { Tone::Accent } else { Tone::Quiet }, prompt);
    let line = Rect { x: area.x + 2, width: area.width.saturating_sub(2), height: 1, ..area };
    let theme = pen.look.theme;
    let hint = "Ask, as you would ask a colleague";
    let cursor = model.ask.question.draw(pen.buf, line, theme, hint);
    typing.then_some(cursor)
}

/// Where is asked, and what came of it, in one quiet line.
fn meta(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let ask = &model.ask;
    let mut parts = vec![ask.collection.as_ref().map_or("all collections".to_owned(), |c| format!("in {c}"))];
    parts.extend(ask.use_case.as_ref().map(|name| format!("under {name}")));
    if let Some(r) = ask.response() {
        if r.search.found {
            parts.push(text::plural(r.search.results.len() as u64, "result"));
        }
        parts.push(text::micros(r.search.took_us));
        match r.search.cache {
            CacheLayer::None => {}
            CacheLayer::L1 => parts.push("from memory".to_owned()),
            CacheLayer::L2 => parts.push("from the store".to_owned()),
        }
    }
    if ask.explain {
        parts.push("scores explained".to_owned());
    }
    let sep = format!(" {} ", pen.look.glyphs.sep);
    pen.put(area.x + 2, area.y + 1, area.width.saturating_sub(2), Tone::Quiet, &parts.join(&sep));
}

fn welcome(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let lib = &model.library.collections;
    let documents: u64 = lib.items.iter().map(|c| c.documents).sum();
    let lines: Vec<Piece> = if lib.loaded && documents == 0 {
        vec![
            (Tone::Text, "This box has no documents yet.".to_owned()),
            (Tone::Quiet, "Press F3 for the library, then a to add a file or folder.".to_owned()),
        ]
    } else {
        let known = text::plural(documents, "document");
        let told = if lib.loaded { format!("Answers come from {known} on this box.") } else { String::new() };
        vec![
            (Tone::Text, told),
            (Tone::Quiet, "For example: how do I replace the pump seal?".to_owned()),
            (Tone::Quiet, "Words in \"double quotes\" must occur as they are.".to_owned()),
        ]
    };
    prose(pen, area, &lines);
}

fn failed(pen: &mut Pen<'_>, area: Rect, problem: &Problem) {
    let mut lines = vec![(Tone::Bad, format!("No answer: {}", problem.title))];
    lines.push((Tone::Text, problem.detail.clone()));
    lines.push((Tone::Text, problem.advice.clone().unwrap_or_default()));
    let other = if matches!(problem.status, 404 | 409) { ", s picks the use case to ask under" } else { "" };
    lines.push((Tone::Quiet, format!("r asks again, i changes the question{other}.")));
    prose(pen, area, &lines);
}

fn nothing(pen: &mut Pen<'_>, area: Rect, model: &Model, response: &AskResponse) {
    let mut lines = vec![(Tone::Text, "Nothing on this box answers that.".to_owned())];
    lines.extend(response.search.notes.iter().map(|n| (Tone::Warn, n.clone())));
    if let Some(suggestion) = model.ask.suggestion() {
        lines.push((Tone::Accent, format!("Did you mean \"{suggestion}\"? Press d.")));
    }
    let advice = if model.ask.collection.is_some() {
        "Press c to ask in another collection, or i to use other words."
    } else {
        "Press i to use other words: fewer, or those the document would use."
    };
    lines.push((Tone::Quiet, advice.to_owned()));
    prose(pen, area, &lines);
}

/// Wrapped lines under each other; empty ones take no room.
fn prose(pen: &mut Pen<'_>, area: Rect, lines: &[Piece]) {
    let mut y = area.y;
    for (tone, text) in lines {
        for line in passage::flow(text, usize::from(area.width), &Marks::default()) {
            if y < area.bottom() {
                let plain: String = line.pieces.into_iter().map(|(_, t)| t).collect();
                pen.put(area.x, y, area.width, *tone, &plain);
                y += 1;
            }
        }
    }
}

fn answer(pen: &mut Pen<'_>, area: Rect, model: &Model, response: &AskResponse) {
    let mut y = area.y;
    for note in response.search.notes.iter().take(2) {
        let text = format!("{} {note}", pen.look.glyphs.warn);
        pen.put(area.x, y, area.width, Tone::Warn, &text);
        y += 1;
    }
    let most = ANSWER_ROWS.min(usize::from(area.height) / 2);
    let lines = sentences(response, usize::from(area.width.saturating_sub(2)));
    for line in lines.iter().take(most) {
        pen.pieces(area.x + 2, y, area.width.saturating_sub(2), line);
        y += 1;
    }
    if !lines.is_empty() && area.height > 8 {
        y += 1;
    }
    results(pen, Rect { y, height: area.bottom().saturating_sub(y), ..area }, model);
}

/// The answer as wrapped lines, each sentence followed by the number of its result.
fn sentences(response: &AskResponse, room: usize) -> Vec<Vec<Piece>> {
    let mut whole = String::new();
    let mut citations = Vec::new();
    for s in &response.answer {
        if !whole.is_empty() {
            whole.push(' ');
        }
        whole.extend(s.text.trim().chars().map(|c| if c == '\n' { ' ' } else { c }));
        let from = whole.len() + 1;
        whole.push_str(&format!(" [{}]", s.citation));
        citations.push((from, whole.len()));
    }
    let marks = Marks::cited(citations);
    let tone = |t: Tone| if t == Tone::Match { Tone::Accent } else { t };
    passage::flow(&whole, room, &marks)
        .into_iter()
        .map(|l| l.pieces.into_iter().map(|(t, text)| (tone(t), text)).collect())
        .collect()
}

fn results(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let ask = &model.ask;
    let explain = if ask.explain { 2 } else { 0 };
    let room = area.height.saturating_sub(explain);
    let per_page = usize::from((room / RESULT_ROWS).max(1));
    let first = ask.selected / per_page * per_page;
    let mut y = area.y;
    for (at, hit) in ask.hits().iter().enumerate().skip(first).take(per_page) {
        if y >= area.bottom() {
            return;
        }
        let on = at == ask.selected && ask.focus != Focus::Question;
        result(pen, Rect { y, height: 1, ..area }, hit, on);
        if y + 1 < area.bottom() {
            let line =
                passage::snippet(hit, usize::from(area.width.saturating_sub(4)), pen.look.glyphs.ellipsis);
            pen.pieces(area.x + 4, y + 1, area.width.saturating_sub(4), &line.pieces);
        }
        y += RESULT_ROWS;
        if ask.explain && at == ask.selected && y + 1 < area.bottom() {
            explained(pen, Rect { x: area.x + 4, y, width: area.width.saturating_sub(4), height: 2 }, hit);
            y += explain;
        }
    }
}

fn result(pen: &mut Pen<'_>, row: Rect, hit: &Hit, on: bool) {
    let mut right = place(&hit.place);
    if hit.duplicates > 0 {
        right = format!("{right}  +{} same", hit.duplicates);
    }
    let right = format!("{right}  {:.2}", hit.score);
    let edge = pen.right(row, row.y, Tone::Quiet, &right);
    let name = if hit.title.trim().is_empty() { text::file_name(&hit.path) } else { hit.title.trim() };
    let crumb = format!(" {} ", pen.look.glyphs.crumb);
    let mut pieces = vec![(Tone::Accent, format!("{:>2}  ", hit.rank)), (Tone::Strong, name.to_owned())];
    if !hit.heading.is_empty() {
        pieces.push((Tone::Quiet, format!("{crumb}{}", hit.heading.join(&crumb))));
    }
    pen.pieces(row.x, row.y, edge.saturating_sub(row.x + 1), &pieces);
    if on {
        pen.over(row, Tone::Selected);
    }
}

fn explained(pen: &mut Pen<'_>, area: Rect, hit: &Hit) {
    let Some(p) = &hit.parts else {
        pen.put(
            area.x,
            area.y,
            area.width,
            Tone::Quiet,
            "This answer came without score parts; r asks again.",
        );
        return;
    };
    let parts = format!(
        "words {:.2} (from {:.2})  meaning {:.2} (cosine {:.2})  nearness {:.2}",
        p.lexical_share, p.lexical, p.dense_share, p.dense, p.proximity_share
    );
    pen.put(area.x, area.y, area.width, Tone::Accent, &parts);
    pen.put(area.x, area.y + 1, area.width, Tone::Quiet, &p.terms.join(", "));
}

fn read(pen: &mut Pen<'_>, area: Rect, reader: &Reader) {
    let hit = &reader.hit;
    let name = if hit.title.trim().is_empty() { text::file_name(&hit.path) } else { hit.title.trim() };
    let rows = usize::from(area.height.saturating_sub(1));
    let end = (reader.top + rows).min(reader.lines.len());
    let state = match (reader.before, reader.after) {
        (Reading::Loading, _) | (_, Reading::Loading) => "loading".to_owned(),
        (Reading::End, Reading::End) => format!("{}-{end} of {}", reader.top + 1, reader.lines.len()),
        _ => format!("{}-{end} of {}+", reader.top + 1, reader.lines.len()),
    };
    let edge = pen.right(area, area.y, Tone::Quiet, &state);
    let sep = format!("  {}", place(&hit.place));
    let mut pieces = vec![(Tone::Strong, name.to_owned()), (Tone::Accent, sep)];
    if text::file_name(&hit.path) != name {
        pieces.push((Tone::Quiet, format!("  {}", hit.path)));
    }
    pen.pieces(area.x, area.y, edge.saturating_sub(area.x + 2), &pieces);
    let mark = pen.look.glyphs.head;
    for (y, line) in (area.y + 1..area.bottom()).zip(reader.lines.iter().skip(reader.top)) {
        if line.own {
            pen.put(area.x, y, 1, Tone::Accent, mark);
        }
        pen.pieces(area.x + 2, y, area.width.saturating_sub(2), &line.pieces);
    }
}
