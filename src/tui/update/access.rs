//! The access view: who may do what; granting and revoking with a reason.

use super::govern::{dialog_for, may_say};
use super::moved;
use crate::api::types::access::{AccessGrant, AccessKey, Decision, GrantRole, Principal, Session};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{AccessRequest, Decision as Decided, Effect, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{AccessTab, Confirm, GrantDialog, Model, Overlay, ROLES};
use crate::tui::msg::AccessReply;
use crate::tui::theme::Tone;

/// Whom, role, reason, time, Cancel, Grant.
const FIELDS: usize = 6;
const REASON: usize = 2;
const CANCEL: usize = 4;
const GRANT: usize = 5;

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
        let lists =
            [AccessRequest::Grants, AccessRequest::Principals, AccessRequest::Roles, AccessRequest::Sessions];
        effects.extend(lists.map(ask));
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
        Action::GrantRole => model.overlay = Some(Overlay::Grant(Box::default())),
        Action::RevokeGrant if model.access.tab == AccessTab::Sessions => end_session(model),
        Action::RevokeGrant => {
            let Some(grant) = model.access.grant() else { return Vec::new() };
            let what = format!("{} of {}", grant.role, named(&grant.to, grant.login.as_ref()));
            let revoke = Some((grant.id.clone(), what));
            let dialog = GrantDialog { revoke, field: REASON, ..GrantDialog::default() };
            model.overlay = Some(Overlay::Grant(Box::new(dialog)));
        }
        Action::ConfirmGrant => confirm(model),
        Action::EnrolKey | Action::EnrolTotp | Action::TakePolicies => enrol(model, action),
        Action::Open => open(model),
        Action::Copy => return copied(model).map(Effect::Copy).into_iter().collect(),
        action => {
            let page = model.body_height();
            model.access.selected = moved(model.access.selected, action, model.access.len(), page);
        }
    }
    Vec::new()
}

fn named(id: &str, login: Option<&String>) -> String {
    login.map_or_else(|| id.to_owned(), |login| format!("{id} ({login})"))
}

fn copied(model: &Model) -> Option<String> {
    let access = &model.access;
    match access.tab {
        AccessTab::Grants => access.grants.get(access.selected).map(|grant| grant.to.clone()),
        AccessTab::Principals => access.principals.get(access.selected).map(|one| one.id.clone()),
        AccessTab::Roles => access.roles.get(access.selected).map(|role| role.name.clone()),
        AccessTab::Denials => access.decisions.get(access.selected).map(|one| one.request.clone()),
        AccessTab::Sessions => access.session().map(|one| one.id.clone()),
    }
}

fn end_session(model: &mut Model) {
    let Some(one) = model.access.session() else { return };
    let who = named(&one.principal, one.login.as_ref());
    let body = vec![
        format!("{who}, over the {}, {} requests", one.via, one.requests),
        match one.via.as_str() {
            "token" => "Its token is revoked for good.".to_owned(),
            _ => "Its connections end; it can come again.".to_owned(),
        },
    ];
    let requests = vec![Request::Access(AccessRequest::EndSession(one.id.clone()))];
    let title = "End the session".to_owned();
    let confirm = Confirm { title, body, verb: "End", requests, typed: None, yes: false };
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
}

/// What is enrolled for a principal, and the policies: with a reason, by the button.
fn enrol(model: &mut Model, action: Action) {
    let access = &model.access;
    let one = access.principals.get(access.selected).filter(|_| access.tab == AccessTab::Principals);
    let whom = one.map(|one| (one.id.clone(), named(&one.id, one.login.as_ref())));
    match (action, whom) {
        (Action::EnrolKey, Some((id, name))) => {
            let body = vec![format!("Votes of {name} may be signed with it.")];
            dialog_for(model, "Enrol an SSH key", "Enrol", body, Decided::EnrolKey(id, String::new()), None);
            may_say(model, "Key", "path or line of a .pub file");
        }
        (Action::EnrolTotp, Some((id, name))) => {
            let body = vec![format!(
                "{name} needs a code of an authenticator app from now on; its secret is shown once."
            )];
            dialog_for(model, "Enrol a second factor", "Enrol", body, Decided::EnrolTotp(id), None);
        }
        (Action::TakePolicies, _) => {
            let body = vec![
                "The files hold at once, or wait for the votes of others where the settings say so."
                    .to_owned(),
            ];
            dialog_for(model, "Take the policies up", "Take", body, Decided::TakePolicies, None);
        }
        _ => {}
    }
}

fn confirm(model: &mut Model) {
    let Some(grant) = model.access.grant() else { return };
    let body = vec![
        format!("{} has the role {}: {}", named(&grant.to, grant.login.as_ref()), grant.role, grant.reason),
        "The review finds this right.".to_owned(),
    ];
    let requests = vec![Request::Access(AccessRequest::Confirm(grant.id.clone()))];
    let title = "Confirm the grant".to_owned();
    let confirm = Confirm { title, body, verb: "Confirm", requests, typed: None, yes: false };
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
}

