//! Reviews from inside: opened by the box once, decided by others, closed with a report that the log binds.

use std::sync::atomic::Ordering;

use super::*;
use crate::api::types::AuditQuery;
use crate::api::types::access::{AccessReview, CloseReview, DecideReview, OpenReview};
use crate::base::to_hex;
use crate::engine::approvals::tests::Bench;
use crate::engine::{AccessAction, AccessReply, Action, AuditAction, AuditReply, Reply};
use crate::governance::access::ReviewShelf;

const DAY_MS: u64 = 86_400_000;

fn review(bench: &Bench, uid: u32, action: AccessAction) -> Result<AccessReview, EngineError> {
    match bench.ask(uid, Action::Access(action))? {
        Reply::Access(AccessReply::Review(one)) => Ok(*one),
        other => panic!("{other:?}"),
    }
}

fn open(bench: &Bench) -> AccessReview {
    let request = OpenReview { reason: "quarter".into() };
    review(bench, 0, AccessAction::OpenReview(request)).unwrap()
}

fn decide(bench: &Bench, uid: u32, grant: &str, verdict: &str) -> Result<AccessReview, EngineError> {
    let request = DecideReview { verdict: verdict.into(), reason: "looked at".into() };
    let (id, grant) = ("open".into(), grant.into());
    review(bench, uid, AccessAction::DecideReview { id, grant, request })
}

