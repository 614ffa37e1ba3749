//! What people ask of the requests: look, vote, comment, give one's vote away, withdraw.

use super::{change, control, glass, signing, words};
use crate::api::types::Page;
use crate::api::types::approval::{
    Approval as Words, ApprovalDocument, ApprovalQuery, ApprovalWord, BreakGlass, DelegateVote, SignVote,
    SignedVote,
};
use crate::audit::{Entry, Log, Outcome};
use crate::engine::access::{groups, meant, subject};
use crate::engine::paging::{cursor, unchanged};
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{Caller, EngineError};
use crate::governance::access::{Name, Role, Subject as Who, Via};
use crate::governance::approval::{
    Approval, ApprovalError, Filter, Input, Person, Proof, Shelf, State, decision, step,
};

const LIMIT: usize = 100;
const LIMIT_MOST: usize = 1_000;

/// Everything that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalAction {
    List(ApprovalQuery),
    /// By id.
    Show(String),
    Approve {
        id: String,
        word: ApprovalWord,
        if_match: Option<String>,
    },
    Reject {
        id: String,
        word: ApprovalWord,
        if_match: Option<String>,
    },
    Comment {
        id: String,
        word: ApprovalWord,
    },
    Delegate {
        id: String,
        request: DelegateVote,
        if_match: Option<String>,
    },
    Withdraw {
        id: String,
        word: ApprovalWord,
        if_match: Option<String>,
    },
    /// What the asker would sign for a vote.
    Document {
        id: String,
        request: SignVote,
    },
    /// Votes that were signed, by the request's id.
    Signed(String),
    /// Asks for a permission in an emergency.
    BreakGlass(BreakGlass),
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum ApprovalReply {
    Page(Page<Words>),
    One(Box<Words>),
    Document(Box<ApprovalDocument>),
    Signed(Vec<SignedVote>),
}

/// Does what is asked. `told` is the entry of what changes something.
pub(in crate::engine) fn act(
    inner: &Inner,
    caller: &Caller,
    action: ApprovalAction,
    told: Option<&Entry>,
) -> Result<ApprovalReply, EngineError> {
    let (id, if_match) = match &action {
        ApprovalAction::List(query) => return list(inner, query).map(ApprovalReply::Page),
        ApprovalAction::Show(id) => {
            let one = Shelf::get(control(inner)?, number(id)?)?;
            return Ok(ApprovalReply::One(Box::new(words::approval(inner, &one))));
        }
        ApprovalAction::BreakGlass(asked) => {
            let made = glass::request(inner, caller, asked, told)?;
            return Ok(ApprovalReply::One(Box::new(made)));
        }
        ApprovalAction::Signed(id) => return signing::signed(inner, number(id)?).map(ApprovalReply::Signed),
        ApprovalAction::Approve { id, if_match, .. }
        | ApprovalAction::Reject { id, if_match, .. }
        | ApprovalAction::Delegate { id, if_match, .. }
        | ApprovalAction::Withdraw { id, if_match, .. } => (number(id)?, if_match.clone()),
        ApprovalAction::Comment { id, .. } | ApprovalAction::Document { id, .. } => (number(id)?, None),
    };
    let now_ms = inner.clock.now_ms();
    let who = subject(inner, caller)?;
    let name = who.name.to_string();
    let is_local = who.via == Via::Socket;
    let _desk = inner.approvals.desk();
    let before = Shelf::get(control(inner)?, id)?;
    let (roles, lent) = roles(inner, &who, &before, now_ms)?;
    let givers = givers(inner, &name, &before, now_ms)?;
    let is_root = who.name == Name::Uid(0);
    let by = Person { name: &name, roles: &roles, lent: &lent, givers: &givers, is_root, is_local };
    unchanged(if_match.as_deref(), before.revision, "somebody else voted or wrote meanwhile")?;
    let mut signed = None;
    let mut vote = |word: &ApprovalWord, approve| -> Result<Proof, EngineError> {
        let text = word.signature.as_deref();
        signed = text.map(|text| signing::checked(inner, &before, &name, approve, text)).transpose()?;
        Ok(signing::proof(inner, &before, signed.is_some()))
    };
    let to;
    let input = match &action {
        ApprovalAction::Approve { word, .. } => {
            Input::Vote { by, approve: true, reason: &word.reason, proof: vote(word, true)? }
        }
        ApprovalAction::Reject { word, .. } => {
            Input::Vote { by, approve: false, reason: &word.reason, proof: vote(word, false)? }
        }
        ApprovalAction::Document { request, .. } => {
            let approve = asked(&request.decision)?;
            // Who could not cast the vote is told now, not after they signed.
            step(&before, Input::Vote { by, approve, reason: "to be signed", proof: Proof::Signed }, now_ms)?;
            let made = signing::document(inner, &before, &name, approve)?;
            return Ok(ApprovalReply::Document(Box::new(made)));
        }
        ApprovalAction::Comment { word, .. } => Input::Comment { by, text: &word.reason },
        ApprovalAction::Withdraw { word, .. } => Input::Withdraw { by, reason: &word.reason },
        ApprovalAction::Delegate { request, .. } => {
            to = meant(inner, &request.to)?.to_string();
            Input::Delegate { by, to: &to, reason: &request.reason }
        }
        ApprovalAction::List(_)
        | ApprovalAction::Show(_)
        | ApprovalAction::Signed(_)
        | ApprovalAction::BreakGlass(_) => {
            return Err(EngineError::Internal("a look came the way of a change".into()));
        }
    };
    let done = step(&before, input, now_ms)?;
    change::keep(inner, &name, done, signed.as_ref(), told)?;
    let after = Shelf::get(control(inner)?, id)?;
    Ok(ApprovalReply::One(Box::new(words::approval(inner, &after))))
}

