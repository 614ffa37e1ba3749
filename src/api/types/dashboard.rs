//! The words of dashboards: what is shown of metrics, logs and alerts, panel by panel.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// All dashboards, and what is wrong with their files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DashboardList {
    /// Without their texts.
    pub items: Vec<Dashboard>,
    /// Each as file:line:column: what.
    pub problems: Vec<String>,
}

/// One dashboard.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dashboard {
    pub name: String,
    pub title: String,
    pub panels: Vec<DashboardPanel>,
    /// `built in`, or the path.
    pub file: String,
    /// Changes whenever its text does.
    pub etag: String,
    /// The TOML that it stands in; empty in a list.
    pub text: String,
}

/// One panel. They stand side by side, twelve columns wide, as they come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DashboardPanel {
    /// graph, stat, gauge, table, heatmap, log or alert.
    pub kind: String,
    pub title: String,
    /// PromQL; none of a log and of alerts.
    pub queries: Vec<String>,
    /// Empty, seconds, bytes, ratio or celsius.
    pub unit: String,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// From where on a value wants to be looked at, and from where on it is bad; the greater first where less is worse.
    pub thresholds: Vec<f64>,
    /// Columns, of twelve.
    pub width: u64,
    /// Rows of a screen, its title among them.
    pub height: u64,
    /// Of a log: text that lines have, and `level:warn` for the least level.
    pub filter: String,
    /// Of alerts: all have to match.
    pub matchers: Vec<String>,
}

/// Asks for a dashboard to be as this text says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteDashboard {
    /// TOML.
    pub text: String,
    /// Of what was looked at, in the place of `If-Match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

impl Dashboard {
    /// The text of its file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = format!("title = {}\n", quoted(&self.title));
        for panel in &self.panels {
            panel.write(&mut out);
        }
        out
    }
}

impl DashboardPanel {
    fn write(&self, out: &mut String) {
        let list = |items: &[String]| items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ");
        let numbers: Vec<String> = self.thresholds.iter().map(|number| number_of(*number)).collect();
        out.push_str("\n[[panel]]\n");
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing into a string never fails.
                let _ = writeln!(out, "{name} = {value}");
            }
        };
        let text = |text: &String| (!text.is_empty()).then(|| quoted(text));
        put("kind", text(&self.kind));
        put("title", text(&self.title));
        match self.queries.as_slice() {
            [] => {}
            [one] => put("query", Some(quoted(one))),
            all => put("query", Some(format!("[{}]", list(all)))),
        }
        put("unit", text(&self.unit));
        put("min", self.min.map(number_of));
        put("max", self.max.map(number_of));
        put("thresholds", (!numbers.is_empty()).then(|| format!("[{}]", numbers.join(", "))));
        put("filter", text(&self.filter));
        put("matchers", (!self.matchers.is_empty()).then(|| format!("[{}]", list(&self.matchers))));
        put("width", Some(self.width.to_string()));
        put("height", Some(self.height.to_string()));
    }

    /// Words that a line of a log has to have, and the least level.
    #[must_use]
    pub fn log_filter(&self) -> (Option<String>, Option<String>) {
        let (mut level, mut words) = (None, Vec::new());
        for word in self.filter.split_whitespace() {
            match word.strip_prefix("level:") {
                Some(name) => level = Some(name.to_owned()),
                None => words.push(word),
            }
        }
        (level, (!words.is_empty()).then(|| words.join(" ")))
    }
}

/// A whole number without a point; beyond what TOML's integers hold, always as a float.
fn number_of(number: f64) -> String {
    if number.abs() < 1e15 { format!("{number}") } else { format!("{number:?}") }
}

/// As TOML has it: in single quotes where nothing needs to be escaped, so that a query can be read.
fn quoted(text: &str) -> String {
    if !text.contains('\'') && !text.chars().any(char::is_control) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
