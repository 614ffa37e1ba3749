//! What can be asked about who may do what, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use super::people::People;
use super::{proofs, questions, review, site, subject, words};
use crate::api::types::access::{
    AccessGrant, AccessReview, AccessRole, AddKey, AddPrincipal, CheckPolicies, CloseReview, CreateToken,
    DecideReview, Decision, GrantRole, NewToken, NewTotp, OpenReview, Policy, PolicyCase, PolicyCheck,
    PolicyDiff, PolicyList, PolicyTestReport, Principal, Session, TakePolicies, TestPolicies, WhoAmI,
};
use crate::audit::Entry;
use crate::base::InOrder;
use crate::engine::run::Inner;
use crate::engine::{Caller, EngineError, approvals, trail};
use crate::governance::access::{
    DECISIONS_KEPT, Grant, Name, Need, Permission, Role, Secret, Shelf, Subject, Token, hash_of, permit,
    would_allow,
};
use crate::store::crypt::random;

/// Everything that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessAction {
    WhoAmI,
    Principals,
    /// By name.
    Principal(String),
    AddPrincipal(AddPrincipal),
    RevokePrincipal {
        name: String,
        reason: String,
    },
    CreateToken {
        name: String,
        request: CreateToken,
    },
    /// By id.
    RevokeToken {
        id: String,
    },
    /// Enrols an SSH key for somebody.
    AddKey {
        name: String,
        request: AddKey,
    },
    RemoveKey {
        name: String,
        fingerprint: String,
        reason: String,
    },
    Sessions,
    /// Ends its connections; the token that it came with is revoked.
    RevokeSession {
        id: String,
        reason: String,
    },
    /// A second factor for somebody with tokens.
    EnrolTotp {
        name: String,
    },
    RemoveTotp {
        name: String,
        reason: String,
    },
    Roles,
    Grants,
    Grant(GrantRole),
    RevokeGrant {
        id: String,
        reason: String,
    },
    /// Somebody found it right, outside of a review.
    ConfirmGrant {
        id: String,
    },
    Reviews,
    /// By its number; `open`, or `last`.
    Review(String),
    /// As Markdown.
    ReviewReport(String),
    OpenReview(OpenReview),
    DecideReview {
        id: String,
        grant: String,
        request: DecideReview,
    },
    CloseReview {
        id: String,
        request: CloseReview,
    },
    Policies,
    /// By id.
    Policy(String),
    CheckPolicies(CheckPolicies),
    TestPolicies(TestPolicies),
    Explain(Box<PolicyCase>),
    DiffPolicies,
    /// The site's files as they are come into force.
    TakePolicies(TakePolicies),
    Decisions,
    /// By the request's id.
    Decision(String),
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum AccessReply {
    WhoAmI(Box<WhoAmI>),
    Principals(Vec<Principal>),
    Principal(Box<Principal>),
    Token(Box<NewToken>),
    Totp(Box<NewTotp>),
    Sessions(Vec<Session>),
    Roles(Vec<AccessRole>),
    Grants(Vec<AccessGrant>),
    Grant(Box<AccessGrant>),
    Reviews(Vec<AccessReview>),
    Review(Box<AccessReview>),
    Report(String),
    Policies(Box<PolicyList>),
    Policy(Box<Policy>),
    Check(PolicyCheck),
    Tests(PolicyTestReport),
    Diff(PolicyDiff),
    Decisions(Vec<Decision>),
    Decision(Box<Decision>),
    Done,
}