fn open(model: &mut Model) {
    let access = &model.access;
    let shown = match access.tab {
        AccessTab::Grants => access.grants.get(access.selected).map(|one| ("Grant", grant(one))),
        AccessTab::Principals => {
            access.principals.get(access.selected).map(|one| ("Principal", principal(one)))
        }
        AccessTab::Roles => access.roles.get(access.selected).map(|role| {
            let may = ("may".to_owned(), role.permissions.join(" "));
            (
                "Role",
                vec![("role".to_owned(), role.name.clone()), ("about".to_owned(), role.about.clone()), may],
            )
        }),
        AccessTab::Denials => access.decisions.get(access.selected).map(|one| ("Decision", decision(one))),
        AccessTab::Sessions => access.session().map(|one| ("Session", session(one))),
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
    all.extend(one.tokens.iter().map(token));
    let key = |key: &AccessKey| ("key".to_owned(), format!("{} {}", key.fingerprint, key.comment));
    all.extend(one.keys.iter().map(key));
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
        AccessReply::Decisions(items) => model.access.decisions = items,
        AccessReply::Sessions(items) => model.access.sessions = items,
        AccessReply::Changed(text) => {
            model.tell(Tone::Good, text);
            return load(model);
        }
    }
    model.access.selected = model.access.selected.min(model.access.len().saturating_sub(1));
    Vec::new()
}

pub(super) fn paste(dialog: &mut GrantDialog, text: &str) {
    match dialog.field {
        0 => dialog.to.insert(text),
        REASON => dialog.reason.insert(text),
        3 => dialog.ttl.insert(text),
        _ => {}
    }
}

pub(super) fn dialog(model: &mut Model, mut dialog: Box<GrantDialog>, key: Key) -> Vec<Effect> {
    dialog.problem = None;
    let edited = match dialog.field {
        0 => dialog.to.key(key),
        REASON => dialog.reason.key(key),
        3 => dialog.ttl.key(key),
        _ => false,
    };
    let count = ROLES.len();
    match key.code {
        _ if edited => {}
        Code::Tab | Code::Down => step(&mut dialog, 1),
        Code::BackTab | Code::Up => step(&mut dialog, FIELDS - 1),
        Code::Left if dialog.field == 1 => dialog.role = (dialog.role + count - 1) % count,
        Code::Right | Code::Char(' ') if dialog.field == 1 => dialog.role = (dialog.role + 1) % count,
        Code::Left if dialog.field == GRANT => dialog.field = CANCEL,
        Code::Right if dialog.field == CANCEL => dialog.field = GRANT,
        Code::Enter if dialog.field == CANCEL => return Vec::new(),
        // Enter moves on, and stops at Cancel: only the button grants.
        Code::Enter if dialog.field < CANCEL => step(&mut dialog, 1),
        Code::Enter => match request(&dialog) {
            Ok(request) => return vec![ask(request)],
            Err((field, problem)) => (dialog.field, dialog.problem) = (field, Some(problem)),
        },
        _ => {}
    }
    model.overlay = Some(Overlay::Grant(dialog));
    Vec::new()
}

/// The next field that the dialog has.
fn step(dialog: &mut GrantDialog, by: usize) {
    loop {
        dialog.field = (dialog.field + by) % FIELDS;
        if dialog.revoke.is_none() || matches!(dialog.field, REASON | CANCEL | GRANT) {
            return;
        }
    }
}

/// What is asked for, or the field that is wrong and why.
fn request(dialog: &GrantDialog) -> Result<AccessRequest, (usize, &'static str)> {
    let reason = dialog.reason.text().trim().to_owned();
    let to = dialog.to.text().trim().to_owned();
    if dialog.revoke.is_none() && to.is_empty() {
        return Err((0, "Say whom: uid:1000, gid:100, a login or a principal."));
    }
    if reason.is_empty() {
        return Err((REASON, "A reason is needed: it is kept with the grant."));
    }
    if let Some((id, _)) = &dialog.revoke {
        return Ok(AccessRequest::Revoke(id.clone(), reason));
    }
    let ttl = dialog.ttl.text();
    let ttl_s = match ttl.trim() {
        "" => None,
        text => {
            let time = humantime::parse_duration(text).map_err(|_| (3, "The time is written 12h or 30d."))?;
            Some(time.as_secs())
        }
    };
    let role = ROLES.get(dialog.role).copied().unwrap_or(ROLES[1]).to_owned();
    Ok(AccessRequest::Grant(GrantRole { to, role, reason, ttl_s }))
}
