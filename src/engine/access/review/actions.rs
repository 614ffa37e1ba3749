//! What people ask of reviews: look, open, decide, close.

use super::{control, note, report};
use crate::api::types::access::{AccessReview, CloseReview, DecideReview};
use crate::audit::{self, Entry};
use crate::engine::access::people::People;
use crate::engine::access::{AccessAction, AccessReply, allow, subject};
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{Caller, EngineError, trail};
use crate::governance::access::{
    AccessError, Book, Decided, Name, Need, Permission, Review, ReviewShelf, Subject, Verdict, may_decide,
    names_of,
};
use crate::store::{Control, StoreError, WriteTransaction};

/// Does what is asked. `told` is the entry of what changes something.
pub(in crate::engine::access) fn act(
    inner: &Inner,
    caller: &Caller,
    action: AccessAction,
    told: Option<&Entry>,
) -> Result<AccessReply, EngineError> {
    let control = control(inner)?;
    let who = subject(inner, caller)?;
    let by = who.name.to_string();
    Ok(match action {
        AccessAction::Reviews => {
            let mut all: Vec<AccessReview> =
                ReviewShelf::list(control, usize::MAX)?.iter().map(|one| words(inner, one)).collect();
            all.iter_mut().skip(1).for_each(|one| one.items.clear());
            AccessReply::Reviews(all)
        }
        AccessAction::Review(id) => AccessReply::Review(Box::new(words(inner, &found(control, &id)?))),
        AccessAction::ReviewReport(id) => AccessReply::Report(report::markdown(
            &found(control, &id)?,
            &inner.access.state().book,
            now(inner),
        )),
        AccessAction::OpenReview(request) => {
            let _desk = inner.approvals.desk();
            let made = open(inner, control, (&by, &request.reason), told)?;
            AccessReply::Review(Box::new(words(inner, &made)))
        }
        AccessAction::DecideReview { id, grant, request } => {
            // Who takes a role may give roles, and look at those of others: both were asked.
            allow(inner, caller, &who, Need::of_box(Permission::ReviewRoles))?;
            let _desk = inner.approvals.desk();
            let after = decide(inner, &found(control, &id)?, &who, (&grant, &request), told)?;
            AccessReply::Review(Box::new(words(inner, &after)))
        }
        AccessAction::CloseReview { id, request } => {
            let _desk = inner.approvals.desk();
            let after = close(inner, control, &found(control, &id)?, &by, &request, told)?;
            AccessReply::Review(Box::new(words(inner, &after)))
        }
        _ => return Err(EngineError::Internal("a review was asked for something else".into())),
    })
}

fn now(inner: &Inner) -> u64 {
    inner.clock.now_ms()
}

fn words(inner: &Inner, one: &Review) -> AccessReview {
    report::words(one, &inner.access.state().book, &People::read(), now(inner))
}

/// By its number; `open` is the one that is open.
fn found(control: &Control, id: &str) -> Result<Review, EngineError> {
    let wanted = |one: &Review| match id {
        "open" => one.closed.is_none(),
        "last" => true,
        id => one.id.to_string() == id,
    };
    let most = if matches!(id, "open" | "last") { 1 } else { usize::MAX };
    let one = ReviewShelf::list(control, most)?.into_iter().find(wanted);
    one.ok_or_else(|| EngineError::NotFound {
        noun: "review",
        name: id.chars().take(40).collect(),
        advice: "`spud role review --list` shows them; `spud role review --open` opens one".into(),
    })
}

/// Freezes what is granted. The desk is held by the caller.
pub(super) fn open(
    inner: &Inner,
    control: &Control,
    (by, reason): (&str, &str),
    told: Option<&Entry>,
) -> Result<Review, EngineError> {
    let all = ReviewShelf::list(control, 1)?;
    if let Some(open) = all.iter().find(|one| one.closed.is_none()) {
        return Err(EngineError::Conflict {
            what: format!("the review {} is open", open.id),
            advice: "decide what it asks for, or close it: spud role review --show".into(),
        });
    }
    let id = all.first().map_or(0, |last| last.id) + 1;
    let (now_ms, days) = (now(inner), inner.config.running().number("access.review_days"));
    let review = Review::open(id, &inner.access.state().book, (by, reason), (now_ms, days))?;
    let told = told.map(|told| {
        let subject = ("review".to_owned(), id.to_string());
        Entry { subject, ..told.clone() }.text("grants", review.items.len().to_string())
    });
    let kept = control.write(|write| {
        ReviewShelf::keep(write, None, &review)?;
        ReviewShelf::set_clock(write, now_ms)?;
        told.iter().try_for_each(|told| audit::append(write, told).map(drop))
    });
    kept.map_err(super::store)?;
    note(inner, Some(&review), now_ms);
    Ok(review)
}

