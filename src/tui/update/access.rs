//! The access view: who may do what; granting and revoking with a reason.

use super::moved;
use super::subjects::named;
use crate::api::types::access::{AccessGrant, AccessKey, Decision, Policy, Principal, ReviewItem, Session};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{AccessRequest, Effect, Request};
use crate::tui::model::{AccessTab, Model, Overlay};
use crate::tui::msg::AccessReply;

fn ask(request: AccessRequest) -> Effect {
    Effect::Request(Request::Access(request))
}

/// Who one is: asked for after a denial, so that the footer can say what is missing.
pub(super) fn who() -> Effect {
    ask(AccessRequest::WhoAmI)
}

/// Asks for what the view shows; what one may not read is not asked for.
pub(super) fn load(model: &Model) -> Vec<Effect> {
    let mut effects = vec![who()];
    if !model.access.lacks("read-access") {
        let lists = [
            AccessRequest::Grants,
            AccessRequest::Principals,
            AccessRequest::Roles,
            AccessRequest::Sessions,
            AccessRequest::Reviews,
        ];
        effects.extend(lists.map(ask));
    }
    if !model.access.lacks("read-policies") {
        effects.push(ask(AccessRequest::Policies));
    }
    if !model.access.lacks("read-decisions") {
        effects.push(ask(AccessRequest::Decisions));
    }
    effects
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::AccessTab => {
            model.access.tab = model.access.tab.next();
            model.access.selected = 0;
        }
        Action::Open => open(model),
        Action::Copy => return copied(model).map(Effect::Copy).into_iter().collect(),
        action => {
            let page = model.body_height();
            model.access.selected = moved(model.access.selected, action, model.access.rows().len(), page);
        }
    }
    Vec::new()
}

fn copied(model: &Model) -> Option<String> {
    let (access, at) = (&model.access, model.access.place());
    match access.tab {
        AccessTab::Grants => access.grants.get(at).map(|grant| grant.to.clone()),
        AccessTab::Principals => access.principals.get(at).map(|one| one.id.clone()),
        AccessTab::Roles => access.roles.get(at).map(|role| role.name.clone()),
        AccessTab::Policies => access.policies.items.get(at).map(|one| one.id.clone()),
        AccessTab::Denials => access.decisions.get(at).map(|one| one.request.clone()),
        AccessTab::Sessions => access.session().map(|one| one.id.clone()),
        AccessTab::Review => access.items().get(at).map(|one| one.to.clone()),
    }
}

fn open(model: &mut Model) {
    let (access, at) = (&model.access, model.access.place());
    let shown = match access.tab {
        AccessTab::Grants => access.grants.get(at).map(|one| ("Grant", grant(one))),
        AccessTab::Principals => access.principals.get(at).map(|one| ("Principal", principal(one))),
        AccessTab::Roles => access.roles.get(at).map(|role| {
            let may = ("may".to_owned(), role.permissions.join(" "));
            (
                "Role",
                vec![("role".to_owned(), role.name.clone()), ("about".to_owned(), role.about.clone()), may],
            )
        }),
        AccessTab::Policies => access.policies.items.get(at).map(|one| ("Policy", policy(one))),
        AccessTab::Denials => access.decisions.get(at).map(|one| ("Decision", decision(one))),
        AccessTab::Sessions => access.session().map(|one| ("Session", session(one))),
        AccessTab::Review => access.items().get(at).map(|one| ("Grant in the review", item(one))),
    };
    if let Some((title, fields)) = shown {
        model.overlay = Some(Overlay::Detail { title: title.to_owned(), fields, top: 0 });
    }
}

