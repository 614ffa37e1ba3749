//! Alerts, shown in the Observe view in the place of graphs.

use crate::api::types::{Alert, AlertRules, AlertSilence, Notification, NotificationStatus};
use crate::base::format_time;
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

/// Alerts that are kept.
const MOST: usize = 500;

/// Labels by which alerts are grouped; the first: as they are told.
pub(crate) const GROUPINGS: [&str; 4] = ["", "alertname", "severity", "job"];

#[derive(Debug, Clone, Default)]
pub(crate) struct AlertList {
    /// Which of [`GROUPINGS`].
    pub(crate) grouping: usize,
    /// In the place of the graphs.
    pub(crate) shown: bool,
    pub(crate) loaded: bool,
    /// Firing ones first.
    pub(crate) items: Vec<Alert>,
    pub(crate) selected: usize,
    pub(crate) asked_ms: u64,
    /// What receivers were told, newest first, in the place of alerts.
    pub(crate) notices: Option<Vec<Notification>>,
    /// Receivers, silences or rules, in the place of alerts and of what was told.
    pub(crate) side: Option<SideList>,
}

/// What else there is to see of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Receivers,
    Silences,
    Rules,
}

/// Such a list, as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SideList {
    pub(crate) side: Side,
    pub(crate) loaded: bool,
    pub(crate) rows: Vec<SideRow>,
    /// Files that could not be read.
    pub(crate) problems: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SideRow {
    /// A receiver's name, a silence's id.
    pub(crate) id: String,
    pub(crate) cells: Vec<(Tone, String)>,
    pub(crate) fields: Vec<(String, String)>,
}

impl SideRow {
    fn new(id: &str, cells: [(Tone, &str); 4], fields: &[(&str, String)]) -> Self {
        let cells = cells.into_iter().map(|(tone, text)| (tone, text.to_owned())).collect();
        let fields = fields.iter().filter(|(_, value)| !value.is_empty());
        let fields = fields.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { id: id.to_owned(), cells, fields }
    }
}

impl SideList {
    pub(crate) fn empty(side: Side) -> Self {
        Self { side, loaded: false, rows: Vec::new(), problems: Vec::new() }
    }

    pub(crate) fn receivers(status: &NotificationStatus) -> Self {
        let row = |one: &crate::api::types::NotificationReceiver| {
            let (waiting, routes) = (one.waiting.to_string(), one.routes.join(", "));
            let tone = if one.error.is_empty() { Tone::Text } else { Tone::Bad };
            let told = if one.error.is_empty() { &routes } else { &one.error };
            SideRow::new(
                &one.name,
                [(Tone::Text, &one.name), (Tone::Quiet, &one.kind), (tone, &waiting), (tone, told)],
                &[
                    ("name", one.name.clone()),
                    ("kind", one.kind.clone()),
                    ("routes", routes.clone()),
                    ("waiting", waiting.clone()),
                    ("error", one.error.clone()),
                    ("file", status.file.clone()),
                ],
            )
        };
        let rows = status.receivers.iter().map(row).collect();
        Self { side: Side::Receivers, loaded: true, rows, problems: status.problems.clone() }
    }

    pub(crate) fn silences(silences: &[AlertSilence]) -> Self {
        let row = |one: &AlertSilence| {
            let (until, matchers) = (format_time(one.until_ms), one.matchers.join(" "));
            SideRow::new(
                &one.id,
                [
                    (Tone::Text, &until),
                    (Tone::Quiet, &one.by),
                    (Tone::Text, &matchers),
                    (Tone::Quiet, &one.reason),
                ],
                &[
                    ("alerts", matchers.clone()),
                    ("reason", one.reason.clone()),
                    ("by", one.by.clone()),
                    ("from", format!("{} UTC", format_time(one.from_ms))),
                    ("until", format!("{until} UTC")),
                    ("id", one.id.clone()),
                ],
            )
        };
        let rows = silences.iter().map(row).collect();
        Self { side: Side::Silences, loaded: true, rows, problems: Vec::new() }
    }

