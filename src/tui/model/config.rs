//! Settings: the tree of sections, the search, the versions, the edit that is being made.

use std::collections::BTreeSet;

use crate::api::types::{ConfigCheck, ConfigReport, ConfigSetting, ConfigVersion};
use crate::tui::widgets::line_edit::LineEdit;

/// One line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    /// Name, settings in it, how many of them are set.
    Section(String, usize, usize),
    /// Index in the report.
    Setting(usize),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    pub(crate) report: Option<Box<ConfigReport>>,
    pub(crate) rows: Vec<Row>,
    /// Sections that are opened.
    pub(crate) open: BTreeSet<String>,
    pub(crate) selected: usize,
    pub(crate) filter: String,
    pub(crate) editing: Option<LineEdit>,
    /// Versions, newest first, while they are shown in place of the tree.
    pub(crate) versions: Option<Vec<ConfigVersion>>,
    pub(crate) version: usize,
}

impl Config {
    /// Takes a fresh report; the selected setting stays selected.
    pub(crate) fn load(&mut self, report: Box<ConfigReport>) {
        let key = self.setting().map(|setting| setting.key.clone());
        self.report = Some(report);
        self.arrange();
        if let Some(key) = key {
            self.select(&key);
        }
    }

    fn select(&mut self, key: &str) {
        let Some(report) = &self.report else { return };
        let at = self.rows.iter().position(|row| match row {
            Row::Setting(at) => report.settings.get(*at).is_some_and(|setting| setting.key == key),
            Row::Section(..) => false,
        });
        self.selected = at.unwrap_or(self.selected);
    }

    /// Makes the lines of the tree: while something is searched for, every section that has it is open.
    pub(crate) fn arrange(&mut self) {
        self.rows.clear();
        let Some(report) = &self.report else { return };
        let words = self.filter.to_lowercase();
        let fits = |setting: &ConfigSetting| {
            words.split_whitespace().all(|word| match word {
                "is:set" => setting.layer != "default",
                "is:waiting" => setting.waiting.is_some(),
                word => {
                    setting.key.contains(word)
                        || setting.about.to_lowercase().contains(word)
                        || setting.place.to_lowercase().contains(word)
                }
            })
        };
        let mut at = 0;
        while let Some(first) = report.settings.get(at) {
            let section = section_of(&first.key);
            let mine: Vec<usize> = (at..report.settings.len())
                .take_while(|n| report.settings.get(*n).is_some_and(|s| section_of(&s.key) == section))
                .collect();
            at += mine.len().max(1);
            let found: Vec<usize> =
                mine.iter().copied().filter(|n| report.settings.get(*n).is_some_and(&fits)).collect();
            if found.is_empty() {
                continue;
            }
            let set = mine
                .iter()
                .filter(|n| report.settings.get(**n).is_some_and(|s| s.layer != "default"))
                .count();
            self.rows.push(Row::Section(section.to_owned(), mine.len(), set));
            if !words.is_empty() || self.open.contains(section) {
                self.rows.extend(found.into_iter().map(Row::Setting));
            }
        }
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
    }

    pub(crate) fn setting(&self) -> Option<&ConfigSetting> {
        match self.rows.get(self.selected)? {
            Row::Setting(at) => self.report.as_ref()?.settings.get(*at),
            Row::Section(..) => None,
        }
    }

    /// The section that is selected, or that holds what is selected.
    pub(crate) fn section(&self) -> Option<&str> {
        self.rows.get(..=self.selected)?.iter().rev().find_map(|row| match row {
            Row::Section(name, ..) => Some(name.as_str()),
            Row::Setting(_) => None,
        })
    }

    pub(crate) fn shown_version(&self) -> Option<&ConfigVersion> {
        self.versions.as_ref()?.get(self.version)
    }
}

fn section_of(key: &str) -> &str {
    key.split('.').next().unwrap_or_default()
}

/// Editing one setting: field 0 value, 1 reason, 2 on trial, 3 Cancel, 4 Apply.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingDialog {
    pub(crate) setting: ConfigSetting,
    pub(crate) value: LineEdit,
    pub(crate) reason: LineEdit,
    /// It reverts by itself unless it is confirmed.
    pub(crate) trial: bool,
    pub(crate) field: usize,
    /// Of the value that was checked last, and what came of it.
    pub(crate) serial: u64,
    pub(crate) check: Option<ConfigCheck>,
}
