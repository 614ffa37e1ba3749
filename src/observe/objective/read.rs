//! Reads files of objectives; everything that is wrong is told at once, with its place.

use std::collections::HashSet;

use super::{Indicator, MOST, Method, Objective};
use crate::base::InOrder;
use crate::observe::alert::Problem;
use crate::observe::alert::rules::{Format, Node, Reader, get, parse_document};
use crate::observe::promql::parse;

const OBJECT: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
const METADATA: [&str; 4] = ["name", "displayName", "labels", "annotations"];
const SPEC: [&str; 7] =
    ["description", "service", "indicator", "timeWindow", "budgetingMethod", "objectives", "alertPolicies"];
const INDICATOR: [&str; 2] = ["metadata", "spec"];
const METRICS: [&str; 2] = ["ratioMetric", "thresholdMetric"];
const RATIO: [&str; 4] = ["counter", "good", "bad", "total"];
const SOURCE: [&str; 3] = ["type", "spec", "metricSourceRef"];
const WINDOW: [&str; 2] = ["duration", "isRolling"];
const OBJECTIVE: [&str; 7] =
    ["displayName", "name", "target", "op", "value", "timeSliceTarget", "timeSliceWindow"];

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// What a store of metrics of a box holds in the end.
const WINDOW_MOST_MS: u64 = 90 * DAY_MS;
const SLICE_MS: u64 = 5 * 60_000;
/// Events, and slices, below which nothing is said.
const LEAST_EVENTS: f64 = 20.0;
const LEAST_SLICES: f64 = 10.0;

/// Reads a file of objects, one or several with `---` between them.
///
/// # Errors
/// Everything that is wrong, by place.
pub fn read(text: &str) -> Result<Vec<Objective>, Vec<Problem>> {
    let (mut all, mut problems, mut names) = (Vec::new(), Vec::new(), HashSet::new());
    for document in documents(text) {
        let root = match parse_document(&document, Format::Yaml) {
            Ok(root) => root,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        if root.kind() == "nothing" {
            continue;
        }
        let mut reader = Reader::new(&document, "");
        for one in object(&mut reader, &root) {
            if !names.insert(one.name.clone()) {
                reader.wrong(
                    &root,
                    format!("there are two objectives {:?}", one.name),
                    "give one another name",
                );
            }
            all.push(one);
        }
        if all.len() > MOST {
            reader.wrong(
                &root,
                format!("a file holds at most {MOST} objectives"),
                "make several files of it",
            );
            problems.append(&mut reader.problems);
            break;
        }
        problems.append(&mut reader.problems);
    }
    problems.order_by_key(|problem| problem.at);
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// Each document with as many empty lines before it that its places are those of the file.
fn documents(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" {
            all.push("\n".repeat(at + 1));
        } else if let Some(last) = all.last_mut() {
            last.push_str(line);
        }
    }
    all
}

/// The objectives of one object.
fn object(reader: &mut Reader<'_>, root: &Node) -> Vec<Objective> {
    let pairs = reader.map(root, "an object", &OBJECT);
    for (name, wanted) in [("apiVersion", "openslo/v1"), ("kind", "SLO")] {
        let node = get(pairs, name);
        let found = reader.text(node, name).unwrap_or_default();
        if found != wanted {
            reader.wrong(
                node.unwrap_or(root),
                format!("{name} is {found:?}"),
                format!("only {wanted} is read"),
            );
        }
    }
    let (Some(metadata), Some(spec)) = (get(pairs, "metadata"), get(pairs, "spec")) else {
        reader.wrong(root, "an object has metadata and spec", "");
        return Vec::new();
    };
    let metadata = reader.map(metadata, "metadata", &METADATA);
    let name = named(reader, root, get(metadata, "name"));
    let title = reader.text(get(metadata, "displayName"), "displayName");
    let annotations = reader.pairs(get(metadata, "annotations"), "annotations");
    let spec = reader.map(spec, "spec", &SPEC);
    let about = reader.text(get(spec, "description"), "description").unwrap_or_default();
    let service = reader.text(get(spec, "service"), "service").unwrap_or_default();
    let window_ms = window(reader, root, get(spec, "timeWindow"));
    let timeslices = method(reader, root, get(spec, "budgetingMethod"));
    let metrics = metrics(reader, root, get(spec, "indicator"));
    let nodes = reader.list(get(spec, "objectives"), "objectives");
    if nodes.is_empty() {
        reader.wrong(root, "spec.objectives is missing", "add `objectives: [{target: 0.99}]`");
    }
    let said =
        |wanted: &str| annotations.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone());
    let mut all = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let pairs = reader.map(node, "an objective", &OBJECTIVE);
        let target = part(reader, node, get(pairs, "target"), "target");
        let method = if timeslices { slices(reader, node, pairs) } else { Method::Occurrences };
        let Some(indicator) = indicator(reader, node, pairs, metrics.as_ref()) else { continue };
        let counts_slices = timeslices || matches!(indicator, Indicator::Threshold { .. });
        let usual = if counts_slices { LEAST_SLICES } else { LEAST_EVENTS };
        let one = Objective {
            name: if at == 0 { name.clone() } else { format!("{name}-{}", at + 1) },
            title: title.clone().unwrap_or_else(|| name.clone()),
            about: about.clone(),
            service: service.clone(),
            target,
            window_ms,
            method,
            indicator,
            least: said("least").and_then(|text| text.parse().ok()).unwrap_or(usual),
            incident: said("incident").unwrap_or_default(),
        };
        sound(reader, node, &one);
        all.push(one);
    }
    all
}

