//! The box at a glance: what it is, what it spends, what it answers, what it is doing.

use ratatui::layout::Rect;

use crate::api::types::{CacheStatus, Gauge, Hardware, Job, Status};
use crate::base::format_bytes;
use crate::tui::glyphs::{Glyphs, UNICODE};
use crate::tui::model::{Model, Sweep};
use crate::tui::text::{count, micros, percent, plural, span};
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::{gauge, graph};

type Row = Vec<Piece>;

/// From this width on there are two columns.
const TWO: u16 = 72;
const GAP: u16 = 3;
/// Cells of a sparkline, and of the names of gauges.
const GRAPH: usize = 12;
const NAME: usize = 13;
const LABEL: usize = 12;

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let Some(status) = &model.overview.status else {
        let text = if model.link.down { "The box does not answer." } else { "Reading the box's state." };
        pen.put(area.x, area.y, area.width, Tone::Quiet, text);
        return None;
    };
    let rows = rows(model, status, &pen.look.glyphs, area.width);
    let top = model.overview.top.min(rows.len().saturating_sub(usize::from(area.height)));
    let half = (area.width - GAP.min(area.width)) / 2;
    for (y, (left, right)) in (area.y..area.bottom()).zip(rows.iter().skip(top)) {
        let room = if right.is_some() { half } else { area.width };
        pen.pieces(area.x, y, room, left);
        if let Some(right) = right {
            pen.pieces(area.x + half + GAP, y, half, right);
        }
    }
    if top + usize::from(area.height) < rows.len() {
        let more = format!(" {} more", pen.look.glyphs.down);
        pen.right(area, area.bottom().saturating_sub(1), Tone::Quiet, &more);
    }
    None
}

/// Rows there are, for scrolling.
pub(crate) fn height(model: &Model) -> usize {
    let width = u16::try_from(model.body_width()).unwrap_or(80);
    model.overview.status.as_ref().map_or(0, |s| rows(model, s, &UNICODE, width).len())
}

/// Each row, with its right half where there are two columns.
fn rows(model: &Model, status: &Status, g: &Glyphs, width: u16) -> Vec<(Row, Option<Row>)> {
    let two = width >= TWO;
    let room = usize::from(if two { (width - GAP) / 2 } else { width });
    let hardware = model.overview.hardware.as_deref();
    let mut out: Vec<(Row, Option<Row>)> =
        trouble(status, hardware, g).into_iter().map(|r| (r, None)).collect();
    if !out.is_empty() {
        out.push((Row::new(), None));
    }
    let mut left = the_box(model, status, hardware, g);
    left.push(Row::new());
    left.extend(queries(model, status, g));
    let mut right = budgets(status, g, room);
    right.push(Row::new());
    right.extend(library(model, status, g, room));
    if two {
        let len = left.len().max(right.len());
        left.resize(len, Row::new());
        right.resize(len, Row::new());
        out.extend(left.into_iter().zip(right).map(|(l, r)| (l, Some(r))));
    } else {
        left.push(Row::new());
        out.extend(left.into_iter().chain(right).map(|r| (r, None)));
    }
    out
}

fn title(text: &str) -> Row {
    vec![(Tone::Title, text.to_owned())]
}

fn pair(label: &str, value: String) -> Row {
    vec![(Tone::Quiet, format!("{label:<LABEL$}")), (Tone::Text, value)]
}

/// Numbers of one column end at the same place.
fn figure(label: &str, value: &str) -> Row {
    pair(label, format!("{value:>9}"))
}

fn trouble(status: &Status, hardware: Option<&Hardware>, g: &Glyphs) -> Vec<Row> {
    let mut out: Vec<Row> =
        status.damaged.iter().take(4).map(|d| vec![(Tone::Bad, format!("{} {d}", g.warn))]).collect();
    if status.damaged.len() > 4 {
        let more = format!("{} and {} more: spud check lists them all.", g.warn, status.damaged.len() - 4);
        out.push(vec![(Tone::Bad, more)]);
    }
    let warnings = hardware.map_or(&[][..], |h| &h.warnings);
    out.extend(warnings.iter().take(3).map(|w| vec![(Tone::Warn, format!("{} {w}", g.warn))]));
    out
}

fn the_box(model: &Model, s: &Status, hardware: Option<&Hardware>, g: &Glyphs) -> Vec<Row> {
    let mut out = vec![title("Box")];
    let daemon = if s.daemon { "daemon" } else { "in this process" };
    out.push(pair("tier", format!("{}, {daemon}, up {}", s.tier, span(s.uptime_ms))));
    if let Some(h) = hardware {
        let machine = format!("{}, {} x {}", format_bytes(h.memory_effective), h.cores, h.vector_kernel);
        out.push(pair("machine", machine));
    }
    let graph = |row: Row, sweep: &Sweep| -> Row {
        let mut row = row;
        row.push((Tone::Text, "  ".to_owned()));
        row.extend(graph::sweep(sweep, GRAPH, g));
        row
    };
    out.push(graph(figure("memory", &format_bytes(s.rss_bytes)), &model.overview.memory));
    let more = format!("  peak {}", format_bytes(s.peak_rss_bytes));
    let mut anonymous = figure("anonymous", &format_bytes(s.anonymous_bytes));
    anonymous.push((Tone::Quiet, more));
    out.push(anonymous);
    out.push(graph(figure("cpu", &format!("{:.1} %", s.cpu_percent)), &model.overview.cpu));
    let [a, b, c] = s.load;
    out.push(pair("load", format!("{a:>9.2}  {b:.2}  {c:.2}")));
    let disk = percent(s.disk_total_bytes.saturating_sub(s.disk_free_bytes), s.disk_total_bytes);
    let mut row = figure("disk free", &format_bytes(s.disk_free_bytes));
    row.push((Tone::Quiet, format!("  of {}", format_bytes(s.disk_total_bytes))));
    if disk >= 90 {
        row.push((gauge::level(disk), format!("  {disk} % full")));
    }
    out.push(row);
    if let Some(day) = s.writes.bytes_per_day {
        let mut row = figure("writes", &format_bytes(day));
        row.push((Tone::Quiet, "  a day".to_owned()));
        out.push(row);
        out.push(figure("a commit", &format_bytes(s.writes.bytes_per_commit)));
    }
    if let Some(times) = s.writes.device_rewrites_per_year {
        let mut row = figure("wear", &format!("{times:.1} x"));
        row.push((Tone::Quiet, "  disk a year".to_owned()));
        out.push(row);
    }
    if let Some(t) = s.temperature_c {
        let tone = if t >= 80.0 { Tone::Bad } else { Tone::Text };
        let unit = if g.rule == "-" { "C" } else { "°C" };
        out.push(vec![
            (Tone::Quiet, format!("{:<LABEL$}", "temperature")),
            (tone, format!("{t:>6.1} {unit}")),
        ]);
    }
    out
}

