//! Dashboards: which there are, which is shown, what was changed of it, and where its panels stand.

use crate::api::types::dashboard::{Dashboard, DashboardList, DashboardPanel};
use crate::api::types::{Alert, LogLine};
use crate::tui::model::{Level, Line, Observe, Unit};
use crate::tui::theme::Tone;

/// Answers of one panel have numbers from so many times its own on.
pub(crate) const PARTS: usize = 8;
/// Columns of a whole row.
const COLUMNS: u64 = 12;
/// Below, panels are one line each.
const LEAST: (u16, u16) = (70, 9);

/// Texts of a log or of alerts.
pub(crate) type Rows = Vec<(Tone, String)>;

/// A line of the log in one row.
pub(crate) fn log_row(line: &LogLine) -> (Tone, String) {
    let tone = match Level::of(line) {
        Level::Error => Tone::Bad,
        Level::Warn => Tone::Warn,
        _ => Tone::Text,
    };
    let time = line.timestamp.get(11..19).unwrap_or(&line.timestamp);
    (tone, format!("{time} {}", line.message))
}

/// An alert in one row.
pub(crate) fn alert_row(alert: &Alert) -> (Tone, String) {
    let tone = match alert.state.as_str() {
        "firing" if alert.is_loud() => Tone::Bad,
        "firing" | "pending" => Tone::Warn,
        _ => Tone::Quiet,
    };
    let summary = alert.annotations.get("summary").map_or("", String::as_str);
    let colon = if summary.is_empty() { "" } else { ": " };
    (tone, format!("{}, {}{colon}{summary}", alert.name, alert.state_in_words()))
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Dashboards {
    pub(crate) items: Vec<Dashboard>,
    pub(crate) problems: Vec<String>,
    pub(crate) loaded: bool,
    /// Which is shown.
    pub(crate) at: usize,
    /// The list stands in the place of panels, with this one selected.
    pub(crate) picking: Option<usize>,
    /// What is shown was changed and is not saved.
    pub(crate) changed: bool,
    /// By panel: lines of a log, or alerts.
    pub(crate) rows: Vec<(usize, Rows)>,
    /// By panel and query, as answers are: why there are no values.
    pub(crate) refused: Vec<(usize, Rows)>,
}

impl Dashboards {
    pub(crate) fn shown(&self) -> Option<&Dashboard> {
        self.items.get(self.at)
    }

    pub(crate) fn panels(&self) -> &[DashboardPanel] {
        self.shown().map_or(&[], |one| &one.panels)
    }

    pub(crate) fn panels_mut(&mut self) -> Option<&mut Vec<DashboardPanel>> {
        self.items.get_mut(self.at).map(|one| &mut one.panels)
    }

    /// Takes what the box told; what is shown stays, with what was changed of it.
    pub(crate) fn take(&mut self, list: DashboardList) {
        let shown = self.items.get(self.at).cloned();
        (self.items, self.problems, self.loaded) = (list.items, list.problems, true);
        let Some(shown) = shown else { return };
        match self.items.iter().position(|one| one.name == shown.name) {
            Some(at) => self.at = at,
            None if self.changed => {
                self.at = self.items.len();
                self.items.push(shown.clone());
            }
            None => self.at = 0,
        }
        if let (true, Some(one)) = (self.changed, self.items.get_mut(self.at)) {
            *one = shown;
        }
    }

    /// One was saved: it is shown.
    pub(crate) fn saved(&mut self, one: Dashboard) {
        self.changed = false;
        self.at = self.items.iter().position(|known| known.name == one.name).unwrap_or(self.items.len());
        match self.items.get_mut(self.at) {
            Some(known) => *known = one,
            None => self.items.push(one),
        }
    }

    /// What a panel says in words: why it has no values, or what it shows where that is a log or alerts.
    pub(crate) fn texts(&self, panel: usize) -> Option<&Rows> {
        let refused = self.refused.iter().find(|(slot, _)| slot / PARTS == panel);
        let wordy = self.panels().get(panel).is_some_and(|one| matches!(one.kind.as_str(), "log" | "alert"));
        let rows = || self.rows.iter().find(|(at, _)| *at == panel && wordy);
        refused.or_else(rows).map(|(_, rows)| rows)
    }

    pub(crate) fn put_rows(&mut self, panel: usize, rows: Rows) {
        self.rows.retain(|(at, _)| *at != panel);
        self.rows.push((panel, rows));
    }

    /// A query was answered, or refused with this reason.
    pub(crate) fn answered(&mut self, slot: usize, refused: Option<Rows>) {
        self.refused.retain(|(at, _)| *at != slot);
        self.refused.extend(refused.map(|rows| (slot, rows)));
    }
}

/// Where a panel stands, from the left upper corner of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) panel: usize,
    pub(crate) x: u16,
    pub(crate) y: u16,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// True where there is room for panels, not only for a line of each.
pub(crate) fn has_room((width, height): (u16, u16), observe: &Observe) -> bool {
    width >= LEAST.0 && height >= LEAST.1 && !observe.table
}

/// The panels in sight: whole rows, as many as there is room for, with the selected among them. Pages turn as a
/// whole.
pub(crate) fn spots(panels: &[DashboardPanel], (width, height): (u16, u16), selected: usize) -> Vec<Spot> {
    let mut page: Vec<Spot> = Vec::new();
    // Of the row that is being filled: its first panel, its top, how wide and how high it is.
    let (mut y, mut used, mut high) = (0, 0, 0);
    let column = |at: u64| u16::try_from(u64::from(width) * at / COLUMNS).unwrap_or(width);
    for (panel, one) in panels.iter().enumerate() {
        let wide = one.width.clamp(1, COLUMNS);
        let tall = u16::try_from(one.height).unwrap_or(u16::MAX).min(height);
        if used + wide > COLUMNS {
            (y, used, high) = (y + high, 0, 0);
        }
        high = high.max(tall);
        // A row that gets too high moves to the next page, with what is in it already.
        if y + high > height && y > 0 {
            let row: Vec<Spot> = page.iter().copied().filter(|spot| spot.y == y).collect();
            page.retain(|spot| spot.y < y);
            if page.iter().any(|spot| spot.panel == selected) {
                return page;
            }
            page = row.into_iter().map(|spot| Spot { y: 0, ..spot }).collect();
            y = 0;
        }
        let (x, right) = (column(used), column(used + wide));
        page.push(Spot { panel, x, y, width: right.saturating_sub(x + 2), height: tall });
        used += wide;
    }
    page
}

impl Observe {
    /// Lines of a panel, those of all its queries; `None` while nothing came.
    pub(crate) fn panel(&self, panel: usize, queries: usize) -> Option<Vec<&Line>> {
        let slots = panel * PARTS..panel * PARTS + queries.min(PARTS);
        let mut all = Vec::new();
        let mut any = false;
        for lines in slots.filter_map(|slot| self.lines(slot)) {
            any = true;
            all.extend(lines);
        }
        any.then_some(all)
    }
}

impl Unit {
    /// As dashboards name it.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "seconds" => Self::Seconds,
            "bytes" => Self::Bytes,
            "ratio" => Self::Ratio,
            "celsius" => Self::Celsius,
            _ => Self::Plain,
        }
    }
}

