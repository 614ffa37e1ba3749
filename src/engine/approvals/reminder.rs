//! Requests that wait for votes remind those who may vote: an hour after they were made, and when little of their time
//! is left. Whoever hears of alerts hears of them.

use super::words;
use crate::engine::access;
use crate::engine::alerts::Fact;
use crate::engine::run::Inner;
use crate::governance::approval::{Approval, ApprovalError, Filter, Shelf, State};
use crate::store::Control;

/// A request waits for so long before anybody is reminded.
const QUIET_MS: u64 = 3_600_000;
/// The last part of its time.
const LAST_PART: u64 = 4;
const MOST: usize = 100;

/// A request that is not decided yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    id: u64,
    kind: String,
    title: String,
    missing: u32,
    at_ms: u64,
    expires_ms: u64,
}

pub(super) fn waiting(control: &Control, now_ms: u64) -> Result<Vec<Waiting>, ApprovalError> {
    let filter = Filter { state: Some(State::Pending), kind: None };
    let of = |one: Approval| Waiting {
        id: one.id,
        kind: one.subject.kind.clone(),
        title: words::title(&one),
        missing: one.votes.saturating_sub(one.approvals()),
        at_ms: one.at_ms,
        expires_ms: one.expires_ms,
    };
    Ok(Shelf::list(control, &filter, u64::MAX, MOST, now_ms)?.into_iter().map(of).collect())
}

impl Waiting {
    /// The name of what is told, how severe it is, and the text; nothing while it is quiet.
    fn told(&self, now_ms: u64) -> Option<(&'static str, &'static str, String)> {
        let left_ms = self.expires_ms.checked_sub(now_ms)?;
        let votes = if self.missing == 1 { "a vote" } else { "votes" };
        let text = format!("{} waits for {votes}: spud approval show {}", self.title, self.id);
        if left_ms <= self.expires_ms.saturating_sub(self.at_ms) / LAST_PART {
            let minutes = left_ms / 60_000;
            let left =
                if minutes < 120 { format!("{minutes} minutes") } else { format!("{} hours", minutes / 60) };
            return Some(("ApprovalEnds", "warning", format!("{left} are left: {text}")));
        }
        (now_ms.saturating_sub(self.at_ms) >= QUIET_MS).then_some(("ApprovalWaits", "info", text))
    }
}

/// What receivers are told of: requests, and the review of grants that people have to decide.
pub(in crate::engine) fn tell(inner: &Inner) -> Vec<Fact> {
    let now_ms = inner.clock.now_ms();
    let fact = |one: &Waiting| {
        let (name, severity, summary) = one.told(now_ms)?;
        let id = one.id.to_string();
        Some(Fact::of("approvals", (name, severity), ("approval", &id), &one.kind, summary))
    };
    let waiting: Vec<Fact> = inner.approvals.waiting().iter().filter_map(fact).collect();
    waiting.into_iter().chain(access::review_told(inner)).collect()
}

/// How many wait, and for how many seconds the oldest does.
pub(in crate::engine) fn counts(inner: &Inner) -> (u64, u64) {
    let waiting = inner.approvals.waiting();
    let first = waiting.iter().map(|one| one.at_ms).min();
    let age_ms = first.map_or(0, |at_ms| inner.clock.now_ms().saturating_sub(at_ms));
    (waiting.len() as u64, age_ms / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_are_asked_for_after_an_hour_and_near_the_end() {
        const HOUR: u64 = 3_600_000;
        let title = "grant operator to uid:7".to_owned();
        let one =
            Waiting { id: 3, title, missing: 1, at_ms: HOUR, expires_ms: 25 * HOUR, ..Waiting::default() };
        let name = |at: u64| one.told(at).map(|(name, ..)| name);
        assert_eq!([name(HOUR), name(2 * HOUR - 1)], [None, None]);
        assert_eq!([name(2 * HOUR), name(19 * HOUR - 1)], [Some("ApprovalWaits"); 2]);
        assert_eq!([name(19 * HOUR), name(25 * HOUR)], [Some("ApprovalEnds"); 2]);
        assert_eq!(name(25 * HOUR + 1), None, "it is over");
        let text = one.told(24 * HOUR).unwrap().2;
        assert_eq!(
            text,
            "60 minutes are left: grant operator to uid:7 waits for a vote: spud approval show 3"
        );
    }
}
