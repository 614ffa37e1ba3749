//! What people ask of use cases: look, write, submit, deploy, deprecate, retire.

use super::{UseCases, constraint, control, words};
use crate::api::types::Page;
use crate::api::types::registry::ModelComparison;
use crate::api::types::use_case::{
    CompareRevisions, DeprecateUseCase, UseCase as Words, UseCaseReason, UseCaseRevision, WriteUseCase,
};
use crate::audit::{self, Entry};
use crate::base::InOrder;
use crate::engine::access::subject;
use crate::engine::run::Inner;
use crate::engine::trail;
use crate::engine::worker::invalid;
use crate::engine::{Caller, EngineError, approvals};
use crate::governance::access::Role;
use crate::governance::approval::{Approval, Change, Draft, Impact, Shelf as Requests, State, Subject};
use crate::governance::use_case::{
    Input, Leaving, Revision, Shelf, Terms, UseCase, UseCaseError, create, step,
};
use crate::store::{StoreError, WriteTransaction, codec};

/// Use cases of a box.
const USE_CASES_MOST: usize = 256;

/// Everything that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UseCaseAction {
    List,
    Show(String),
    Revisions(String),
    Compare { name: String, request: CompareRevisions },
    Create(WriteUseCase),
    Edit { name: String, request: WriteUseCase, if_match: Option<String> },
    Submit { name: String, request: UseCaseReason },
    Deploy { name: String, request: UseCaseReason },
    Deprecate { name: String, request: DeprecateUseCase },
    Retire { name: String, request: UseCaseReason },
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum UseCaseReply {
    Page(Page<Words>),
    One(Box<Words>),
    Revisions(Vec<UseCaseRevision>),
    Compared(Box<ModelComparison>),
}

/// Does what is asked. `told` is the entry of what changes something.
pub(in crate::engine) fn act(
    inner: &Inner,
    caller: &Caller,
    action: UseCaseAction,
    told: Option<&Entry>,
) -> Result<UseCaseReply, EngineError> {
    let by = subject(inner, caller)?.name.to_string();
    let now_ms = inner.clock.now_ms();
    let change = |name: &str, input: Input<'_>| -> Result<UseCaseReply, EngineError> {
        let _desk = inner.approvals.desk();
        let before = found(inner, name)?;
        constraint::holds(inner, &before, &input)?;
        let after = step(&before, input, (&by, waits(inner, &before)), now_ms)?;
        kept(inner, &after, told)
    };
    match action {
        UseCaseAction::List
        | UseCaseAction::Show(_)
        | UseCaseAction::Revisions(_)
        | UseCaseAction::Compare { .. } => look(inner, action),
        UseCaseAction::Create(request) => {
            let _desk = inner.approvals.desk();
            let all = Shelf::load(control(inner)?)?;
            if all.contains_key(&request.name) {
                return Err(EngineError::Conflict {
                    what: format!("there is a use case '{}' already", request.name),
                    advice: "choose another name, or edit it: spud use-case edit".into(),
                });
            }
            if all.len() >= USE_CASES_MOST {
                return Err(invalid(
                    format!("a box keeps at most {USE_CASES_MOST} use cases"),
                    "use one of them",
                ));
            }
            let after = create(&request.name, written(inner, Terms::default(), &request)?, &by, now_ms)?;
            kept(inner, &after, told)
        }
        UseCaseAction::Edit { name, request, if_match } => {
            let _desk = inner.approvals.desk();
            let before = found(inner, &name)?;
            if !request.name.is_empty() && request.name != name {
                return Err(invalid("a use case keeps its name", "write another one: spud use-case create"));
            }
            let tag = words::tag(&before);
            let revision = |tag: &str| tag.split('.').next().map(str::to_owned);
            if if_match.is_some_and(|wanted| wanted != "*" && revision(&wanted) != revision(&tag)) {
                return Err(EngineError::Stale {
                    what: format!("the use case {name} was changed meanwhile"),
                    advice: format!("look at it again (its tag is {tag}): spud use-case show {name}"),
                });
            }
            let terms = written(inner, before.terms.clone(), &request)?;
            let after = step(&before, Input::Edit(terms), (&by, waits(inner, &before)), now_ms)?;
            kept(inner, &after, told)
        }
        UseCaseAction::Submit { name, request } => submit(inner, &by, &name, &request.reason, told),
        UseCaseAction::Deploy { name, request } => change(&name, Input::Deploy { reason: &request.reason }),
        UseCaseAction::Retire { name, request } => change(&name, Input::Retire { reason: &request.reason }),
        UseCaseAction::Deprecate { name, request } => {
            let DeprecateUseCase { reason, retires_ms, successor } = request;
            if let Some(successor) = &successor {
                found(inner, successor)?;
            }
            change(
                &name,
                Input::Deprecate(Leaving { reason: reason.trim().to_owned(), retires_ms, successor }),
            )
        }
    }
}

