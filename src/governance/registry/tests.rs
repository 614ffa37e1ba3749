//! Promotions one by one, and against a plain model under random steps.

use proptest::prelude::*;

use super::*;
use crate::store::Control;

fn version(sha256: &str) -> Version {
    Version {
        sha256: sha256.into(),
        name: format!("name of {sha256}"),
        licence: "MIT".into(),
        source: "test".into(),
        about: String::new(),
        rows: 3,
        columns: 64,
        bytes: 1,
        by: "uid:1".into(),
        at_ms: 0,
        stage: Stage::None,
        approval: None,
        approved_ms: None,
        gates: Vec::new(),
        measured_ms: None,
    }
}

fn gate(passed: bool) -> Vec<Gate> {
    vec![Gate::of("quality", passed, "0.5".into())]
}

fn after(registry: &Registry, input: Input<'_>, now: u64) -> Registry {
    step(registry, input, now).unwrap().0
}

fn approved(sha256: &str) -> Registry {
    let one = after(&Registry::default(), Input::Register(Box::new(version(sha256))), 1);
    let one = after(&one, Input::Submit { sha256, approval: 7, by: "uid:1", reason: "better" }, 2);
    let none = step(&one, Input::Begin { sha256, by: "uid:1", reason: "go" }, 3).unwrap_err();
    assert!(none.to_string().contains("no approval"), "{none}");
    assert!(
        step(&one, Input::Approve { sha256, approval: 6, by: "uid:2" }, 3).is_err(),
        "of another request"
    );
    after(&one, Input::Approve { sha256, approval: 7, by: "uid:2" }, 4)
}

#[test]
fn a_model_is_promoted_and_rolled_back() {
    let one = approved("a");
    let one = after(&one, Input::Begin { sha256: "a", by: "uid:1", reason: "go" }, 5);
    assert!(matches!(
        step(&one, Input::Begin { sha256: "a", by: "uid:3", reason: "go" }, 6),
        Err(RegistryError::Conflict { .. })
    ));
    // A failed gate stops it; nothing else changes.
    let (stopped, told) =
        step(&one, Input::Decide { sha256: "a", serving: "built-in", gates: gate(false), lenient: false }, 6)
            .unwrap();
    assert_eq!((told.deed, told.reason.as_str()), (Deed::Refused, "gates failed: quality"));
    assert_eq!((stopped.pointer.production, stopped.pointer.promoting), (None, None));
    let (done, told) =
        step(&one, Input::Decide { sha256: "a", serving: "built-in", gates: gate(true), lenient: false }, 6)
            .unwrap();
    assert_eq!(told.switched, Some(("built-in".into(), "a".into())));
    assert_eq!(done.versions["a"].stage, Stage::Production);
    assert!(
        !one.pointer.is_fresh(100, 6) && done.pointer.is_fresh(100, 6) && done.pointer.is_fresh(100, 105)
    );
    assert!(!done.pointer.is_fresh(100, 106), "the time is over");
    assert!(
        !done.pointer.is_fresh(100, 5) && !done.pointer.is_fresh(0, 6),
        "a clock that went back, no watch"
    );
    let (back, told) = step(&done, Input::RollBack { by: "uid:1", reason: "worse" }, 7).unwrap();
    assert_eq!(told.switched, Some(("a".into(), "built-in".into())));
    assert_eq!((back.pointer.production.as_deref(), back.pointer.previous.clone()), (Some("built-in"), None));
    assert_eq!(back.versions["a"].stage, Stage::Staging, "it may be promoted again");
    assert!(step(&back, Input::RollBack { by: "uid:1", reason: "x" }, 8).is_err());
    assert!(step(&done, Input::Archive { sha256: "a", by: "uid:1", reason: "x" }, 8).is_err(), "it answers");
    let gone = after(&back, Input::Archive { sha256: "a", by: "uid:1", reason: "x" }, 8);
    assert!(step(&gone, Input::Begin { sha256: "a", by: "uid:1", reason: "go" }, 9).is_err());
}

