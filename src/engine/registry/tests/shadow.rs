//! Shadow questions and what is said of a model, from inside: asked afterwards, counted, kept; nothing while the box
//! is short of something.

use super::*;
use crate::api::types::ForceMode;
use crate::engine::registry::Shadows;
use crate::engine::registry::shadow::take_room;

fn staged(world: &World) {
    match world.ask(OPERATOR, RegistryAction::Stage("garden-words".into())).unwrap() {
        RegistryReply::Job(job) => assert_eq!(world.ended(&job), (JobState::Done, String::new())),
        other => panic!("{other:?}"),
    }
}

fn show(world: &World) -> ModelVersion {
    world.version(OPERATOR, RegistryAction::Show("garden-words".into()))
}

#[test]
fn real_questions_are_asked_of_a_staged_model_afterwards_and_counted() {
    let mut world = World::new();
    let waits = |world: &World| world.bench.inner().use_cases.shadows.waiting();
    world.set("promotion.shadow_every", "1");
    take_room(world.bench.inner(), 9);
    world.found("zorblat");
    assert_eq!(waits(&world), 0, "nothing is staged");
    world.register("garden-words", &WORDS);
    staged(&world);
    for (_, question) in WORDS {
        world.found(question);
    }
    world.found("green");
    assert_eq!(waits(&world), 4, "no more wait than that");
    assert!(show(&world).shadow.is_none(), "nobody waited for it: nothing was asked yet");
    for second in 1..6 {
        Shadows::tick(world.bench.inner(), second, 0);
    }
    let one = show(&world).shadow.unwrap();
    assert_eq!((one.questions, waits(&world)), (4, 0));
    // The model that answers knows none of these words; this one does.
    assert!((0.0..=1.0).contains(&one.overlap) && one.top1 < 1.0, "{one:?}");
    assert!(one.candidate_ms > 0.0 && one.production_ms > 0.0 && one.since_ms > 0, "{one:?}");
    // Counts are kept, and stand beside the gates and in comparisons.
    world.bench.start();
    assert_eq!(show(&world).shadow.unwrap(), one);
    let serving = world.all().serving;
    let request = crate::api::types::registry::CompareModels { a: serving, b: "garden-words".into() };
    let RegistryReply::Compared(found) = world.ask(OPERATOR, RegistryAction::Compare(request)).unwrap()
    else {
        panic!("not compared")
    };
    let line = found.fields.iter().find(|field| field.name == "shadow").unwrap();
    assert!(line.a == "-" && line.b.starts_with("4 real questions: overlap@10"), "{line:?}");
    // One in so many, at most so many a minute, none in a degraded mode, none where it is turned off.
    let inner = world.bench.inner();
    world.set("promotion.shadow_every", "2");
    Shadows::look(inner).unwrap();
    take_room(inner, 1);
    for _ in 0..6 {
        world.found("zorblat");
    }
    assert_eq!(waits(&world), 1);
    let force = ForceMode { mode: "constrained".into(), reason: "a trial".into(), ttl_s: 60 };
    world.bench.ask(OWNER, Action::ForceMode(force)).unwrap();
    Shadows::tick(inner, 1, 0);
    assert_eq!((waits(&world), show(&world).shadow.unwrap().questions), (0, 4));
    world.bench.ask(OWNER, Action::AutoMode).unwrap();
    world.set("promotion.shadow_every", "0");
    Shadows::look(inner).unwrap();
    take_room(inner, 9);
    world.found("zorblat");
    assert_eq!(waits(&world), 0);
    // Staged anew it begins anew.
    staged(&world);
    assert!(show(&world).shadow.is_none());
}

#[test]
fn what_is_said_of_a_model_is_checked_kept_and_entered() {
    let world = World::new();
    let path = world.folder.path().join("said");
    artifact(&path, "said", &WORDS);
    let path = path.display().to_string();
    let register = |metadata: &str| {
        let request =
            RegisterModel { path: path.clone(), metadata: metadata.into(), ..RegisterModel::default() };
        world.ask(OPERATOR, RegistryAction::Register(request))
    };
    let wrong = register("license = \"Apache-2.0\"").unwrap_err().to_string();
    assert!(wrong.contains("metadata: line 1, column 1: there is no key 'license'"), "{wrong}");
    assert!(world.all().items.is_empty(), "nothing was registered");
    let said =
        "licence = \"Apache-2.0\"\ndescription = \"knows the garden\"\n[metrics]\n\"ndcg@10\" = 0.41\n";
    let RegistryReply::Version(one) = register(said).unwrap() else { panic!("no version") };
    assert_eq!((one.licence.as_str(), one.about.as_str()), ("Apache-2.0", "knows the garden"));
    let facts: Vec<String> =
        one.metadata.iter().map(|fact| format!("{} {}", fact.name, fact.value)).collect();
    assert_eq!(facts, ["licence Apache-2.0", "description knows the garden", "ndcg@10 0.41"]);
    let query = crate::api::types::AuditQuery {
        kind: Some("model.registered".into()),
        limit: 9,
        ..Default::default()
    };
    let action = Action::Audit(crate::engine::AuditAction::Entries(query));
    let Reply::Audit(crate::engine::AuditReply::Entries(page)) = world.bench.ask(OWNER, action).unwrap()
    else {
        panic!("no entries")
    };
    assert!(page.items.iter().any(|entry| format!("{entry:?}").contains("ndcg@10: 0.41")), "{page:?}");
}
