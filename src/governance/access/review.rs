//! A review of who has which role: a list of grants as it was when it began, each decided by somebody who has no part
//! in it, and an end with everything said. Pure.
//!
//! Invariant: an item is decided upon the grant that was frozen, never upon one that took its number since.

use bincode::{Decode, Encode};

use super::{AccessError, Book, Grant, Name, Role, Subject};
use crate::base::InOrder;

const REASON_BYTES: usize = 500;
const DAY_MS: u64 = 86_400_000;

/// What became of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Verdict {
    Confirmed,
    Revoked,
    /// It ended, or was taken or given anew, before anybody decided.
    Gone,
}

impl Verdict {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Revoked => "revoked",
            Self::Gone => "gone",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Decided {
    pub verdict: Verdict,
    pub by: String,
    pub reason: String,
    pub at_ms: u64,
}

/// A grant as it was when the review began.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReviewItem {
    pub grant: u64,
    pub to: String,
    /// [`Role::number`]
    pub role: u8,
    pub by: String,
    pub why: String,
    pub at_ms: u64,
    pub until_ms: Option<u64>,
    pub used_ms: Option<u64>,
    pub decided: Option<Decided>,
}

impl ReviewItem {
    fn of(id: u64, grant: &Grant) -> Self {
        Self {
            grant: id,
            to: grant.to.to_string(),
            role: grant.role.number(),
            by: grant.by.clone(),
            why: grant.reason.clone(),
            at_ms: grant.at_ms,
            until_ms: grant.until_ms,
            used_ms: grant.used_ms,
            decided: None,
        }
    }

    #[must_use]
    pub fn role(&self) -> &'static str {
        Role::from_number(self.role).map_or("?", |role| role.name())
    }

    /// Whether the grant that was frozen still holds.
    #[must_use]
    pub fn stands(&self, book: &Book, now_ms: u64) -> bool {
        book.grants.get(&self.grant).is_some_and(|grant| {
            grant.at_ms == self.at_ms
                && grant.role.number() == self.role
                && grant.to.to_string() == self.to
                && grant.until_ms.is_none_or(|until| now_ms < until)
        })
    }
}

/// How a review ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Closed {
    pub by: String,
    pub reason: String,
    pub at_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub id: u64,
    /// `box` where its time had come.
    pub by: String,
    pub reason: String,
    pub opened_ms: u64,
    /// Late from then on.
    pub due_ms: u64,
    /// By the number of the grant.
    pub items: Vec<ReviewItem>,
    pub closed: Option<Closed>,
    /// When words of it were erased after it was closed: its report is another one since then.
    pub erased_ms: Option<u64>,
}

fn refused<T>(what: String, advice: &'static str) -> Result<T, AccessError> {
    Err(AccessError::Refused { what, advice })
}

fn reasoned(reason: &str) -> Result<String, AccessError> {
    let reason = reason.trim();
    if (1..=REASON_BYTES).contains(&reason.len()) {
        return Ok(reason.to_owned());
    }
    let what = format!("a reason of 1 to {REASON_BYTES} bytes is needed");
    refused(what, "say why (--reason): it stands in the report of the review")
}

/// Whether it is time for the box to open one: `since_ms` is when the last one was opened.
#[must_use]
pub fn is_due(since_ms: u64, every_days: u64, now_ms: u64) -> bool {
    every_days > 0 && now_ms.saturating_sub(since_ms) >= every_days.saturating_mul(DAY_MS)
}

/// Everybody who stands behind a name: who made a principal, or a token of it, knows its secret.
fn behind(book: &Book, mut names: Vec<Name>) -> Vec<Name> {
    let mut at = 0;
    while let Some(name) = names.get(at).cloned() {
        at += 1;
        let text = name.to_string();
        let added = book.principals.get(&text).map(|one| one.by.clone());
        let tokens = book.tokens.values().filter(|token| token.principal == text);
        for maker in added.into_iter().chain(tokens.map(|token| token.by.clone())) {
            if let Ok(maker) = Name::parse(&maker)
                && !names.contains(&maker)
            {
                names.push(maker);
            }
        }
    }
    names
}

impl Review {
    /// Freezes what is granted now.
    ///
    /// # Errors
    /// [`AccessError::Refused`] where there is nothing to review, or no reason.
    pub fn open(
        id: u64,
        book: &Book,
        (by, reason): (&str, &str),
        (now_ms, days): (u64, u64),
    ) -> Result<Self, AccessError> {
        let live = |grant: &Grant| grant.until_ms.is_none_or(|until| now_ms < until);
        let grants = book.grants.iter().filter(|(_, grant)| live(grant));
        let items: Vec<ReviewItem> = grants.map(|(id, grant)| ReviewItem::of(*id, grant)).collect();
        if items.is_empty() {
            let what = "nothing is granted: there is nothing to review".to_owned();
            return refused(what, "what the box gives by itself (`spud role review`) cannot be taken");
        }
        let due_ms = now_ms.saturating_add(days.saturating_mul(DAY_MS));
        let (by, reason) = (by.to_owned(), reasoned(reason)?);
        Ok(Self { id, by, reason, opened_ms: now_ms, due_ms, items, closed: None, erased_ms: None })
    }

