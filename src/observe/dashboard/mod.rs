//! Dashboards as their files say: `title`, and a `[[panel]]` for each graph, value, table, log or list of alerts.
//!
//! A dashboard is called as its file is. Everything that is wrong is told at once, with its place.

#[cfg(test)]
mod tests;

use crate::api::types::dashboard::{Dashboard, DashboardPanel};
use crate::base::InOrder;
use crate::observe::alert::rules::{Format, Node, Problem, Reader, get, parse_document};

/// Panels of a dashboard, and questions of a panel.
const PANELS_MOST: usize = 24;
const QUERIES_MOST: usize = 6;
const TITLE_MOST: usize = 80;
/// Of a dashboard that is saved: its text.
pub const TEXT_BYTES: usize = 64 << 10;
const FILE: [&str; 2] = ["title", "panel"];
const PANEL: [&str; 11] =
    ["kind", "title", "query", "unit", "min", "max", "thresholds", "width", "height", "filter", "matchers"];
const KINDS: [&str; 7] = ["graph", "stat", "gauge", "table", "heatmap", "log", "alert"];
const UNITS: [&str; 5] = ["", "seconds", "bytes", "ratio", "celsius"];
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
const WIDTH: u64 = 6;
const HEIGHT: u64 = 5;

/// True for what a dashboard, and so its file, may be called.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    (1..=63).contains(&name.len()) && name.chars().all(fine)
}

/// Reads the file of the dashboard of this name.
///
/// # Errors
/// Everything that is wrong, by place.
pub fn read(name: &str, text: &str) -> Result<Dashboard, Vec<Problem>> {
    let root = parse_document(text, Format::Toml).map_err(|problem| vec![problem])?;
    let mut reading = Reading(Reader::new(text, ""));
    let pairs = reading.0.map(&root, "a dashboard", &FILE);
    if !is_name(name) {
        let what = format!("{name:?} is no name of a dashboard");
        reading.0.wrong(&root, what, "call the file NAME.toml: 1 to 63 of a-z, 0-9, - and _");
    }
    let title = reading.title(&root, pairs);
    let nodes = reading.0.list(get(pairs, "panel"), "panel");
    if nodes.is_empty() {
        reading.0.wrong(&root, "a dashboard has panels", "begin one with [[panel]]");
    }
    if let Some(node) = nodes.get(PANELS_MOST) {
        let what = format!("a dashboard has at most {PANELS_MOST} panels");
        reading.0.wrong(node, what, "make several dashboards of it");
    }
    let panels = nodes.iter().take(PANELS_MOST).map(|node| reading.panel(node)).collect();
    reading.0.problems.order_by_key(|problem| problem.at);
    if !reading.0.problems.is_empty() {
        return Err(reading.0.problems);
    }
    let (name, text) = (name.to_owned(), text.to_owned());
    Ok(Dashboard { name, title, panels, text, ..Dashboard::default() })
}

type Pairs = [(Node, Node)];

struct Reading<'a>(Reader<'a>);

