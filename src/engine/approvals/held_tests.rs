//! Actions that wait for votes: nothing is done before, all of it after, and a power cut between loses nothing.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::tests::{Bench, denied};
use crate::api::types::access::{AccessPass, Decision, PolicyCase, TestPolicies, WhoAmI};
use crate::api::types::approval::{ApprovalWord, BreakGlass};
use crate::api::types::{CreateCollection, PruneBackups, SetConfig};
use crate::engine::action::BackupWork;
use crate::engine::{
    AccessAction, AccessReply, Action, ApprovalAction, Caller, ConfigAction, EngineError, Reply,
};
use crate::governance::access::Book;
use crate::governance::approval::Shelf;

const ANNA: u32 = 2001;

fn set(key: &str, value: &str) -> Action {
    let request = SetConfig { value: value.into(), reason: "spring".into(), ..SetConfig::default() };
    Action::Config(ConfigAction::Set { key: key.into(), request, if_match: None })
}

/// A box with an approver, a collection, and subjects that wait.
fn holding(subjects: &str) -> Bench {
    let bench = Bench::new();
    bench.grant(0, "uid:2001", "approver");
    let garden = CreateCollection { name: "garden".into(), ..CreateCollection::default() };
    bench.ask(0, Action::CreateCollection(garden)).unwrap();
    bench.ask(0, set("approval.subjects", subjects)).unwrap();
    bench
}

fn waits(bench: &Bench, action: Action) -> u64 {
    match bench.ask(0, action) {
        Err(EngineError::Waits { id, .. }) => id,
        other => panic!("{other:?}"),
    }
}

fn remove_garden(reason: &str) -> Action {
    Action::RemoveCollection { name: "garden".into(), reason: reason.into() }
}

fn has_garden(bench: &Bench) -> bool {
    bench.inner().library.snapshot().collections.contains_key("garden")
}

#[test]
fn what_is_removed_for_good_waits_and_is_done_with_the_last_vote() {
    let bench = holding("purge");
    let remove = || remove_garden("spring");
    // Whoever votes wants to know why.
    let silent = bench.ask(0, remove_garden(" ")).unwrap_err().to_string();
    assert!(silent.contains("wants to know why"), "{silent}");
    let prune = |reason: &str| {
        let request = PruneBackups { reason: reason.into(), ..PruneBackups::default() };
        Action::BeginBackupWork(BackupWork::Prune(request))
    };
    assert!(matches!(bench.ask(0, prune("")), Err(EngineError::Invalid { .. })));
    let id = waits(&bench, remove());
    assert_eq!(waits(&bench, remove()), id, "the same again is the same request");
    let shown = bench.approval(ANNA, ApprovalAction::Show(id.to_string())).unwrap();
    assert_eq!(shown.reason, "spring");
    assert!(has_garden(&bench) && bench.log("collection.removed") == 0);
    assert_eq!(
        denied(bench.approve(0, "1", None)).policies,
        ["nobody-decides-their-own", "root-never-votes"]
    );
    let done = bench.approve(ANNA, &id.to_string(), None).unwrap();
    assert_eq!(
        (done.state.as_str(), done.kind.as_str(), done.impact.as_str()),
        ("approved", "collection", "high")
    );
    assert_eq!(done.history.last().unwrap().act, "carried out");
    assert!(!has_garden(&bench));
    for kind in ["approval.submitted", "approval.approved", "collection.removed", "approval.carried_out"] {
        assert_eq!(bench.log(kind), 1, "{kind}");
    }
    // What cannot be done any more says so, and is not tried again.
    let id = waits(&bench, remove()).to_string();
    let done = bench.approve(ANNA, &id, None).unwrap();
    assert_eq!(done.history.last().unwrap().act, "failed");
    assert!(Shelf::due(super::control(bench.inner()).unwrap()).unwrap().is_empty());
    // A rejected one is nothing.
    let id = waits(&bench, Action::PurgeOperations { id: None, reason: "old".into() }).to_string();
    let word = ApprovalWord { reason: "no".into(), ..ApprovalWord::default() };
    bench.approval(ANNA, ApprovalAction::Reject { id, word, if_match: None }).unwrap();
    assert_eq!(bench.log("operation.purged"), 0);
}