/// Roles of somebody who votes; apart from them those that only the submitter stands behind.
fn roles(
    inner: &Inner,
    who: &Who,
    before: &Approval,
    now_ms: u64,
) -> Result<(Vec<Role>, Vec<Role>), EngineError> {
    let held: Vec<(Role, Option<Name>)> = {
        let state = inner.access.state();
        let own = |id: Option<u64>| state.book.grants.get(&id?).filter(|grant| grant.by == before.by);
        let all = state.book.roles(who, now_ms).into_iter();
        all.map(|(role, id)| (role, own(id).map(|grant| grant.to.clone()))).collect()
    };
    let (mut roles, mut lent) = (Vec::new(), Vec::new());
    for (role, to) in held {
        let is_lent = to.map_or(Ok(false), |to| granted_since(inner, before, &to))?;
        if is_lent { &mut lent } else { &mut roles }.push(role);
    }
    Ok((roles, lent))
}

/// Who gave this one their vote and would have it themselves now: nobody casts for others what these have lost.
fn givers(inner: &Inner, to: &str, before: &Approval, now_ms: u64) -> Result<Vec<String>, EngineError> {
    let (mut givers, wanted) = (Vec::new(), before.roles());
    for from in before.delegators(to) {
        let Ok(Name::Uid(uid)) = Name::parse(from) else { continue };
        let who = Who::local(uid, &groups(uid));
        if roles(inner, &who, before, now_ms)?.0.iter().any(|role| wanted.contains(role)) {
            givers.push(from.to_owned());
        }
    }
    Ok(givers)
}

/// True where the submitter granted something alone after asking. The log says it, for clocks may go back: what others
/// voted for is entered under the name of the last one of them.
fn granted_since(inner: &Inner, before: &Approval, to: &Name) -> Result<bool, EngineError> {
    let (id, mut granted) = (before.id.to_string(), false);
    let read = control(inner)?.snapshot().map_err(ApprovalError::from)?;
    Log::open(&read)?.newest(u64::MAX, |_, leaf, _| {
        let (kind, name) = (leaf.kind.as_str(), leaf.subject.1.as_str());
        granted = kind == "role.granted"
            && leaf.outcome == Outcome::Done
            && leaf.actor == before.by
            && meant(inner, name).map_or(true, |one| one == *to);
        let is_submission = kind == "approval.submitted" && name == id;
        Ok(!granted && !is_submission)
    })?;
    Ok(granted)
}

/// Whether a vote is for the request.
fn asked(text: &str) -> Result<bool, EngineError> {
    match text {
        _ if text == decision(true) => Ok(true),
        _ if text == decision(false) => Ok(false),
        _ => Err(invalid("a decision is approve or reject", "name one: --decision approve")),
    }
}

/// Cursor: the id of the last one of the page before.
fn list(inner: &Inner, query: &ApprovalQuery) -> Result<Page<Words>, EngineError> {
    let state = match query.state.as_deref() {
        None => Some(State::Pending),
        Some("all") => None,
        Some(name) => Some(State::parse(name).ok_or_else(|| {
            let known: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
            invalid(format!("there is no state '{name}'"), format!("{}, or all", known.join(", ")))
        })?),
    };
    let before = cursor(query.cursor.as_ref())?.unwrap_or(u64::MAX);
    let limit = if query.limit == 0 { LIMIT } else { query.limit.min(LIMIT_MOST) };
    let filter = Filter { state, kind: query.kind.clone() };
    let found = Shelf::list(control(inner)?, &filter, before, limit, inner.clock.now_ms())?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.id.to_string());
    Ok(Page { items: found.iter().map(|one| words::approval(inner, one)).collect(), next })
}

fn number(id: &str) -> Result<u64, EngineError> {
    id.parse().map_err(|_| EngineError::NotFound {
        noun: "approval request",
        name: id.chars().take(40).collect(),
        advice: "`spud approval list --state all` shows them".into(),
    })
}