pub(in crate::engine) fn act(
    inner: &Inner,
    caller: &Caller,
    action: AccessAction,
    told: Option<&Entry>,
) -> Result<AccessReply, EngineError> {
    Ok(match action {
        AccessAction::WhoAmI => AccessReply::WhoAmI(Box::new(who_am_i(inner, caller)?)),
        AccessAction::Principals => {
            let state = inner.access.state();
            AccessReply::Principals(words::principals(&state.book, &People::read(), inner.clock.now_ms()))
        }
        AccessAction::Principal(name) => AccessReply::Principal(Box::new(principal(inner, &name)?)),
        AccessAction::Sessions => AccessReply::Sessions(sessions(inner, caller)?),
        AccessAction::Roles => AccessReply::Roles(roles(inner)),
        AccessAction::Grants => {
            let state = inner.access.state();
            AccessReply::Grants(words::grants(&state.book, &People::read(), inner.clock.now_ms()))
        }
        AccessAction::Policies => {
            AccessReply::Policies(Box::new(words::policies(&inner.access.state(), &inner.access.folders)))
        }
        AccessAction::Policy(id) => AccessReply::Policy(Box::new(policy(inner, &id)?)),
        AccessAction::CheckPolicies(request) => AccessReply::Check(questions::check(inner, &request)),
        AccessAction::TestPolicies(request) => AccessReply::Tests(questions::test(inner, caller, &request)?),
        AccessAction::Explain(case) => {
            AccessReply::Decision(Box::new(questions::explain(inner, caller, &case)?))
        }
        AccessAction::DiffPolicies => AccessReply::Diff(questions::diff(inner)),
        AccessAction::Decisions => AccessReply::Decisions(decisions(inner)),
        AccessAction::Decision(request) => {
            AccessReply::Decision(Box::new(decision(inner, caller, &request)?))
        }
        AccessAction::Reviews
        | AccessAction::Review(_)
        | AccessAction::ReviewReport(_)
        | AccessAction::OpenReview(_)
        | AccessAction::DecideReview { .. }
        | AccessAction::CloseReview { .. } => return review::act(inner, caller, action, told),
        action => return change(inner, caller, action, told),
    })
}

/// What changes who has what.
fn change(
    inner: &Inner,
    caller: &Caller,
    action: AccessAction,
    told: Option<&Entry>,
) -> Result<AccessReply, EngineError> {
    let now_ms = inner.clock.now_ms();
    let who = subject(inner, caller)?;
    let asker = who.name.clone();
    let by = asker.to_string();
    let access = &inner.access;
    Ok(match action {
        AccessAction::AddPrincipal(request) => {
            access.change(inner, told, |book| book.add(&request.name, &request.about, &by, now_ms))?;
            AccessReply::Principal(Box::new(principal(inner, &request.name)?))
        }
        AccessAction::RevokePrincipal { name, reason } => {
            let name = meant(inner, &name)?;
            access.change(inner, told, |book| {
                book.leaving_a_voter(&asker, now_ms, |book| book.revoke_principal(&name))
            })?;
            tracing::info!(request = %caller.request, %name, by, reason, "a principal lost everything");
            AccessReply::Done
        }
        AccessAction::CreateToken { name, request } => create_token(inner, &name, request, by, told)?,
        AccessAction::RevokeToken { id } => {
            let number = u64::from_str_radix(&id, 16).map_err(|_| no_such("token", &id))?;
            access.change(inner, told, |book| book.revoke_token(number))?;
            AccessReply::Done
        }
        AccessAction::Grant(request) => {
            let role = questions::role(&request.role)?;
            if approvals::grant_needs_votes(inner, &asker, role) {
                let waits = approvals::submit_grant(inner, &asker, &request, role, told)?;
                return Ok(AccessReply::Grant(Box::new(words::waiting(&waits, role))));
            }
            let until_ms = request.ttl_s.map(|ttl| now_ms.saturating_add(ttl.saturating_mul(1000)));
            let grant = Grant {
                to: meant(inner, &request.to)?,
                role,
                by,
                reason: request.reason,
                at_ms: now_ms,
                until_ms,
                confirmed: None,
                used_ms: None,
            };
            let id = access.change(inner, told, |book| book.grant(grant, now_ms))?;
            AccessReply::Grant(Box::new(grant_by_id(inner, id)?))
        }
        AccessAction::RevokeGrant { id, reason } => {
            let number = id.parse().map_err(|_| no_such("grant", &id))?;
            let gone = access.change(inner, told, |book| {
                book.leaving_a_voter(&asker, now_ms, |book| book.revoke_grant(number))
            })?;
            tracing::info!(request = %caller.request, to = %gone.to, role = gone.role.name(), by, reason, "a role was taken");
            AccessReply::Done
        }
        AccessAction::TakePolicies(request) => {
            site::take(inner, &request, told)?;
            AccessReply::Policies(Box::new(words::policies(&inner.access.state(), &access.folders)))
        }
        AccessAction::ConfirmGrant { id } => {
            let number = id.parse().map_err(|_| no_such("grant", &id))?;
            access.change(inner, told, |book| {
                review::confirmable(book, number, &who)?;
                book.confirm(number, &by, now_ms)
            })?;
            AccessReply::Grant(Box::new(grant_by_id(inner, number)?))
        }
        action => return proofs::change(inner, caller, action, told, &by),
    })
}

