//! What happens to a request, and what follows from it. Pure.

use super::ApprovalError;
use super::request::{Act, Approval, Event, REASON_BYTES, State, reasoned};
use crate::governance::access::Role;

/// Things that happen to one request, at most: a discussion is no chat.
const EVENTS_MOST: usize = 200;

const SIGNING: &str = "spud approval document ID >vote; ssh-keygen -Y sign -n spud-approval -f KEY vote; \
    spud approval approve ID --reason WHY --signature vote.sig";

/// Somebody who does something.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    pub name: &'a str,
    /// Roles they have now.
    pub roles: &'a [Role],
    /// Roles they have now only because the submitter granted them, alone and after asking.
    pub lent: &'a [Role],
    /// Those who have a vote now: what they gave away is worth what it is worth in their own hands.
    pub givers: &'a [String],
    /// Root of this box: for emergencies, never a vote.
    pub is_root: bool,
    /// True where the kernel says who it is; somebody with tokens may be anybody.
    pub is_local: bool,
}

/// What stands behind a vote beside the kernel's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its document was signed with an enrolled key of the voter.
    Signed,
    /// None, and none is asked for.
    NotAsked,
    /// None, where the settings ask for one.
    Missing,
}

/// What is done.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    Vote {
        by: Person<'a>,
        approve: bool,
        reason: &'a str,
        proof: Proof,
    },
    Comment {
        by: Person<'a>,
        text: &'a str,
    },
    /// Gives one's vote to somebody.
    Delegate {
        by: Person<'a>,
        to: &'a str,
        reason: &'a str,
    },
    Withdraw {
        by: Person<'a>,
        reason: &'a str,
    },
    /// Time is over.
    Expire,
}

/// What follows, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Enter it into the audit log.
    Tell(Act),
    /// Carry the change out, in the transaction of this step.
    CarryOut,
}

/// A request after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub approval: Approval,
    pub effects: Vec<Effect>,
}

fn refused(rule: &'static str, what: String, advice: &'static str) -> ApprovalError {
    ApprovalError::Refused { what, rule, advice }
}

/// One step.
///
/// # Errors
/// [`ApprovalError`]: nothing is changed then.
pub fn step(before: &Approval, input: Input<'_>, now_ms: u64) -> Result<Done, ApprovalError> {
    if matches!(input, Input::Expire) {
        return expire(before, now_ms);
    }
    is_open(before, now_ms)?;
    let mut approval = before.clone();
    let mut effects = Vec::with_capacity(2);
    let mut note = |approval: &mut Approval, by: &str, act: Act, whom: Option<&str>, text: String| {
        approval.revision += 1;
        let (by, whom) = (by.to_owned(), whom.map(str::to_owned));
        approval.events.push(Event { at_ms: now_ms, by, act, whom, text });
        effects.push(Effect::Tell(act));
    };
    match input {
        Input::Vote { by, approve, reason, proof } => {
            let reason = reasoned(reason)?;
            let whose = may_vote(before, by)?;
            // Saying no takes no key: what is refused does no harm.
            if approve && proof == Proof::Missing {
                let what = format!("votes for changes of {} impact are signed here", before.impact.name());
                return Err(refused("votes-are-signed", what, SIGNING));
            }
            let act = if approve { Act::Approved } else { Act::Rejected };
            note(&mut approval, by.name, act, whose.as_deref(), reason);
            if !approve {
                approval.state = State::Rejected;
            } else if approval.approvals() >= approval.votes {
                approval.state = State::Approved;
                effects.push(Effect::CarryOut);
            }
        }
        Input::Comment { by, text } => {
            let text = reasoned(text)?;
            note(&mut approval, by.name, Act::Commented, None, text);
        }
        Input::Delegate { by, to, reason } => {
            let reason = reasoned(reason)?;
            may_delegate(before, by, to)?;
            note(&mut approval, by.name, Act::Delegated, Some(to), reason);
        }
        Input::Withdraw { by, reason } => {
            if by.name != before.by {
                let what = format!("only {} can withdraw what they submitted", before.by);
                return Err(refused("own-request", what, "reject it instead: spud approval reject"));
            }
            let reason = if reason.trim().is_empty() { String::new() } else { reasoned(reason)? };
            note(&mut approval, by.name, Act::Withdrawn, None, reason);
            approval.state = State::Withdrawn;
        }
        Input::Expire => {}
    }
    Ok(Done { approval, effects })
}