/// What changes nothing.
fn look(inner: &Inner, action: UseCaseAction) -> Result<UseCaseReply, EngineError> {
    match action {
        UseCaseAction::List => {
            let book = UseCases::book(inner)?;
            let items = book.values().map(|one| words::use_case(inner, one)).collect();
            Ok(UseCaseReply::Page(Page { items, next: None }))
        }
        UseCaseAction::Show(name) => {
            let book = UseCases::book(inner)?;
            let one = book.get(&name).ok_or(UseCaseError::Missing { name })?;
            Ok(UseCaseReply::One(Box::new(words::use_case(inner, one))))
        }
        UseCaseAction::Revisions(name) => {
            Ok(UseCaseReply::Revisions(words::revisions(&revisions(inner, &name)?)))
        }
        UseCaseAction::Compare { name, request } => {
            let found = words::compared(&name, &revisions(inner, &name)?, &request)?;
            Ok(UseCaseReply::Compared(Box::new(found)))
        }
        _ => Err(EngineError::Internal("a change came the way of a look".into())),
    }
}

fn found(inner: &Inner, name: &str) -> Result<UseCase, EngineError> {
    let one = Shelf::load(control(inner)?)?.remove(name);
    Ok(one.ok_or_else(|| UseCaseError::Missing { name: name.chars().take(70).collect() })?)
}

/// Oldest first.
fn revisions(inner: &Inner, name: &str) -> Result<Vec<Revision>, EngineError> {
    Ok(Revision::list(control(inner)?, &found(inner, name)?)?)
}

/// Whether the newest request for it still waits for votes.
pub(super) fn waits(inner: &Inner, one: &UseCase) -> bool {
    let request = one.approval.and_then(|id| Requests::get(control(inner).ok()?, id).ok());
    request.is_some_and(|request| request.state_at(inner.clock.now_ms()) == State::Pending)
}

