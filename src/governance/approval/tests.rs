//! The rules, one by one, and all of them against a plain model under random principals, votes, delegations, clocks.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::governance::access::{Book, Grant, Name, Role};
use crate::store::codec;

const HOUR: u64 = 3_600_000;

fn draft(by: &str, votes: u32) -> Draft {
    let subject = Subject { kind: "model".into(), name: "abc".into(), digest: [7; 32] };
    Draft {
        subject,
        change: Change::Grant { to: "uid:9".into(), role: 3, reason: "x".into(), ttl_ms: None },
        impact: Impact::Medium,
        by: by.into(),
        reason: "better".into(),
        diff: "- old\n+ new".into(),
        votes,
        roles: vec![Role::Approver],
        time_ms: HOUR,
    }
}

fn person<'a>(name: &'a str, roles: &'a [Role]) -> Person<'a> {
    Person {
        name,
        roles,
        lent: &[],
        givers: &[],
        is_root: name == "uid:0",
        is_local: name.starts_with("uid:"),
    }
}

fn vote<'a>(name: &'a str, roles: &'a [Role], approve: bool) -> Input<'a> {
    Input::Vote { by: person(name, roles), approve, reason: "seen", proof: Proof::NotAsked }
}

const VOTER: &[Role] = &[Role::Approver];

