//! Submits changes, and carries out what has its votes.

use std::sync::MutexGuard;

use super::{control, kind};
use crate::api::types::access::GrantRole;
use crate::audit::{self, Entry};
use crate::engine::access::{lasts_until, meant};
use crate::engine::run::Inner;
use crate::engine::{EngineError, trail};
use crate::governance::access::{Grant, Name, Pass, Permission, Role};
use crate::governance::approval::{
    Act, Approval, ApprovalError, Change, Done, Draft, Effect, Impact, Shelf, SignedVote, Subject,
    keep_signed,
};
use crate::store::{StoreError, WriteTransaction, codec};

const HOUR_MS: u64 = 3_600_000;
/// A change of critical impact needs so many, whatever the settings say.
const CRITICAL_VOTES: u32 = 2;

/// Keeps what came of a step, with what it carries out and the entries of both, in one transaction.
pub(super) fn keep(
    inner: &Inner,
    by: &str,
    done: Done,
    signed: Option<&SignedVote>,
    told: Option<&Entry>,
) -> Result<(), EngineError> {
    let Done { approval, effects } = done;
    // The entry of a vote names what the vote is about, and the key that signed it.
    let told = told.map(|entry| {
        let entry = Entry { after: Some(approval.subject.digest), ..entry.clone() };
        match signed {
            Some(vote) => entry.text("signed", &vote.fingerprint),
            None => entry,
        }
    });
    let mut entries: Vec<Entry> = told.into_iter().collect();
    let carries = effects.contains(&Effect::CarryOut);
    // An action enters itself when it is done.
    if carries && !matches!(approval.change, Change::Action { .. }) {
        entries.push(carried_out(inner, by, &approval));
    }
    let also = |write: &WriteTransaction| {
        signed.map_or(Ok(()), |vote| keep_signed(write, vote))?;
        put(write, &approval, &entries)
    };
    match &approval.change {
        _ if !carries => Ok(control(inner)?.write(also).map_err(ApprovalError::from)?),
        Change::Grant { to, role, reason, ttl_ms } => {
            let now_ms = inner.clock.now_ms();
            let role = Role::from_number(*role)
                .ok_or_else(|| EngineError::Internal("the request names no role".into()))?;
            let grant = Grant {
                to: Name::parse(to)?,
                role,
                by: approval.by.clone(),
                reason: reason.clone(),
                at_ms: now_ms,
                until_ms: ttl_ms.map(|ttl| now_ms.saturating_add(ttl)),
                confirmed: None,
                used_ms: None,
            };
            inner.access.change_with(inner, also, |book| book.grant(grant, now_ms)).map(drop)
        }
        Change::Model { sha256 } => crate::engine::registry::approved(inner, sha256, &approval, also),
        Change::UseCase { name } => crate::engine::use_cases::approved(inner, name, &approval, also),
        Change::Pass { to, permission, ttl_ms } => {
            let now_ms = inner.clock.now_ms();
            let permission = Permission::parse(permission)
                .ok_or_else(|| EngineError::Internal("the request names no permission".into()))?;
            let (to, until_ms) = (Name::parse(to)?, now_ms.saturating_add(*ttl_ms));
            let pass = Pass { to, permission, by: by.to_owned(), at_ms: now_ms, until_ms };
            // Its incident is due from the same transaction on.
            let due = |write: &WriteTransaction| {
                also(write)?;
                Shelf::put_due(write, approval.id)
            };
            inner.access.change_with(inner, due, |book| {
                book.let_pass(approval.id, pass);
                Ok(())
            })
        }
        Change::Action { .. } => {
            let due = |write: &WriteTransaction| {
                also(write)?;
                Shelf::put_due(write, approval.id)
            };
            Ok(control(inner)?.write(due).map_err(ApprovalError::from)?)
        }
    }
}

fn put(write: &WriteTransaction, approval: &Approval, entries: &[Entry]) -> Result<(), StoreError> {
    Shelf::put(write, approval)?;
    entries.iter().try_for_each(|entry| audit::append(write, entry).map(drop))
}

/// The entry of what the last vote carries out.
fn carried_out(inner: &Inner, by: &str, approval: &Approval) -> Entry {
    let subject = approval.subject.name.as_str();
    let (told, subject_kind) = match approval.change {
        Change::Grant { .. } => ("role.granted", "principal"),
        Change::Model { .. } => ("model.approved", "model"),
        Change::UseCase { .. } => ("use_case.approved", "use case"),
        Change::Action { .. } => ("action.approved", "action"),
        Change::Pass { .. } => ("break_glass.granted", "principal"),
    };
    let entry = trail::entry(inner, told, by, (subject_kind, subject));
    let entry = Entry { after: Some(approval.subject.digest), policy: inner.access.digest(), ..entry };
    let entry = match &approval.change {
        Change::Grant { role, .. } => {
            entry.text("role", Role::from_number(*role).map_or("", |role| role.name()))
        }
        Change::Pass { permission, .. } => entry.text("permission", permission.as_str()),
        Change::Model { .. } | Change::UseCase { .. } | Change::Action { .. } => entry,
    };
    entry.text("approval", approval.id.to_string()).text("reason", approval.reason.as_str())
}

