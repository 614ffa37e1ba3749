//! One rule at one time: what its expression finds, as alerts or as series.

use std::collections::BTreeMap;

use super::PER_RULE;
use super::rules::Rule;
use super::step::Found;
use super::template::{Facts, Outside, render};
use crate::observe::promql::{Answer, Context, Expression, Labels, METRIC_NAME, instant, parse};

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
    let found = vector(&rule.expr, time, context)?;
    let most = if most == 0 { PER_RULE } else { most };
    if found.len() > most {
        return Err(format!(
            "the rule finds {} series, and may find {most}: narrow it, or raise its limit",
            found.len()
        ));
    }
    Ok(found)
}

/// What an expression has at a time; a scalar is one result without labels.
///
/// # Errors
/// Why it has none.
pub(super) fn vector(
    expr: &Expression,
    time: i64,
    context: Context<'_>,
) -> Result<Vec<(Labels, f64)>, String> {
    match instant(expr, time, context).map_err(|fault| fault.to_string())?.answer {
        Answer::Vector(samples) => {
            Ok(samples.into_iter().map(|(labels, sample)| (labels, sample.value)).collect())
        }
        Answer::Scalar(sample) => Ok(vec![(Labels::default(), sample.value)]),
        Answer::Text(_) | Answer::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
    }
}

/// Labels of a result with those of its rule.
fn labelled(own: &Labels, more: Vec<(String, String)>, name: (&str, &str)) -> Labels {
    let mut pairs: Vec<(String, String)> = own
        .iter()
        .filter(|(name, _)| *name != METRIC_NAME)
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    pairs.extend(more);
    pairs.push((name.0.to_owned(), name.1.to_owned()));
    Labels::new(pairs)
}

/// The alerts of a rule. Templates may ask of the same time what they like.
///
/// # Errors
/// Where two results are the same alert.
pub fn found(
    rule: &Rule,
    results: Vec<(Labels, f64)>,
    time: i64,
    context: Context<'_>,
) -> Result<BTreeMap<Labels, Found>, String> {
    found_from(rule, results, time, context, Outside::default())
}

/// The same, on a box that others know by this.
pub(super) fn found_from(
    rule: &Rule,
    results: Vec<(Labels, f64)>,
    time: i64,
    context: Context<'_>,
    outside: Outside<'_>,
) -> Result<BTreeMap<Labels, Found>, String> {
    let query = |text: &str| {
        let expr = parse(text).map_err(|fault| fault.to_string())?;
        vector(&expr, time, context)
    };
    let mut all = BTreeMap::new();
    for (own, value) in results {
        let facts = Facts { name: &rule.name, labels: &own, value, query: &query, outside };
        let filled = |texts: &[(String, String)]| -> Vec<(String, String)> {
            texts.iter().map(|(name, text)| (name.clone(), render(text, facts))).collect()
        };
        let annotations = filled(&rule.annotations);
        let labels = labelled(&own, filled(&rule.labels), (ALERT_NAME, &rule.name));
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
        let labels = labelled(&own, rule.labels.clone(), (METRIC_NAME, &rule.name));
        if all.insert(labels, value).is_some() {
            return Err("two results have the same labels once those of the rule are set".to_owned());
        }
    }
    Ok(all.into_iter().collect())
}
