//! What people decide in the views of governance: what its forms look like, and what they send.

use serde_json::json;

use super::fixtures::*;
use super::govern::*;
use crate::api::types::registry::{
    ComparedField, JudgedQuestion, JudgedTarget, ModelComparison, ModelFact, ModelRegistry, ModelShadow,
};
use crate::api::types::use_case::UseCase;
use crate::tui::effect::{Effect, GovernRequest, Request};
use crate::tui::msg::{GovernAnswer, Msg, Reply};
use crate::tui::update::update;

fn field(name: &str, a: &str, b: &str) -> ComparedField {
    ComparedField { name: name.into(), a: a.into(), b: b.into(), differs: a != b }
}

#[test]
fn a_vote_is_delegated_and_small_requests_are_voted_on_together() {
    let mut m = approvals((80, 24));
    let mut all = items();
    all.push(request("1", "let the site's policies hold", "low", "pending"));
    govern(&mut m, GovernAnswer::Approvals(all));
    keys(&mut m, ": d e l e g");
    assert!(shot(&m).contains("delegate"), "{}", shot(&m));
    keys(&mut m, "esc u d");
    insta::assert_snapshot!("govern_delegate_80x24", shot(&m));
    assert!(orders(&keys(&mut m, "enter a w a y enter right enter")).is_empty());
    assert!(shot(&m).contains("Say whom"), "{}", shot(&m));
    let sent = keys(&mut m, "a n n a enter enter right enter");
    let vote = json!({"to": "anna", "reason": "away"});
    assert_eq!(orders(&sent), [("POST /v1/approvals/3/delegate".into(), vote)]);
    // What is grave is voted on alone.
    keys(&mut m, "space");
    assert!(shot(&m).contains("one by one"), "{}", shot(&m));
    keys(&mut m, "down space down space +");
    insta::assert_snapshot!("govern_together_80x24", shot(&m));
    let sent = keys(&mut m, "o k enter right enter");
    let paths: Vec<String> = orders(&sent).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["POST /v1/approvals/2/approve", "POST /v1/approvals/1/approve"]);
    assert!(orders(&sent).iter().all(|(_, vote)| vote["reason"] == "ok"));
    done(&mut m, "All 2 are done.");
    assert!(m.approvals.marked.is_empty() && shot(&m).contains("All 2 are done"), "{}", shot(&m));
}

#[test]
fn what_deceives_is_flagged_in_reasons_comments_and_owners() {
    let mut m = approvals((80, 24));
    let mut one = request("2", "let it be promoted", "medium", "pending");
    one.reason = "pay \u{440}\u{430}ypal".into();
    govern(&mut m, GovernAnswer::Approvals(vec![one.clone()]));
    keys(&mut m, "u +");
    assert!(shot(&m).contains("letters that may look like others"), "{}", shot(&m));
    keys(&mut m, "esc");
    one.reason = "wärmer".into();
    one.history[0].text = "in\u{202e}voice".into();
    govern(&mut m, GovernAnswer::Approval(Box::new(one.clone())));
    assert!(shot(&m).contains("hidden characters removed"), "{}", shot(&m));
    one.history.clear();
    govern(&mut m, GovernAnswer::Approval(Box::new(one)));
    assert!(!shot(&m).contains("Careful"), "an honest letter: {}", shot(&m));
    let mut m = full((80, 24));
    keys(&mut m, "alt-u");
    let odd = UseCase { owner: "work\u{200b}shop".into(), ..use_case("bolts", "deployed", "low") };
    govern(&mut m, GovernAnswer::UseCases(vec![odd]));
    assert!(shot(&m).contains("? workshop"), "{}", shot(&m));
}

#[test]
fn a_view_without_its_permission_says_which() {
    use crate::api::types::access::WhoAmI;
    use crate::tui::msg::AccessReply;
    for (key, permission) in [("alt-a", "approvals"), ("alt-i", "incidents"), ("f11", "audit")] {
        let mut m = full((80, 24));
        reply(&mut m, Reply::Access(AccessReply::WhoAmI(Box::default())));
        let me = WhoAmI { permissions: vec!["ask".into()], ..WhoAmI::default() };
        reply(&mut m, Reply::Access(AccessReply::WhoAmI(Box::new(me))));
        keys(&mut m, key);
        assert!(shot(&m).contains(&format!("needs the permission read-{permission}")), "{}", shot(&m));
    }
}

