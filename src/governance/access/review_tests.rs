//! Reviews of grants: who may decide, what is frozen, how it ends, what is kept.

use proptest::prelude::*;

use super::*;
use crate::store::Control;

fn grant(to: Name, role: Role, at_ms: u64) -> Grant {
    let (by, reason) = ("uid:1".to_owned(), "shift".to_owned());
    Grant { to, role, by, reason, at_ms, until_ms: None, confirmed: None, used_ms: Some(7) }
}

/// Grants 1 to 4: of a user, of a group, of a robot that uid:1 made, of an approver.
fn book() -> Book {
    let mut book = Book { owner: 1, ..Book::default() };
    book.add("robot", "", "uid:1", 1).unwrap();
    for to in [Name::Uid(5), Name::Gid(50), Name::Own("robot".into())] {
        book.grant(grant(to, Role::Operator, 10), 10).unwrap();
    }
    book.grant(grant(Name::Uid(6), Role::Approver, 10), 10).unwrap();
    book
}

fn opened(book: &Book) -> Review {
    Review::open(1, book, ("box", "its time has come"), (100, 14)).unwrap()
}

fn said(verdict: Verdict) -> Decided {
    Decided { verdict, by: "uid:9".into(), reason: "looked at".into(), at_ms: 200 }
}

fn names(book: &Book, subject: &Subject) -> Vec<Name> {
    names_of(book, subject, |uid| if uid == 5 { vec![50] } else { Vec::new() })
}

#[test]
fn nobody_decides_about_what_is_theirs_under_any_name() {
    let mut book = book();
    let review = opened(&book);
    let other = names(&book, &Subject::local(9, &[]));
    for id in 1..=4 {
        assert!(review.decide(&book, id, said(Verdict::Confirmed), &other).is_ok(), "{id}");
    }
    let refused = |book: &Book, subject: &Subject, id| {
        let done = review.decide(book, id, said(Verdict::Revoked), &names(book, subject));
        matches!(done, Err(AccessError::Refused { what, .. }) if what.contains("nobody decides about their own"))
    };
    let five = Subject::local(5, &[]);
    assert!(refused(&book, &five, 1), "their own");
    assert!(refused(&book, &five, 2), "by the groups of the box");
    assert!(refused(&book, &Subject::local(9, &[50]), 2), "by the groups of the process");
    assert!(refused(&book, &Subject::local(1, &[]), 3), "made the robot");
    assert!(!refused(&book, &Subject::local(1, &[]), 1));
    // A token of somebody: who made it knows its secret.
    let token = |by: &str| Token {
        principal: "helper".into(),
        hash: [0; 32],
        scopes: vec!["*".into()],
        by: by.into(),
        at_ms: 20,
        until_ms: 9_000,
        used_ms: None,
    };
    book.add("helper", "", "uid:8", 1).unwrap();
    let helper = Subject {
        name: Name::Own("helper".into()),
        groups: Default::default(),
        via: Via::Token,
        token: Some(1),
        scopes: None,
    };
    assert!(!refused(&book, &helper, 1));
    book.add_token(1, token("uid:5")).unwrap();
    assert!(refused(&book, &helper, 1) && refused(&book, &helper, 2), "uid:5 stands behind it");
    book.add_token(2, token("robot")).unwrap();
    assert!(refused(&book, &helper, 3), "the robot made a token, uid:1 made the robot");
    assert!(!refused(&book, &helper, 4));
}

#[test]
fn what_was_frozen_is_decided_and_nothing_that_took_its_number() {
    let mut book = book();
    let review = opened(&book);
    let who = names(&book, &Subject::local(9, &[]));
    book.revoke_grant(4).unwrap();
    assert_eq!(book.grant(grant(Name::Uid(7), Role::Admin, 150), 150).unwrap(), 4, "the number again");
    assert!(review.decide(&book, 4, said(Verdict::Confirmed), &who).is_err());
    assert!(matches!(
        review.decide(&book, 5, said(Verdict::Confirmed), &who),
        Err(AccessError::Missing { .. })
    ));
    assert_eq!(review.undecided(&book, 200), [1, 2, 3], "what is gone needs nobody");
    let mut ends = book.clone();
    ends.grants.get_mut(&1).unwrap().until_ms = Some(180);
    assert_eq!(review.undecided(&ends, 200), [2, 3]);
    let no_reason = Decided { reason: " ".into(), ..said(Verdict::Confirmed) };
    assert!(review.decide(&book, 1, no_reason, &who).is_err());
}