fn queries(model: &Model, s: &Status, g: &Glyphs) -> Vec<Row> {
    let q = &s.queries;
    let mut out = vec![title("Questions")];
    let mut rate = figure("rate", &format!("{:.1} /s", q.per_second));
    rate.push((Tone::Text, "  ".to_owned()));
    rate.extend(graph::sweep(&model.overview.queries, GRAPH, g));
    out.push(rate);
    if q.total == 0 {
        out.push(pair("answered", "none yet".to_owned()));
    } else {
        out.push(figure("p50", &micros(q.p50_us)));
        out.push(figure("p95", &micros(q.p95_us)));
        out.push(figure("p99", &micros(q.p99_us)));
        let mut row = figure("answered", &count(q.total));
        row.push((Tone::Quiet, format!("  found {} %", percent(q.found, q.total))));
        out.push(row);
        if q.errors > 0 {
            out.push(vec![
                (Tone::Quiet, format!("{:<LABEL$}", "errors")),
                (Tone::Bad, format!("{:>9}", count(q.errors))),
            ]);
        }
    }
    out.extend(s.caches.iter().map(cache));
    out
}

fn cache(c: &CacheStatus) -> Row {
    let asked = c.hits.saturating_add(c.misses);
    let hits = if asked == 0 { "-".to_owned() } else { format!("{} %", percent(c.hits, asked)) };
    let mut row = figure(&format!("{} cache", c.name.replace('_', " ").trim_end_matches(" cache")), &hits);
    row.push((Tone::Quiet, format!("  {}", plural(c.entries, "entry").replace("entrys", "entries"))));
    row
}

fn budgets(s: &Status, g: &Glyphs, room: usize) -> Vec<Row> {
    let mut out = vec![title("Budgets")];
    if s.budgets.is_empty() {
        out.push(pair("", "none reported".to_owned()));
    }
    out.extend(s.budgets.iter().map(|b| budget(b, g, room)));
    out
}

fn budget(b: &Gauge, g: &Glyphs, room: usize) -> Row {
    let share = percent(b.used, b.limit);
    let limit = if b.unit == "bytes" { format_bytes(b.limit) } else { count(b.limit) };
    let figures = format!(" {share:>3} % of {limit:>8}");
    let name = b.name.replace('_', " ");
    let bar = room.saturating_sub(NAME + figures.len()).clamp(4, 30);
    let mut row = vec![(Tone::Quiet, format!("{:<width$}", name, width = NAME))];
    row.extend(gauge::bar(b.used, b.limit, bar, g));
    row.push((if share >= 80 { gauge::level(share) } else { Tone::Text }, figures));
    row
}

fn library(model: &Model, s: &Status, g: &Glyphs, room: usize) -> Vec<Row> {
    let mut out = vec![title("Library")];
    let total = |n: u64, one: &str| {
        let mut row = figure(&format!("{one}s"), &count(n));
        row.truncate(2);
        row
    };
    let mut documents = total(s.documents, "document");
    documents.push((Tone::Quiet, format!("  {}", plural(s.collections, "collection"))));
    out.push(documents);
    out.push(total(s.chunks, "passage"));
    let mut index = figure("index", &format_bytes(s.index_bytes));
    index.push((Tone::Quiet, format!("  store {}", format_bytes(s.store_bytes))));
    out.push(index);
    let mut failures = total(s.failures, "failure");
    if s.failures > 0 {
        failures.push((Tone::Warn, "  see Library".to_owned()));
    }
    out.push(failures);
    let mut jobs = figure("jobs", &format!("{} run", s.jobs_running));
    jobs.push((Tone::Quiet, format!("  {} wait", s.jobs_queued)));
    out.push(jobs);
    out.extend(
        model.library.jobs.items.iter().filter(|j| !j.state.is_final()).take(3).map(|j| job(j, g, room)),
    );
    out
}

fn job(j: &Job, g: &Glyphs, room: usize) -> Row {
    let eta = j.eta_ms.map_or_else(String::new, |ms| format!(", {}", span(ms)));
    let figures = format!(" {:>3} %{eta}", percent(j.bytes_done, j.bytes_total).min(100));
    let bar = room.saturating_sub(NAME + figures.chars().count()).clamp(4, 30);
    let mut row = vec![(Tone::Quiet, format!("{:<width$}", j.kind, width = NAME))];
    row.extend(gauge::bar(j.bytes_done, j.bytes_total, bar, g));
    row.push((Tone::Text, figures));
    row
}