#[test]
fn models_are_registered_archived_held_compared_and_asked_about() {
    let mut m = models((80, 24));
    keys(&mut m, "u a");
    insta::assert_snapshot!("govern_register_80x24", shot(&m));
    assert!(orders(&keys(&mut m, "x enter enter enter enter enter right enter")).is_empty());
    assert!(shot(&m).contains("must begin with /"), "{}", shot(&m));
    let sent = keys(&mut m, "backspace / m enter enter enter enter enter right enter");
    assert_eq!(orders(&sent), [("POST /v1/registry".into(), json!({"path": "/m"}))]);
    let sent = keys(&mut m, "down X o l d enter b b b b b b enter right enter");
    let path = format!("POST /v1/registry/{}/archive", "b".repeat(64));
    assert_eq!(orders(&sent), [(path, json!({"reason": "old"}))]);
    let sent = keys(&mut m, "o f a i r enter right enter");
    assert_eq!(orders(&sent), [("POST /v1/registry/hold".into(), json!({"reason": "fair"}))]);
    let held = ModelRegistry { held: Some("anna: fair".into()), ..registry() };
    govern(&mut m, GovernAnswer::Models(Box::new(held)));
    assert_eq!(orders(&keys(&mut m, "o right enter")), [("POST /v1/registry/release".into(), json!(null))]);
    let sent = keys(&mut m, "t 2 0 2 6 - 0 3 - 0 1 enter");
    let ms = crate::base::parse_time("2026-03-01").unwrap();
    assert_eq!(orders(&sent), [(format!("GET /v1/registry/at?time={ms}"), json!(null))]);
    assert!(asked(&keys(&mut m, "=")).is_empty() && shot(&m).contains("mark another one"), "{}", shot(&m));
    let sent = keys(&mut m, "space up =");
    assert_eq!(asked(&sent), [&GovernRequest::Compare("b".repeat(64), "a".repeat(64))]);
    let found = ModelComparison {
        a: "default (bbbbbbbbbbbb)".into(),
        b: "garden-words (aaaaaaaaaaaa)".into(),
        fields: vec![field("licence", "MIT", "MIT"), field("quality", "-", "passed: nDCG@10 0.912")],
    };
    govern(&mut m, GovernAnswer::Compared(Box::new(found)));
    insta::assert_snapshot!("govern_compare_80x24", shot(&m));
    // Words leave some of the rows; what is selected is one of these.
    keys(&mut m, "esc / s t a g i n g enter");
    assert_eq!(m.models.version().unwrap().name, "default");
    insta::assert_snapshot!("govern_models_filter_80x24", shot(&m));
    keys(&mut m, "esc");
    assert_eq!(m.models.rows().len(), 3);
}

#[test]
fn what_was_said_and_measured_of_a_model_and_what_a_use_case_said_before() {
    let mut m = models((80, 24));
    let mut all = registry();
    all.items[0].metadata = vec![ModelFact { name: "ndcg@10".into(), value: "0.41".into() }];
    let (questions, overlap, top1) = (40, 0.83, 0.75);
    let times = ModelShadow { production_ms: 2.9, candidate_ms: 3.1, ..ModelShadow::default() };
    all.items[0].shadow = Some(ModelShadow { questions, overlap, top1, ..times });
    let sha256 = all.items[0].sha256.clone();
    govern(&mut m, GovernAnswer::Models(Box::new(all)));
    govern(&mut m, GovernAnswer::History(sha256, Vec::new()));
    let seen = shot(&m);
    assert!(seen.contains("ndcg@10") && seen.contains("0.41"), "{seen}");
    assert!(seen.contains("40 real questions: overlap@10 0.830, same first 0.750"), "{seen}");
    let mut m = full((80, 24));
    keys(&mut m, "alt-u");
    govern(&mut m, GovernAnswer::UseCases(vec![use_case("bolts", "draft", "low")]));
    let sent = keys(&mut m, "=");
    assert_eq!(asked(&sent), [&GovernRequest::CompareRevisions("bolts".into())]);
    let found = ModelComparison {
        a: "bolts revision 1".into(),
        b: "bolts revision 2".into(),
        fields: vec![field("purpose", "find a bolt", "find a seal"), field("impact", "low", "low")],
    };
    govern(&mut m, GovernAnswer::Compared(Box::new(found)));
    insta::assert_snapshot!("govern_revisions_80x24", shot(&m));
}

