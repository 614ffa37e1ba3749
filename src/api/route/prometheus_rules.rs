//! Rules and alerts as Prometheus tells them: <https://prometheus.io/docs/prometheus/latest/querying/api/#rules>.

use serde_json::{Value, json};

use crate::api::types::{Alert, AlertGroup, AlertRule, AlertRules};
use crate::base::format_second;

/// Which rules are asked for; what is empty is any.
pub(super) struct Wanted {
    pub(super) kind: &'static str,
    pub(super) names: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) files: Vec<String>,
}

impl Wanted {
    fn has(list: &[String], one: &String) -> bool {
        list.is_empty() || list.contains(one)
    }

    fn rule(&self, rule: &AlertRule) -> bool {
        (self.kind.is_empty() || self.kind == rule.kind) && Self::has(&self.names, &rule.name)
    }

    /// A group without rules of the kind stays, one without rules of those names does not.
    fn group(&self, group: &AlertGroup) -> bool {
        Self::has(&self.groups, &group.name)
            && Self::has(&self.files, &group.file)
            && (self.names.is_empty() || group.rules.iter().any(|rule| self.rule(rule)))
    }
}

pub(super) fn rule_groups(rules: &AlertRules, wanted: &Wanted) -> Value {
    let groups = rules.groups.iter().filter(|group| wanted.group(group));
    json!({"groups": groups.map(|one| group(one, wanted)).collect::<Vec<_>>()})
}

#[allow(clippy::cast_precision_loss)] // times of a rule have few digits
fn seconds(count: u64, of_one: f64) -> f64 {
    count as f64 / of_one
}

fn group(group: &AlertGroup, wanted: &Wanted) -> Value {
    json!({
        "name": group.name, "file": group.file, "limit": group.limit,
        "interval": seconds(group.interval_ms, 1e3), "evaluationTime": seconds(group.took_us, 1e6),
        "lastEvaluation": format_second(group.evaluated_ms),
        "rules": group.rules.iter().filter(|one| wanted.rule(one)).map(rule).collect::<Vec<_>>(),
    })
}

fn rule(rule: &AlertRule) -> Value {
    let mut told = json!({
        "name": rule.name, "query": rule.expr, "labels": rule.labels, "health": rule.health, "type": rule.kind,
        "evaluationTime": seconds(rule.took_us, 1e6), "lastEvaluation": format_second(rule.evaluated_ms),
    });
    if let Some(fields) = told.as_object_mut() {
        if !rule.error.is_empty() {
            fields.insert("lastError".into(), json!(rule.error));
        }
        if rule.kind == "alerting" {
            fields.insert("state".into(), json!(rule.state));
            fields.insert("duration".into(), json!(seconds(rule.for_ms, 1e3)));
            fields.insert("keepFiringFor".into(), json!(seconds(rule.keep_firing_for_ms, 1e3)));
            fields.insert("annotations".into(), json!(rule.annotations));
            fields.insert("alerts".into(), json!(rule.alerts.iter().map(alert).collect::<Vec<_>>()));
        }
    }
    told
}

pub(super) fn alert(alert: &Alert) -> Value {
    json!({
        "labels": alert.labels, "annotations": alert.annotations, "state": alert.state,
        "activeAt": format_second(alert.active_ms), "value": exponent(&alert.value),
    })
}

/// As Go prints a float with an exponent.
fn exponent(value: &str) -> String {
    let Some(number) = value.parse::<f64>().ok().filter(|number| number.is_finite()) else {
        return value.to_owned();
    };
    let shown = format!("{number:e}");
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::exponent;

    #[test]
    fn values_have_an_exponent() {
        assert_eq!(["1", "0.0025", "123", "+Inf"].map(exponent), ["1e+00", "2.5e-03", "1.23e+02", "+Inf"]);
    }
}