fn report(bench: &Bench, id: &str) -> String {
    match bench.ask(0, Action::Access(AccessAction::ReviewReport(id.into()))).unwrap() {
        Reply::Access(AccessReply::Report(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// Grants 1: approver of uid:2001; 2: operator of uid:2002; 3: auditor of uid:2003.
fn bench() -> Bench {
    let bench = Bench::new();
    for (to, role) in [("uid:2001", "approver"), ("uid:2002", "operator"), ("uid:2003", "auditor")] {
        bench.grant(0, to, role);
    }
    bench
}

fn refused(result: Result<AccessReview, EngineError>) -> String {
    match result {
        Err(EngineError::Invalid { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn others_decide_and_the_last_decision_closes_it_with_a_report() {
    let mut bench = bench();
    assert!(matches!(decide(&bench, 0, "1", "confirm"), Err(EngineError::NotFound { .. })), "none is open");
    let made = open(&bench);
    assert_eq!((made.id.as_str(), made.state.as_str(), made.undecided), ("1", "open", 3));
    assert!(review(&bench, 0, AccessAction::OpenReview(OpenReview { reason: "again".into() })).is_err());
    // Nobody decides about their own, and without the permission nobody decides.
    assert!(refused(decide(&bench, 2001, "1", "confirm")).contains("nobody decides about their own"));
    let theirs = bench.ask(2001, Action::Access(AccessAction::ConfirmGrant { id: "1".into() }));
    assert!(theirs.unwrap_err().to_string().contains("nobody decides about their own"), "nor outside of it");
    assert!(matches!(decide(&bench, 2002, "3", "confirm"), Err(EngineError::Denied(_))));
    assert!(matches!(decide(&bench, 2001, "2", "revoke"), Err(EngineError::Denied(_))), "takes grant-roles");
    assert!(refused(decide(&bench, 0, "2", "perhaps")).contains("no decision"));
    assert_eq!(decide(&bench, 2001, "2", "confirm").unwrap().confirmed, 1);
    // What is decided is there after a start.
    bench.start();
    let again = review(&bench, 0, AccessAction::Review("open".into())).unwrap();
    assert_eq!((again.confirmed, again.undecided), (1, 2));
    let by = again.items[1].decided_by.as_deref();
    assert_eq!((by, again.items[1].decided_reason.as_deref()), (Some("uid:2001"), Some("looked at")));
    let gone = decide(&bench, 0, "3", "revoke").unwrap();
    assert_eq!((gone.revoked, bench.log("role.revoked")), (1, 1));
    assert!(!bench.inner().access.state().book.grants.contains_key(&3), "it is taken");
    assert!(decide(&bench, 0, "3", "confirm").is_err(), "nothing is there to confirm");
    let closed = decide(&bench, 0, "1", "confirm").unwrap();
    assert_eq!((closed.state.as_str(), closed.undecided), ("closed", 0));
    assert_eq!(["review.opened", "role.confirmed", "review.closed"].map(|kind| bench.log(kind)), [1, 2, 1]);
    // The entry of the end binds the report, and it is evidence.
    let text = report(&bench, "last");
    assert!(
        text.contains("| 3 | uid:2003 | auditor | box |") && text.contains("2 confirmed, 1 revoked"),
        "{text}"
    );
    let digest = to_hex(&crate::engine::trail::digest(text.as_bytes()));
    assert_eq!(closed.sha256.as_deref(), Some(digest.as_str()));
    bench.start();
    assert_eq!(report(&bench, "1"), text, "the same whenever it is made");
    let query = AuditQuery { kind: Some("review.closed".into()), limit: 9, ..AuditQuery::default() };
    let Reply::Audit(AuditReply::Entries(page)) =
        bench.ask(0, Action::Audit(AuditAction::Entries(query))).unwrap()
    else {
        panic!("no entries")
    };
    assert_eq!(page.items[0].after.as_deref(), Some(digest.as_str()));
    let sequence = page.items[0].seq.parse().unwrap();
    bench.ask(0, Action::Audit(AuditAction::Sign)).unwrap();
    let Reply::Audit(AuditReply::Attested(made)) =
        bench.ask(0, Action::Audit(AuditAction::Attest { sequence, size: None })).unwrap()
    else {
        panic!("no evidence")
    };
    assert_eq!(made.evidence.topic, "review");
}

#[test]
fn taking_a_role_in_a_review_is_as_guarded_as_taking_it_and_what_is_left_is_named() {
    let bench = Bench::new();
    bench.grant(0, "uid:2001", "admin");
    bench.grant(0, "uid:2002", "operator");
    open(&bench);
    // The only voter beside root is taken by root alone; an admin cannot take what is theirs.
    assert!(refused(decide(&bench, 2001, "1", "revoke")).contains("their own"));
    bench.grant(0, "uid:2003", "operator");
    let close = |undecided: &[&str], reason: &str| {
        let undecided = undecided.iter().map(|one| (*one).to_owned()).collect();
        let request = CloseReview { undecided, reason: reason.into() };
        review(&bench, 0, AccessAction::CloseReview { id: "open".into(), request })
    };
    assert!(refused(close(&[], "over")).contains("1, 2"));
    assert!(refused(close(&["1"], "over")).contains("1, 2"));
    assert!(refused(close(&["x"], "over")).contains("numbers"));
    assert!(refused(close(&["1", "2"], "")).contains("reason"));
    let closed = close(&["1", "2"], "nobody is left to ask").unwrap();
    assert_eq!((closed.state.as_str(), closed.undecided), ("closed", 2));
    assert!(report(&bench, "1").contains("2 undecided (grant 1, 2)"));
    assert_eq!(bench.log("review.closed"), 1);
}

#[test]
fn the_box_opens_one_when_its_time_has_come_and_tells_when_it_is_late() {
    let bench = bench();
    let inner = bench.inner();
    let control = inner.config_history().unwrap();
    let now_ms = inner.clock.now_ms();
    let counted = |ago_ms: u64| {
        control.write(|write| ReviewShelf::set_clock(write, now_ms.saturating_sub(ago_ms))).unwrap();
    };
    let look = |at_ms: u64| super::look(inner, control, at_ms).unwrap();
    let all = || ReviewShelf::list(control, 9).unwrap();
    look(now_ms);
    let since = ReviewShelf::clock(control).unwrap();
    assert!(since.is_some() && all().is_empty(), "the first look begins to count");
    counted(89 * DAY_MS);
    look(now_ms);
    assert!(all().is_empty());
    counted(90 * DAY_MS);
    look(now_ms);
    look(now_ms);
    assert_eq!((all().len(), all()[0].by.as_str(), bench.log("review.opened")), (1, "box", 1));
    look(now_ms + 500 * DAY_MS);
    assert_eq!(all().len(), 1, "once, whatever the clock says");
    // Quiet for a day, then told; late after its days.
    look(now_ms);
    let fact = tell(inner);
    assert!(fact.is_none() && finding(inner).is_none());
    let mut one = inner.access.reviews.open().clone().unwrap();
    one.opened_ms = now_ms - 2 * DAY_MS;
    *inner.access.reviews.open() = Some(one.clone());
    assert_eq!(one.told(now_ms).unwrap().0, "AccessReviewOpen");
    one.due_ms = now_ms - 3 * DAY_MS - 1;
    *inner.access.reviews.open() = Some(one.clone());
    assert_eq!(one.told(now_ms).unwrap().0, "AccessReviewLate");
    assert!(finding(inner).unwrap().what.contains("3 days late, 3 undecided"));
    let (undecided, late_s) = counts(inner).unwrap();
    assert!(undecided == 3 && late_s >= 3 * 86_400);
    // A clock that went back does not put the next one off for years.
    let request = CloseReview { undecided: ["1", "2", "3"].map(str::to_owned).into(), reason: "over".into() };
    review(&bench, 0, AccessAction::CloseReview { id: "open".into(), request }).unwrap();
    assert!(counts(inner).is_none());
    control.write(|write| ReviewShelf::set_clock(write, now_ms + 900 * DAY_MS)).unwrap();
    look(now_ms);
    assert_eq!(ReviewShelf::clock(control).unwrap(), Some(now_ms));
    inner.access.reviews.looked_ms.store(0, Ordering::Relaxed);
    Reviews::tick(inner);
    assert_eq!(all().len(), 1);
}
