//! Break-glass: two people give one of them a permission for a short time, and an incident says so.

use super::change::submit;
use super::{control, words};
use crate::api::types::approval::{Approval as Words, BreakGlass};
use crate::audit::Entry;
use crate::engine::access::subject;
use crate::engine::incidents::{Sign, begins};
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{Caller, EngineError, trail};
use crate::governance::access::{Book, Permission, Role};
use crate::governance::approval::{Approval, Change, Draft, Impact, Subject};
use crate::governance::incident::{Kind, Link, Severity};
use crate::store::{StoreError, WriteTransaction};

/// Where no time is asked for.
const USUAL_S: u64 = 900;

/// Asks for a pass; somebody else votes on it like on anything that waits.
pub(super) fn request(
    inner: &Inner,
    caller: &Caller,
    asked: &BreakGlass,
    told: Option<&Entry>,
) -> Result<Words, EngineError> {
    control(inner)?;
    let to = subject(inner, caller)?.name;
    let unknown =
        || invalid(format!("'{}' is no permission", asked.permission), "`spud role list --permissions`");
    let permission = Permission::parse(&asked.permission).ok_or_else(unknown)?;
    let ttl_s = asked.ttl_s.unwrap_or(USUAL_S);
    Book::may_pass(&to, permission, ttl_s.saturating_mul(1000))?;
    let (by, name) = (to.to_string(), permission.name());
    let lasts = humantime::format_duration(std::time::Duration::from_secs(ttl_s));
    let digest = trail::digest(format!("{by} {name} {ttl_s}").as_bytes());
    let draft = Draft {
        subject: Subject { kind: "break-glass".into(), name: by.clone(), digest },
        change: Change::Pass {
            to: by.clone(),
            permission: name.to_owned(),
            ttl_ms: ttl_s.saturating_mul(1000),
        },
        impact: Impact::High,
        by: by.clone(),
        reason: asked.reason.clone(),
        diff: format!(
            "+ {by} may {} for {lasts}, whatever the policies say\n+ a critical incident",
            permission.about()
        ),
        votes: 1,
        roles: vec![Role::Approver, Role::Admin],
        time_ms: 1,
    };
    let desk = inner.approvals.desk();
    let also = |_| Ok(|_: &WriteTransaction| -> Result<(), StoreError> { Ok(()) });
    Ok(words::approval(inner, &submit(inner, &desk, draft, told, also)?))
}

/// Opens the incident of a pass that was given; the same one where it was opened already.
pub(super) fn tell(inner: &Inner, one: &Approval) -> Result<(), EngineError> {
    let Change::Pass { to, permission, .. } = &one.change else { return Ok(()) };
    let sign = Sign {
        key: format!("break-glass:{}", one.id),
        title: format!("Glass was broken: {permission} for {to}"),
        kind: Kind::Security,
        severity: Severity::Critical,
        text: format!("Request {}: {}", one.id, one.reason),
        is_breach: false,
        links: vec![Link { kind: "approval".to_owned(), id: one.id.to_string() }],
        since_ms: one.at_ms,
    };
    Ok(begins(inner, &sign)?)
}
