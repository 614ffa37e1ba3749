//! What a request is: its subject, what is to be done, whose votes it needs, and what happened to it.

use bincode::{Decode, Encode};

use super::ApprovalError;
use crate::base::InOrder;
use crate::governance::access::{ApprovalFacts, Role};

/// Bytes of a reason or a comment.
pub const REASON_BYTES: usize = 1_000;
const DIFF_BYTES: usize = 16 << 10;
/// Votes that can be asked for.
pub const VOTES_MOST: u32 = 9;
/// No request waits longer.
pub const TIME_MOST_MS: u64 = 90 * 86_400_000;

/// How much harm a wrong change would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Impact {
    Low,
    Medium,
    High,
    Critical,
}

impl Impact {
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|impact| impact.name() == text)
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum State {
    Pending,
    /// Its change was carried out with the last vote.
    Approved,
    Rejected,
    Withdrawn,
    Expired,
}

impl State {
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Approved, Self::Rejected, Self::Withdrawn, Self::Expired];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// What somebody did to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Act {
    Submitted,
    Approved,
    Rejected,
    Commented,
    Delegated,
    Withdrawn,
    Expired,
    /// What was approved was done.
    CarriedOut,
    /// What was approved could not be done.
    Failed,
}

impl Act {
    /// As it stands in the history and, behind `approval.`, in the audit log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Commented => "commented",
            Self::Delegated => "delegated",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::CarriedOut => "carried out",
            Self::Failed => "failed",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    pub at_ms: u64,
    pub by: String,
    pub act: Act,
    /// Of a delegation: to whom. Of a delegate's vote: whose vote it is.
    pub whom: Option<String>,
    pub text: String,
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Subject {
    /// Such as `role`, `model`, `use case`, `setting` or `collection`.
    pub kind: String,
    pub name: String,
    /// SHA-256 of what would be there.
    pub digest: [u8; 32],
}

/// What is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Change {
    /// A role is granted; `role` as [`Role::number`] has it.
    Grant { to: String, role: u8, reason: String, ttl_ms: Option<u64> },
    /// The model of this SHA-256 may be promoted.
    Model { sha256: String },
    /// The use case of this name may be deployed as it is written.
    UseCase { name: String },
    /// An action is done as it was asked for, right after the last vote; `text` is the action as the engine keeps it,
    /// the numbers are who asked.
    Action { text: String, title: String, uid: u32, gid: u32, groups: Vec<u32> },
    /// In an emergency somebody gets a permission for a time.
    Pass { to: String, permission: String, ttl_ms: u64 },
}

/// A request before it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub subject: Subject,
    pub change: Change,
    pub impact: Impact,
    /// Principal who asks.
    pub by: String,
    pub reason: String,
    /// What would be different, line by line.
    pub diff: String,
    pub votes: u32,
    /// A vote counts where its owner has one of them.
    pub roles: Vec<Role>,
    pub time_ms: u64,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Approval {
    pub id: u64,
    /// One more with everything that happens to it.
    pub revision: u64,
    pub subject: Subject,
    pub change: Change,
    pub impact: Impact,
    pub by: String,
    pub reason: String,
    pub diff: String,
    pub votes: u32,
    /// As [`Role::number`] has them.
    pub roles: Vec<u8>,
    pub at_ms: u64,
    pub expires_ms: u64,
    pub state: State,
    pub events: Vec<Event>,
}

/// A reason that somebody gave, trimmed.
pub(super) fn reasoned(reason: &str) -> Result<String, ApprovalError> {
    let reason = reason.trim();
    if (1..=REASON_BYTES).contains(&reason.len()) {
        return Ok(reason.to_owned());
    }
    let what = format!("a reason of 1 to {REASON_BYTES} bytes is needed");
    Err(ApprovalError::Invalid { what, advice: "say why: it is kept with the request and in the audit log" })
}