/// How a value of a panel is to be taken.
pub(crate) fn tone_of(panel: &DashboardPanel, value: f64) -> Tone {
    let [warn, rest @ ..] = panel.thresholds.as_slice() else { return Tone::Strong };
    let bad = rest.first().copied();
    // Less is worse where the bad one is the smaller.
    let less = bad.is_some_and(|bad| bad < *warn);
    let over = |limit: f64| if less { value <= limit } else { value >= limit };
    match bad {
        Some(bad) if over(bad) => Tone::Bad,
        _ if over(*warn) => Tone::Warn,
        _ => Tone::Strong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(width: u64, height: u64) -> DashboardPanel {
        DashboardPanel { width, height, ..DashboardPanel::default() }
    }

    #[test]
    fn panels_stand_side_by_side_and_pages_turn_as_a_whole() {
        let all = [panel(6, 5), panel(6, 7), panel(12, 5), panel(4, 9), panel(4, 3), panel(4, 3)];
        let at = |selected: usize| {
            let spots = spots(&all, (78, 17), selected);
            spots.iter().map(|spot| (spot.panel, spot.x, spot.y)).collect::<Vec<_>>()
        };
        assert_eq!(at(0), [(0, 0, 0), (1, 39, 0), (2, 0, 7)]);
        assert_eq!(at(2), at(0));
        assert_eq!(at(3), [(3, 0, 0), (4, 26, 0), (5, 52, 0)]);
        // Whatever the sizes, nothing stands outside or on something else, and the selected one is in sight.
        for (width, height) in [(78, 17), (70, 9), (200, 60), (71, 10)] {
            for selected in 0..all.len() {
                let spots = spots(&all, (width, height), selected);
                assert!(spots.iter().any(|spot| spot.panel == selected), "{selected} in {spots:?}");
                for spot in &spots {
                    assert!(spot.x + spot.width <= width && spot.y + spot.height <= height, "{spot:?}");
                }
            }
        }
        assert!(spots(&[], (78, 17), 0).is_empty());
    }

    #[test]
    fn the_worse_side_follows_from_the_order_of_thresholds() {
        let with = |thresholds: &[f64]| DashboardPanel { thresholds: thresholds.into(), ..panel(6, 5) };
        let tones = |thresholds: &[f64]| [1.0, 5.0, 9.0].map(|value| tone_of(&with(thresholds), value));
        assert_eq!(tones(&[4.0, 8.0]), [Tone::Strong, Tone::Warn, Tone::Bad]);
        assert_eq!(tones(&[6.0, 2.0]), [Tone::Bad, Tone::Warn, Tone::Strong]);
        assert_eq!(tones(&[4.0]), [Tone::Strong, Tone::Warn, Tone::Warn]);
        assert_eq!(tones(&[]), [Tone::Strong; 3]);
    }
}