#[test]
fn what_a_rollback_brings_back_is_kept_and_what_was_archived_comes_again() {
    let promoted = |registry: &Registry, sha256, serving, now| {
        let one = after(registry, Input::Begin { sha256, by: "uid:1", reason: "go" }, now);
        after(&one, Input::Decide { sha256, serving, gates: gate(true), lenient: false }, now)
    };
    let archive = |sha256| Input::Archive { sha256, by: "uid:1", reason: "old" };
    let mut one = approved("a");
    one.versions.insert("b".into(), Version { approval: Some(8), approved_ms: Some(4), ..version("b") });
    let one = promoted(&promoted(&one, "a", "built-in", 5), "b", "a", 6);
    let kept = step(&one, archive("a"), 7).unwrap_err();
    assert!(kept.to_string().contains("rollback") && !kept.advice().is_empty(), "{kept}");
    let back = after(&one, Input::RollBack { by: "uid:1", reason: "worse" }, 8);
    assert_eq!(back.pointer.production.as_deref(), Some("a"));
    // Afterwards b is no way back any more, and may go; it comes again as a new one, without its approval.
    let gone = after(&back, archive("b"), 9);
    let known = step(&gone, Input::Register(Box::new(version("a"))), 10).unwrap_err();
    assert!(known.to_string().contains("registered already"), "{known}");
    let again = after(&gone, Input::Register(Box::new(version("b"))), 10);
    assert_eq!(again.versions["b"], version("b"));
    assert!(step(&again, Input::Begin { sha256: "b", by: "uid:1", reason: "go" }, 11).is_err(), "no vote");
}

#[test]
fn holds_and_windows() {
    let one = approved("a");
    let held = after(&one, Input::Hold { by: "uid:9", reason: "inventory" }, 5);
    let no = step(&held, Input::Begin { sha256: "a", by: "uid:1", reason: "go" }, 6).unwrap_err();
    assert!(no.to_string().contains("inventory"), "{no}");
    let free = after(&held, Input::Release { by: "uid:9" }, 7);
    assert!(step(&free, Input::Begin { sha256: "a", by: "uid:1", reason: "go" }, 8).is_ok());
    let week = Window::parse("1-5 8-16").unwrap();
    assert!(week.contains(1, 8) && week.contains(5, 15) && !week.contains(5, 16) && !week.contains(6, 9));
    let night = Window::parse("6-1 22-4").unwrap();
    assert!(
        night.contains(7, 23) && night.contains(1, 3) && !night.contains(2, 23) && !night.contains(7, 12)
    );
    for odd in ["", "1-5", "0-5 8-16", "1-8 8-16", "1-5 8-25", "a-b c-d"] {
        assert_eq!(Window::parse(odd), None, "{odd}");
    }
}

#[test]
fn gates_say_what_they_measured() {
    let of = |candidate, questions| Quality { collection: "c".into(), questions, production: 0.5, candidate };
    assert_eq!(quality(&[of(0.49, 9)], 20).state, GateState::Passed);
    assert_eq!(quality(&[of(0.47, 9), of(0.9, 9)], 20).state, GateState::Failed);
    assert_eq!(quality(&[of(0.1, 2)], 20).state, GateState::NotMeasured);
    assert_eq!(latency(Some(200.0), 5, 200).state, GateState::Passed);
    assert_eq!(latency(Some(200.1), 5, 200).state, GateState::Failed);
    assert_eq!(latency(None, 0, 200).state, GateState::NotMeasured);
    assert_eq!(memory(1 << 20, 1 << 20, 2 << 20).state, GateState::Passed);
    assert_eq!(memory(1 << 20, (1 << 20) + 1, 2 << 20).state, GateState::Failed);
    assert_eq!(evidence(4, &[]).state, GateState::Passed);
    let without = evidence(3, &["approval.approved approval 7".to_owned()]);
    assert!(without.state == GateState::Failed && without.what.contains("approval 7"), "{without:?}");
    assert_eq!(incidents(&[]).state, GateState::Passed);
    assert_eq!(
        (incidents(&[3, 9]).state, incidents(&[3, 9]).what.as_str()),
        (GateState::Failed, "open and critical: 3, 9")
    );
    const HOUR: u64 = 3_600_000;
    assert_eq!(soak(0, None, 0).state, GateState::NotConfigured);
    assert_eq!(soak(2, None, 9 * HOUR).state, GateState::Failed);
    assert_eq!(soak(2, Some(HOUR), 3 * HOUR - 1).state, GateState::Failed);
    assert_eq!(soak(2, Some(HOUR), 3 * HOUR).state, GateState::Passed);
    assert_eq!(soak(2, Some(5 * HOUR), HOUR).state, GateState::Failed, "the clock went back");
    let moved = |at_ms, deed| Move {
        at_ms,
        deed,
        sha256: "a".into(),
        by: String::new(),
        reason: String::new(),
        switched: None,
    };
    let all = [
        moved(9, Deed::Staged),
        moved(7, Deed::Promoted),
        moved(5, Deed::Staged),
        moved(4, Deed::Archived),
        moved(3, Deed::Staged),
    ];
    assert_eq!(
        (staged_since(&all), staged_since(&all[3..]), staged_since(&all[4..])),
        (Some(5), None, Some(3))
    );
}

