//! The newest lines of the box's log, or what was found in all of it: a bounded ring, filtered, followed or held.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::api::types::LogLine;
use crate::base::parse_time;
use crate::tui::filter::{ANY, Filter, Kind, Schema, Value};
use crate::tui::widgets::line_edit::LineEdit;

/// Lines that are kept.
pub(crate) const RING: usize = 2000;
pub(crate) const LOG_SCHEMA: Schema =
    &[("level", Kind::Text), ("target", Kind::Text), ("source", Kind::Text), ANY];
/// Lines that can be pinned.
pub(crate) const PINS: usize = 20;
/// Widths of a column of the histogram: seconds to a year.
const STEPS_S: [u64; 14] =
    [1, 5, 15, 60, 300, 900, 3600, 10_800, 43_200, 86_400, 604_800, 2_592_000, 31_536_000, 315_360_000];

/// The value of a line's field, as text.
pub(crate) fn field_text(value: &serde_json::Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Cow::Borrowed)
}

/// How many of the visible lines fall into each of some equal times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// The first of the times begins here.
    pub(crate) start_ms: u64,
    pub(crate) step_ms: u64,
    /// How many lines, and the worst of them.
    pub(crate) columns: Vec<(u64, Level)>,
}

impl Histogram {
    /// The column of a line.
    pub(crate) fn column(&self, line: &LogLine) -> Option<usize> {
        let after = parse_time(&line.timestamp)?.checked_sub(self.start_ms)?;
        usize::try_from(after / self.step_ms.max(1)).ok().filter(|at| *at < self.columns.len())
    }
}

/// This and worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Level {
    #[default]
    All,
    Info,
    Warn,
    Error,
}

impl Level {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::All => Self::Info,
            Self::Info => Self::Warn,
            Self::Warn => Self::Error,
            Self::Error => Self::All,
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::All => "all levels",
            Self::Info => "info and worse",
            Self::Warn => "warnings and errors",
            Self::Error => "errors",
        }
    }

    /// As the box calls it; none where all are wanted.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Info => Some("info"),
            Self::Warn => Some("warn"),
            Self::Error => Some("error"),
        }
    }

    pub(crate) fn of(line: &LogLine) -> Self {
        match line.level.to_ascii_uppercase().as_str() {
            "ERROR" => Self::Error,
            "WARN" => Self::Warn,
            "INFO" => Self::Info,
            _ => Self::All,
        }
    }
}

/// A search in all files of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deep {
    /// More is on its way.
    pub(crate) busy: bool,
    /// It was looked for with another filter than the one there is now.
    pub(crate) stale: bool,
    pub(crate) scanned_bytes: u64,
    pub(crate) damaged_blocks: u64,
}

/// Numbers of found lines begin here, with room for older ones before them.
const FOUND: u64 = 1 << 40;

#[derive(Debug, Clone, Default)]
pub(crate) struct Logs {
    lines: VecDeque<LogLine>,
    /// Number of the oldest line in the ring.
    first: u64,
    /// Numbers of the lines that pass the filter, ascending.
    pub(crate) visible: VecDeque<u64>,
    pub(crate) level: Level,
    pub(crate) filter_text: String,
    pub(crate) filter: Filter,
    pub(crate) problem: Option<String>,
    pub(crate) editing: Option<LineEdit>,
    pub(crate) paused: bool,
    /// Lines that came since it was paused and pass the filter.
    pub(crate) fresh: usize,
    /// Position in `visible`; the last while following.
    pub(crate) selected: usize,
    pub(crate) loaded: bool,
    /// What is shown was looked for in all files.
    pub(crate) deep: Option<Deep>,
    /// Lines that stay in sight, as they were pinned.
    pub(crate) pinned: Vec<LogLine>,
}

impl Logs {
    pub(crate) fn push(&mut self, line: LogLine) {
        if self.lines.len() >= RING {
            self.lines.pop_front();
            self.first += 1;
            if self.visible.front().is_some_and(|n| *n < self.first) {
                self.visible.pop_front();
                self.selected = self.selected.saturating_sub(1);
            }
        }
        let number = self.first + self.lines.len() as u64;
        if self.passes(&line) {
            self.visible.push_back(number);
            if self.paused {
                self.fresh += 1;
            }
        }
        self.lines.push_back(line);
        self.follow();
    }

    /// Replaces everything by what the box sent.
    pub(crate) fn load(&mut self, lines: Vec<LogLine>) {
        self.loaded = true;
        self.first += self.lines.len() as u64;
        let skip = lines.len().saturating_sub(RING);
        self.lines = lines.into_iter().skip(skip).collect();
        self.arrange();
    }

    /// Shows what was found, and nothing else.
    pub(crate) fn begin_found(&mut self) {
        self.lines.clear();
        self.visible.clear();
        (self.first, self.selected) = (FOUND, 0);
        self.set_paused(true);
    }

