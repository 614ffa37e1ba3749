//! Two models side by side, from what the registry keeps of them. Pure.

use crate::api::types::registry::{ComparedField, ModelComparison, ModelShadow, ModelVersion};
use crate::base::format_time;

/// Letters of a SHA-256 that tell models apart for people.
const SHORT: usize = 12;

pub(super) fn compared(a: &ModelVersion, b: &ModelVersion) -> ModelComparison {
    let named = |one: &ModelVersion| {
        let short: String = one.sha256.chars().take(SHORT).collect();
        format!("{} ({short})", one.name)
    };
    side_by_side((named(a), &lines(a)), (named(b), &lines(b)))
}

/// Any two things, field by field.
pub(in crate::engine) fn side_by_side(
    (a, before): (String, &[(String, String)]),
    (b, behind): (String, &[(String, String)]),
) -> ModelComparison {
    let mut fields: Vec<ComparedField> = Vec::new();
    // A gate may be there on one side only.
    for (name, _) in before.iter().chain(behind) {
        if fields.iter().any(|known| known.name == *name) {
            continue;
        }
        let of = |side: &[(String, String)]| {
            side.iter()
                .find(|(known, _)| known == name)
                .map_or_else(|| "-".to_owned(), |(_, value)| value.clone())
        };
        let (a, b) = (of(before), of(behind));
        let differs = a != b;
        fields.push(ComparedField { name: name.clone(), a, b, differs });
    }
    ModelComparison { a, b, fields }
}

/// How a staged model did on real questions, in a line.
pub(super) fn shadow_words(one: &ModelShadow) -> String {
    format!(
        "{} real questions: overlap@10 {:.3}, same first {:.3}, {:.1} ms against {:.1} ms",
        one.questions, one.overlap, one.top1, one.candidate_ms, one.production_ms
    )
}

/// What is compared of a model, by name.
fn lines(one: &ModelVersion) -> Vec<(String, String)> {
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let time = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{} UTC", format_time(ms)));
    let place = match (one.serving, one.previous) {
        (true, _) => ", answers",
        (_, true) => ", a rollback brings it back",
        _ => "",
    };
    let mut all: Vec<(String, String)> = [
        ("name", one.name.clone()),
        ("sha256", one.sha256.clone()),
        ("stage", format!("{}{place}", one.stage)),
        ("review", one.review.clone()),
        ("licence", or_none(&one.licence)),
        ("source", or_none(&one.source)),
        ("about", or_none(&one.about)),
        ("words", one.rows.to_string()),
        ("columns", one.columns.to_string()),
        ("bytes", one.bytes.to_string()),
        ("signature", or_none(one.signature.as_deref().unwrap_or_default())),
        ("by", one.by.clone()),
        ("registered", time(Some(one.at_ms))),
        ("approved", time(one.approved_ms)),
        ("measured", time(one.measured_ms)),
        ("missing", format!("vectors of {} passages", one.passages_missing)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    all.extend(one.metadata.iter().map(|fact| (format!("said: {}", fact.name), fact.value.clone())));
    all.extend(one.shadow.iter().map(|shadow| ("shadow".to_owned(), shadow_words(shadow))));
    all.extend(one.gates.iter().map(|gate| (gate.name.clone(), format!("{}: {}", gate.state, gate.what))));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::approval::Gate;

    #[test]
    fn what_differs_is_said_with_both_values_and_a_gate_of_one_side_too() {
        let gate =
            |name: &str, what: &str| Gate { name: name.into(), state: "passed".into(), what: what.into() };
        let a = ModelVersion {
            name: "a".into(),
            bytes: 7,
            gates: vec![gate("quality", "0.9")],
            ..ModelVersion::default()
        };
        let b = ModelVersion {
            name: "b".into(),
            bytes: 7,
            gates: vec![gate("memory", "2 MB")],
            ..ModelVersion::default()
        };
        let found = compared(&a, &b);
        let of = |name: &str| found.fields.iter().find(|one| one.name == name).unwrap();
        assert!(!of("bytes").differs && of("name").differs);
        assert_eq!((of("quality").a.as_str(), of("quality").b.as_str()), ("passed: 0.9", "-"));
        assert_eq!((of("memory").a.as_str(), of("memory").b.as_str()), ("-", "passed: 2 MB"));
        assert!(compared(&a, &a).fields.iter().all(|one| !one.differs));
    }
}