impl Approval {
    /// Submits.
    ///
    /// # Errors
    /// [`ApprovalError::Invalid`] where something is missing or too much.
    pub fn new(id: u64, draft: Draft, now_ms: u64) -> Result<Self, ApprovalError> {
        let reason = reasoned(&draft.reason)?;
        let fine = (1..=VOTES_MOST).contains(&draft.votes)
            && !draft.roles.is_empty()
            && draft.diff.len() <= DIFF_BYTES
            && (1..=TIME_MOST_MS).contains(&draft.time_ms);
        if !fine {
            let what = "the request asks for too many votes, too much time, or shows too much".to_owned();
            return Err(ApprovalError::Invalid { what, advice: "ask for less" });
        }
        let submitted = Event {
            at_ms: now_ms,
            by: draft.by.clone(),
            act: Act::Submitted,
            whom: None,
            text: reason.clone(),
        };
        Ok(Self {
            id,
            revision: 1,
            subject: draft.subject,
            change: draft.change,
            impact: draft.impact,
            by: draft.by,
            reason,
            diff: draft.diff,
            votes: draft.votes,
            roles: draft.roles.iter().map(|role| role.number()).collect(),
            at_ms: now_ms,
            expires_ms: now_ms.saturating_add(draft.time_ms),
            state: State::Pending,
            events: vec![submitted],
        })
    }

    /// After what was approved was done, or could not be.
    #[must_use]
    pub fn ended(mut self, act: Act, text: &str, now_ms: u64) -> Self {
        let text = text.chars().take(REASON_BYTES / 4).collect();
        self.revision += 1;
        self.events.push(Event { at_ms: now_ms, by: "box".to_owned(), act, whom: None, text });
        self
    }

    /// The state as it is at this time: what nobody decided in time is expired, whether that was written or not.
    #[must_use]
    pub fn state_at(&self, now_ms: u64) -> State {
        match self.state {
            State::Pending if now_ms >= self.expires_ms => State::Expired,
            state => state,
        }
    }

    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        self.roles.iter().filter_map(|role| Role::from_number(*role)).collect()
    }

    fn acts(&self, act: Act) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.act == act)
    }

    /// Votes for it.
    #[must_use]
    pub fn approvals(&self) -> u32 {
        u32::try_from(self.acts(Act::Approved).count()).unwrap_or(u32::MAX)
    }

    /// Everybody who voted, and everybody whose vote was cast for them.
    #[must_use]
    pub fn voters(&self) -> Vec<String> {
        let votes = self.acts(Act::Approved).chain(self.acts(Act::Rejected));
        let mut all: Vec<String> =
            votes.flat_map(|event| std::iter::once(event.by.clone()).chain(event.whom.clone())).collect();
        all.order();
        all.dedup();
        all
    }

    /// Who gave this one their vote.
    pub fn delegators<'a>(&'a self, to: &'a str) -> impl Iterator<Item = &'a str> {
        self.acts(Act::Delegated)
            .filter(move |event| event.whom.as_deref() == Some(to))
            .map(|event| event.by.as_str())
    }

    /// To whom somebody gave their vote.
    pub(super) fn delegates<'a>(&'a self, from: &'a str) -> impl Iterator<Item = &'a str> {
        self.acts(Act::Delegated)
            .filter(move |event| event.by == from)
            .filter_map(|event| event.whom.as_deref())
    }

    /// What policies may ask about.
    #[must_use]
    pub fn facts(&self) -> ApprovalFacts {
        let sorted = |mut all: Vec<String>| {
            all.order();
            all.dedup();
            all
        };
        ApprovalFacts {
            submitter: self.by.clone(),
            subject: self.subject.kind.clone(),
            impact: self.impact.name().to_owned(),
            voters: self.voters(),
            delegates: sorted(self.acts(Act::Delegated).filter_map(|event| event.whom.clone()).collect()),
            bound: sorted(self.delegates(&self.by).map(str::to_owned).collect()),
        }
    }
}
