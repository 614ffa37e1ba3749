//! A report as JSON, Markdown and CSV.

use super::Rendered;
use crate::api::types::compliance::ComplianceReport;
use crate::base::format_second;

pub(super) fn json(report: &ComplianceReport) -> Rendered {
    // A report has texts and numbers only: this cannot fail.
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    Rendered { content_type: "application/json", text: format!("{text}\n") }
}

/// The time that was asked for, in words.
pub(super) fn span(report: &ComplianceReport) -> String {
    match (report.from_ms.map(format_second), report.to_ms.map(format_second)) {
        (Some(from), Some(to)) => format!("from {from} until before {to}"),
        (Some(from), None) => format!("from {from}"),
        (None, Some(to)) => format!("until before {to}"),
        (None, None) => "all that was entered".to_owned(),
    }
}

pub(super) fn markdown(report: &ComplianceReport) -> Rendered {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("# {}: what this box has evidence of\n", report.title));
    line(format!("- Time: {}", span(report)));
    line(format!("- Log: {}, {} entries, root `{}`", report.log, report.size, report.root));
    line(format!("- Signed: {}", format_second(report.signed_ms)));
    line(format!("- Entries of that time: {}\n", report.looked_at));
    line("Evidence is what the audit log shows. Whether a control is met is for people to say.\n".to_owned());
    line("## What was checked\n".to_owned());
    for text in &report.checked {
        line(format!("- {text}"));
    }
    line("\n## Controls\n\n| Control | Standing | Evidence | Not evidenced |\n|---|---|---|---|".to_owned());
    for control in &report.controls {
        let evidence: Vec<String> = control
            .evidence
            .iter()
            .map(|one| match one.entries.as_slice() {
                [] => format!("0: {}", one.about),
                entries => format!("{}: {} (entries {})", one.count, one.about, entries.join(", ")),
            })
            .collect();
        let (id, standing) = (&control.id, &control.standing);
        line(format!("| {id} | {standing} | {} | {} |", evidence.join("<br>"), control.gaps.join("<br>")));
    }
    line(format!("\n## Outside of this box\n\n{}", report.outside));
    Rendered { content_type: "text/markdown; charset=utf-8", text: out }
}

/// A line for each control and what is looked for; RFC 4180, every text in quotes.
pub(super) fn csv(report: &ComplianceReport) -> Rendered {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut out =
        "framework,control,standing,looked for,count,entries,not evidenced,log,size,root\r\n".to_owned();
    for control in &report.controls {
        for one in &control.evidence {
            let cells = [
                quoted(&report.framework),
                quoted(&control.id),
                quoted(&control.standing),
                quoted(&one.about),
                one.count.to_string(),
                quoted(&one.entries.join(" ")),
                quoted(&control.gaps.join("; ")),
                quoted(&report.log),
                report.size.to_string(),
                quoted(&report.root),
            ];
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
    }
    Rendered { content_type: "text/csv; charset=utf-8", text: out }
}