fn expire(before: &Approval, now_ms: u64) -> Result<Done, ApprovalError> {
    if before.state != State::Pending || now_ms < before.expires_ms {
        let what = "its time is not over".to_owned();
        return Err(ApprovalError::Conflict { what, advice: "decide it, or withdraw it" });
    }
    let mut approval = before.clone();
    approval.revision += 1;
    approval.state = State::Expired;
    let (by, text) = ("box".to_owned(), String::new());
    approval.events.push(Event { at_ms: now_ms, by, act: Act::Expired, whom: None, text });
    Ok(Done { approval, effects: vec![Effect::Tell(Act::Expired)] })
}

fn is_open(before: &Approval, now_ms: u64) -> Result<(), ApprovalError> {
    let state = before.state_at(now_ms);
    if state != State::Pending {
        let what = format!("the request {} is {} already", before.id, state.name());
        return Err(ApprovalError::Conflict {
            what,
            advice: "submit the change again, if it is still wanted",
        });
    }
    if before.events.len() >= EVENTS_MOST {
        let what = format!("{EVENTS_MOST} things happened to this request already");
        return Err(ApprovalError::Conflict { what, advice: "withdraw it and submit it anew" });
    }
    Ok(())
}

/// Whose vote it is, where it is not the voter's own.
fn may_vote(before: &Approval, by: Person<'_>) -> Result<Option<String>, ApprovalError> {
    is_person(by)?;
    if by.name == before.by {
        let what = format!("{} submitted this and cannot decide it", by.name);
        return Err(refused("nobody-decides-their-own", what, "somebody else must vote"));
    }
    if before.delegates(&before.by).any(|to| to == by.name) {
        let what = format!("{} is a delegate of {}, who submitted this", by.name, before.by);
        return Err(refused("delegates-of-the-submitter-do-not-count", what, "somebody else must vote"));
    }
    let voters = before.voters();
    let counted = |name: &str| voters.iter().any(|voter| voter == name);
    if counted(by.name) {
        let what = format!("{} was counted already", by.name);
        return Err(refused("everybody-counts-once", what, "somebody else must vote"));
    }
    let wanted = before.roles();
    if by.roles.iter().any(|role| wanted.contains(role)) {
        return Ok(None);
    }
    not_lent(before, by)?;
    let free =
        |from: &&str| !counted(from) && *from != before.by && by.givers.iter().any(|giver| giver == from);
    before.delegators(by.name).find(free).map(|from| Some(from.to_owned())).ok_or_else(|| {
        let roles: Vec<&str> = wanted.iter().map(|role| role.name()).collect();
        let what = format!("votes are those of the role {}", roles.join(" or "));
        refused("votes-need-the-role", what, "ask somebody with the role, or to be their delegate")
    })
}

fn may_delegate(before: &Approval, by: Person<'_>, to: &str) -> Result<(), ApprovalError> {
    is_person(by)?;
    let wanted = before.roles();
    if !by.roles.iter().any(|role| wanted.contains(role)) {
        not_lent(before, by)?;
        let what = format!("{} has no vote to give away", by.name);
        return Err(refused("votes-need-the-role", what, "ask somebody with the role"));
    }
    let odd = to == by.name || to == before.by || !to.starts_with("uid:") || to == "uid:0";
    if odd || to.len() > REASON_BYTES {
        let what =
            "a vote is given to a user of this box who is neither oneself, the submitter nor root".to_owned();
        return Err(refused("delegates-are-others", what, "name another user: uid:1001 or a login"));
    }
    if before.voters().iter().any(|voter| voter == by.name) {
        let what = format!("{} was counted already", by.name);
        return Err(refused("everybody-counts-once", what, "there is no vote left to give"));
    }
    Ok(())
}

/// A role that the submitter granted alone, after asking, would be a vote of their own.
fn not_lent(before: &Approval, by: Person<'_>) -> Result<(), ApprovalError> {
    let wanted = before.roles();
    if !by.lent.iter().any(|role| wanted.contains(role)) {
        return Ok(());
    }
    let what = format!("{} granted {} the role alone, after asking for this", before.by, by.name);
    Err(refused("grants-of-the-submitter-do-not-count", what, "somebody else must vote"))
}

/// A vote is a person's: who the kernel knows, and not root.
fn is_person(by: Person<'_>) -> Result<(), ApprovalError> {
    if by.is_root {
        let what = "root is for emergencies and never votes".to_owned();
        return Err(refused("root-never-votes", what, "vote as a person of your own"));
    }
    if !by.is_local {
        let what = "votes are cast over the Unix socket, where the kernel says who asks".to_owned();
        return Err(refused("votes-by-socket-only", what, "log in to the box"));
    }
    Ok(())
}