#[test]
fn what_could_not_be_measured_stops_a_promotion_unless_that_is_allowed() {
    let one = after(&approved("a"), Input::Begin { sha256: "a", by: "uid:1", reason: "go" }, 5);
    let decide = |gates: Vec<Gate>, lenient| {
        step(&one, Input::Decide { sha256: "a", serving: "built-in", gates, lenient }, 6).unwrap().1
    };
    let gates = || vec![quality(&[], 20), latency(None, 0, 200), memory(1, 1, 3)];
    let told = decide(gates(), false);
    assert_eq!(told.deed, Deed::Refused);
    assert!(told.reason.starts_with("not measured: quality, latency;"), "{}", told.reason);
    assert!(
        told.reason.contains("spud judge") && told.reason.contains("promotion.unmeasured"),
        "{}",
        told.reason
    );
    assert_eq!(decide(gates(), true).deed, Deed::Promoted);
    // One that failed is never let pass, and one that nobody asked for stops nothing.
    assert_eq!(
        decide(vec![quality(&[], 20), Gate::of("memory", false, String::new())], true).deed,
        Deed::Refused
    );
    let signature = Gate { name: "signature".into(), state: GateState::NotMeasured, what: String::new() };
    assert_eq!(decide([gate(true), vec![signature]].concat(), false).deed, Deed::Promoted);
}

#[test]
fn targets_match_what_they_mean() {
    let target = |file: &str, heading: &str, passage: &str| Target {
        file: file.into(),
        heading: heading.into(),
        passage: passage.into(),
        relevance: 1,
    };
    assert!(target("pump.md", "Priming", "").is("/m/pump.md", "Priming", "x"));
    assert!(!target("pump.md", "", "").is("/m/old-pump.md", "Priming", "x"));
    assert!(!target("pump.md", "Seal", "").is("/m/pump.md", "Priming", "x"));
    assert!(target("other.md", "", "ab").is("/m/pump.md", "Priming", "ab"), "a passage is known by its text");
}

#[test]
fn what_is_kept_comes_back_and_knows_what_answered_when() {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(&folder.path().join("control.redb"), 1 << 20).unwrap();
    assert_eq!(Shelf::load(&control).unwrap(), Registry::default());
    let mut registry = Registry::default();
    let mut go = |input: Input<'_>, now: u64| {
        let (next, moved) = step(&registry, input, now).unwrap();
        control.write(|write| Shelf::keep(write, &registry, &next, &moved)).unwrap();
        registry = next;
    };
    for sha256 in ["a", "b"] {
        go(Input::Register(Box::new(version(sha256))), 1);
        go(Input::Submit { sha256, approval: 7, by: "uid:1", reason: "better" }, 2);
        go(Input::Approve { sha256, approval: 7, by: "uid:2" }, 3);
    }
    for (sha256, now) in [("a", 10), ("b", 20)] {
        go(Input::Begin { sha256, by: "uid:1", reason: "go" }, now);
        go(Input::Decide { sha256, serving: "built-in", gates: gate(true), lenient: false }, now);
    }
    go(Input::RollBack { by: "uid:1", reason: "worse" }, 30);
    assert_eq!(Shelf::load(&control).unwrap(), registry);
    let at = |ms| Shelf::at(&control, ms).unwrap().map(|one| one.switched.unwrap().1);
    assert_eq!((at(9), at(10), at(29), at(30)), (None, Some("a".into()), Some("b".into()), Some("a".into())));
    assert_eq!(Shelf::first_after(&control, 9).unwrap().unwrap().switched.unwrap().0, "built-in");
    assert_eq!(Shelf::moves(&control, Some("b"), u64::MAX, 2).unwrap()[0].1.deed, Deed::Promoted);
    // Judged questions: the newer word holds.
    let target = |relevance| Target { passage: "ab".into(), relevance, ..Target::default() };
    let item = |relevance| [("c".to_owned(), "why?".to_owned(), vec![target(relevance)])];
    JudgedShelf::learn(&control, &item(1), ("uid:1", 1), |_| Ok(())).unwrap();
    let id = JudgedShelf::learn(&control, &item(0), ("uid:2", 2), |_| Ok(())).unwrap()[0];
    let all = JudgedShelf::list(&control, Some("c")).unwrap();
    assert!(all.len() == 1 && !all[0].1.has_answer() && all[0].1.by == "uid:2", "{all:?}");
    assert!(JudgedShelf::list(&control, Some("d")).unwrap().is_empty());
    JudgedShelf::forget(&control, id, |_| Ok(())).unwrap();
    assert!(JudgedShelf::forget(&control, id, |_| Ok(())).is_err());
}

