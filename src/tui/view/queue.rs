//! The operation queue: how full the lanes are, how the upstream is, what it would not take.

use ratatui::layout::Rect;

use crate::api::types::{Breaker, OwnWork, QueueLane, QueueStatus};
use crate::tui::model::{Model, short_id};
use crate::tui::text::{age, count, plural, span};
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::gauge;
use crate::tui::widgets::table::{self, Column, column, number};

const BAR: usize = 12;
const LANES: &[Column] = &[
    column("lane", 8, 0),
    column("full", 12, 0),
    number("wait", 7, 0),
    number("oldest", 7, 50),
    number("in/min", 7, 60),
    number("out/min", 7, 60),
    number("dropped", 7, 70),
];
const BREAKERS: &[Column] = &[
    column("breaker", 18, 0),
    column("state", 13, 0),
    number("since", 6, 50),
    number("failed", 7, 60),
    number("refused", 7, 70),
    column("", 0, 0),
];
const DEAD: &[Column] = &[
    column("id", 21, 70),
    column("kind", 12, 0),
    column("lane", 8, 60),
    number("tries", 5, 60),
    number("when", 6, 50),
    column("reason", 0, 0),
];

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let Some(status) = &model.queue.status else {
        let text = if model.link.down { "Not connected to the box; r tries again." } else { "Loading." };
        pen.put(area.x, area.y, area.width, Tone::Quiet, text);
        return None;
    };
    let upstream = upstream(model, status);
    pen.pieces(area.x, area.y, area.width, &upstream);
    let small = area.height < 12;
    let mut y = area.y + 1;
    if !small {
        let retry = status.upstream.retry_ms.or(status.next_retry_ms).filter(|at| *at > model.now_ms);
        let mut text = retry.map_or(String::new(), |at| format!("Next try in {}. ", span(at - model.now_ms)));
        if status.upstream.url.is_some() {
            text.push_str(&status.upstream.words());
        }
        let own: Vec<String> =
            status.own.iter().map(OwnWork::words).filter(|words| !words.is_empty()).collect();
        if let Some(seconds) = status.empty_in_s() {
            text = format!("Empty in about {}. {text}", span(seconds.saturating_mul(1000)));
        }
        if !own.is_empty() {
            text = format!("On the box: {}. {text}", own.join("; "));
        }
        pen.put(area.x, y, area.width, Tone::Quiet, &text);
        y += 1;
    }
    let lanes = u16::try_from(status.lanes.len()).unwrap_or(4) + 1;
    // A small screen shows the lanes that hold something, and room for a letter.
    let lanes = if small { lanes.min(area.height.saturating_sub(4)).max(1) } else { lanes };
    let room = Rect { y, height: lanes, ..area };
    // The heads only: a lane has a bar, which a table does not.
    table::draw(pen, room, LANES, (0, 0), |_| Vec::new());
    for (row, lane) in (room.y + 1..room.bottom()).zip(&status.lanes) {
        self::lane(pen, Rect { y: row, height: 1, ..area }, lane, model.now_ms);
    }
    let y = room.bottom() + u16::from(!small);
    if let Some(breakers) = &model.queue.breakers {
        pen.put(area.x, y, area.width, Tone::Quiet, "Circuit breakers.");
        self::breakers(
            pen,
            Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area },
            model,
            breakers,
        );
        return None;
    }
    let (tone, title) = match status.dead_letters {
        0 => (Tone::Good, "No dead letters.".to_owned()),
        n => (Tone::Warn, plural(n, "dead letter")),
    };
    pen.put(area.x, y, area.width, tone, &title);
    letters(pen, Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area }, model);
    None
}