    /// Puts older lines before those that are there, as many as there is room for; false when it is full.
    pub(crate) fn add_older(&mut self, lines: Vec<LogLine>) -> bool {
        let room = RING.saturating_sub(self.lines.len());
        for line in lines.into_iter().rev().take(room) {
            self.lines.push_front(line);
            self.first -= 1;
        }
        self.arrange();
        self.lines.len() < RING
    }

    /// Filters anew, keeping the selected line if it is still there.
    pub(crate) fn arrange(&mut self) {
        let held = self.visible.get(self.selected).copied();
        self.visible =
            (self.first..).zip(&self.lines).filter(|(_, l)| self.passes(l)).map(|(n, _)| n).collect();
        let last = self.visible.len().saturating_sub(1);
        self.selected = held.map_or(last, |n| self.visible.partition_point(|v| *v < n).min(last));
        self.follow();
    }

    fn follow(&mut self) {
        if !self.paused {
            self.fresh = 0;
            self.selected = self.visible.len().saturating_sub(1);
        }
    }

    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.fresh = 0;
        self.follow();
    }

    pub(crate) fn passes(&self, line: &LogLine) -> bool {
        if Level::of(line) < self.level {
            return false;
        }
        let fields: Vec<_> =
            line.fields.iter().map(|(name, value)| (name.as_str(), field_text(value))).collect();
        let mut texts = vec![line.message.as_str(), line.target.as_str()];
        texts.extend(fields.iter().map(|(_, value)| value.as_ref()));
        self.filter.accepts(&texts, |name| match name {
            "level" => Some(Value::Text(&line.level)),
            // Lines of other programs have their name there.
            "target" | "source" => Some(Value::Text(&line.target)),
            _ => {
                let field = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                field.map(|(_, value)| Value::Text(value))
            }
        })
    }

    /// Pins the selected line, or lets it go; false where there are too many.
    pub(crate) fn pin(&mut self) -> bool {
        let Some(line) = self.line().cloned() else { return true };
        if let Some(at) = self.pinned.iter().position(|pinned| *pinned == line) {
            self.pinned.remove(at);
            return true;
        }
        let room = self.pinned.len() < PINS;
        if room {
            self.pinned.push(line);
        }
        room
    }

    /// The visible lines over time, in at most so many columns; none where there is no time to tell.
    pub(crate) fn histogram(&self, width: usize) -> Option<Histogram> {
        let lines = || (0..self.visible.len()).filter_map(|at| self.at(at));
        let times = || lines().filter_map(|line| parse_time(&line.timestamp));
        let (first, last) = (times().min()?, times().max()?);
        let count =
            |step_ms: u64| usize::try_from(last / step_ms - first / step_ms + 1).unwrap_or(usize::MAX);
        let step_ms = STEPS_S.iter().map(|step| step * 1000).find(|step| count(*step) <= width)?;
        let columns = vec![(0, Level::All); count(step_ms)];
        let mut all = Histogram { start_ms: first / step_ms * step_ms, step_ms, columns };
        for line in lines() {
            if let Some((count, worst)) = all.column(line).and_then(|at| all.columns.get_mut(at)) {
                (*count, *worst) = (*count + 1, Level::of(line).max(*worst));
            }
        }
        Some(all)
    }

    /// The line at a position of `visible`.
    pub(crate) fn at(&self, position: usize) -> Option<&LogLine> {
        let number = self.visible.get(position)?;
        self.lines.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    pub(crate) fn line(&self) -> Option<&LogLine> {
        self.at(self.selected)
    }

    /// Position of the nearest error or warning after or before the selected line.
    pub(crate) fn trouble(&self, forward: bool) -> Option<usize> {
        let bad = |p: &usize| self.at(*p).is_some_and(|l| Level::of(l) >= Level::Warn);
        if forward {
            (self.selected + 1..self.visible.len()).find(bad)
        } else {
            (0..self.selected.min(self.visible.len())).rev().find(bad)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: &str, message: &str) -> LogLine {
        LogLine { level: level.into(), message: message.into(), ..LogLine::default() }
    }

    #[test]
    fn the_ring_is_bounded_and_a_pause_holds_its_line() {
        let mut logs = Logs::default();
        for i in 0..RING {
            logs.push(line("INFO", &i.to_string()));
        }
        logs.set_paused(true);
        logs.selected = 500;
        for i in 0..100 {
            logs.push(line("WARN", &format!("new {i}")));
        }
        assert_eq!(logs.visible.len(), RING);
        assert_eq!(logs.line().unwrap().message, "500");
        assert_eq!(logs.fresh, 100);
        let at = logs.trouble(true).unwrap();
        assert_eq!(logs.at(at).unwrap().message, "new 0");
        logs.set_paused(false);
        assert_eq!(logs.line().unwrap().message, "new 99");
        logs.level = Level::Error;
        logs.arrange();
        assert!(logs.line().is_none());
    }
}