fn named(reader: &mut Reader<'_>, root: &Node, node: Option<&Node>) -> String {
    let name = reader.text(node, "name").unwrap_or_default();
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(1..=63).contains(&name.len()) || !name.chars().all(fine) {
        let advice = "a name has 1 to 63 of a-z, 0-9 and -";
        reader.wrong(node.unwrap_or(root), format!("metadata.name {name:?} is no name"), advice);
    }
    name
}

fn window(reader: &mut Reader<'_>, root: &Node, node: Option<&Node>) -> u64 {
    let advice = "write timeWindow: [{duration: 30d, isRolling: true}]";
    let [one] = reader.list(node, "timeWindow") else {
        reader.wrong(node.unwrap_or(root), "an objective has one timeWindow", advice);
        return DAY_MS;
    };
    let pairs = reader.map(one, "timeWindow", &WINDOW);
    let rolling = get(pairs, "isRolling");
    if reader.text(rolling, "isRolling").as_deref() != Some("true") {
        reader.wrong(rolling.unwrap_or(one), "only rolling windows are measured", advice);
    }
    let duration = get(pairs, "duration");
    let ms = reader.duration(duration, "duration").unwrap_or(0);
    if !(HOUR_MS..=WINDOW_MOST_MS).contains(&ms) {
        reader.wrong(duration.unwrap_or(one), "a timeWindow has 1h to 90d", advice);
    }
    ms
}

/// True for time slices.
fn method(reader: &mut Reader<'_>, root: &Node, node: Option<&Node>) -> bool {
    let name = reader.text(node, "budgetingMethod").unwrap_or_default();
    if !matches!(name.as_str(), "Occurrences" | "Timeslices") {
        let advice = "Occurrences or Timeslices";
        reader.wrong(node.unwrap_or(root), format!("budgetingMethod {name:?} is not known"), advice);
    }
    name == "Timeslices"
}

/// A number between 0 and 1, both excluded.
fn part(reader: &mut Reader<'_>, outer: &Node, node: Option<&Node>, what: &str) -> f64 {
    let number = reader.text(node, what).and_then(|text| text.parse::<f64>().ok());
    let fine = number.filter(|number| *number > 0.0 && *number < 1.0);
    fine.unwrap_or_else(|| {
        reader.wrong(node.unwrap_or(outer), format!("{what} is a number between 0 and 1"), "such as 0.99");
        0.5
    })
}

fn slices(reader: &mut Reader<'_>, node: &Node, pairs: &[(Node, Node)]) -> Method {
    let window = get(pairs, "timeSliceWindow");
    let window_ms = reader.duration(window, "timeSliceWindow").unwrap_or(SLICE_MS);
    if !(60_000..=HOUR_MS).contains(&window_ms) {
        reader.wrong(window.unwrap_or(node), "timeSliceWindow has 1m to 1h", "");
    }
    let target = match get(pairs, "timeSliceTarget") {
        None => 0.5,
        given => part(reader, node, given, "timeSliceTarget"),
    };
    Method::Timeslices { window_ms, target }
}

/// What `spec.indicator` says, before an objective says with which value it is compared.
enum Metrics {
    Ratio { good: Option<String>, bad: Option<String>, total: String, counter: bool },
    Threshold(String),
}