#[test]
fn a_review_ends_with_everything_said() {
    let book = book();
    let who = names(&book, &Subject::local(9, &[]));
    let review = opened(&book);
    assert!(!review.is_late(review.due_ms) && review.is_late(review.due_ms + 1));
    assert_eq!(review.due_ms, 100 + 14 * 86_400_000);
    let one = review.decide(&book, 1, said(Verdict::Confirmed), &who).unwrap();
    let close = |named: &[u64], reason: &str| one.close(&book, named, ("uid:9", reason), 300);
    for (named, reason) in [(&[][..], "done"), (&[2, 3], "done"), (&[1, 2, 3, 4], "done"), (&[2, 3, 4], "")] {
        assert!(close(named, reason).is_err(), "{named:?} {reason}");
    }
    let said_so = close(&[], "x").unwrap_err().to_string();
    assert!(said_so.contains("2, 3, 4"), "{said_so}");
    let closed = close(&[4, 2, 3, 3], "nobody knows them").unwrap();
    assert!(!closed.is_late(u64::MAX));
    assert_eq!((closed.count(Verdict::Confirmed), closed.undecided(&book, 300)), (1, vec![2, 3, 4]));
    assert!(closed.decide(&book, 2, said(Verdict::Confirmed), &who).is_err(), "it is over");
    assert!(closed.close(&book, &[2, 3, 4], ("uid:9", "again"), 300).is_err());
    let mut gone = book.clone();
    gone.grants.clear();
    let closed = review.close(&gone, &[], ("uid:9", ""), 300).unwrap();
    assert_eq!(closed.count(Verdict::Gone), 4);
    assert!(Review::open(2, &gone, ("box", "again"), (1, 1)).is_err(), "nothing to review");
}

#[test]
fn it_is_time_after_so_many_days_and_never_without_any() {
    const DAY: u64 = 86_400_000;
    assert!(!is_due(5, 90, 5 + 90 * DAY - 1) && is_due(5, 90, 5 + 90 * DAY));
    assert!(!is_due(0, 0, u64::MAX), "the setting turns it off");
    assert!(!is_due(100 * DAY, 1, 5), "a clock that went back");
}

#[test]
fn what_is_kept_is_what_was_said_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
    let book = book();
    let who = names(&book, &Subject::local(9, &[]));
    assert_eq!(
        (ReviewShelf::list(&control, 99).unwrap(), ReviewShelf::clock(&control).unwrap()),
        (vec![], None)
    );
    let first = opened(&book);
    control.write(|write| ReviewShelf::keep(write, None, &first)).unwrap();
    control.write(|write| ReviewShelf::set_clock(write, 77)).unwrap();
    let second = first.decide(&book, 3, said(Verdict::Confirmed), &who).unwrap();
    control.write(|write| ReviewShelf::keep(write, Some(&first), &second)).unwrap();
    assert_eq!(ReviewShelf::list(&control, 99).unwrap(), [second]);
    for id in 2..60 {
        let one = Review { id, ..first.clone() };
        control.write(|write| ReviewShelf::keep(write, None, &one)).unwrap();
    }
    let all = ReviewShelf::list(&control, 99).unwrap();
    assert_eq!((all.len(), all[0].id, all.last().unwrap().id), (40, 59, 20));
    assert!(all.iter().all(|one| one.items.len() == 4));
    assert_eq!(ReviewShelf::clock(&control).unwrap(), Some(77));
}

proptest! {
    /// Whatever is decided, taken and given in whatever order: no item says what nobody decided, and an end leaves
    /// nothing out that was not named.
    #[test]
    fn an_end_names_what_was_not_decided(deeds in prop::collection::vec((0u8..4, 1u64..6), 0..30)) {
        let mut book = book();
        let mut review = opened(&book);
        let who = names(&book, &Subject::local(9, &[]));
        let mut decided = std::collections::BTreeMap::new();
        for (now_ms, (deed, id)) in (200..).zip(deeds) {
            let verdict = if deed == 0 { Verdict::Confirmed } else { Verdict::Revoked };
            match deed {
                0 | 1 => if let Ok(after) = review.decide(&book, id, Decided { at_ms: now_ms, ..said(verdict) }, &who) {
                    review = after;
                    decided.insert(id, verdict);
                    if deed == 1 {
                        book.revoke_grant(id).unwrap();
                    }
                },
                2 => drop(book.revoke_grant(id)),
                _ => drop(book.grant(grant(Name::Uid(5), Role::Auditor, now_ms), now_ms)),
            }
        }
        let open = review.undecided(&book, 900);
        prop_assert!(open.is_empty() || review.close(&book, &[], ("uid:9", "over"), 900).is_err());
        let closed = review.close(&book, &open, ("uid:9", "over"), 900).unwrap();
        for item in &closed.items {
            let told = item.decided.as_ref().map(|one| one.verdict);
            let want = decided.get(&item.grant).copied();
            let want = want.or((!open.contains(&item.grant)).then_some(Verdict::Gone));
            prop_assert_eq!(told, want);
        }
    }
}
