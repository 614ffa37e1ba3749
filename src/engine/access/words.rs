//! Who may do what, in the API's words.

use super::people::People;
use super::{State, sources};
use crate::api::types::Problem;
use crate::api::types::access as words;
use crate::base::InOrder;
use crate::governance::access::{Book, Decision, Grant, Key, Name, Pass, Role, Token};
use crate::governance::approval::Approval;
use crate::governance::policy::{Policy, PolicyProblem, PolicySet};

const DAY_MS: u64 = 86_400_000;
/// A grant that nobody used, or no review confirmed, for so long is told in a review.
const STALE_MS: u64 = 90 * DAY_MS;

pub(super) fn decision(decision: &Decision) -> words::Decision {
    words::Decision {
        request: decision.request.clone(),
        at_ms: decision.at_ms,
        principal: decision.principal.clone(),
        via: decision.via.name().to_owned(),
        roles: roles(&decision.roles),
        permission: decision.permission.name().to_owned(),
        resource: decision.resource.clone(),
        allowed: decision.allowed,
        policies: decision.policies.clone(),
        errors: decision.errors.clone(),
        needs: decision.needs.clone(),
        mode: decision.mode.clone(),
        digest: decision.digest.clone(),
        pass: decision.pass.as_ref().map(|(approval, one)| pass((*approval, one))),
    }
}

fn pass((approval, pass): (u64, &Pass)) -> words::AccessPass {
    words::AccessPass {
        approval: approval.to_string(),
        permission: pass.permission.name().to_owned(),
        by: pass.by.clone(),
        at_ms: pass.at_ms,
        until_ms: pass.until_ms,
    }
}

/// The emergency passes of somebody that are good now.
pub(super) fn passes(book: &Book, name: &Name, now_ms: u64) -> Vec<words::AccessPass> {
    book.passes_of(name, now_ms).map(pass).collect()
}

/// What the asker is told.
pub(super) fn denial(decision: &Decision) -> Problem {
    let by = match decision.policies.as_slice() {
        [] => "no policy permits it".to_owned(),
        [one] => format!("the policy {one} forbids it"),
        many => format!("the policies {} forbid it", many.join(", ")),
    };
    Problem {
        detail: format!(
            "{} may not {} on {}: {by}",
            decision.principal,
            decision.permission.about(),
            decision.resource
        ),
        advice: Some(format!("this needs {}", decision.needs)),
        policies: decision.policies.clone(),
        permission: Some(decision.permission.name().to_owned()),
        digest: Some(decision.digest.clone()),
        ..Problem::default()
    }
}

pub(super) fn roles(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| role.name().to_owned()).collect()
}

pub(super) fn token(id: u64, token: &Token) -> words::AccessToken {
    words::AccessToken {
        id: format!("{id:x}"),
        principal: token.principal.clone(),
        scopes: token.scopes.clone(),
        by: token.by.clone(),
        at_ms: token.at_ms,
        until_ms: token.until_ms,
        used_ms: token.used_ms,
    }
}

fn key(fingerprint: &str, key: &Key) -> words::AccessKey {
    words::AccessKey {
        fingerprint: fingerprint.to_owned(),
        key: key.key.line(),
        comment: key.comment.clone(),
        by: key.by.clone(),
        at_ms: key.at_ms,
    }
}

pub(super) fn principal(book: &Book, name: &Name, people: &People, now_ms: u64) -> words::Principal {
    let text = name.to_string();
    let added = book.principals.get(&text);
    let mut roles: Vec<Role> = match name {
        Name::Gid(_) => Vec::new(),
        Name::Uid(uid) if *uid == 0 || *uid == book.owner => vec![Role::Admin],
        Name::Uid(_) => vec![Role::Analyst],
        Name::Own(_) | Name::Network => Vec::new(),
    };
    let live = |grant: &&Grant| grant.to == *name && grant.until_ms.is_none_or(|until| now_ms < until);
    roles.extend(book.grants.values().filter(live).map(|grant| grant.role));
    roles.order();
    roles.dedup();
    let about = match name {
        Name::Uid(0) => "root: for emergencies".to_owned(),
        Name::Uid(uid) if *uid == book.owner => "owner of the data folder: installed this box".to_owned(),
        _ => added.map(|added| added.about.clone()).unwrap_or_default(),
    };
    let tokens = book.tokens.iter().filter(|(_, token)| token.principal == text);
    let keys = book.keys.iter().filter(|(_, key)| key.owner == text);
    words::Principal {
        totp: book.totp.contains_key(&text),
        keys: keys.map(|(mark, one)| key(mark, one)).collect(),
        passes: passes(book, name, now_ms),
        login: people.login(name),
        about,
        kind: name.kind().to_owned(),
        roles: self::roles(&roles),
        tokens: tokens.map(|(id, one)| token(*id, one)).collect(),
        by: added.map(|added| added.by.clone()).unwrap_or_default(),
        at_ms: added.map(|added| added.at_ms),
        id: text,
    }
}