impl Reading<'_> {
    fn title(&mut self, node: &Node, pairs: &Pairs) -> String {
        let title = self.0.text(get(pairs, "title"), "title").unwrap_or_default();
        if title.trim().is_empty() || title.chars().count() > TITLE_MOST {
            let at = get(pairs, "title").unwrap_or(node);
            self.0.wrong(at, format!("a title has 1 to {TITLE_MOST} letters"), "title = \"...\"");
        }
        title
    }

    /// One of some words; the first where none is given.
    fn word(&mut self, pairs: &Pairs, name: &str, words: &[&str]) -> String {
        let usual = words.first().copied().unwrap_or_default();
        let Some(node) = get(pairs, name) else { return usual.to_owned() };
        let word = self.0.text(Some(node), name).unwrap_or_default();
        if !words.contains(&word.as_str()) {
            let known: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
            self.0.wrong(node, format!("{name}: {word:?} is not known"), known.join(", "));
        }
        word
    }

    fn number(&mut self, node: Option<&Node>, name: &str) -> Option<f64> {
        let node = node?;
        let text = self.0.text(Some(node), name)?;
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        if number.is_none() {
            self.0.wrong(node, format!("{name}: {text:?} is no number"), "");
        }
        number
    }

    fn size(&mut self, pairs: &Pairs, name: &str, (least, most, usual): (u64, u64, u64)) -> u64 {
        let Some(node) = get(pairs, name) else { return usual };
        let text = self.0.text(Some(node), name).unwrap_or_default();
        text.parse().ok().filter(|size| (least..=most).contains(size)).unwrap_or_else(|| {
            self.0.wrong(node, format!("{name}: {text:?} is no number from {least} to {most}"), "");
            usual
        })
    }

    fn panel(&mut self, node: &Node) -> DashboardPanel {
        let pairs = self.0.map(node, "a panel", &PANEL);
        let kind = self.word(pairs, "kind", &KINDS);
        let asks = !matches!(kind.as_str(), "log" | "alert");
        let panel = DashboardPanel {
            title: self.title(node, pairs),
            queries: self.queries(node, pairs, &kind),
            unit: self.word(pairs, "unit", &UNITS),
            min: self.number(get(pairs, "min"), "min"),
            max: self.number(get(pairs, "max"), "max"),
            thresholds: self.thresholds(pairs),
            width: self.size(pairs, "width", (2, 12, WIDTH)),
            height: self.size(pairs, "height", (2, 20, HEIGHT)),
            filter: self.0.text(get(pairs, "filter"), "filter").unwrap_or_default(),
            matchers: self.0.names(get(pairs, "matchers"), "matchers"),
            kind,
        };
        // What is not of its kind would be forgotten silently.
        let known = |name: &str| match name {
            "filter" => panel.kind == "log",
            "matchers" => panel.kind == "alert",
            "unit" | "min" | "max" | "thresholds" => asks,
            _ => true,
        };
        for (key, value) in pairs {
            let Some(name) = PANEL.iter().find(|name| get(pairs, name) == Some(value) && !known(name)) else {
                continue;
            };
            self.0.wrong(key, format!("a panel of kind {} has no {name:?}", panel.kind), "take it out");
        }
        self.0.some_matchers(get(pairs, "matchers"));
        if let (Some(level), _) = panel.log_filter()
            && !LEVELS.contains(&level.as_str())
        {
            let at = get(pairs, "filter").unwrap_or(node);
            self.0.wrong(at, format!("filter: {level:?} is no level"), LEVELS.join(", "));
        }
        if let (Some(min), Some(max)) = (panel.min, panel.max)
            && min >= max
        {
            self.0.wrong(node, "min is not less than max", "");
        }
        panel
    }

    fn thresholds(&mut self, pairs: &Pairs) -> Vec<f64> {
        let nodes = self.0.list(get(pairs, "thresholds"), "thresholds");
        if let Some(node) = nodes.get(2) {
            self.0.wrong(node, "there are at most two thresholds", "thresholds = [0.7, 0.9]");
        }
        nodes.iter().filter_map(|node| self.number(Some(node), "thresholds")).collect()
    }

    /// The questions: `query = "..."`, or a list of them.
    fn queries(&mut self, node: &Node, pairs: &Pairs, kind: &str) -> Vec<String> {
        let given = get(pairs, "query");
        let nodes = match given {
            Some(one) if one.kind() == "a single value" => std::slice::from_ref(one),
            other => self.0.list(other, "query"),
        };
        let (least, most) = match kind {
            "log" | "alert" => (0, 0),
            "graph" | "table" => (1, QUERIES_MOST),
            _ => (1, 1),
        };
        if !(least..=most).contains(&nodes.len()) {
            let what = match most {
                0 => format!("a panel of kind {kind} asks nothing in PromQL"),
                1 => format!("a panel of kind {kind} has one query"),
                most => format!("a panel of kind {kind} has 1 to {most} queries"),
            };
            self.0.wrong(given.unwrap_or(node), what, "query = \"sum(rate(spud_queries_total[5m]))\"");
        }
        let all = nodes.iter().take(QUERIES_MOST);
        all.filter_map(|node| {
            self.0.expression(Some(node), "query");
            self.0.text(Some(node), "query")
        })
        .collect()
    }
}
