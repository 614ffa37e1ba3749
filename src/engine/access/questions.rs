//! Questions to the policies that nobody asks in earnest: check, test, explain, compare.

use std::sync::Arc;

use super::{circumstances, resource, site, sources, subject, words};
use crate::api::types::access::{
    CheckPolicies, Decision, PolicyCase, PolicyCheck, PolicyDiff, PolicyFile, PolicyTestReport,
    PolicyTestResult, TestPolicies,
};
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{Caller, EngineError, approvals};
use crate::governance::access::{
    Book, Circumstances, Decision as Decided, Name, Need, Permission, Role, Subject, Via, decide, permit,
};
use crate::governance::policy::{PolicyError, PolicySet, Source};

const CASES_MOST: usize = 2_000;

fn given(files: &[PolicyFile]) -> Vec<Source> {
    files.iter().map(|file| Source { file: file.name.clone(), text: file.text.clone() }).collect()
}

/// Whether a set would be taken.
pub(super) fn check(inner: &Inner, request: &CheckPolicies) -> PolicyCheck {
    let read = match request.files.as_slice() {
        [] => sources::read(&inner.access.folders),
        files => Ok(given(files)),
    };
    match read.and_then(|site| sources::load(&site)) {
        Ok(set) => PolicyCheck {
            ok: true,
            policies: set.policies().len(),
            digest: Some(set.digest().to_owned()),
            problems: Vec::new(),
        },
        Err(error) => PolicyCheck { problems: problems(&error), ..PolicyCheck::default() },
    }
}

fn problems(error: &PolicyError) -> Vec<crate::api::types::access::PolicyProblem> {
    error.problems().iter().map(words::problem).collect()
}

/// What differs between what is in force and the files as they are.
pub(super) fn diff(inner: &Inner) -> PolicyDiff {
    let now = Arc::clone(&inner.access.state().set);
    let mut diff = PolicyDiff { digest: now.digest().to_owned(), ..PolicyDiff::default() };
    let files = match sources::read(&inner.access.folders).and_then(|site| sources::load(&site)) {
        Ok(set) => set,
        Err(error) => return PolicyDiff { problems: problems(&error), ..diff },
    };
    let (before, after) = (site::texts(&now), site::texts(&files));
    diff.digest_of_files = Some(files.digest().to_owned());
    diff.added = after.keys().filter(|id| !before.contains_key(*id)).cloned().collect();
    diff.removed = before.keys().filter(|id| !after.contains_key(*id)).cloned().collect();
    let changed = |(id, text): &(&String, &String)| before.get(*id).is_some_and(|was| was != *text);
    diff.changed = after.iter().filter(changed).map(|(id, _)| id.clone()).collect();
    diff
}

/// Decides one case as the door would: with the policies in force, and the emergency passes that are good.
pub(super) fn explain(inner: &Inner, caller: &Caller, case: &PolicyCase) -> Result<Decision, EngineError> {
    let set = Arc::clone(&inner.access.state().set);
    decided(inner, caller, &set, case, permit)
}

/// Decides all cases, and says which came out otherwise than expected.
pub(super) fn test(
    inner: &Inner,
    caller: &Caller,
    request: &TestPolicies,
) -> Result<PolicyTestReport, EngineError> {
    if request.cases.is_empty() || request.cases.len() > CASES_MOST {
        let what = format!("a test has 1 to {CASES_MOST} cases");
        return Err(invalid(what, "each is a [[case]] with permission, expect and what else matters"));
    }
    let set = match request.files.as_slice() {
        [] => Arc::clone(&inner.access.state().set),
        files => {
            let load = sources::load(&given(files)).map(Arc::new);
            load.map_err(|error| invalid(error.to_string(), "mend the file: spud policy check FILE"))?
        }
    };
    let mut report = PolicyTestReport::default();
    for (number, case) in request.cases.iter().enumerate() {
        let expected = match case.expect.as_deref() {
            Some("allow") => true,
            Some("deny") => false,
            _ => {
                let what = format!("case {}: expect is neither allow nor deny", number + 1);
                return Err(invalid(what, "write expect = \"allow\" or expect = \"deny\""));
            }
        };
        // A pass that somebody happens to have now is no part of a policy.
        let decision = decided(inner, caller, &set, case, decide)?;
        let passed = decision.allowed == expected;
        *(if passed { &mut report.passed } else { &mut report.failed }) += 1;
        let name = match case.name.as_str() {
            "" => format!("case {}", number + 1),
            name => name.to_owned(),
        };
        report.results.push(PolicyTestResult { name, passed, decision });
    }
    Ok(report)
}