fn rule(result: Result<Done, ApprovalError>) -> &'static str {
    match result {
        Err(ApprovalError::Refused { rule, .. }) => rule,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_vote_carries_out_and_nothing_before_or_after_does() {
    let one = Approval::new(1, draft("uid:1", 2), 0).unwrap();
    let first = step(&one, vote("uid:2", VOTER, true), 1).unwrap();
    assert_eq!((first.approval.state, first.effects), (State::Pending, vec![Effect::Tell(Act::Approved)]));
    let last = step(&first.approval, vote("uid:3", VOTER, true), 2).unwrap();
    assert_eq!(last.effects, [Effect::Tell(Act::Approved), Effect::CarryOut]);
    assert_eq!((last.approval.state, last.approval.revision), (State::Approved, 3));
    let late = step(&last.approval, vote("uid:4", VOTER, true), 3);
    assert!(matches!(late, Err(ApprovalError::Conflict { .. })), "{late:?}");
}

#[test]
fn every_way_to_decide_alone_is_refused_by_name() {
    let one = Approval::new(1, draft("uid:1", 2), 0).unwrap();
    assert_eq!(rule(step(&one, vote("uid:1", VOTER, true), 1)), "nobody-decides-their-own");
    assert_eq!(rule(step(&one, vote("uid:1", VOTER, false), 1)), "nobody-decides-their-own");
    assert_eq!(rule(step(&one, vote("uid:0", VOTER, true), 1)), "root-never-votes");
    assert_eq!(rule(step(&one, vote("helper", VOTER, true), 1)), "votes-by-socket-only");
    assert_eq!(rule(step(&one, vote("uid:5", &[Role::Admin], true), 1)), "votes-need-the-role");
    let give = |from: &Approval, by: &str, roles: &[Role], to: &str| {
        step(from, Input::Delegate { by: person(by, roles), to, reason: "away" }, 1)
    };
    // The submitter's delegate does not count, not even with a role of their own.
    let bound = give(&one, "uid:1", VOTER, "uid:2").unwrap().approval;
    assert_eq!(rule(step(&bound, vote("uid:2", VOTER, true), 2)), "delegates-of-the-submitter-do-not-count");
    assert_eq!(rule(give(&one, "uid:3", VOTER, "uid:1")), "delegates-are-others");
    assert_eq!(rule(give(&one, "uid:3", &[], "uid:4")), "votes-need-the-role");
    // One vote given away is one vote, whoever casts it.
    let given = give(&one, "uid:3", VOTER, "uid:4").unwrap().approval;
    // What somebody gave away who has no vote (any more) is none.
    assert_eq!(rule(step(&given, vote("uid:4", &[], true), 2)), "votes-need-the-role");
    let givers = ["uid:3".to_owned()];
    let by = Person { givers: &givers, ..person("uid:4", &[]) };
    let for_another = Input::Vote { by, approve: true, reason: "seen", proof: Proof::NotAsked };
    let cast = step(&given, for_another, 2).unwrap().approval;
    assert_eq!(cast.events.last().unwrap().whom.as_deref(), Some("uid:3"));
    assert_eq!(rule(step(&cast, vote("uid:3", VOTER, true), 3)), "everybody-counts-once");
    assert_eq!(rule(step(&cast, vote("uid:4", VOTER, true), 3)), "everybody-counts-once");
    assert_eq!(rule(give(&cast, "uid:3", VOTER, "uid:5")), "everybody-counts-once");
    let other = Input::Withdraw { by: person("uid:2", VOTER), reason: "" };
    assert_eq!(rule(step(&one, other, 1)), "own-request");
}

#[test]
fn a_role_that_only_the_submitter_stands_behind_is_no_vote() {
    let one = Approval::new(1, draft("uid:1", 1), 5).unwrap();
    let lent = Person { lent: VOTER, ..person("uid:2", &[]) };
    let vote = |approve| Input::Vote { by: lent, approve, reason: "seen", proof: Proof::Signed };
    assert_eq!(rule(step(&one, vote(true), 6)), "grants-of-the-submitter-do-not-count");
    assert_eq!(rule(step(&one, vote(false), 6)), "grants-of-the-submitter-do-not-count");
    let give = Input::Delegate { by: lent, to: "uid:4", reason: "away" };
    assert_eq!(rule(step(&one, give, 6)), "grants-of-the-submitter-do-not-count");
}

#[test]
fn time_and_rejection_end_it() {
    let one = Approval::new(1, draft("uid:1", 1), 5).unwrap();
    assert!(step(&one, Input::Expire, 5 + HOUR - 1).is_err());
    assert!(matches!(step(&one, vote("uid:2", VOTER, true), 5 + HOUR), Err(ApprovalError::Conflict { .. })));
    assert_eq!(one.state_at(5 + HOUR), State::Expired);
    assert_eq!(step(&one, Input::Expire, 5 + HOUR).unwrap().approval.state, State::Expired);
    let no = step(&one, vote("uid:2", VOTER, false), 6).unwrap();
    assert_eq!((no.approval.state, no.effects), (State::Rejected, vec![Effect::Tell(Act::Rejected)]));
    for odd in [Draft { reason: " ".into(), ..draft("uid:1", 1) }, draft("uid:1", 0), draft("uid:1", 10)] {
        assert!(Approval::new(1, odd, 0).is_err());
    }
    let silent =
        Input::Vote { by: person("uid:2", VOTER), approve: true, reason: "  ", proof: Proof::Signed };
    assert!(matches!(step(&one, silent, 6), Err(ApprovalError::Invalid { .. })));
}

#[test]
fn records_come_back() {
    let one = Approval::new(3, draft("uid:1", 2), 0).unwrap();
    let one = step(&one, vote("uid:2", VOTER, true), 1).unwrap().approval;
    let bytes = codec::encode(1, &one).unwrap();
    assert_eq!(codec::decode::<Approval>(1, &bytes).unwrap(), one);
}

#[derive(Debug, Clone)]
enum Deed {
    /// Who, for or against, signed or not.
    Vote(u8, bool, bool),
    Comment(u8),
    Delegate(u8, u8),
    Withdraw(u8),
    Expire,
    Wait(u64),
    /// By whom, to whom: at once where nobody else could vote on it.
    Grant(u8, u8),
    Revoke(u8, u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = 0u8..6;
    prop_oneof![
        5 => (who.clone(), prop::bool::weighted(0.85), any::<bool>())
            .prop_map(|(who, yes, signed)| Deed::Vote(who, yes, signed)),
        1 => who.clone().prop_map(Deed::Comment),
        3 => (who.clone(), 0u8..6).prop_map(|(from, to)| Deed::Delegate(from, to)),
        1 => (0u8..60).prop_map(Deed::Withdraw),
        1 => Just(Deed::Expire),
        2 => (1u64..HOUR).prop_map(Deed::Wait),
        3 => (who.clone(), 0u8..6).prop_map(|(by, to)| Deed::Grant(by, to)),
        3 => (who.clone(), 0u8..6).prop_map(|(by, to)| Deed::Revoke(by, to)),
    ]
}

/// A role that one gives another.
fn role_of(by: u8, to: u8, at_ms: u64) -> Grant {
    Grant {
        to: Name::Uid(u32::from(to)),
        role: Role::Approver,
        by: format!("uid:{by}"),
        reason: "x".into(),
        at_ms,
        until_ms: None,
        confirmed: None,
        used_ms: None,
    }
}

fn proof(signed: bool, must_sign: bool) -> Proof {
    match (signed, must_sign) {
        (true, _) => Proof::Signed,
        (false, true) => Proof::Missing,
        (false, false) => Proof::NotAsked,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever people try: the change is carried out once, with as many votes as it needs, none of them the
    /// submitter's by any path, and everything that happened is told.
    #[test]
    fn no_change_without_its_votes(
        submitter in 0u8..6,
        votes in 1u32..4,
        must_sign in any::<bool>(),
        roles in prop::collection::vec(prop::bool::ANY, 6),
        deeds in prop::collection::vec(deed(), 1..40),
    ) {
        let names: Vec<String> = (0..60).map(|n| format!("uid:{n}")).collect();
        let name = |who: u8| names[who as usize].as_str();
        let mut book = Book { owner: 0, ..Book::default() };
        for who in (0u8..6).filter(|who| roles.get(*who as usize).copied().unwrap_or(false)) {
            book.grant(role_of(99, who, 0), 0).unwrap();
        }
        let gift = format!("uid:{submitter}");
        let is_gift = |grant: &Grant| grant.by == gift;
        let mut now = 1;
        let mut one = Approval::new(1, draft(name(submitter), votes), now).unwrap();
        // The plain model: who counts for it, who gave to whom.
        let mut counted: BTreeSet<u8> = BTreeSet::new();
        let mut used: BTreeSet<u8> = BTreeSet::new();
        let mut given: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
        let (mut carried, mut told, mut over) = (0, 1, false);
        for deed in deeds {
            let was_over = over || now > HOUR;
            let before = one.clone();
            // Who votes as the book has it, and whose role is the submitter's own gift.
            let grant_of = |who: u8| book.grants.iter().find(|(_, grant)| grant.to == Name::Uid(u32::from(who)));
            let is_lent = |who: u8| grant_of(who).is_some_and(|(_, grant)| is_gift(grant));
            let holds = |who: u8| grant_of(who).is_some() && !is_lent(who);
            let givers: Vec<String> = (0u8..6).filter(|who| holds(*who)).map(|who| name(who).to_owned()).collect();
            let of = |who: u8| Person {
                givers: &givers,
                lent: if is_lent(who) { VOTER } else { &[] },
                ..person(name(who), if holds(who) { VOTER } else { &[] })
            };
            let input = match deed {
                Deed::Vote(who, approve, signed) => {
                    Input::Vote { by: of(who), approve, reason: "seen", proof: proof(signed, must_sign) }
                }
                Deed::Comment(who) => Input::Comment { by: of(who), text: "hm" },
                Deed::Delegate(from, to) => {
                    Input::Delegate { by: of(from), to: name(to), reason: "away" }
                }
                Deed::Withdraw(who) => Input::Withdraw { by: person(name(who), &[]), reason: "" },
                Deed::Expire => Input::Expire,
                Deed::Wait(ms) => {
                    now += ms / 4;
                    continue;
                }
                Deed::Grant(by, to) => {
                    if !book.others_can_vote(&Name::Uid(u32::from(by)), now) {
                        book.grant(role_of(by, to, now), now).unwrap();
                    }
                    continue;
                }
                Deed::Revoke(by, to) => {
                    let (by, mut after) = (Name::Uid(u32::from(by)), book.clone());
                    let (could, id) = (book.others_can_vote(&by, now), grant_of(to).map_or(0, |(id, _)| *id));
                    if after.leaving_a_voter(&by, now, |book| book.revoke_grant(id)).is_ok() {
                        book = after;
                        prop_assert!(by == Name::Uid(0) || !could || book.others_can_vote(&by, now), "the last vote went");
                    }
                    continue;
                }
            };
            let Ok(done) = step(&one, input, now) else {
                // A vote that a plain reading of the rules allows is never refused.
                if let Deed::Vote(who, yes, signed) = deed {
                    let bound = given.get(&submitter).is_some_and(|to| to.contains(&who));
                    let fine = who != submitter && who != 0 && holds(who) && !used.contains(&who) && !bound;
                    let lacks = yes && must_sign && !signed;
                    prop_assert!(!fine || was_over || lacks, "{who} may vote");
                }
                continue;
            };
            one = done.approval;
            told += done.effects.iter().filter(|effect| matches!(effect, Effect::Tell(_))).count();
            prop_assert_eq!(one.events.len(), told, "everything is told, once");
            prop_assert_eq!(one.revision, before.revision + 1);
            prop_assert!(!over, "nothing happens to what is decided");
            match deed {
                Deed::Vote(who, yes, signed) => {
                    prop_assert!(signed || !yes || !must_sign, "an unsigned vote counted");
                    prop_assert!(!was_over && who != submitter && who != 0 && used.insert(who));
                    let whose = match &one.events.last().unwrap().whom {
                        None => who,
                        Some(whom) => names.iter().position(|name| name == whom).unwrap() as u8,
                    };
                    prop_assert!(whose != submitter && whose != 0);
                    // A vote that was given away was its giver's then, and is now.
                    prop_assert!(holds(whose) && !is_lent(whose));
                    if whose != who {
                        prop_assert!(!holds(who) && given[&whose].contains(&who) && used.insert(whose));
                    }
                    if yes {
                        prop_assert!(counted.insert(whose));
                    }
                    over = !yes || counted.len() as u32 == votes;
                    prop_assert_eq!(one.state == State::Approved, yes && counted.len() as u32 == votes);
                }
                Deed::Delegate(from, to) => drop(given.entry(from).or_default().insert(to)),
                Deed::Withdraw(who) => {
                    prop_assert_eq!(who, submitter);
                    over = true;
                }
                Deed::Expire => {
                    prop_assert!(now > HOUR);
                    over = true;
                }
                Deed::Comment(_) | Deed::Wait(_) | Deed::Grant(..) | Deed::Revoke(..) => {}
            }
            let carries = done.effects.contains(&Effect::CarryOut);
            carried += u32::from(carries);
            prop_assert_eq!(carries, before.state == State::Pending && one.state == State::Approved);
        }
        prop_assert_eq!(carried, u32::from(one.state == State::Approved));
        prop_assert!(carried == 0 || counted.len() as u32 == votes);
    }
}