/// Everybody who has anything: the owner, root, those with grants, those with tokens, those with a pass that is good.
pub(super) fn principals(book: &Book, people: &People, now_ms: u64) -> Vec<words::Principal> {
    let mut names: Vec<Name> = vec![Name::Uid(0), Name::Uid(book.owner)];
    names.extend(book.principals.keys().filter_map(|name| Name::parse(name).ok()));
    names.extend(book.grants.values().map(|grant| grant.to.clone()));
    let good = book.passes.values().filter(|pass| now_ms < pass.until_ms);
    names.extend(good.map(|pass| pass.to.clone()));
    names.extend(book.keys.values().filter_map(|key| Name::parse(&key.owner).ok()));
    names.order();
    names.dedup();
    names.iter().map(|name| principal(book, name, people, now_ms)).collect()
}

/// What the box gives by itself, then what was granted; with what a review has to say.
pub(super) fn grants(book: &Book, people: &People, now_ms: u64) -> Vec<words::AccessGrant> {
    let own = |name: Name, reason: &str| words::AccessGrant {
        login: people.login(&name),
        to: name.to_string(),
        role: Role::Admin.name().to_owned(),
        by: "the box".to_owned(),
        reason: reason.to_owned(),
        state: "built in".to_owned(),
        ..words::AccessGrant::default()
    };
    let mut all = vec![own(Name::Uid(book.owner), "owner of the data folder")];
    if book.owner != 0 {
        all.push(own(Name::Uid(0), "root, for emergencies"));
    }
    all.extend(book.grants.iter().map(|(id, one)| grant(*id, one, people, now_ms)));
    all
}

pub(super) fn grant(id: u64, grant: &Grant, people: &People, now_ms: u64) -> words::AccessGrant {
    let old = |ms: u64| now_ms.saturating_sub(ms) > STALE_MS;
    let seen = grant.confirmed.as_ref().map_or(grant.at_ms, |(at_ms, _)| *at_ms);
    let state = match grant.used_ms {
        _ if grant.until_ms.is_some_and(|until| until <= now_ms) => "over",
        None if old(grant.at_ms) => "never used",
        Some(used) if old(used) => "not used for long",
        _ if old(seen) => "not confirmed for long",
        _ => "fine",
    };
    words::AccessGrant {
        id: id.to_string(),
        to: grant.to.to_string(),
        login: people.login(&grant.to),
        role: grant.role.name().to_owned(),
        by: grant.by.clone(),
        reason: grant.reason.clone(),
        at_ms: Some(grant.at_ms),
        until_ms: grant.until_ms,
        confirmed_ms: grant.confirmed.as_ref().map(|(at_ms, _)| *at_ms),
        confirmed_by: grant.confirmed.as_ref().map(|(_, by)| by.clone()),
        used_ms: grant.used_ms,
        state: state.to_owned(),
    }
}

/// A grant that waits for votes.
pub(super) fn waiting(approval: &Approval, role: Role) -> words::AccessGrant {
    words::AccessGrant {
        to: approval.subject.name.clone(),
        role: role.name().to_owned(),
        by: approval.by.clone(),
        reason: approval.reason.clone(),
        state: format!("waits for approval {}", approval.id),
        ..words::AccessGrant::default()
    }
}

pub(super) fn policy(set: &PolicySet, place: usize, policy: &Policy) -> words::Policy {
    let about = |action: &&str| set.about(action).any(|(at, _)| at as usize == place);
    words::Policy {
        id: policy.id.to_string(),
        effect: policy.effect.word().to_owned(),
        file: policy.file.to_string(),
        built_in: sources::is_built_in(&policy.file),
        advice: policy.annotation("advice").map(str::to_owned),
        permissions: set.schema().actions().filter(about).map(str::to_owned).collect(),
        text: policy.text.clone(),
    }
}

pub(super) fn policies(state: &State, folders: &[std::path::PathBuf]) -> words::PolicyList {
    let all = state.set.policies().iter().enumerate();
    words::PolicyList {
        next: None,
        digest: state.set.digest().to_owned(),
        folders: folders.iter().map(|folder| folder.display().to_string()).collect(),
        problems: state.problems.iter().map(problem).collect(),
        items: all.map(|(place, one)| policy(&state.set, place, one)).collect(),
    }
}

pub(super) fn problem(problem: &PolicyProblem) -> words::PolicyProblem {
    let PolicyProblem { file, line, column, what } = problem.clone();
    words::PolicyProblem { file, line, column, what }
}
