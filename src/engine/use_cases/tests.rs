//! Use cases from inside: written, voted on, deployed, asked under, ended.

use super::*;
use crate::api::types::approval::ApprovalWord;
use crate::api::types::use_case::{
    CompareRevisions, DeprecateUseCase, UseCase as Words, UseCaseReason, WriteUseCase,
};
use crate::api::types::{SearchRequest, SearchResponse};
use crate::engine::approvals::tests::{Bench, denied};
use crate::engine::{Action, ApprovalAction, EngineError, Reply};

const OWNER: u32 = 0;
const APPROVER: u32 = 2001;
const OPERATOR: u32 = 2002;

struct World(Bench);

impl World {
    fn new() -> Self {
        let bench = Bench::new();
        bench.grant(OWNER, "uid:2001", "approver");
        bench.grant(OWNER, "uid:2002", "operator");
        Self(bench)
    }

    fn does(&self, action: UseCaseAction) -> Result<Words, EngineError> {
        match self.0.ask(OPERATOR, Action::UseCase(action))? {
            Reply::UseCase(UseCaseReply::One(one)) => Ok(*one),
            other => panic!("{other:?}"),
        }
    }

    fn show(&self, name: &str) -> Words {
        self.does(UseCaseAction::Show(name.into())).unwrap()
    }

    fn create(&self, name: &str, impact: &str) -> Words {
        self.does(UseCaseAction::Create(terms(name, impact))).unwrap()
    }

    fn submit(&self, name: &str) -> Result<Words, EngineError> {
        self.does(UseCaseAction::Submit { name: name.into(), request: why("needed") })
    }

    fn deploy(&self, name: &str) -> Result<Words, EngineError> {
        self.does(UseCaseAction::Deploy { name: name.into(), request: why("begins") })
    }

    fn deprecate(&self, name: &str, retires_ms: Option<u64>) -> Result<Words, EngineError> {
        let successor = Some(GENERAL.to_owned());
        let request = DeprecateUseCase { reason: "a better one".into(), retires_ms, successor };
        self.does(UseCaseAction::Deprecate { name: name.into(), request })
    }

    fn asks(&self, use_case: Option<&str>, collection: Option<&str>) -> Result<SearchResponse, EngineError> {
        let request = SearchRequest {
            q: "how do I add a folder of manuals".into(),
            use_case: use_case.map(str::to_owned),
            collections: collection.map(str::to_owned).into_iter().collect(),
            ..SearchRequest::default()
        };
        match self.0.ask(OPERATOR, Action::Search(request))? {
            Reply::Search(found) => Ok(found),
            other => panic!("{other:?}"),
        }
    }
}

fn why(reason: &str) -> UseCaseReason {
    UseCaseReason { reason: reason.into() }
}

fn terms(name: &str, impact: &str) -> WriteUseCase {
    WriteUseCase {
        name: name.into(),
        purpose: Some("find the torque of a bolt".into()),
        owner: Some("workshop".into()),
        legal_basis: Some("none: no personal data".into()),
        impact: Some(impact.into()),
        ..WriteUseCase::default()
    }
}

fn is_conflict<T>(result: &Result<T, EngineError>) -> bool {
    matches!(result, Err(EngineError::Conflict { .. }))
}

#[test]
fn questions_are_answered_under_what_others_approved() {
    let mut world = World::new();
    let built_in = world.0.inner().library.snapshot().collections.keys().next().unwrap().clone();
    assert!(world.asks(None, None).unwrap().found, "the general one is there");
    assert!(matches!(world.asks(Some("pumps"), None), Err(EngineError::NotFound { .. })));
    let draft = WriteUseCase { legal_basis: None, ..terms("pumps", "medium") };
    let draft = WriteUseCase { collections: Some(vec![built_in.clone()]), ..draft };
    assert_eq!(world.does(UseCaseAction::Create(draft.clone())).unwrap().state, "draft");
    assert!(is_conflict(&world.does(UseCaseAction::Create(draft))), "once");
    assert!(is_conflict(&world.asks(Some("pumps"), None)), "a draft answers nothing");
    assert!(matches!(world.submit("pumps"), Err(EngineError::Invalid { .. })), "no legal basis");
    let edit = |tag: Option<&str>| UseCaseAction::Edit {
        name: "pumps".into(),
        request: WriteUseCase { name: String::new(), ..terms("", "medium") },
        if_match: tag.map(str::to_owned),
    };
    assert!(matches!(world.does(edit(Some("77"))), Err(EngineError::Stale { .. })));
    let edited = world.does(edit(Some("1"))).unwrap();
    assert_eq!(
        (edited.legal_basis.as_str(), &edited.collections),
        ("none: no personal data", &vec![built_in])
    );
    assert!(is_conflict(&world.deploy("pumps")), "no votes");
    let id = world.submit("pumps").unwrap().approval.unwrap();
    assert!(is_conflict(&world.submit("pumps")) && is_conflict(&world.does(edit(None))), "it is voted on");
    assert_eq!(denied(world.0.approve(OPERATOR, &id, None)).policies, ["nobody-decides-their-own"]);
    assert_eq!(world.0.approve(APPROVER, &id, None).unwrap().state, "approved");
    assert!(is_conflict(&world.asks(Some("pumps"), None)), "approved is not deployed");
    assert_eq!(world.deploy("pumps").unwrap().state, "deployed");
    world.0.start();
    assert!(world.asks(Some("pumps"), None).unwrap().notes.is_empty());
    assert!(is_conflict(&world.asks(Some("pumps"), Some("other"))), "it may not look there");
    let caller = &world.show("pumps").callers[0];
    assert_eq!((caller.who.as_str(), caller.questions), ("uid:2002", 1));
    for kind in ["use_case.created", "use_case.submitted", "use_case.approved", "use_case.deployed"] {
        assert_eq!(world.0.log(kind), 1, "{kind}");
    }
    let stranger = world.0.ask(4242, Action::UseCase(UseCaseAction::Create(terms("mine", "low"))));
    assert!(matches!(stranger, Err(EngineError::Denied(_))), "{stranger:?}");
}