fn fields(all: Vec<(&str, String)>) -> Vec<(String, String)> {
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn time(ms: Option<u64>) -> String {
    ms.map_or_else(String::new, |ms| format!("{} UTC", format_time(ms)))
}

fn grant(one: &AccessGrant) -> Vec<(String, String)> {
    fields(vec![
        ("number", one.id.clone()),
        ("to", named(&one.to, one.login.as_ref())),
        ("role", one.role.clone()),
        ("reason", one.reason.clone()),
        ("by", one.by.clone()),
        ("since", time(one.at_ms)),
        ("until", time(one.until_ms)),
        ("last used", time(one.used_ms)),
        ("confirmed", time(one.confirmed_ms)),
        ("state", one.state.clone()),
    ])
}

fn item(one: &ReviewItem) -> Vec<(String, String)> {
    fields(vec![
        ("number", one.grant.clone()),
        ("to", named(&one.to, one.login.as_ref())),
        ("role", one.role.clone()),
        ("in", one.namespace.clone()),
        ("reason", one.reason.clone()),
        ("by", one.by.clone()),
        ("since", time(Some(one.at_ms))),
        ("until", time(one.until_ms)),
        ("last used", time(one.used_ms)),
        ("verdict", one.verdict.clone()),
        ("decided by", one.decided_by.clone().unwrap_or_default()),
        ("at", time(one.decided_ms)),
        ("because", one.decided_reason.clone().unwrap_or_default()),
    ])
}

fn session(one: &Session) -> Vec<(String, String)> {
    fields(vec![
        ("session", one.id.clone()),
        ("who", named(&one.principal, one.login.as_ref())),
        ("by", one.via.clone()),
        ("process", one.pid.map_or_else(String::new, |pid| pid.to_string())),
        ("since", time(Some(one.since_ms))),
        ("last", time(Some(one.last_ms))),
        ("requests", one.requests.to_string()),
        ("connections", one.connections.to_string()),
    ])
}

fn principal(one: &Principal) -> Vec<(String, String)> {
    let mut all = fields(vec![
        ("principal", named(&one.id, one.login.as_ref())),
        ("about", one.about.clone()),
        ("kind", one.kind.clone()),
        ("roles", one.roles.join(", ")),
        ("by", one.by.clone()),
        ("factor", if one.totp { "codes of an authenticator app" } else { "" }.to_owned()),
    ]);
    let token = |token: &crate::api::types::access::AccessToken| {
        let text =
            format!("{} for {} until {}", token.id, token.scopes.join(", "), format_time(token.until_ms));
        ("token".to_owned(), text)
    };
    all.extend(one.passes.iter().map(|pass| ("pass".to_owned(), pass.said(format_time))));
    all.extend(one.tokens.iter().map(token));
    let key = |key: &AccessKey| ("key".to_owned(), format!("{} {}", key.fingerprint, key.comment));
    all.extend(one.keys.iter().map(key));
    all
}

fn policy(one: &Policy) -> Vec<(String, String)> {
    let from = if one.built_in { "built in".to_owned() } else { one.file.clone() };
    let mut all = fields(vec![
        ("policy", one.id.clone()),
        ("effect", one.effect.clone()),
        ("from", from),
        ("advice", one.advice.clone().unwrap_or_default()),
        ("about", one.permissions.join(" ")),
    ]);
    all.extend(one.text.lines().map(|line| (String::new(), line.to_owned())));
    all
}

fn decision(one: &Decision) -> Vec<(String, String)> {
    fields(vec![
        ("request", one.request.clone()),
        ("at", time(Some(one.at_ms))),
        ("principal", one.principal.clone()),
        ("roles", one.roles.join(", ")),
        ("permission", one.permission.clone()),
        ("on", one.resource.clone()),
        ("decision", if one.allowed { "allowed" } else { "denied" }.to_owned()),
        ("policies", one.policies.join(", ")),
        ("pass", one.pass.as_ref().map(|pass| pass.said(format_time)).unwrap_or_default()),
        ("no value", one.errors.join("; ")),
        ("needs", one.needs.clone()),
        ("mode", one.mode.clone()),
        ("digest", one.digest.clone()),
    ])
}

pub(super) fn replied(model: &mut Model, reply: AccessReply) -> Vec<Effect> {
    match reply {
        AccessReply::WhoAmI(me) => model.access.me = Some(me),
        AccessReply::Grants(items) => model.access.grants = items,
        AccessReply::Principals(items) => model.access.principals = items,
        AccessReply::Roles(items) => model.access.roles = items,
        AccessReply::Policies(list) => model.access.policies = list,
        AccessReply::Decisions(items) => model.access.decisions = items,
        AccessReply::Sessions(items) => model.access.sessions = items,
        AccessReply::Reviews(items) => model.access.review = items.into_iter().next().map(Box::new),
    }
    model.access.selected = model.access.selected.min(model.access.rows().len().saturating_sub(1));
    Vec::new()
}