/// All of them, or one's own.
fn sessions(inner: &Inner, caller: &Caller) -> Result<Vec<Session>, EngineError> {
    let sees_all = super::may(inner, &subject(inner, caller)?, Permission::ReadAccess);
    let (people, own) = (People::read(), trail::actor(caller));
    let named = |one: Session| Session { login: login_in(&people, &one.principal), ..one };
    let mut all = inner.sessions.list();
    all.retain(|one| sees_all || one.principal == own);
    Ok(all.into_iter().map(named).collect())
}

pub(super) fn no_such(noun: &'static str, name: &str) -> EngineError {
    let advice = match noun {
        "session" => "`spud session list` shows them",
        "token" => "`spud principal list` shows them",
        _ => "`spud role review` shows them",
    };
    EngineError::NotFound { noun, name: name.chars().take(60).collect(), advice: advice.into() }
}

/// A principal that somebody typed.
pub(in crate::engine) fn meant(inner: &Inner, typed: &str) -> Result<Name, EngineError> {
    let known = |name: &str| inner.access.state().book.principals.contains_key(name);
    Ok(People::read().meant(typed, known)?)
}

/// What an entry is about, as rules and searches know it: whoever types a login means a user, and a grant that is taken
/// is somebody's. What cannot be resolved stays as it was typed: the action is about to say so.
pub(in crate::engine) fn resolved(
    inner: &Inner,
    kind: &str,
    subject: (&'static str, String),
    mut texts: Vec<(&'static str, String)>,
) -> ((&'static str, String), Vec<(&'static str, String)>) {
    let (noun, typed) = &subject;
    // A new one may have the name of a login.
    if *noun == "principal" && kind != "principal.added" {
        let name = meant(inner, typed).map(|name| name.to_string());
        return ((noun, name.unwrap_or(typed.clone())), texts);
    }
    let id = typed.parse().ok().filter(|_| kind == "role.revoked");
    let Some(grant) = id.and_then(|id: u64| inner.access.state().book.grants.get(&id).cloned()) else {
        return (subject, texts);
    };
    texts.push(("grant", typed.clone()));
    texts.push(("role", grant.role.name().to_owned()));
    (("principal", grant.to.to_string()), texts)
}

/// Login of a principal in `/etc/passwd`, where it has one.
pub(in crate::engine) fn login(principal: &str) -> Option<String> {
    login_in(&People::read(), principal)
}

fn login_in(people: &People, principal: &str) -> Option<String> {
    people.login(&Name::parse(principal).ok()?)
}

/// How long a grant would hold, in words.
pub(in crate::engine) fn lasts_until(ttl_s: Option<u64>) -> String {
    ttl_s.map_or_else(
        || "until it is revoked".to_owned(),
        |ttl| format!("for {} from the last vote on", humantime::format_duration(Duration::from_secs(ttl))),
    )
}

pub(super) fn principal(inner: &Inner, typed: &str) -> Result<Principal, EngineError> {
    let name = meant(inner, typed)?;
    let state = inner.access.state();
    let unknown = matches!(&name, Name::Own(name) if !state.book.principals.contains_key(name));
    if unknown {
        let advice = "`spud principal list` shows all".into();
        return Err(EngineError::NotFound { noun: "principal", name: typed.to_owned(), advice });
    }
    Ok(words::principal(&state.book, &name, &People::read(), inner.clock.now_ms()))
}

fn grant_by_id(inner: &Inner, id: u64) -> Result<AccessGrant, EngineError> {
    let state = inner.access.state();
    let grant = state.book.grants.get(&id).ok_or_else(|| no_such("grant", &id.to_string()))?;
    Ok(words::grant(id, grant, &People::read(), inner.clock.now_ms()))
}

fn create_token(
    inner: &Inner,
    name: &str,
    request: CreateToken,
    by: String,
    told: Option<&Entry>,
) -> Result<AccessReply, EngineError> {
    let now_ms = inner.clock.now_ms();
    let until_ms = now_ms.saturating_add(request.ttl_s.saturating_mul(1000));
    let bytes = random();
    let made = inner.access.change(inner, told, |book| {
        let secret = Secret::new(book.next_token(), bytes);
        let token = Token {
            principal: name.to_owned(),
            hash: hash_of(&secret),
            scopes: request.scopes,
            by,
            at_ms: now_ms,
            until_ms,
            used_ms: None,
        };
        let words = words::token(secret.id, &token);
        book.add_token(secret.id, token)?;
        Ok(NewToken { token: words, secret: secret.text() })
    })?;
    Ok(AccessReply::Token(Box::new(made)))
}

fn who_am_i(inner: &Inner, caller: &Caller) -> Result<WhoAmI, EngineError> {
    let subject = subject(inner, caller)?;
    let around = super::circumstances(inner);
    let state = inner.access.state();
    let mut roles: Vec<Role> =
        state.book.roles(&subject, around.now_ms).into_iter().map(|(role, _)| role).collect();
    let allowed = |permission: &&Permission| {
        permit(&state.set, &state.book, (&subject, &roles), &Need::of_box(**permission), &around).allowed
    };
    let permissions = Permission::ALL.iter().filter(allowed).map(|one| one.name().to_owned()).collect();
    roles.order();
    roles.dedup();
    Ok(WhoAmI {
        principal: subject.name.to_string(),
        login: People::read().login(&subject.name),
        groups: subject.groups.to_vec(),
        via: subject.via.name().to_owned(),
        roles: words::roles(&roles),
        permissions,
        scopes: subject.scopes.as_ref().map(|scopes| scopes.to_vec()),
        passes: words::passes(&state.book, &subject.name, around.now_ms),
        digest: state.set.digest().to_owned(),
    })
}

fn roles(inner: &Inner) -> Vec<AccessRole> {
    let around = super::circumstances(inner);
    let state = inner.access.state();
    // Somebody who is nobody but the role.
    let nobody = Subject::local(u32::MAX, &[]);
    let mut all: Vec<AccessRole> = Role::ALL
        .iter()
        .map(|role| AccessRole {
            name: role.name().to_owned(),
            about: role.about().to_owned(),
            permissions: Vec::new(),
        })
        .collect();
    for permission in Permission::ALL {
        let may = would_allow(&state.set, &state.book, &nobody, &Need::of_box(*permission), &around);
        for role in all.iter_mut().filter(|role| may.iter().any(|may| may.name() == role.name)) {
            role.permissions.push(permission.name().to_owned());
        }
    }
    all
}

fn policy(inner: &Inner, id: &str) -> Result<Policy, EngineError> {
    let set = Arc::clone(&inner.access.state().set);
    let found = set.policies().iter().enumerate().find(|(_, policy)| &*policy.id == id);
    let (place, policy) = found.ok_or_else(|| EngineError::NotFound {
        noun: "policy",
        name: id.chars().take(60).collect(),
        advice: "`spud policy list` shows all".into(),
    })?;
    Ok(words::policy(&set, place, policy))
}

/// Newest first: those in memory, then those on disk that are not.
fn decisions(inner: &Inner) -> Vec<Decision> {
    let mut all: Vec<_> = inner.access.state().recent.iter().rev().cloned().collect();
    if let Some(control) = inner.config_history() {
        match Shelf::decisions(control) {
            Ok(kept) => all.extend(kept),
            Err(error) => tracing::warn!(%error, "the denials that were kept cannot be read"),
        }
    }
    all.order_by(|one, other| other.at_ms.cmp(&one.at_ms).then_with(|| one.request.cmp(&other.request)));
    all.dedup_by(|one, other| {
        (one.at_ms, &one.request, one.permission) == (other.at_ms, &other.request, other.permission)
    });
    all.truncate(usize::try_from(DECISIONS_KEPT).unwrap_or(256));
    all.iter().map(words::decision).collect()
}

/// Of others, for those who may see who was denied what; for all others there is none.
fn decision(inner: &Inner, caller: &Caller, request: &str) -> Result<Decision, EngineError> {
    let who = subject(inner, caller)?;
    let sees_all = super::may(inner, &who, Permission::ReadDecisions);
    let own = who.name.to_string();
    let found = decisions(inner)
        .into_iter()
        .find(|decision| decision.request == request && (sees_all || decision.principal == own));
    found.ok_or_else(|| EngineError::NotFound {
        noun: "decision on the request",
        name: request.chars().take(64).collect(),
        advice: "the last 256 denials and changes are kept: `spud policy decisions` lists them".into(),
    })
}