#[derive(Debug, Clone)]
enum Try {
    Submit(u8, u64),
    Approve(u8, u64),
    Begin(u8),
    Decide(u8, bool),
    GiveUp(u8),
    RollBack,
    Archive(u8),
    Register(u8),
    Hold(bool),
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        2 => (0u8..3, 1u64..4).prop_map(|(m, id)| Try::Submit(m, id)),
        3 => (0u8..3, 1u64..4).prop_map(|(m, id)| Try::Approve(m, id)),
        4 => (0u8..3).prop_map(Try::Begin),
        4 => (0u8..3, any::<bool>()).prop_map(|(m, fine)| Try::Decide(m, fine)),
        1 => (0u8..3).prop_map(Try::GiveUp),
        2 => Just(Try::RollBack),
        1 => (0u8..3).prop_map(Try::Archive),
        1 => (0u8..3).prop_map(Try::Register),
        1 => any::<bool>().prop_map(Try::Hold),
    ];
    prop::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is tried: what answers was approved, begun by somebody and passed its gates, or answered just before;
    /// and what answered just before is there for a rollback.
    #[test]
    fn nothing_answers_that_was_not_let_through(all in tries()) {
        let names = ["aaaaaa", "bbbbbb", "cccccc"];
        let mut registry = Registry::default();
        for name in names {
            registry = after(&registry, Input::Register(Box::new(version(name))), 0);
        }
        let mut asked: [Option<u64>; 3] = [None; 3];
        let mut fine = [false; 3];
        let mut begun: Option<usize> = None;
        let (mut held, mut serving) = (false, "built-in".to_owned());
        let mut back: Option<String> = None;
        for (now, one) in (1u64..).zip(all) {
            let m = |m: u8| names[m as usize];
            let input = match &one {
                Try::Submit(at, approval) => Input::Submit { sha256: m(*at), approval: *approval, by: "u", reason: "r" },
                Try::Approve(at, approval) => Input::Approve { sha256: m(*at), approval: *approval, by: "v" },
                Try::Begin(at) => Input::Begin { sha256: m(*at), by: "u", reason: "r" },
                Try::Decide(at, passed) => Input::Decide { sha256: m(*at), serving: "built-in", gates: gate(*passed), lenient: false },
                Try::GiveUp(at) => Input::GiveUp { sha256: m(*at), why: "w" },
                Try::RollBack => Input::RollBack { by: "u", reason: "r" },
                Try::Archive(at) => Input::Archive { sha256: m(*at), by: "u", reason: "r" },
                Try::Register(at) => Input::Register(Box::new(version(m(*at)))),
                Try::Hold(true) => Input::Hold { by: "u", reason: "r" },
                Try::Hold(false) => Input::Release { by: "u" },
            };
            let Ok((next, moved)) = step(&registry, input, now) else { continue };
            match one {
                Try::Submit(at, id) => (asked[at as usize], fine[at as usize]) = (Some(id), false),
                Try::Approve(at, id) => {
                    prop_assert_eq!(asked[at as usize], Some(id));
                    fine[at as usize] = true;
                }
                Try::Begin(at) => {
                    prop_assert!(fine[at as usize] && begun.is_none() && !held);
                    begun = Some(at as usize);
                }
                Try::Decide(at, passed) => {
                    prop_assert_eq!(begun.take(), Some(at as usize));
                    let through = passed && fine[at as usize];
                    prop_assert_eq!(moved.deed == Deed::Promoted, through);
                    if through {
                        back = Some(std::mem::replace(&mut serving, names[at as usize].to_owned()));
                    }
                }
                Try::GiveUp(at) => prop_assert_eq!(begun.take(), Some(at as usize)),
                Try::RollBack => {
                    prop_assert_eq!(registry.pointer.previous.clone(), next.pointer.production.clone());
                    prop_assert_eq!(back.take(), next.pointer.production.clone());
                    serving = next.pointer.production.clone().unwrap();
                    begun = None;
                }
                Try::Archive(at) => {
                    prop_assert!(serving != names[at as usize] && back.as_deref() != Some(names[at as usize]));
                    (asked[at as usize], fine[at as usize]) = (None, false);
                }
                Try::Register(at) => {
                    prop_assert_eq!(registry.versions[names[at as usize]].stage, Stage::Archived);
                }
                Try::Hold(on) => held = on,
            }
            registry = next;
            prop_assert_eq!(&registry.pointer.previous, &back);
            prop_assert_eq!(registry.pointer.production.as_deref().unwrap_or("built-in"), serving.as_str());
            let shown: Vec<&Version> =
                registry.versions.values().filter(|one| one.stage == Stage::Production).collect();
            prop_assert!(shown.len() <= 1 && shown.iter().all(|one| one.sha256 == serving));
        }
    }
}
