//! A report as OSCAL assessment results (NIST, 1.1): observations only. Findings would have to say of each control whether
//! it is met, and that is not for a box to say.

use serde_json::{Value, json};

use super::Rendered;
use super::render::span;
use super::uuid::v5;
use crate::api::types::compliance::{ComplianceControl, ComplianceReport};
use crate::base::format_second;

const VERSION: &str = "1.1.2";
/// Names of properties are ours.
const NS: &str = "https://spud.invalid/ns/oscal";

/// An id of a control as OSCAL can have it: letters, digits, points and dashes, a letter first.
fn token(framework: &str, id: &str) -> String {
    let mut token = format!("{framework}-");
    for letter in
        id.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' })
    {
        if letter != '-' || !token.ends_with('-') {
            token.push(letter);
        }
    }
    token.trim_end_matches('-').to_owned()
}

pub(super) fn write(report: &ComplianceReport) -> Rendered {
    // Everything that tells reports apart.
    let seed =
        format!("{} {} {} {} {}", report.framework, report.log, report.size, report.root, span(report));
    let id = |what: &str| v5(&format!("{seed} {what}"));
    let signed = format_second(report.signed_ms);
    let prop = |name: &str, value: &str| json!({"name": name, "ns": NS, "value": value});
    let observation = |control: &ComplianceControl| observed(report, control, &id(&control.id), &signed);
    let observations: Vec<Value> = report.controls.iter().map(observation).collect();
    let include: Vec<Value> = report
        .controls
        .iter()
        .map(|control| json!({"control-id": token(&report.framework, &control.id)}))
        .collect();
    let mut result = json!({
        "uuid": id("result"),
        "title": format!("{}: evidence of the audit log", report.title),
        "description": format!("Entries of the audit log that say something about the controls; {}. {}", span(report), report.checked.join("; ")),
        "start": report.from_ms.map_or_else(|| format_second(0), format_second),
        "props": [
            prop("log", &report.log),
            prop("log-size", &report.size.to_string()),
            prop("log-root", &report.root),
            prop("entries-looked-at", &report.looked_at.to_string()),
        ],
        "reviewed-controls": {"control-selections": [{"include-controls": include}]},
        "observations": observations,
        "remarks": format!("Not seen by this box: {}", report.outside),
    });
    if let Some(to_ms) = report.to_ms {
        result["end"] = format_second(to_ms).into();
    }
    let all = json!({"assessment-results": {
        "uuid": id("document"),
        "metadata": {
            "title": format!("{}: what a box has evidence of", report.title),
            "last-modified": signed,
            "version": format!("{}", report.size),
            "oscal-version": VERSION,
        },
        "import-ap": {"href": format!("{NS}/plans/{}", report.framework),
            "remarks": "There is no plan as a document: what is looked for is the table of the box."},
        "results": [result],
    }});
    let text = serde_json::to_string_pretty(&all).unwrap_or_default();
    Rendered { content_type: "application/oscal+json", text: format!("{text}\n") }
}

fn observed(report: &ComplianceReport, control: &ComplianceControl, uuid: &str, signed: &str) -> Value {
    let prop = |name: &str, value: &str| json!({"name": name, "ns": NS, "value": value});
    let control_id = token(&report.framework, &control.id);
    let mut props = vec![
        prop("control-id", &control_id),
        prop("control", &control.id),
        prop("standing", &control.standing),
    ];
    let count: u64 = control.evidence.iter().map(|one| one.count).sum();
    props.push(prop("entries", &count.to_string()));
    let counted: Vec<String> =
        control.evidence.iter().map(|one| format!("{}: {}", one.about, one.count)).collect();
    let evidence: Vec<Value> = control
        .evidence
        .iter()
        .filter(|one| !one.entries.is_empty())
        .map(|one| {
            let (about, entries) = (&one.about, one.entries.join(", "));
            json!({"description": format!("{about}: {} entries, the newest of them {entries}", one.count)})
        })
        .collect();
    let mut observation = json!({
        "uuid": uuid,
        "title": control.id,
        "description": counted.join("; "),
        "props": props,
        "methods": ["EXAMINE"],
        "types": ["historic"],
        "collected": signed,
        "remarks": format!("Not evidenced: {}", control.gaps.join("; ")),
    });
    if !evidence.is_empty() {
        observation["relevant-evidence"] = evidence.into();
    }
    observation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_controls_become_tokens() {
        assert_eq!(token("hipaa", "164.308(a)(1)(ii)(D)"), "hipaa-164.308-a-1-ii-D");
        assert_eq!(token("gdpr", "Art.5(1)(b)"), "gdpr-Art.5-1-b");
        assert_eq!(token("soc2", "CC6.1"), "soc2-CC6.1");
    }
}