#[test]
fn critical_settings_wait_and_the_setting_that_says_so_is_one_of_them() {
    let bench = holding("config");
    let votes = |bench: &Bench| bench.inner().config.running().number("approval.votes");
    let id = waits(&bench, set("approval.votes", "2")).to_string();
    let one = bench.approval(ANNA, ApprovalAction::Show(id.clone())).unwrap();
    assert!(one.diff.contains("approval.votes = 2") && one.reason == "spring", "{one:?}");
    waits(&bench, set("approval.subjects", "purge"));
    // The command line of this box has it, so that nothing would change: it is looked at, not done.
    let target = bench.ask(0, set("modes.latency_target_ms", "60000"));
    assert!(matches!(target, Err(EngineError::Conflict { .. })), "{target:?}");
    assert!(
        matches!(bench.ask(0, set("approval.votes", "99")), Err(EngineError::Invalid { .. })),
        "told now"
    );
    bench.ask(0, set("api.seconds", "20")).unwrap();
    assert_eq!(votes(&bench), 1);
    bench.approve(ANNA, &id, None).unwrap();
    assert_eq!(votes(&bench), 2);
}

#[test]
fn a_power_cut_between_vote_and_deed_loses_nothing() {
    let mut bench = holding("purge");
    let id = waits(&bench, remove_garden("spring")).to_string();
    // The vote alone, as if the power went right after its transaction.
    let word = ApprovalWord { reason: "seen".into(), ..ApprovalWord::default() };
    let action = ApprovalAction::Approve { id: id.clone(), word, if_match: None };
    super::act(bench.inner(), &Caller::local(ANNA, ANNA, 1, "r".into()), action, None).unwrap();
    assert!(has_garden(&bench));
    bench.start();
    let until = Instant::now() + Duration::from_secs(30);
    while has_garden(&bench) {
        assert!(Instant::now() < until, "what was due is not done");
        std::thread::sleep(Duration::from_millis(50));
    }
    bench.inner().approvals.looked_ms.store(0, Ordering::Relaxed);
    let acts = |bench: &Bench| {
        let one = bench.approval(ANNA, ApprovalAction::Show(id.clone())).unwrap();
        one.history.iter().filter(|event| event.act == "carried out").count()
    };
    while acts(&bench) == 0 {
        assert!(Instant::now() < until, "the outcome is not told");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!((acts(&bench), bench.log("collection.removed")), (1, 1));
}

#[test]
fn glass_takes_two_people_opens_an_incident_and_mends_itself() {
    use crate::api::types::incident::IncidentQuery;
    use crate::engine::{IncidentAction, IncidentReply};
    const OLAF: u32 = 2002;
    let bench = holding("purge");
    let ask = |uid, permission: &str, ttl_s| {
        let (permission, reason) = (permission.to_owned(), "fire".to_owned());
        bench.approval(uid, ApprovalAction::BreakGlass(BreakGlass { permission, reason, ttl_s }))
    };
    let remove = || remove_garden("spring");
    assert!(matches!(bench.ask(OLAF, remove()), Err(EngineError::Denied(_))));
    for permission in ["vote-approvals", "grant-roles", "fly"] {
        assert!(matches!(ask(OLAF, permission, None), Err(EngineError::Invalid { .. })), "{permission}");
    }
    assert!(matches!(ask(0, "compact", None), Err(EngineError::Invalid { .. })), "root needs none");
    let one = ask(OLAF, "remove-collection", Some(2)).unwrap();
    assert_eq!((one.state.as_str(), one.votes_needed), ("pending", 1));
    assert!(matches!(bench.approve(OLAF, &one.id, None), Err(EngineError::Denied(_))), "two people");
    assert!(matches!(bench.ask(OLAF, remove()), Err(EngineError::Denied(_))));
    assert_eq!(bench.approve(ANNA, &one.id, None).unwrap().state, "approved");
    // Neither the policies nor the votes of others stand in the way now, of this and of nothing else.
    bench.ask(OLAF, remove()).unwrap();
    assert!(matches!(
        bench.ask(OLAF, Action::PurgeOperations { id: None, reason: "old".into() }),
        Err(EngineError::Denied(_))
    ));
    let Ok(Reply::Incident(IncidentReply::Page(page))) =
        bench.ask(0, Action::Incident(IncidentAction::List(IncidentQuery::default())))
    else {
        panic!("no incidents")
    };
    let broken = page.items.iter().find(|one| one.title.contains("Glass was broken")).unwrap();
    assert_eq!(broken.severity, "critical");
    assert_eq!(broken.links, [format!("approval:{}", one.id)]);
    assert_eq!((bench.log("break_glass.granted"), bench.log("collection.removed")), (1, 1));
    let until = Instant::now() + Duration::from_secs(30);
    while bench.ask(OLAF, remove()).is_err_and(|error| !matches!(error, EngineError::Denied(_))) {
        assert!(Instant::now() < until, "the pass does not end");
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Bench {
    fn access(&self, uid: u32, action: AccessAction) -> AccessReply {
        match self.ask(uid, Action::Access(action)).unwrap() {
            Reply::Access(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn explained(&self, who: &str, permission: &str, hour: Option<u64>) -> Decision {
        let (principal, permission) = (Some(who.to_owned()), permission.to_owned());
        let case = PolicyCase { principal, permission, hour, ..PolicyCase::default() };
        match self.access(0, AccessAction::Explain(case.into())) {
            AccessReply::Decision(one) => *one,
            other => panic!("{other:?}"),
        }
    }

    /// Passes of somebody as others see them, as they see them, and as they stand in the list of all.
    fn passes(&self, uid: u32) -> [Vec<AccessPass>; 3] {
        let name = format!("uid:{uid}");
        let AccessReply::Principal(one) = self.access(0, AccessAction::Principal(name.clone())) else {
            panic!("no principal")
        };
        let AccessReply::Principals(all) = self.access(0, AccessAction::Principals) else {
            panic!("no principals")
        };
        let listed = all.into_iter().find(|one| one.id == name).map(|one| one.passes);
        [one.passes, self.me(uid).passes, listed.unwrap_or_default()]
    }

    fn me(&self, uid: u32) -> WhoAmI {
        match self.access(uid, AccessAction::WhoAmI) {
            AccessReply::WhoAmI(me) => *me,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_question_about_the_door_is_answered_as_the_door_would() {
    const WHAT: &str = "remove-collection";
    let bench = holding("purge");
    let may = |uid| bench.me(uid).permissions.iter().any(|one| one == WHAT);
    assert!(!bench.explained("uid:2002", WHAT, None).allowed && !may(2002));
    let (permission, reason, ttl_s) = (WHAT.to_owned(), "fire".to_owned(), Some(3600));
    let asked = ApprovalAction::BreakGlass(BreakGlass { permission, reason, ttl_s });
    let id = bench.approval(2002, asked).unwrap().id;
    assert!(!bench.explained("uid:2002", WHAT, None).allowed, "nobody agreed yet");
    assert_eq!(bench.passes(2002), [vec![], vec![], vec![]]);
    bench.approve(ANNA, &id, None).unwrap();
    let now = bench.explained("uid:2002", WHAT, None);
    assert!(now.allowed && now.policies == ["break-glass"] && now.needs.is_empty(), "{now:?}");
    let pass = now.pass.unwrap();
    assert_eq!((&pass.approval, pass.permission.as_str(), pass.by.as_str()), (&id, WHAT, "uid:2001"));
    assert_eq!(pass.until_ms - pass.at_ms, 3_600_000);
    assert_eq!(bench.passes(2002), [vec![pass.clone()], vec![pass.clone()], vec![pass]]);
    assert!(may(2002) && !may(2003));
    // The hour that it is, typed, is now; another one is not.
    let hour = bench.inner().clock.now_ms() / 3_600_000 % 24;
    assert!(bench.explained("uid:2002", WHAT, Some(hour)).allowed);
    assert!(!bench.explained("uid:2002", WHAT, Some((hour + 12) % 24)).allowed, "not agreed to, or over");
    // It is nobody else's, and for nothing else; what the policies give needs none.
    for (who, what) in [("uid:2003", WHAT), ("uid:2002", "compact")] {
        let other = bench.explained(who, what, None);
        assert!(!other.allowed && other.pass.is_none() && !other.needs.is_empty(), "{other:?}");
    }
    assert_eq!(bench.passes(2003), [vec![], vec![], vec![]]);
    let own = bench.explained("uid:0", WHAT, None);
    assert!(own.allowed && own.pass.is_none(), "{own:?}");
    // A test of policies is about policies.
    let (principal, expect) = (Some("uid:2002".to_owned()), Some("deny".to_owned()));
    let case = PolicyCase { principal, expect, permission: WHAT.into(), ..PolicyCase::default() };
    let tests = TestPolicies { cases: vec![case], ..TestPolicies::default() };
    let AccessReply::Tests(report) = bench.access(0, AccessAction::TestPolicies(tests)) else {
        panic!("no report")
    };
    assert_eq!((report.passed, report.failed), (1, 0), "{report:?}");
    // Over, it says nothing any more.
    let (inner, over) = (bench.inner(), bench.inner().clock.now_ms());
    let end = |book: &mut Book| {
        book.passes.values_mut().for_each(|pass| pass.until_ms = over);
        Ok(())
    };
    inner.access.change(inner, None, end).unwrap();
    let after = bench.explained("uid:2002", WHAT, None);
    assert!(!after.allowed && after.pass.is_none() && !may(2002), "{after:?}");
    assert_eq!(bench.passes(2002), [vec![], vec![], vec![]]);
}