/// Keeps one with its entry and with what else goes into the transaction. The desk is held by the caller.
pub(super) fn keep(
    inner: &Inner,
    after: &UseCase,
    told: Option<&Entry>,
    also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(), EngineError> {
    let entry = match told {
        Some(told) => Some(Entry { after: Some(digest(after)?), ..told.clone() }),
        None => None,
    };
    let written = control(inner)?.write(|write| {
        also(write)?;
        Shelf::keep(write, after)?;
        entry.iter().try_for_each(|entry| audit::append(write, entry).map(drop))
    });
    written.map_err(UseCaseError::from)?;
    inner.use_cases.forget();
    Ok(())
}

fn kept(inner: &Inner, after: &UseCase, told: Option<&Entry>) -> Result<UseCaseReply, EngineError> {
    keep(inner, after, told, |_| Ok(()))?;
    Ok(UseCaseReply::One(Box::new(words::use_case(inner, after))))
}

/// Of what is written and voted on, with the name.
fn digest(one: &UseCase) -> Result<[u8; 32], EngineError> {
    let record = codec::encode_body(&(&one.name, &one.terms)).map_err(StoreError::from);
    Ok(trail::digest(&record.map_err(UseCaseError::from)?))
}

/// What was there, with what was written.
fn written(inner: &Inner, mut terms: Terms, request: &WriteUseCase) -> Result<Terms, EngineError> {
    let list = |items: &[String]| -> Vec<String> {
        let mut all: Vec<String> = items.iter().map(|item| item.trim().to_owned()).collect();
        all.order();
        all.dedup();
        all
    };
    let texts = [
        (&mut terms.purpose, &request.purpose),
        (&mut terms.owner, &request.owner),
        (&mut terms.legal_basis, &request.legal_basis),
    ];
    for (text, new) in texts {
        if let Some(new) = new {
            new.trim().clone_into(text);
        }
    }
    if let Some(data) = &request.data {
        terms.data = list(data);
    }
    if let Some(collections) = &request.collections {
        terms.collections = list(collections);
    }
    if let Some(impact) = &request.impact {
        terms.impact = Impact::parse(impact)
            .ok_or_else(|| invalid(format!("'{impact}' is no impact"), "low, medium, high or critical"))?;
    }
    terms.retention_days = request.retention_days.or(terms.retention_days);
    if let Some(models) = &request.models {
        terms.models = list(models);
        terms.models.retain(|model| !model.is_empty());
    }
    if let Some(least) = request.quality {
        if least > 1000 {
            return Err(invalid(format!("quality: {least} is more than 1000"), "nDCG@10 in thousandths"));
        }
        terms.quality = Some(least).filter(|least| *least > 0);
    }
    if let Some(name) = request.objective.as_deref().map(str::trim) {
        if !name.is_empty() && words::objective_state(inner, name).is_none() {
            let shown: String = name.chars().take(70).collect();
            return Err(invalid(format!("there is no objective '{shown}'"), "`spud sla list` shows them"));
        }
        terms.objective = Some(name.to_owned()).filter(|name| !name.is_empty());
    }
    Ok(terms)
}

fn submit(
    inner: &Inner,
    by: &str,
    name: &str,
    reason: &str,
    told: Option<&Entry>,
) -> Result<UseCaseReply, EngineError> {
    let desk = inner.approvals.desk();
    let before = found(inner, name)?;
    let now_ms = inner.clock.now_ms();
    let digest = digest(&before)?;
    let draft = Draft {
        subject: Subject { kind: "use case".into(), name: name.to_owned(), digest },
        change: Change::UseCase { name: name.to_owned() },
        impact: before.terms.impact,
        by: by.to_owned(),
        reason: reason.to_owned(),
        diff: words::difference(&before),
        votes: 1,
        roles: vec![Role::Approver, Role::Admin],
        time_ms: 1,
    };
    approvals::submit(inner, &desk, draft, told, |number| {
        let input = Input::Submit { approval: number, reason };
        let after = step(&before, input, (by, waits(inner, &before)), now_ms)?;
        let entry = told.map(|told| Entry { after: Some(digest), ..told.clone() });
        Ok(move |write: &WriteTransaction| -> Result<(), StoreError> {
            Shelf::keep(write, &after)?;
            entry.iter().try_for_each(|entry| audit::append(write, entry).map(drop))
        })
    })?;
    inner.use_cases.forget();
    drop(desk);
    Ok(UseCaseReply::One(Box::new(words::use_case(inner, &found(inner, name)?))))
}

/// The last vote: it may be deployed. One transaction with the vote (`also`). The desk is held.
pub(in crate::engine) fn approved(
    inner: &Inner,
    name: &str,
    approval: &Approval,
    also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(), EngineError> {
    let before = found(inner, name)?;
    if digest(&before)? != approval.subject.digest {
        return Err(EngineError::Conflict {
            what: format!("the use case {name} is not what was submitted"),
            advice: "submit it anew: spud use-case submit".into(),
        });
    }
    let by = approval.events.last().map_or("", |event| event.by.as_str());
    let input = Input::Approve { approval: approval.id };
    let after = step(&before, input, (by, false), inner.clock.now_ms())?;
    keep(inner, &after, None, also)
}