    #[must_use]
    pub fn is_late(&self, now_ms: u64) -> bool {
        self.closed.is_none() && now_ms > self.due_ms
    }

    /// Those that somebody has to decide yet.
    #[must_use]
    pub fn undecided(&self, book: &Book, now_ms: u64) -> Vec<u64> {
        let open = |item: &&ReviewItem| item.decided.is_none() && item.stands(book, now_ms);
        self.items.iter().filter(open).map(|item| item.grant).collect()
    }

    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        let is = |item: &&ReviewItem| item.decided.as_ref().is_some_and(|one| one.verdict == verdict);
        self.items.iter().filter(is).count()
    }

    fn is_open(&self) -> Result<(), AccessError> {
        if self.closed.is_none() {
            return Ok(());
        }
        let what = format!("the review {} is closed", self.id);
        refused(what, "open another one: spud role review --open")
    }

    /// Decides one item. `who` are the asker and everybody whose grants are theirs, too.
    ///
    /// # Errors
    /// [`AccessError`]: nothing is changed then.
    pub fn decide(
        &self,
        book: &Book,
        grant: u64,
        decided: Decided,
        who: &[Name],
    ) -> Result<Self, AccessError> {
        self.is_open()?;
        let mut after = self.clone();
        let missing = || AccessError::Missing { noun: "grant in this review", name: grant.to_string() };
        let item = after.items.iter_mut().find(|item| item.grant == grant).ok_or_else(missing)?;
        let to = Name::parse(&item.to)?;
        may_decide(book, &to, item.role(), who)?;
        if !item.stands(book, decided.at_ms) {
            let what = format!("the grant {grant} ended or was changed since the review began");
            return refused(what, "it needs no decision; the next review looks at what holds now");
        }
        item.decided = Some(Decided { reason: reasoned(&decided.reason)?, ..decided });
        Ok(after)
    }

    /// Ends it. What is not decided must be named, all of it; what is not there any more is gone.
    ///
    /// # Errors
    /// [`AccessError`]: nothing is changed then.
    pub fn close(
        &self,
        book: &Book,
        named: &[u64],
        (by, reason): (&str, &str),
        now_ms: u64,
    ) -> Result<Self, AccessError> {
        self.is_open()?;
        let open = self.undecided(book, now_ms);
        let mut said = named.to_vec();
        said.order();
        said.dedup();
        if said != open {
            let list: Vec<String> = open.iter().map(u64::to_string).collect();
            let what = match list.as_slice() {
                [] => "every item is decided: there is none to name".to_owned(),
                list => format!("not decided yet: grant {}", list.join(", ")),
            };
            return refused(
                what,
                "decide them, or close with exactly these named (--undecided 3,7) and a reason",
            );
        }
        let reason = if open.is_empty() && reason.trim().is_empty() {
            "every item is decided".to_owned()
        } else {
            reasoned(reason)?
        };
        let mut after = self.clone();
        for item in after.items.iter_mut().filter(|item| item.decided.is_none()) {
            if !open.contains(&item.grant) {
                let reason = "it ended or was changed meanwhile".to_owned();
                item.decided =
                    Some(Decided { verdict: Verdict::Gone, by: by.to_owned(), reason, at_ms: now_ms });
            }
        }
        after.closed = Some(Closed { by: by.to_owned(), reason, at_ms: now_ms });
        Ok(after)
    }
}

/// Whether somebody may decide about a grant: nobody may about what is theirs, under whatever name.
///
/// # Errors
/// [`AccessError::Refused`].
pub fn may_decide(book: &Book, to: &Name, role: &str, who: &[Name]) -> Result<(), AccessError> {
    let (asker, holder) = (behind(book, who.to_vec()), behind(book, vec![to.clone()]));
    let Some(shared) = holder.iter().find(|name| asker.contains(name)) else { return Ok(()) };
    let why = if shared == to { String::new() } else { format!(" ({shared} stands behind it)") };
    let what = format!("the role {role} of {to} is yours{why}: nobody decides about their own");
    refused(what, "ask somebody else who may review: spud principal list shows them")
}

/// The names whose grants are the asker's: their own, those of their groups, those behind their token.
#[must_use]
pub fn names_of(book: &Book, subject: &Subject, groups_of: impl Fn(u32) -> Vec<u32>) -> Vec<Name> {
    let mut names = behind(book, vec![subject.name.clone()]);
    names.extend(subject.groups.iter().map(|gid| Name::Gid(*gid)));
    let users: Vec<u32> =
        names.iter().filter_map(|name| if let Name::Uid(uid) = name { Some(*uid) } else { None }).collect();
    for uid in users {
        names.extend(groups_of(uid).into_iter().map(Name::Gid));
    }
    names
}