    pub(crate) fn rules(rules: &AlertRules) -> Self {
        let mut rows = Vec::new();
        for group in &rules.groups {
            for one in &group.rules {
                let state = if one.error.is_empty() { one.state.as_str() } else { "error" };
                let tone = match state {
                    "error" | "firing" => Tone::Bad,
                    "pending" => Tone::Warn,
                    _ => Tone::Quiet,
                };
                let told = if one.error.is_empty() { &one.expr } else { &one.error };
                let mut fields = vec![
                    ("rule", one.name.clone()),
                    ("error", one.error.clone()),
                    ("state", one.state.clone()),
                    ("expression", one.expr.clone()),
                    (
                        "for",
                        humantime::format_duration(std::time::Duration::from_millis(one.for_ms)).to_string(),
                    ),
                    ("group", group.name.clone()),
                    ("file", group.file.clone()),
                ];
                fields.extend(one.annotations.iter().map(|(name, text)| (name.as_str(), text.clone())));
                let cells =
                    [(tone, state), (Tone::Text, &one.name), (Tone::Quiet, &group.name), (Tone::Text, told)];
                rows.push(SideRow::new(&one.name, cells, &fields));
            }
        }
        Self { side: Side::Rules, loaded: true, rows, problems: rules.problems.clone() }
    }
}

impl AlertList {
    pub(crate) fn alert(&self) -> Option<&Alert> {
        self.items.get(self.selected).filter(|_| self.lists_alerts())
    }

    /// Alerts are in sight, and nothing in their place.
    pub(crate) fn lists_alerts(&self) -> bool {
        self.shown && self.notices.is_none() && self.side.is_none()
    }

    pub(crate) fn side_row(&self) -> Option<&SideRow> {
        self.side.as_ref()?.rows.get(self.selected).filter(|_| self.shown)
    }

    fn side_id(&self, side: Side) -> Option<&str> {
        self.side.as_ref().filter(|list| list.side == side)?;
        self.side_row().map(|row| row.id.as_str())
    }

    /// Name of the receiver that is selected.
    pub(crate) fn receiver(&self) -> Option<&str> {
        self.side_id(Side::Receivers)
    }

    /// Id of the silence that is selected.
    pub(crate) fn silence(&self) -> Option<&str> {
        self.side_id(Side::Silences)
    }

    pub(crate) fn take_side(&mut self, list: SideList) {
        if self.side.as_ref().is_some_and(|known| known.side == list.side) {
            let selected = self.side_row().map(|row| row.id.clone());
            let at = selected.and_then(|id| list.rows.iter().position(|row| row.id == id));
            self.selected = at.unwrap_or(self.selected).min(list.rows.len().saturating_sub(1));
            self.side = Some(list);
        }
    }

    pub(crate) fn notice(&self) -> Option<&Notification> {
        self.notices.as_ref()?.get(self.selected).filter(|_| self.shown && self.side.is_none())
    }

    /// The label that alerts are grouped by.
    pub(crate) fn label(&self) -> &'static str {
        GROUPINGS.get(self.grouping).copied().unwrap_or_default()
    }

    /// Rows that can be selected.
    pub(crate) fn len(&self) -> usize {
        match (&self.side, &self.notices) {
            (Some(list), _) => list.rows.len(),
            (None, Some(notices)) => notices.len(),
            (None, None) => self.items.len(),
        }
    }

    /// Takes what the box told; the selection stays where it is.
    pub(crate) fn take(&mut self, items: Vec<Alert>) {
        let selected = self.items.get(self.selected).map(|alert| alert.id.clone());
        (self.items, self.loaded) = (items, true);
        self.items.truncate(MOST);
        if self.notices.is_none() && self.side.is_none() {
            let at = selected.and_then(|id| self.items.iter().position(|alert| alert.id == id));
            self.selected = at.unwrap_or(self.selected).min(self.items.len().saturating_sub(1));
        }
    }

    /// One alert changed.
    pub(crate) fn changed(&mut self, alert: Alert) {
        let room = self.items.len() < MOST;
        match self.items.iter_mut().find(|known| known.id == alert.id) {
            // What puts alerts together is told with the list only.
            Some(known) => {
                let grouping = std::mem::take(&mut known.grouping);
                *known = Alert { grouping, ..alert };
            }
            None if room => {
                // What is selected stays so.
                if self.notices.is_none() && self.side.is_none() && !self.items.is_empty() {
                    self.selected += 1;
                }
                self.items.insert(0, alert);
            }
            None => {}
        }
    }
}

/// Why an alert is silenced or was seen: field 0 reason, 1 time (of a silence), 2 Cancel, 3 the button.
#[derive(Debug, Clone, Default)]
pub(crate) struct AlertDialog {
    pub(crate) id: String,
    pub(crate) name: String,
    /// What it says, and its labels: which of several of one name it is.
    pub(crate) about: Vec<String>,
    /// Else it is acknowledged.
    pub(crate) silence: bool,
    /// What a silence has to match: all labels of the alert.
    pub(crate) matchers: Vec<String>,
    pub(crate) reason: LineEdit,
    pub(crate) ttl: LineEdit,
    pub(crate) field: usize,
    pub(crate) problem: Option<&'static str>,
}
