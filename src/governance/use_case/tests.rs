use proptest::prelude::*;

use super::*;

fn terms() -> Terms {
    Terms {
        purpose: "find the torque of a bolt".into(),
        owner: "workshop".into(),
        legal_basis: "none: no personal data".into(),
        ..Terms::default()
    }
}

fn on(one: &UseCase, input: Input<'_>) -> Result<UseCase, UseCaseError> {
    step(one, input, ("uid:1", false), 100)
}

#[test]
fn the_way_of_a_use_case() {
    assert!(create("Pump seals", terms(), "uid:1", 1).is_err() && create("", terms(), "uid:1", 1).is_err());
    let empty = create("pumps", Terms::default(), "uid:1", 1).unwrap();
    let submit = || Input::Submit { approval: 7, reason: "needed" };
    assert!(matches!(on(&empty, submit()), Err(UseCaseError::Invalid { .. })), "no purpose yet");
    let draft = on(&empty, Input::Edit(terms())).unwrap();
    assert!(on(&draft, Input::Deploy { reason: "now" }).is_err(), "no votes yet");
    assert!(on(&draft, Input::Submit { approval: 7, reason: " " }).is_err(), "no reason");
    let submitted = on(&draft, submit()).unwrap();
    assert!(step(&submitted, Input::Edit(terms()), ("uid:1", true), 100).is_err(), "others vote on it now");
    assert!(on(&submitted, Input::Edit(terms())).is_ok(), "it was rejected");
    assert!(on(&submitted, Input::Approve { approval: 6 }).is_err(), "an older request");
    let approved = on(&submitted, Input::Approve { approval: 7 }).unwrap();
    assert!(on(&approved, Input::Edit(terms())).is_err(), "that was not voted on");
    let deployed = on(&approved, Input::Deploy { reason: "season begins" }).unwrap();
    let leaving = |retires_ms| Leaving { reason: "better one".into(), retires_ms, successor: None };
    assert!(on(&deployed, Input::Deprecate(leaving(Some(50)))).is_err(), "in the past");
    let deprecated = on(&deployed, Input::Deprecate(leaving(Some(200)))).unwrap();
    assert_eq!((deprecated.state_at(199), deprecated.state_at(200)), (State::Deprecated, State::Retired));
    assert_eq!(on(&deprecated, Input::Deploy { reason: "kept" }).unwrap().leaving, None);
    let late = step(&deprecated, Input::Deploy { reason: "kept" }, ("uid:1", false), 200);
    assert!(late.is_err(), "it is over");
    let retired = step(&deprecated, Input::Retire { reason: "its date" }, ("box", false), 200).unwrap();
    assert!(on(&retired, Input::Retire { reason: "again" }).is_err());
    let deeds: Vec<&str> = retired.events.iter().map(|event| event.deed.name()).collect();
    assert_eq!(deeds, ["created", "edited", "submitted", "approved", "deployed", "deprecated", "retired"]);
    assert_eq!(UseCase::general().state_at(u64::MAX), State::Deployed);
}

#[test]
fn the_general_one_comes_back_the_way_of_any_other() {
    let general = UseCase::general();
    let retired = on(&general, Input::Retire { reason: "named ones only" }).unwrap();
    assert!(on(&retired, Input::Deploy { reason: "back" }).is_err(), "nobody voted");
    let draft = on(&retired, Input::Edit(terms())).unwrap();
    assert_eq!(draft.state, State::Draft);
    let submitted = on(&draft, Input::Submit { approval: 9, reason: "missed" }).unwrap();
    let approved = on(&submitted, Input::Approve { approval: 9 }).unwrap();
    assert_eq!(on(&approved, Input::Deploy { reason: "back" }).unwrap().state, State::Deployed);
    let other = create("pumps", terms(), "uid:1", 1).unwrap();
    let over = on(&other, Input::Retire { reason: "over" }).unwrap();
    assert!(on(&over, Input::Edit(terms())).is_err(), "any other one is gone");
}

#[test]
fn what_is_asked_of_a_model_is_said_where_it_does_not_fit() {
    const SHA: &str = "abcdef0123456789";
    let mut one = create("pumps", terms(), "uid:1", 1).unwrap();
    let measured = |collection: &str, questions, quality| Measured {
        collection: collection.to_owned(),
        questions,
        quality,
    };
    assert!(!one.constrains() && one.fits((SHA, "words"), &[]).is_ok());
    one.terms.models = vec!["abcdef".into(), "other".into()];
    assert!(one.fits((SHA, "words"), &[]).is_ok() && one.fits(("ff00", "other"), &[]).is_ok());
    let why = one.fits(("ff00ff", "words"), &[]).unwrap_err();
    assert!(why.contains("pumps lets only abcdef, other answer, not words (ff00ff)"), "{why}");
    one.terms.models = vec!["abc".into()];
    assert!(one.fits((SHA, "words"), &[]).is_err(), "three letters name nothing");
    one.terms.models.clear();
    one.terms.quality = Some(800);
    one.terms.collections = vec!["seals".into()];
    let fits = |measured: &[Measured]| one.fits((SHA, "words"), measured);
    assert!(fits(&[measured("seals", 3, 0.8), measured("garden", 9, 0.1)]).is_ok());
    assert!(
        fits(&[measured("seals", 3, 0.79)]).unwrap_err().contains("0.800 on seals; words has 0.790 over 3")
    );
    for few in [&[][..], &[measured("seals", 2, 1.0)], &[measured("garden", 9, 1.0)]] {
        assert!(fits(few).unwrap_err().contains("judged questions"));
    }
    assert!(!one.watches(0), "a draft stops no promotion");
}

proptest! {
    /// Whatever is done in whatever order, nothing is deployed that was not approved as it stands.
    #[test]
    fn nothing_is_deployed_without_its_approval(deeds in proptest::collection::vec((0u8..7, 0u64..3, any::<bool>()), 0..40)) {
        let mut one = create("pumps", terms(), "uid:1", 1).unwrap();
        let mut approved: Option<Terms> = None;
        for (now_ms, (deed, number, waits)) in (2..).zip(deeds) {
            let mut changed = terms();
            changed.purpose.push_str(&number.to_string());
            let input = match deed {
                0 => Input::Edit(changed),
                1 => Input::Submit { approval: number, reason: "x" },
                2 => Input::Approve { approval: number },
                3 => Input::Deploy { reason: "x" },
                4 => Input::Deprecate(Leaving { reason: "x".into(), retires_ms: None, successor: None }),
                5 => Input::Deprecate(Leaving { reason: "x".into(), retires_ms: Some(now_ms + 1), successor: None }),
                _ => Input::Retire { reason: "x" },
            };
            if let Ok(after) = step(&one, input, ("uid:1", waits), now_ms) {
                prop_assert_eq!(after.revision, one.revision + 1);
                if deed == 2 {
                    approved = Some(after.terms.clone());
                }
                one = after;
            }
            if matches!(one.state, State::Approved | State::Deployed | State::Deprecated) {
                prop_assert_eq!(Some(&one.terms), approved.as_ref());
            }
        }
    }
}