#[test]
fn what_ends_says_so_and_then_answers_nothing() {
    let world = World::new();
    world.create("pumps", "critical");
    let id = world.submit("pumps").unwrap().approval.unwrap();
    assert_eq!(world.0.approve(APPROVER, &id, None).unwrap().state, "pending", "critical takes two votes");
    let word = ApprovalWord { reason: "no need".into(), ..ApprovalWord::default() };
    let reject = ApprovalAction::Reject { id, word, if_match: None };
    assert!(world.0.ask(APPROVER, Action::Approval(reject)).is_err(), "everybody counts once");
    world.create("seals", "low");
    let id = world.submit("seals").unwrap().approval.unwrap();
    let word = ApprovalWord { reason: "say more".into(), ..ApprovalWord::default() };
    let reject = ApprovalAction::Reject { id, word, if_match: None };
    world.0.ask(APPROVER, Action::Approval(reject)).unwrap();
    assert_eq!(world.show("seals").state, "draft", "a rejected one is written again");
    let id = world.submit("seals").unwrap().approval.unwrap();
    world.0.approve(APPROVER, &id, None).unwrap();
    world.deploy("seals").unwrap();
    let now_ms = world.0.inner().clock.now_ms();
    assert!(matches!(world.deprecate("seals", Some(now_ms - 1)), Err(EngineError::Invalid { .. })));
    world.deprecate("seals", None).unwrap();
    let notes = world.asks(Some("seals"), None).unwrap().notes;
    assert!(
        notes.iter().any(|note| note.contains("deprecated") && note.contains("--use-case general")),
        "{notes:?}"
    );
    assert_eq!(world.show("seals").callers.len(), 1, "who still asks");
    // Its date comes.
    let soon_ms = world.0.inner().clock.now_ms() + 300;
    world.deprecate("seals", Some(soon_ms)).unwrap();
    while world.0.inner().clock.now_ms() < soon_ms {
        std::thread::yield_now();
    }
    assert!(is_conflict(&world.asks(Some("seals"), None)));
    UseCases::tick(world.0.inner());
    assert_eq!((world.0.log("use_case.retired"), world.show("seals").state.as_str()), (1, "retired"));
    // Whoever retires the general one makes everybody name what they ask for.
    let retire = UseCaseAction::Retire { name: GENERAL.into(), request: why("name your use case") };
    world.does(retire).unwrap();
    assert!(is_conflict(&world.asks(None, None)));
}