#[test]
fn judged_questions_are_listed_and_forgotten() {
    for size in [(80, 24), (40, 10)] {
        let mut m = models(size);
        assert!(asked(&keys(&mut m, "J")).contains(&&GovernRequest::Judged));
        let target =
            |relevance| JudgedTarget { file: "pump.md".into(), relevance, ..JudgedTarget::default() };
        let one = JudgedQuestion {
            id: "7".into(),
            collection: "plant".into(),
            question: "how do I prime the pump?".into(),
            targets: vec![target(1), target(0)],
            by: "uid:1002".into(),
            at_ms: NOW - HOUR,
            ..JudgedQuestion::default()
        };
        govern(&mut m, GovernAnswer::Judged(vec![one]));
        insta::assert_snapshot!(format!("govern_judged_{}x{}", size.0, size.1), shot(&m));
        assert!(orders(&keys(&mut m, "d")).is_empty() && m.overlay.is_none(), "read-only");
        let sent = keys(&mut m, "u d right enter");
        assert_eq!(orders(&sent), [("DELETE /v1/judgements/7".into(), json!(null))]);
        keys(&mut m, "J");
        assert!(m.models.version().is_some());
    }
}

#[test]
fn a_question_is_asked_under_a_use_case_that_is_picked() {
    let mut m = full((80, 24));
    ask(&mut m, answer());
    assert_eq!(asked(&keys(&mut m, "s")), [&GovernRequest::UseCases]);
    let general = use_case("general", "retired", "low");
    let items = vec![use_case("bolts", "deployed", "low"), general, use_case("seals", "deprecated", "low")];
    govern(&mut m, GovernAnswer::UseCases(items));
    insta::assert_snapshot!("ask_use_case_80x24", shot(&m));
    let sent = keys(&mut m, "down enter");
    let under = sent.iter().find_map(|effect| match effect {
        Effect::Request(Request::Ask(_, request)) => Some(request.use_case.clone()),
        _ => None,
    });
    assert_eq!(under, Some(Some("seals".to_owned())));
    assert!(shot(&m).contains("under seals"), "{}", shot(&m));
    // An answer that was refused says the way out.
    let problem = crate::api::types::Problem { status: 409, title: "Conflict".into(), ..Default::default() };
    let (serial, q) = (m.ask.serial, crate::api::types::SearchRequest::default());
    let refused = Msg::Refused(Box::new(Request::Ask(serial, q)), Box::new(problem), Default::default());
    update(&mut m, refused);
    assert!(shot(&m).contains("s picks the use case"), "{}", shot(&m));
}

#[test]
fn use_cases_are_written_and_only_what_changed_is_sent() {
    let mut m = full((80, 24));
    keys(&mut m, "alt-u");
    let items = vec![use_case("general", "retired", "low"), use_case("seals", "draft", "low")];
    govern(&mut m, GovernAnswer::UseCases(items));
    keys(&mut m, "u a");
    insta::assert_snapshot!("govern_use_case_new_80x24", shot(&m));
    keys(&mut m, "p u m p s tab f i n d tab tab tab a , b tab tab right");
    let sent = keys(&mut m, "up up up up up up up enter");
    let written = json!({"name": "pumps", "purpose": "find", "data": ["a", "b"], "impact": "high"});
    assert_eq!(orders(&sent), [("POST /v1/use-cases".into(), written)], "{}", shot(&m));
    let sent = keys(&mut m, "down E end ! up enter");
    let changed = json!({"etag": "4", "purpose": "find the torque of a bolt!"});
    assert_eq!(orders(&sent), [("PUT /v1/use-cases/seals".into(), changed)], "{}", shot(&m));
    // A draft is submitted, nothing else is; the general one comes back by being written again.
    keys(&mut m, "up n");
    assert!(m.overlay.is_none() && shot(&m).contains("it is no draft"), "{}", shot(&m));
    keys(&mut m, "E");
    assert!(m.overlay.is_some());
}