type Ask = fn(&PolicySet, &Book, (&Subject, &[Role]), &Need, &Circumstances) -> Decided;

fn decided(
    inner: &Inner,
    caller: &Caller,
    set: &PolicySet,
    case: &PolicyCase,
    ask: Ask,
) -> Result<Decision, EngineError> {
    let permission =
        Permission::parse(&case.permission).ok_or_else(|| unknown_permission(&case.permission))?;
    let role = case.role.as_deref().map(role).transpose()?;
    let mut resource = resource(case.resource.as_deref())?;
    if resource.kind == "Approval" {
        resource.facts = approvals::facts(inner, &resource.name).map(Arc::new);
    }
    let need = Need { permission, resource, role };
    let around = around(inner, case)?;
    let subject = who(inner, caller, case)?;
    let book = inner.access.state().book.clone();
    let roles = match &case.roles {
        Some(names) => names.iter().map(|name| self::role(name)).collect::<Result<Vec<Role>, _>>()?,
        None => book.roles(&subject, around.now_ms).into_iter().map(|(role, _)| role).collect(),
    };
    Ok(words::decision(&ask(set, &book, (&subject, &roles), &need, &around)))
}

fn who(inner: &Inner, caller: &Caller, case: &PolicyCase) -> Result<Subject, EngineError> {
    let asker = subject(inner, caller)?;
    let Some(typed) = &case.principal else { return Ok(asker) };
    let people = super::people::People::read();
    let known = |name: &str| inner.access.state().book.principals.contains_key(name);
    let name = people.meant(typed, known)?;
    let usual = match name {
        Name::Own(_) => Via::Token,
        Name::Network => Via::Network,
        Name::Uid(_) | Name::Gid(_) => Via::Socket,
    };
    let via = match case.via.as_deref() {
        None => usual,
        Some(text) => Via::parse(text)
            .ok_or_else(|| invalid(format!("via: '{text}'"), "write socket, token or network"))?,
    };
    let scopes = case.scopes.as_ref().map(|scopes| scopes.as_slice().into());
    Ok(Subject { name, groups: case.groups.as_slice().into(), via, token: None, scopes })
}

fn around(inner: &Inner, case: &PolicyCase) -> Result<Circumstances, EngineError> {
    const HOUR_MS: u64 = 3_600_000;
    let mut around = circumstances(inner);
    if let Some(mode) = &case.mode {
        around.mode.clone_from(mode);
    }
    let (hour, weekday) = (case.hour.unwrap_or(around.hour()), case.weekday.unwrap_or(around.weekday()));
    if hour > 23 || !(1..=7).contains(&weekday) {
        return Err(invalid(
            format!("hour {hour}, weekday {weekday}"),
            "hours are 0 to 23, weekdays 1 (Monday) to 7",
        ));
    }
    let days = around.now_ms / (24 * HOUR_MS) + 7 + weekday - around.weekday();
    // The hour that it is stays the moment that it is: what ends within it has not ended.
    if (hour, weekday) != (around.hour(), around.weekday()) {
        around.now_ms = (days * 24 + hour) * HOUR_MS;
    }
    Ok(around)
}

pub(super) fn role(name: &str) -> Result<Role, EngineError> {
    Role::parse(name).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        invalid(format!("'{name}' is no role"), format!("write one of {}", known.join(", ")))
    })
}

fn unknown_permission(name: &str) -> EngineError {
    let shown: String = name.chars().take(60).collect();
    invalid(format!("'{shown}' is no permission"), "`spud role list --permissions` shows all")
}
