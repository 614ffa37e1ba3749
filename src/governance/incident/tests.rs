//! The machine: what leads where, what is refused, what is kept.

use proptest::prelude::*;

use super::{
    Act, BREACH_MS, Draft, Filter, Incident, IncidentError, Input, Kind, Link, Move, Severity, Shelf, State,
    step,
};
use crate::store::Control;

const NOW: u64 = 1_790_000_000_000;

fn draft(key: &str) -> Draft {
    Draft {
        title: " The card is lost ".into(),
        kind: Kind::Data,
        severity: Severity::Error,
        by: "uid:1000".into(),
        text: "in the bus".into(),
        owner: None,
        is_breach: false,
        key: key.into(),
        links: Vec::new(),
    }
}

fn incident() -> Incident {
    Incident::new(1, draft(""), NOW).unwrap()
}

fn go(to: Move) -> Input<'static> {
    Input::Move { by: "uid:1000", to, text: "so it is" }
}

const CLOSE: Input<'_> = Input::Close { by: "uid:1000", post_mortem: "cards are encrypted now" };

#[test]
fn an_incident_lives_from_open_to_closed() {
    let one = incident();
    assert_eq!((one.title.as_str(), one.state, one.events.len()), ("The card is lost", State::Open, 1));
    assert!(matches!(step(&one, CLOSE, NOW + 1), Err(IncidentError::Conflict { .. })), "not resolved");
    let steps = [
        (go(Move::Acknowledge), State::Acknowledged),
        (go(Move::Mitigate), State::Mitigated),
        (go(Move::Resolve), State::Resolved),
        (go(Move::Reopen), State::Open),
        (go(Move::Resolve), State::Resolved),
        (CLOSE, State::Closed),
    ];
    let mut now = NOW;
    let closed = steps.into_iter().fold(one, |before, (input, wanted)| {
        now += 1;
        let after = step(&before, input, now).unwrap();
        assert_eq!((after.state, after.moved_ms, after.revision), (wanted, now, before.revision + 1));
        after
    });
    assert_eq!((closed.post_mortem.as_str(), closed.events.len()), ("cards are encrypted now", 7));
    let note = Input::Note { by: "uid:1000", text: "late" };
    for input in [note, CLOSE, go(Move::Resolve), Input::Again { text: "again", seen_ms: now + 1 }] {
        assert!(matches!(step(&closed, input, now), Err(IncidentError::Conflict { .. })), "{input:?}");
    }
    assert_eq!(step(&closed, go(Move::Reopen), now).unwrap().state, State::Open);
    // A claim needs its reason, a note its text, a title its words.
    let one = incident();
    for input in [
        Input::Move { by: "a", to: Move::Resolve, text: " " },
        Input::Note { by: "a", text: "" },
        Input::Title { by: "a", title: "" },
    ] {
        assert!(matches!(step(&one, input, NOW), Err(IncidentError::Invalid { .. })), "{input:?}");
    }
}

#[test]
fn the_clock_of_a_breach_runs_from_the_opening() {
    let one = incident();
    let breach = |is_breach, text| Input::Breach { by: "uid:1000", is_breach, text };
    let marked = step(&one, breach(true, ""), NOW + 5).unwrap();
    assert_eq!(marked.breach_until_ms(), Some(NOW + BREACH_MS), "whenever it is marked");
    assert!(step(&marked, breach(false, ""), NOW + 6).is_err(), "that it is none needs a reason");
    // A breach stays of a type that can be one.
    let policy = Input::Kind { by: "uid:1000", kind: Kind::Policy, text: "" };
    assert!(step(&marked, policy, NOW + 6).is_err());
    let other = step(&one, policy, NOW + 6).unwrap();
    assert!(step(&other, breach(true, ""), NOW + 7).is_err());
    // It is not closed before somebody said that the authority was told, or that it was none.
    let resolved = step(&marked, go(Move::Resolve), NOW + 8).unwrap();
    assert!(matches!(step(&resolved, CLOSE, NOW + 9), Err(IncidentError::Conflict { .. })));
    let told = Input::Told { by: "uid:1000", text: "by mail" };
    let after = step(&resolved, told, NOW + 9).unwrap();
    assert_eq!((after.authority_ms, after.breach_runs()), (Some(NOW + 9), false));
    assert!(step(&after, told, NOW + 10).is_err() && step(&one, told, NOW).is_err());
    assert_eq!(step(&after, CLOSE, NOW + 11).unwrap().state, State::Closed);
    let none = step(&resolved, breach(false, "the card was encrypted"), NOW + 9).unwrap();
    assert_eq!(step(&none, CLOSE, NOW + 11).unwrap().state, State::Closed);
    assert!(Incident::new(1, Draft { is_breach: true, kind: Kind::Safety, ..draft("") }, NOW).is_err());
}