fn upstream(model: &Model, status: &QueueStatus) -> Vec<Piece> {
    let upstream = &status.upstream;
    let Some(url) = &upstream.url else {
        return vec![(Tone::Quiet, "No upstream: operations wait (spud daemon --upstream URL).".to_owned())];
    };
    let tone = match upstream.state.as_str() {
        "up" => Tone::Good,
        "unknown" => Tone::Quiet,
        _ => Tone::Warn,
    };
    let mut line = vec![
        (Tone::Text, "Upstream ".to_owned()),
        (Tone::Strong, url.clone()),
        (Tone::Text, " ".to_owned()),
        (tone, upstream.state.clone()),
    ];
    if let Some(since_ms) = upstream.since_ms {
        line.push((Tone::Quiet, format!(" for {}", age(model.now_ms, since_ms))));
    }
    if upstream.breaker != "closed" {
        line.push((Tone::Warn, format!(", breaker {}", upstream.breaker)));
    }
    if !upstream.reason.is_empty() {
        line.push((Tone::Quiet, format!(": {}", upstream.reason)));
    }
    line
}

fn lane(pen: &mut Pen<'_>, area: Rect, lane: &QueueLane, now_ms: u64) {
    // The fuller of the two limits is what counts.
    let by_bytes = u128::from(lane.bytes) * u128::from(lane.most_operations)
        > u128::from(lane.operations) * u128::from(lane.most_bytes);
    let (used, limit) =
        if by_bytes { (lane.bytes, lane.most_bytes) } else { (lane.operations, lane.most_operations) };
    let bar = gauge::bar(used, limit, BAR, &pen.look.glyphs);
    let oldest = lane.oldest_ms.map_or("-".to_owned(), |ms| age(now_ms, ms));
    let mut cells = vec![
        count(lane.operations),
        oldest,
        count(lane.added_per_minute),
        count(lane.delivered_per_minute),
        count(lane.dropped),
    ]
    .into_iter();
    pen.put(area.x, area.y, 8, Tone::Text, &lane.lane);
    pen.pieces(area.x + 10, area.y, 12, &bar);
    let mut x = area.x + 24;
    for column in LANES.iter().skip(2) {
        let Some(text) = cells.next() else { return };
        if area.width < column.from {
            continue;
        }
        let tone = if column.title == "dropped" && lane.dropped > 0 { Tone::Warn } else { Tone::Text };
        pen.right(Rect { x, width: column.width, ..area }, area.y, tone, &text);
        x += column.width + 2;
    }
}

fn breakers(pen: &mut Pen<'_>, area: Rect, model: &Model, items: &[Breaker]) {
    if items.is_empty() {
        pen.put(
            area.x,
            area.y,
            area.width,
            Tone::Text,
            "The box calls nothing outside: no upstream, no receivers.",
        );
        return;
    }
    table::draw(pen, area, BREAKERS, (items.len(), model.queue.selected), |at| {
        let Some(breaker) = items.get(at) else { return Vec::new() };
        let tone = match breaker.state.as_str() {
            "closed" => Tone::Good,
            "open" | "forced_open" => Tone::Bad,
            _ => Tone::Warn,
        };
        let next = breaker.retry_ms.filter(|at| *at > model.now_ms);
        let about = match (&breaker.held, next) {
            (Some(held), _) => {
                format!("held for {}: {}", span(held.until_ms.saturating_sub(model.now_ms)), held.reason)
            }
            (None, Some(at)) => format!("tried in {}", span(at - model.now_ms)),
            (None, None) => String::new(),
        };
        vec![
            (Tone::Text, breaker.name.clone()),
            (tone, breaker.state.replace('_', " ")),
            (Tone::Quiet, age(model.now_ms, breaker.since_ms)),
            (Tone::Text, format!("{}/{}", breaker.failures, breaker.calls)),
            (Tone::Text, count(breaker.refused)),
            (Tone::Text, about),
        ]
    });
}

fn letters(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let queue = &model.queue;
    if queue.dead.is_empty() || area.height < 2 {
        return;
    }
    table::draw(pen, area, DEAD, (queue.dead.len(), queue.selected), |at| {
        let Some(letter) = queue.dead.get(at) else { return Vec::new() };
        let ended_ms = letter.ended_ms.unwrap_or(letter.created_ms);
        vec![
            (Tone::Quiet, short_id(&letter.id).to_owned()),
            (Tone::Text, letter.kind.clone()),
            (Tone::Text, letter.lane.clone()),
            (Tone::Text, letter.attempts.to_string()),
            (Tone::Quiet, age(model.now_ms, ended_ms)),
            (Tone::Warn, letter.last_error.clone()),
        ]
    });
}