fn metrics(reader: &mut Reader<'_>, root: &Node, node: Option<&Node>) -> Option<Metrics> {
    let Some(node) = node else {
        reader.wrong(root, "spec.indicator is missing", "indicators stand in the object itself");
        return None;
    };
    let pairs = reader.map(node, "indicator", &INDICATOR);
    let Some(spec) = get(pairs, "spec") else {
        reader.wrong(node, "indicator.spec is missing", "it has ratioMetric or thresholdMetric");
        return None;
    };
    let pairs = reader.map(spec, "indicator.spec", &METRICS);
    match (get(pairs, "ratioMetric"), get(pairs, "thresholdMetric")) {
        (Some(ratio), None) => {
            let pairs = reader.map(ratio, "ratioMetric", &RATIO);
            let counter = reader.text(get(pairs, "counter"), "counter").as_deref() == Some("true");
            let good = query(reader, get(pairs, "good"));
            let bad = query(reader, get(pairs, "bad"));
            let total = query(reader, get(pairs, "total"));
            if good.is_some() == bad.is_some() || total.is_none() {
                reader.wrong(ratio, "a ratioMetric has total, and either good or bad", "");
            }
            Some(Metrics::Ratio { good, bad, total: total?, counter })
        }
        (None, threshold @ Some(_)) => query(reader, threshold).map(Metrics::Threshold),
        _ => {
            reader.wrong(spec, "an indicator has either ratioMetric or thresholdMetric", "");
            None
        }
    }
}

/// The query of a metric source.
fn query(reader: &mut Reader<'_>, node: Option<&Node>) -> Option<String> {
    let node = node?;
    let pairs = reader.map(node, "a metric", &["metricSource"]);
    let Some(source) = get(pairs, "metricSource") else {
        reader.wrong(node, "a metric has a metricSource", "");
        return None;
    };
    let pairs = reader.map(source, "metricSource", &SOURCE);
    let kind = get(pairs, "type");
    let name = reader.text(kind, "type").unwrap_or_default();
    if !name.eq_ignore_ascii_case("prometheus") {
        reader.wrong(
            kind.unwrap_or(source),
            format!("type {name:?} cannot be asked"),
            "write type: Prometheus",
        );
    }
    let Some(spec) = get(pairs, "spec") else {
        reader.wrong(source, "metricSource.spec is missing", "write spec: {query: ...}");
        return None;
    };
    let pairs = reader.map(spec, "metricSource.spec", &["query"]);
    let node = get(pairs, "query");
    let text = reader.text(node, "query").filter(|text| !text.trim().is_empty());
    match &text {
        None => reader.wrong(node.unwrap_or(spec), "query is missing", "it is PromQL"),
        Some(text) => {
            if let Err(fault) = parse(text) {
                reader.wrong(node.unwrap_or(spec), format!("query: {fault}"), "");
            }
        }
    }
    text
}

fn indicator(
    reader: &mut Reader<'_>,
    node: &Node,
    pairs: &[(Node, Node)],
    metrics: Option<&Metrics>,
) -> Option<Indicator> {
    let (op, value) = (get(pairs, "op"), get(pairs, "value"));
    match metrics? {
        Metrics::Ratio { good, bad, total, counter } => {
            if let Some(odd) = op.or(value) {
                reader.wrong(odd, "op and value belong to a thresholdMetric", "take them out");
            }
            let (good, bad, total) = (good.clone(), bad.clone(), total.clone());
            Some(Indicator::Ratio { good, bad, total, counter: *counter })
        }
        Metrics::Threshold(query) => {
            let name = reader.text(op, "op").unwrap_or_default();
            let number = reader.text(value, "value").and_then(|text| text.parse::<f64>().ok());
            let op = match name.as_str() {
                "lt" => Some("<"),
                "lte" => Some("<="),
                "gt" => Some(">"),
                "gte" => Some(">="),
                _ => None,
            };
            let (Some(op), Some(value)) = (op, number.filter(|value| value.is_finite())) else {
                reader.wrong(
                    node,
                    "a thresholdMetric is compared",
                    "write op: lt, lte, gt or gte and value: 5",
                );
                return None;
            };
            Some(Indicator::Threshold { query: query.clone(), op, value })
        }
    }
}

/// What will be asked can be asked: the query of a counter is a selector, for one.
fn sound(reader: &mut Reader<'_>, node: &Node, one: &Objective) {
    let question = one.question(HOUR_MS);
    for text in [&question.part, &question.total] {
        // A query that is wrong by itself was told already.
        if reader.problems.is_empty()
            && let Err(fault) = parse(text)
        {
            let advice = "with a ratioMetric the queries are selectors, such as requests_total{code=\"200\"}";
            reader.wrong(node, format!("{text}: {fault}"), advice);
        }
    }
}