#[test]
fn a_use_case_names_models_a_quality_and_an_objective() {
    let world = World::new();
    let serving = world.0.inner().library.model_id();
    let create = |name: &str, more: WriteUseCase| {
        let plain = terms(name, "low");
        let request =
            WriteUseCase { models: more.models, quality: more.quality, objective: more.objective, ..plain };
        world.does(UseCaseAction::Create(request))
    };
    let more = WriteUseCase::default();
    let unknown = create("pumps", WriteUseCase { objective: Some("nothing".into()), ..more.clone() });
    assert!(matches!(unknown, Err(EngineError::Invalid { .. })), "{unknown:?}");
    assert!(create("pumps", WriteUseCase { quality: Some(1001), ..more.clone() }).is_err());
    let objective = {
        let Ok(crate::engine::SlaReply::Page(page)) =
            crate::engine::sla::act(world.0.inner(), &crate::engine::SlaAction::List)
        else {
            panic!("no objectives")
        };
        page.items[0].name.clone()
    };
    let approved = |name: &str| {
        let id = world.submit(name).unwrap().approval.unwrap();
        let shown = world.0.approval(APPROVER, ApprovalAction::Show(id.clone())).unwrap();
        world.0.approve(APPROVER, &id, None).unwrap();
        shown.diff
    };
    let named = WriteUseCase {
        models: Some(vec![serving[..8].to_owned()]),
        objective: Some(objective.clone()),
        ..more.clone()
    };
    let made = create("pumps", named).unwrap();
    assert_eq!((made.objective.as_ref(), made.objective_state.is_some()), (Some(&objective), true));
    let diff = approved("pumps");
    assert!(diff.contains(&objective) && diff.contains(&serving[..8]), "{diff}");
    assert_eq!(world.deploy("pumps").unwrap().state, "deployed");
    // What answers now is another one, or nobody knows how good it is.
    for (name, more, why) in [
        (
            "seals",
            WriteUseCase { models: Some(vec!["another".into()]), ..more.clone() },
            "lets only another answer",
        ),
        ("bolts", WriteUseCase { quality: Some(900), ..more.clone() }, "judged questions"),
    ] {
        create(name, more).unwrap();
        approved(name);
        match world.deploy(name) {
            Err(EngineError::Conflict { what, .. }) => assert!(what.contains(why), "{what}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_asked_is_forgotten_when_its_time_is_over() {
    const DAY_MS: u64 = 86_400_000;
    let world = World::new();
    world
        .does(UseCaseAction::Create(WriteUseCase { retention_days: Some(30), ..terms("pumps", "low") }))
        .unwrap();
    let id = world.submit("pumps").unwrap().approval.unwrap();
    world.0.approve(APPROVER, &id, None).unwrap();
    world.deploy("pumps").unwrap();
    world.asks(Some("pumps"), None).unwrap();
    world.asks(None, None).unwrap();
    let now_ms = world.0.inner().clock.now_ms();
    let forget = |now_ms| super::retention::forget(world.0.inner(), now_ms).unwrap();
    forget(now_ms + 29 * DAY_MS);
    assert_eq!((world.show("pumps").callers.len(), world.0.log("use_case.forgotten")), (1, 0));
    forget(now_ms + 31 * DAY_MS);
    forget(now_ms + 31 * DAY_MS);
    assert_eq!((world.show("pumps").callers.len(), world.0.log("use_case.forgotten")), (0, 1), "told once");
    assert_eq!(world.show(GENERAL).callers.len(), 1, "it says nothing of a time");
}

#[test]
fn what_it_said_before_is_kept_and_compared_and_who_asked_survives_a_start() {
    let mut world = World::new();
    world.create("pumps", "medium");
    let edit = WriteUseCase {
        purpose: Some("find a seal".into()),
        impact: Some("high".into()),
        ..WriteUseCase::default()
    };
    let edit = UseCaseAction::Edit { name: "pumps".into(), request: edit, if_match: None };
    world.does(edit).unwrap();
    let asked = |world: &World, action| match world.0.ask(OPERATOR, Action::UseCase(action)) {
        Ok(Reply::UseCase(reply)) => reply,
        other => panic!("{other:?}"),
    };
    world.0.start();
    let UseCaseReply::Revisions(all) = asked(&world, UseCaseAction::Revisions("pumps".into())) else {
        panic!("no revisions")
    };
    let told: Vec<(u64, &str, &str)> =
        all.iter().map(|one| (one.revision, one.what.as_str(), one.by.as_str())).collect();
    assert_eq!(told, [(2, "edited", "uid:2002"), (1, "created", "uid:2002")]);
    assert_eq!(all[0].changed, ["purpose", "impact"]);
    let compare = |a, b| UseCaseAction::Compare { name: "pumps".into(), request: CompareRevisions { a, b } };
    for (a, b) in [(None, None), (Some(1), Some(2))] {
        let UseCaseReply::Compared(found) = asked(&world, compare(a, b)) else { panic!("not compared") };
        let of = |name: &str| found.fields.iter().find(|one| one.name == name).unwrap();
        assert!(
            of("purpose").differs && of("purpose").b == "find a seal" && !of("owner").differs,
            "{found:?}"
        );
        assert_eq!((found.a.as_str(), of("impact").b.as_str()), ("pumps revision 1", "high"));
    }
    let missing = world.0.ask(OPERATOR, Action::UseCase(compare(Some(9), None))).unwrap_err();
    assert!(missing.to_string().contains("9 of pumps"), "{missing}");
    // Who asked is written out at the end, and is there again.
    let question = SearchRequest { q: "a pump".into(), ..SearchRequest::default() };
    world.0.ask(OPERATOR, Action::Search(question)).unwrap();
    world.0.start();
    let general = world.show("general");
    assert!(general.callers.iter().any(|one| one.who == "uid:2002" && one.questions == 1), "{general:?}");
}
