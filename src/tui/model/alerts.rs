//! Alerts, shown in the Observe view in the place of graphs.

use crate::api::types::{Alert, Notification};
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
}

impl AlertList {
    pub(crate) fn alert(&self) -> Option<&Alert> {
        self.items.get(self.selected).filter(|_| self.shown && self.notices.is_none())
    }

    pub(crate) fn notice(&self) -> Option<&Notification> {
        self.notices.as_ref()?.get(self.selected).filter(|_| self.shown)
    }

    /// The label that alerts are grouped by.
    pub(crate) fn label(&self) -> &'static str {
        GROUPINGS.get(self.grouping).copied().unwrap_or_default()
    }

    /// Rows that can be selected.
    pub(crate) fn len(&self) -> usize {
        self.notices.as_ref().map_or(self.items.len(), Vec::len)
    }

    /// Takes what the box told; the selection stays where it is.
    pub(crate) fn take(&mut self, items: Vec<Alert>) {
        let selected = self.items.get(self.selected).map(|alert| alert.id.clone());
        (self.items, self.loaded) = (items, true);
        self.items.truncate(MOST);
        if self.notices.is_none() {
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
            None if room => self.items.insert(0, alert),
            None => {}
        }
    }
}

/// Why an alert is silenced or was seen: field 0 reason, 1 time (of a silence), 2 Cancel, 3 the button.
#[derive(Debug, Clone, Default)]
pub(crate) struct AlertDialog {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Else it is acknowledged.
    pub(crate) silence: bool,
    /// What a silence has to match: all labels of the alert.
    pub(crate) matchers: Vec<String>,
    pub(crate) reason: LineEdit,
    pub(crate) ttl: LineEdit,
    pub(crate) field: usize,
    pub(crate) problem: Option<&'static str>,
}