/// Keeps a new request, where somebody else is there to vote on it; `told` is entered as its submission. What
/// `prepare` makes of its number joins the transaction.
pub(in crate::engine) fn submit<W>(
    inner: &Inner,
    _desk: &MutexGuard<'_, ()>,
    draft: Draft,
    told: Option<&Entry>,
    prepare: impl FnOnce(u64) -> Result<W, EngineError>,
) -> Result<Approval, EngineError>
where
    W: FnOnce(&WriteTransaction) -> Result<(), StoreError>,
{
    if !others_can_vote(inner, &Name::parse(&draft.by)?) {
        return Err(EngineError::Conflict {
            what: "nobody else could vote on this".into(),
            advice: "grant the role first: spud role grant LOGIN approver --reason WHY".into(),
        });
    }
    let running = inner.config.running();
    let least = if draft.impact == Impact::Critical { CRITICAL_VOTES } else { 1 };
    let (votes, time_ms) = match draft.change {
        // Two people and no more: there is no time.
        Change::Pass { .. } => (1, HOUR_MS),
        _ => (
            u32::try_from(running.number("approval.votes")).unwrap_or(1).max(least),
            running.number("approval.hours").saturating_mul(HOUR_MS),
        ),
    };
    let now_ms = inner.clock.now_ms();
    let control = control(inner)?;
    let id = Shelf::next(control, now_ms)?;
    let approval = Approval::new(id, Draft { votes, time_ms, ..draft }, now_ms)?;
    let also = prepare(id)?;
    let entry = told.map(|told| Entry {
        kind: kind(Act::Submitted),
        subject: ("approval".into(), id.to_string()),
        after: Some(approval.subject.digest),
        ..told.clone()
    });
    let entries: Vec<Entry> = entry.into_iter().collect();
    let written = control.write(|write| {
        also(write)?;
        put(write, &approval, &entries)
    });
    written.map_err(ApprovalError::from)?;
    Ok(approval)
}

/// Whether a grant needs votes: those of roles that decide over others do, from when somebody else could vote.
pub(in crate::engine) fn grant_needs_votes(inner: &Inner, by: &Name, role: Role) -> bool {
    matches!(role, Role::Admin | Role::Approver) && others_can_vote(inner, by)
}

/// Somebody other than this one, and other than root, whose vote would count.
fn others_can_vote(inner: &Inner, by: &Name) -> bool {
    inner.access.state().book.others_can_vote(by, inner.clock.now_ms())
}

/// A grant becomes a request.
pub(in crate::engine) fn submit_grant(
    inner: &Inner,
    by: &Name,
    request: &GrantRole,
    role: Role,
    told: Option<&Entry>,
) -> Result<Approval, EngineError> {
    let now_ms = inner.clock.now_ms();
    let to = meant(inner, &request.to)?;
    let ttl_ms = request.ttl_s.map(|ttl| ttl.saturating_mul(1000));
    // What could not be granted now is not asked for either.
    let grant = Grant {
        to: to.clone(),
        role,
        by: by.to_string(),
        reason: request.reason.clone(),
        at_ms: now_ms,
        until_ms: ttl_ms.map(|ttl| now_ms.saturating_add(ttl)),
        confirmed: None,
        used_ms: None,
    };
    inner.access.state().book.clone().grant(grant, now_ms)?;
    let reason = request.reason.trim().to_owned();
    let change = Change::Grant { to: to.to_string(), role: role.number(), reason: reason.clone(), ttl_ms };
    let record = codec::encode_body(&change).map_err(StoreError::from).map_err(ApprovalError::from)?;
    let has = {
        let state = inner.access.state();
        let of = state.book.grants.values().filter(|grant| grant.to == to);
        let names: Vec<&str> = of.map(|grant| grant.role.name()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let lasts = lasts_until(request.ttl_s);
    let draft = Draft {
        subject: Subject { kind: "role".into(), name: to.to_string(), digest: trail::digest(&record) },
        change,
        impact: if role == Role::Admin { Impact::High } else { Impact::Medium },
        by: by.to_string(),
        reason,
        diff: format!("  granted roles of {to}: {has}\n+ {} {lasts}", role.name()),
        votes: 1,
        roles: vec![Role::Approver, Role::Admin],
        time_ms: 1,
    };
    let desk = inner.approvals.desk();
    submit(inner, &desk, draft, told, |_| Ok(|_: &WriteTransaction| -> Result<(), StoreError> { Ok(()) }))
}
