//! One rule at one time: what its expression finds, as alerts or as series.

use std::collections::BTreeMap;

use super::PER_RULE;
use super::rules::Rule;
use super::step::Found;
use super::template::{Facts, render};
use crate::observe::promql::{Answer, Context, Labels, METRIC_NAME, instant};

/// The label that holds the name of an alert.
const ALERT_NAME: &str = "alertname";

/// What a rule's expression has at this time (milliseconds since 1970).
///
/// # Errors
/// Why it has no value, or more values than it may have (`most`; 0 is the usual).
pub fn evaluate(
    rule: &Rule,
    most: usize,
    time: i64,
    context: Context<'_>,
) -> Result<Vec<(Labels, f64)>, String> {
    let outcome = instant(&rule.expr, time, context).map_err(|fault| fault.to_string())?;
    let found: Vec<(Labels, f64)> = match outcome.answer {
        Answer::Vector(samples) => {
            samples.into_iter().map(|(labels, sample)| (labels, sample.value)).collect()
        }
        Answer::Scalar(sample) => vec![(Labels::default(), sample.value)],
        Answer::Text(_) | Answer::Matrix(_) => return Err("the expression gives no vector".to_owned()),
    };
    let most = if most == 0 { PER_RULE } else { most };
    if found.len() > most {
        return Err(format!(
            "the rule finds {} series, and may find {most}: narrow it, or raise its limit",
            found.len()
        ));
    }
    Ok(found)
}

/// Labels of a result with those of its rule, filled in.
fn labelled(rule: &Rule, own: &Labels, value: f64, name: (&str, &str)) -> Result<Labels, String> {
    let facts = Facts { labels: own, value };
    let mut pairs: Vec<(String, String)> = own
        .iter()
        .filter(|(name, _)| *name != METRIC_NAME)
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    for (label, template) in &rule.labels {
        let text = if rule.is_alert { render(template, facts)? } else { template.clone() };
        pairs.push((label.clone(), text));
    }
    pairs.push((name.0.to_owned(), name.1.to_owned()));
    Ok(Labels::new(pairs))
}

/// The alerts of a rule.
///
/// # Errors
/// Where two results are the same alert.
pub fn found(rule: &Rule, results: Vec<(Labels, f64)>) -> Result<BTreeMap<Labels, Found>, String> {
    let mut all = BTreeMap::new();
    for (own, value) in results {
        // A text that cannot be filled says why, and the alert is told all the same.
        let filled = |template: &str| {
            render(template, Facts { labels: &own, value })
                .unwrap_or_else(|problem| format!("<template: {problem}>"))
        };
        let annotations = rule.annotations.iter().map(|(name, text)| (name.clone(), filled(text))).collect();
        let labels = labelled(rule, &own, value, (ALERT_NAME, &rule.name))?;
        if all.insert(labels, Found { value, annotations }).is_some() {
            return Err("two results have the same labels once those of the rule are set".to_owned());
        }
    }
    Ok(all)
}

/// The series of a recording rule.
///
/// # Errors
/// Where two results are the same series.
pub fn recorded(rule: &Rule, results: Vec<(Labels, f64)>) -> Result<Vec<(Labels, f64)>, String> {
    let mut all = BTreeMap::new();
    for (own, value) in results {
        let labels = labelled(rule, &own, value, (METRIC_NAME, &rule.name))?;
        if all.insert(labels, value).is_some() {
            return Err("two results have the same labels once those of the rule are set".to_owned());
        }
    }
    Ok(all.into_iter().collect())
}