#[test]
fn what_flaps_adds_to_the_timeline_and_leaves_room_for_people() {
    let mut one = incident();
    for n in 1..1000 {
        one = step(&one, Input::Again { text: "again", seen_ms: NOW + n }, NOW + n).unwrap();
        one = step(&one, Input::Over { text: "over" }, NOW + n).unwrap();
    }
    assert_eq!((one.times, one.seen_ms), (1000, NOW + 999));
    assert_eq!(one.events.len(), 300);
    let one = step(&one, go(Move::Resolve), NOW + 1000).unwrap();
    assert_eq!(one.events.len(), 301);
    // What comes back after it was resolved is open again, and that is told.
    let one = step(&one, Input::Again { text: "again", seen_ms: NOW + 2000 }, NOW + 2000).unwrap();
    assert_eq!((one.state, one.events.len(), one.events[301].act), (State::Open, 302, Act::Recurred));
}

#[test]
fn links_are_of_known_kinds_and_not_twice() {
    for bad in ["", "alert", "alert:", "ufo:1", "entry:a\nb"] {
        assert!(Link::parse(bad).is_err(), "{bad:?}");
    }
    let link = Link::parse("alert:4a1f").unwrap();
    let input = Input::Link { by: "uid:1000", link: &link };
    let one = step(&incident(), input, NOW).unwrap();
    assert_eq!(one.links, std::slice::from_ref(&link));
    assert!(step(&one, input, NOW).is_err());
}

#[test]
fn incidents_are_kept_found_by_key_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.redb");
    let control = Control::open(&path, 256 << 10).unwrap();
    assert_eq!(Shelf::next(&control).unwrap(), 1);
    assert!(Shelf::of_key(&control, "a").unwrap().is_none() && Shelf::unclosed(&control).unwrap().is_empty());
    for (id, key) in [(1, "a"), (2, ""), (3, "b")] {
        let severity = if id == 3 { Severity::Critical } else { Severity::Warning };
        let one = Incident::new(id, Draft { severity, ..draft(key) }, NOW).unwrap();
        control.write(|write| Shelf::put(write, &one)).unwrap();
    }
    let closed = step(&Shelf::get(&control, 1).unwrap(), go(Move::Resolve), NOW).unwrap();
    let closed = step(&closed, CLOSE, NOW).unwrap();
    control.write(|write| Shelf::put(write, &closed)).unwrap();
    drop(control);
    let control = Control::open(&path, 256 << 10).unwrap();
    assert_eq!(Shelf::of_key(&control, "a").unwrap(), Some(closed));
    let list = |filter: Filter, before, limit| -> Vec<u64> {
        Shelf::list(&control, &filter, before, limit).unwrap().iter().map(|one| one.id).collect()
    };
    let all = Filter::default();
    assert_eq!((list(all, u64::MAX, 2), list(all, 2, 2)), (vec![3, 2], vec![1]));
    assert_eq!(list(Filter { unclosed: true, ..all }, u64::MAX, 9), [3, 2]);
    assert_eq!(list(Filter { state: Some(State::Closed), ..all }, u64::MAX, 9), [1]);
    assert_eq!(list(Filter { severity: Some(Severity::Error), ..all }, u64::MAX, 9), [3]);
    assert!(list(Filter { kind: Some(Kind::Policy), ..all }, u64::MAX, 9).is_empty());
    // The newest of a key is the one that counts.
    let again = Incident::new(4, draft("a"), NOW).unwrap();
    control.write(|write| Shelf::put(write, &again)).unwrap();
    assert_eq!(Shelf::of_key(&control, "a").unwrap().unwrap().id, 4);
    assert!(matches!(Shelf::get(&control, 9), Err(IncidentError::Missing { id: 9 })));
}

fn inputs() -> impl Strategy<Value = (u8, u64)> {
    (0u8..14, 0u64..100_000)
}

proptest! {
    #[test]
    fn a_timeline_only_grows_and_closed_was_resolved(all in prop::collection::vec(inputs(), 0..60)) {
        let link = Link::parse("entry:1").unwrap();
        let mut one = incident();
        let mut now = NOW;
        for (which, later) in all {
            now += later;
            let by = "uid:1000";
            let input = match which {
                0 => go(Move::Acknowledge),
                1 => go(Move::Mitigate),
                2 => go(Move::Resolve),
                3 => go(Move::Reopen),
                4 | 5 => CLOSE,
                6 => Input::Note { by, text: "n" },
                7 => Input::Assign { by, to: Some("uid:7"), text: "" },
                8 => Input::Severity { by, severity: Severity::Critical, text: "" },
                9 => Input::Breach { by, is_breach: later % 2 == 0, text: "r" },
                10 => Input::Told { by, text: "" },
                11 => Input::Link { by, link: &link },
                12 => Input::Again { text: "again", seen_ms: now },
                _ => Input::Over { text: "over" },
            };
            let Ok(after) = step(&one, input, now) else { continue };
            prop_assert_eq!(&after.events[..one.events.len()], &one.events[..]);
            prop_assert!(after.revision > one.revision && after.events.len() <= one.events.len() + 1);
            // No change without its event.
            if after.state != one.state || after.owner != one.owner || after.severity != one.severity {
                prop_assert_eq!(after.events.len(), one.events.len() + 1);
            }
            if after.state == State::Closed {
                prop_assert!(one.state == State::Resolved && !after.breach_runs());
                prop_assert!(!after.post_mortem.is_empty());
            }
            one = after;
        }
    }
}