/// Everybody who the asker is here: by the groups of the box and by who made their tokens, too.
fn who_is(book: &Book, who: &Subject) -> Vec<Name> {
    let people = People::read();
    names_of(book, who, |uid| people.groups_of(uid))
}

/// Whether the asker may confirm a grant outside of a review: not where it is theirs.
pub(in crate::engine::access) fn confirmable(
    book: &Book,
    grant: u64,
    who: &Subject,
) -> Result<(), AccessError> {
    let Some(grant) = book.grants.get(&grant) else { return Ok(()) };
    may_decide(book, &grant.to, grant.role.name(), &who_is(book, who))
}

/// One item; the last one closes the review in the same transaction.
fn decide(
    inner: &Inner,
    before: &Review,
    who: &Subject,
    (grant, request): (&str, &DecideReview),
    told: Option<&Entry>,
) -> Result<Review, EngineError> {
    let verdict = match request.verdict.as_str() {
        "confirm" => Verdict::Confirmed,
        "revoke" => Verdict::Revoked,
        other => {
            let what = format!("'{}' is no decision", other.chars().take(40).collect::<String>());
            return Err(invalid(what, "confirm or revoke"));
        }
    };
    let number: u64 = grant.parse().map_err(|_| AccessError::Missing {
        noun: "grant in this review",
        name: grant.chars().take(40).collect(),
    })?;
    let (now_ms, by) = (now(inner), who.name.to_string());
    let decided = Decided { verdict, by: by.clone(), reason: request.reason.clone(), at_ms: now_ms };
    let book = inner.access.state().book.clone();
    let mut after = before.decide(&book, number, decided, &who_is(&book, who))?;
    let frozen = before.items.iter().find(|item| item.grant == number);
    let change = |book: &mut Book| {
        // Somebody may have given the number to another grant since.
        if !frozen.is_some_and(|item| item.stands(book, now_ms)) {
            return Err(AccessError::Missing { noun: "grant", name: number.to_string() });
        }
        match verdict {
            Verdict::Revoked => {
                book.leaving_a_voter(&who.name, now_ms, |book| book.revoke_grant(number)).map(drop)
            }
            _ => book.confirm(number, &by, now_ms),
        }
    };
    let mut then = book;
    change(&mut then)?;
    let mut entries: Vec<Entry> = told.map(|told| about(told, before, number)).into_iter().collect();
    if after.undecided(&then, now_ms).is_empty() {
        after = after.close(&then, &[], (&by, ""), now_ms)?;
        if told.is_some() {
            let entry = trail::entry(inner, "review.closed", &by, ("review", &after.id.to_string()));
            entries.push(ended(Entry { policy: inner.access.digest(), ..entry }, &after, &then, now_ms));
        }
    }
    let kept = |write: &WriteTransaction| -> Result<(), StoreError> {
        ReviewShelf::keep(write, Some(before), &after)?;
        entries.iter().try_for_each(|entry| audit::append(write, entry).map(drop))
    };
    inner.access.change_with(inner, kept, change)?;
    note(inner, Some(&after), now_ms);
    Ok(after)
}

/// The entry of a decision: whose role it is, and in which review.
fn about(told: &Entry, review: &Review, grant: u64) -> Entry {
    let item = review.items.iter().find(|item| item.grant == grant);
    let role = item.map_or_else(String::new, |item| format!("{} of {}", item.role(), item.to));
    told.clone().text("role", role)
}

/// The entry of an end says what was decided, and binds the report.
fn ended(entry: Entry, after: &Review, book: &Book, now_ms: u64) -> Entry {
    let made = report::markdown(after, book, now_ms);
    let entry = Entry { after: Some(trail::digest(made.as_bytes())), ..entry };
    entry.text("summary", report::summary(after))
}

fn close(
    inner: &Inner,
    control: &Control,
    before: &Review,
    by: &str,
    request: &CloseReview,
    told: Option<&Entry>,
) -> Result<Review, EngineError> {
    let numbers: Result<Vec<u64>, _> = request.undecided.iter().map(|one| one.trim().parse()).collect();
    let numbers =
        numbers.map_err(|_| invalid("undecided: numbers of grants are wanted", "--undecided 3,7"))?;
    let (now_ms, book) = (now(inner), inner.access.state().book.clone());
    let after = before.close(&book, &numbers, (by, &request.reason), now_ms)?;
    let entry = told.map(|told| {
        let subject = ("review".to_owned(), after.id.to_string());
        ended(Entry { subject, ..told.clone() }, &after, &book, now_ms)
    });
    let kept = control.write(|write| {
        ReviewShelf::keep(write, Some(before), &after)?;
        entry.iter().try_for_each(|entry| audit::append(write, entry).map(drop))
    });
    kept.map_err(super::store)?;
    note(inner, Some(&after), now_ms);
    Ok(after)
}
