//! Looks through the text of a file of the site as the box would take it up. Nothing is kept.

use super::run::Inner;
use super::worker::invalid;
use super::{
    EngineError, check_dashboard, check_notify, check_objectives, check_probes, check_rules, check_violations,
};
use crate::api::types::site_file::{CheckFile, CheckedFile, FileProblem};
use crate::governance::access::Permission;

/// How many things a text of a name holds, on a box of a tier, or all that is wrong as line:column: what.
type Look = fn(&str, &str, &str) -> Result<usize, Vec<String>>;

/// What files there are: the word for them, what they hold, who may look at that, how they are read.
const KINDS: [(&str, &str, Permission, Look); 6] = [
    ("violations", "rules", Permission::ReadIncidents, |_, text, _| check_violations(text)),
    ("alerts", "rules", Permission::ReadAlerts, check_rules),
    ("notifications", "receivers", Permission::ReadAlerts, |_, text, _| check_notify(text)),
    ("probes", "probes and targets", Permission::ReadStatus, |name, text, _| check_probes(name, text)),
    ("dashboards", "panels", Permission::ReadMetrics, |name, text, _| check_dashboard(name, text)),
    ("sla", "objectives", Permission::ReadMetrics, |_, text, _| check_objectives(text)),
];

/// What looking at it needs: what reading the same things needs. What is of no kind needs nothing more than a name.
pub(super) fn permission(request: &CheckFile) -> Permission {
    let known = KINDS.iter().find(|(kind, ..)| *kind == request.kind);
    known.map_or(Permission::ReadSelf, |(_, _, permission, _)| *permission)
}

pub(super) fn check(inner: &Inner, request: &CheckFile) -> Result<CheckedFile, EngineError> {
    let CheckFile { kind, name, text } = request;
    let known = KINDS.iter().find(|(known, ..)| known == kind);
    let Some((_, nouns, _, look)) = known else {
        let shown: String = kind.chars().take(40).collect();
        let all = KINDS.map(|(kind, ..)| kind).join(", ");
        return Err(invalid(format!("there is no kind of file '{shown}'"), format!("name one of {all}")));
    };
    Ok(match look(name, text, inner.tier.tier) {
        Ok(count) => {
            CheckedFile { ok: true, holds: format!("{count} {nouns}, nothing wrong"), problems: Vec::new() }
        }
        Err(all) => {
            CheckedFile { problems: all.iter().map(|said| placed(said)).collect(), ..Default::default() }
        }
    })
}

/// `3:1: what` in its parts.
fn placed(said: &str) -> FileProblem {
    let parts = || {
        let (line, rest) = said.split_once(':')?;
        let (column, what) = rest.split_once(':')?;
        let (line, column) = (line.parse().ok()?, column.parse().ok()?);
        Some(FileProblem { line, column, what: what.trim_start().to_owned() })
    };
    parts().unwrap_or_else(|| FileProblem { what: said.to_owned(), ..FileProblem::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_place() {
        let of = |line, column, what: &str| FileProblem { line, column, what: what.into() };
        assert_eq!(placed("3:14: no: really"), of(3, 14, "no: really"));
        assert_eq!(placed("it is: empty: so"), of(0, 0, "it is: empty: so"));
    }
}
