//! Approvals and models on the screen: how they look, that nothing is decided while read-only, without a reason or
//! by enter alone, and that nothing shown deceives.

use serde_json::json;

use super::fixtures::*;
use crate::api::types::approval::{Approval, ApprovalEvent, Gate};
use crate::api::types::registry::{ModelMove, ModelRegistry, ModelVersion};
use crate::api::types::use_case::{UseCase, UseCaseCaller, UseCaseEvent};
use crate::tui::effect::SentFile;
use crate::tui::effect::{Effect, GovernRequest, Request};
use crate::tui::model::Model;
use crate::tui::msg::{GovernAnswer, Msg, Reply};
use crate::tui::update::update;

pub(super) const HOUR: u64 = 3_600_000;

pub(super) fn gate(name: &str, state: &str, what: &str) -> Gate {
    Gate { name: name.into(), state: state.into(), what: what.into() }
}

pub(super) fn request(id: &str, title: &str, impact: &str, state: &str) -> Approval {
    Approval {
        id: id.into(),
        etag: format!("{id}1"),
        state: state.into(),
        kind: "model".into(),
        subject: "ab".repeat(32),
        title: title.into(),
        digest: "cd".repeat(32),
        impact: impact.into(),
        by: "uid:1002".into(),
        login: Some("olaf".into()),
        reason: "knows our words".into(),
        diff: "- name     default\n+ name     garden".into(),
        votes: 0,
        votes_needed: 1,
        signature_needed: false,
        roles: vec!["approver".into(), "admin".into()],
        at_ms: NOW - 5 * HOUR,
        expires_ms: NOW + 100 * HOUR,
        history: vec![ApprovalEvent {
            at_ms: NOW - 5 * HOUR,
            by: "uid:1002".into(),
            act: "submitted".into(),
            text: "knows our words".into(),
            ..ApprovalEvent::default()
        }],
        gates: vec![gate("quality", "passed", "garden: nDCG@10 0.912 against 0.850 over 40 questions")],
    }
}

pub(super) fn items() -> Vec<Approval> {
    vec![
        request("3", "grant admin to uid:1009", "high", "pending"),
        request("2", "let the model abababababab be promoted", "medium", "pending"),
    ]
}

pub(super) fn govern(model: &mut Model, answer: GovernAnswer) {
    reply(model, Reply::Govern(answer));
}

pub(super) fn approvals(size: (u16, u16)) -> Model {
    let mut model = full(size);
    keys(&mut model, "alt-a");
    govern(&mut model, GovernAnswer::Approvals(items()));
    model
}

pub(super) fn version(name: &str, letter: &str, stage: &str, review: &str, gates: Vec<Gate>) -> ModelVersion {
    ModelVersion {
        sha256: letter.repeat(64),
        name: name.into(),
        licence: "MIT".into(),
        stage: stage.into(),
        review: review.into(),
        at_ms: NOW - 50 * HOUR,
        serving: stage == "production",
        gates,
        ..ModelVersion::default()
    }
}

pub(super) fn registry() -> ModelRegistry {
    let good = vec![
        gate("quality", "passed", "garden: nDCG@10 0.912 against 0.850 over 40 questions"),
        gate("latency", "not measured", "no question was there to ask"),
    ];
    let bad = vec![gate("quality", "failed", "garden: nDCG@10 0.1 against 0.9 over 40 questions")];
    ModelRegistry {
        serving: "a".repeat(64),
        governed: true,
        since_ms: Some(NOW - 3 * HOUR),
        previous: Some("b".repeat(64)),
        items: vec![
            version("garden-words", "a", "production", "approved", good),
            version("default", "b", "staging", "not submitted", Vec::new()),
            version("g\u{430}rden-words", "c", "none", "rejected", bad),
        ],
        ..ModelRegistry::default()
    }
}

pub(super) fn models(size: (u16, u16)) -> Model {
    let mut model = full(size);
    keys(&mut model, "alt-r");
    govern(&mut model, GovernAnswer::Models(Box::new(registry())));
    model
}

pub(super) fn asked(effects: &[Effect]) -> Vec<&GovernRequest> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Request(Request::Govern(asked)) => Some(asked),
            _ => None,
        })
        .collect()
}

#[test]
fn views() {
    for size in [(80, 24), (40, 10)] {
        let name = |what: &str| format!("govern_{what}_{}x{}", size.0, size.1);
        let mut m = approvals(size);
        insta::assert_snapshot!(name("approvals"), shot(&m));
        govern(&mut m, GovernAnswer::Approval(Box::new(items().remove(1))));
        insta::assert_snapshot!(name("request"), shot(&m));
        keys(&mut m, "esc u +");
        insta::assert_snapshot!(name("approve"), shot(&m));
        let mut m = models(size);
        insta::assert_snapshot!(name("models"), shot(&m));
        let moves = vec![ModelMove {
            at_ms: NOW - 3 * HOUR,
            what: "promoted".into(),
            by: "uid:1002".into(),
            reason: "better".into(),
            ..ModelMove::default()
        }];
        govern(&mut m, GovernAnswer::History("a".repeat(64), moves));
        insta::assert_snapshot!(name("model"), shot(&m));
    }
}

#[test]
fn nothing_is_decided_while_read_only_without_a_reason_or_by_enter_alone() {
    let mut m = approvals((80, 24));
    assert!(asked(&keys(&mut m, "+")).is_empty() && m.overlay.is_none());
    assert!(shot(&m).contains("read-only: u unlocks"), "{}", shot(&m));
    keys(&mut m, "u +");
    // High impact: reason, then the number; enter moves on and comes to Cancel.
    assert!(asked(&keys(&mut m, "enter enter enter")).is_empty() && m.overlay.is_none());
    assert!(asked(&keys(&mut m, "+ tab tab right enter")).is_empty());
    assert!(shot(&m).contains("A reason is needed"), "{}", shot(&m));
    assert!(asked(&keys(&mut m, "f i n e enter enter right enter")).is_empty());
    assert!(shot(&m).contains("not what must be typed"), "{}", shot(&m));
    let sent = keys(&mut m, "3 enter right enter");
    let vote = json!({"etag": "31", "reason": "fine"});
    assert_eq!(orders(&sent), [("POST /v1/approvals/3/approve".into(), vote)]);
    // What is of medium impact takes a reason and the button; against it, too.
    let sent = keys(&mut m, "down - n o enter right enter");
    let vote = json!({"etag": "21", "reason": "no"});
    assert_eq!(orders(&sent), [("POST /v1/approvals/2/reject".into(), vote)]);
    let sent = keys(&mut m, "c w h y enter right enter");
    assert_eq!(orders(&sent), [("POST /v1/approvals/2/comment".into(), json!({"reason": "why"}))]);
    govern(&mut m, GovernAnswer::Approvals(vec![request("2", "x", "low", "approved")]));
    assert!(asked(&keys(&mut m, "+")).is_empty() && shot(&m).contains("it is decided"), "{}", shot(&m));
}

#[test]
fn a_pasted_signature_goes_with_the_vote_and_a_signed_vote_shows_its_key() {
    const SIGNATURE: &str = "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----";
    let mut m = approvals((80, 24));
    let mut one =
        Approval { signature_needed: true, ..request("2", "grant admin to uid:1009", "medium", "pending") };
    govern(&mut m, GovernAnswer::Approvals(vec![one.clone()]));
    keys(&mut m, "u +");
    assert!(shot(&m).contains("It must be signed: sign what spud approval document 2"), "{}", shot(&m));
    update(&mut m, Msg::Paste(SIGNATURE.into()));
    assert!(shot(&m).contains("Signed: the signature goes with the vote"), "{}", shot(&m));
    let sent = keys(&mut m, "o k enter enter right enter");
    let vote = json!({"etag": "21", "reason": "ok", "signature": SIGNATURE});
    assert_eq!(orders(&sent), [("POST /v1/approvals/2/approve".into(), vote)]);
    one.history.push(ApprovalEvent {
        act: "approved".into(),
        by: "uid:1003".into(),
        signed: Some("SHA256:abc".into()),
        ..ApprovalEvent::default()
    });
    govern(&mut m, GovernAnswer::Approval(Box::new(one)));
    assert!(shot(&m).contains("uid:1003 approved, signed SHA256:abc"), "{}", shot(&m));
}

#[test]
fn a_signature_is_read_from_a_file() {
    let mut m = approvals((80, 24));
    let one = Approval { signature_needed: true, ..request("2", "grant admin", "medium", "pending") };
    govern(&mut m, GovernAnswer::Approvals(vec![one]));
    keys(&mut m, "u + o k enter");
    update(&mut m, Msg::Paste("/tmp/vote.sig".into()));
    assert!(shot(&m).contains("Signature"), "{}", shot(&m));
    let sent = keys(&mut m, "enter right enter");
    let [Effect::Request(Request::Order(all))] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(
        all[0].file,
        Some(SentFile { field: "signature", path: "/tmp/vote.sig".to_owned(), is_named: false })
    );
}

#[test]
fn what_was_unlocked_is_locked_elsewhere_and_after_five_minutes() {
    let mut m = approvals((80, 24));
    keys(&mut m, "u");
    assert!(m.unlocked);
    keys(&mut m, "alt-r");
    assert!(!m.unlocked, "another view was not unlocked");
    keys(&mut m, "alt-a u +");
    assert!(m.overlay.is_some());
    m.now_ms += 5 * 60_000;
    assert!(keys(&mut m, "o").is_empty() && m.overlay.is_none() && !m.unlocked);
    assert!(shot(&m).contains("no key was pressed for five minutes"), "{}", shot(&m));
    keys(&mut m, "u");
    m.now_ms += 4 * 60_000;
    keys(&mut m, "down");
    m.now_ms += 4 * 60_000;
    keys(&mut m, "up");
    assert!(m.unlocked, "somebody is there");
    // Nobody needs to press a key for that.
    m.now_ms += 5 * 60_000;
    govern(&mut m, GovernAnswer::Approvals(items()));
    assert!(!m.unlocked);
}

#[test]
fn lists_are_filtered_by_state_kind_and_words() {
    let mut m = approvals((80, 24));
    let sent = keys(&mut m, "/ s t a t e : a l l space a d m i n enter");
    assert_eq!(asked(&sent), [&GovernRequest::Approvals(Some("all".into()), None)]);
    assert_eq!(m.approvals.shown().len(), 1);
    assert_eq!(asked(&keys(&mut m, "enter")), [&GovernRequest::Approval("3".into())]);
    assert_eq!(asked(&keys(&mut m, "esc")), [&GovernRequest::Approvals(None, None)]);
}

#[test]
fn models_are_promoted_by_name_and_look_alikes_are_told() {
    let mut m = models((80, 24));
    assert!(asked(&keys(&mut m, "P")).is_empty() && m.overlay.is_none(), "read-only");
    keys(&mut m, "u down down P");
    assert!(shot(&m).contains("letters that may look like others"), "{}", shot(&m));
    assert!(asked(&keys(&mut m, "g o enter g a r enter right enter")).is_empty());
    let sent = keys(&mut m, "backspace backspace backspace c c c c c c enter right enter");
    let path = |verb: &str| format!("POST /v1/registry/{}/{verb}", "c".repeat(64));
    assert_eq!(orders(&sent), [(path("promote"), json!({"reason": "go"}))]);
    assert_eq!(orders(&keys(&mut m, "s")), [(path("stage"), json!(null))]);
    let sent = keys(&mut m, "R b a d enter b a c k enter right enter");
    assert_eq!(orders(&sent), [("POST /v1/registry/rollback".into(), json!({"reason": "bad"}))]);
    assert_eq!(asked(&keys(&mut m, "enter")), [&GovernRequest::ModelHistory("c".repeat(64))]);
}

#[test]
fn one_key_judges_a_result() {
    let mut m = full((80, 24));
    ask(&mut m, answer());
    let hit = &answer().search.results[0];
    for (key, relevance) in [("+", 1), ("-", 0)] {
        let sent = orders(&keys(&mut m, key));
        assert_eq!(sent[0].0, "POST /v1/judgements");
        let item = &sent[0].1["items"][0];
        assert_eq!((&item["relevance"], &item["text"]), (&json!(relevance), &json!(hit.text)));
    }
}

pub(super) fn use_case(name: &str, state: &str, impact: &str) -> UseCase {
    UseCase {
        name: name.into(),
        etag: "4".into(),
        state: state.into(),
        purpose: "find the torque of a bolt".into(),
        owner: "workshop".into(),
        legal_basis: "none: no personal data".into(),
        data: vec!["manuals".into()],
        collections: vec!["pumps".into()],
        impact: impact.into(),
        retention_days: Some(30),
        approval: Some("7".into()),
        history: vec![UseCaseEvent {
            revision: 3,
            at_ms: NOW - 3 * HOUR,
            what: "deployed".into(),
            by: "uid:1002".into(),
            reason: "season begins".into(),
        }],
        callers: vec![UseCaseCaller {
            who: "uid:1003".into(),
            login: Some("anna".into()),
            questions: 12,
            last_ms: NOW - HOUR,
        }],
        ..UseCase::default()
    }
}

#[test]
fn use_cases_are_listed_and_decided_with_a_reason() {
    for size in [(80, 24), (40, 10)] {
        let mut m = full(size);
        keys(&mut m, "alt-u");
        let items = vec![use_case("bolts", "deployed", "high"), use_case("seals", "draft", "low")];
        govern(&mut m, GovernAnswer::UseCases(items));
        let name = |what: &str| format!("govern_{what}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name("use_cases"), shot(&m));
        keys(&mut m, "enter");
        insta::assert_snapshot!(name("use_case"), shot(&m));
        assert!(asked(&keys(&mut m, "esc X")).is_empty() && m.overlay.is_none(), "read-only");
        keys(&mut m, "u X");
        insta::assert_snapshot!(name("retire"), shot(&m));
        let sent = keys(&mut m, "e n d enter b o l t s enter right enter");
        assert_eq!(orders(&sent), [("POST /v1/use-cases/bolts/retire".into(), json!({"reason": "end"}))]);
        let sent = keys(&mut m, "down n n e w enter right enter");
        assert_eq!(orders(&sent), [("POST /v1/use-cases/seals/submit".into(), json!({"reason": "new"}))]);
    }
}

#[test]
fn glass_is_broken_for_what_was_denied_by_typing_it() {
    let mut m = full((80, 24));
    assert!(asked(&keys(&mut m, "ctrl-g")).is_empty() && m.overlay.is_none());
    m.denied = Some("compact".into());
    keys(&mut m, "ctrl-g");
    assert!(shot(&m).contains("Break the glass") && shot(&m).contains("type: compact"), "{}", shot(&m));
    let sent = keys(&mut m, "f i r e enter c o m p a c t enter right enter");
    let wanted = json!({"permission": "compact", "reason": "fire"});
    assert_eq!(orders(&sent), [("POST /v1/break-glass".into(), wanted)]);
}

#[test]
fn a_use_case_ends_on_a_date_and_people_get_keys_and_factors() {
    use crate::api::types::access::Principal;
    use crate::tui::msg::AccessReply;

    let mut m = full((80, 24));
    keys(&mut m, "alt-u");
    govern(&mut m, GovernAnswer::UseCases(vec![use_case("seals", "deployed", "low")]));
    // Reason, date, successor, Cancel, button.
    assert!(orders(&keys(&mut m, "u e o l d enter s o o n enter enter right enter")).is_empty());
    assert!(shot(&m).contains("The date is written 2026-12-31"), "{}", shot(&m));
    let date = "backspace backspace backspace backspace 2 0 2 7 - 0 1 - 0 2 enter enter right enter";
    let ends = crate::base::parse_time("2027-01-02").unwrap();
    let path = "POST /v1/use-cases/seals/deprecate".to_owned();
    assert_eq!(orders(&keys(&mut m, date)), [(path.clone(), json!({"reason": "old", "retires_ms": ends}))]);
    let sent = keys(&mut m, "e o l d enter enter b enter right enter");
    assert_eq!(orders(&sent), [(path, json!({"reason": "old", "successor": "b"}))]);
    // The Access view.
    let mut m = full((80, 24));
    keys(&mut m, "f12");
    let one = Principal { id: "uid:1009".into(), ..Principal::default() };
    reply(&mut m, Reply::Access(AccessReply::Principals(vec![one])));
    assert!(asked(&keys(&mut m, "K")).is_empty() && m.overlay.is_none(), "it is of principals");
    assert!(asked(&keys(&mut m, "l K n e w enter enter right enter")).is_empty());
    assert!(shot(&m).contains("Give the line of a .pub file"), "{}", shot(&m));
    let sent = keys(&mut m, "s s h - x enter right enter");
    let key = json!({"key": "ssh-x", "reason": "new"});
    assert_eq!(orders(&sent), [("POST /v1/principals/uid%3A1009/keys".into(), key)]);
    let sent = keys(&mut m, "F right enter");
    assert_eq!(orders(&sent), [("POST /v1/principals/uid%3A1009/totp".into(), json!(null))]);
    let sent = keys(&mut m, "T s e a r c h , a s k enter 3 0 d enter right enter");
    let token = json!({"scopes": ["search", "ask"], "ttl_s": 30 * 86_400});
    assert_eq!(orders(&sent), [("POST /v1/principals/uid%3A1009/tokens".into(), token)]);
    let fields = vec![("secret".to_owned(), "JBSWY3DP".to_owned())];
    let shown = Some(("A token: its secret is shown this once", fields));
    reply(&mut m, Reply::Ordered(crate::tui::msg::Ordered { told: String::new(), shown }));
    assert!(shot(&m).contains("JBSWY3DP") && shot(&m).contains("this once"), "{}", shot(&m));
    let sent = keys(&mut m, "esc P n e w enter right enter");
    assert_eq!(orders(&sent), [("POST /v1/policies/reload".into(), json!({"reason": "new"}))]);
    let sent = keys(&mut m, "a g r a f a n a enter d a s h enter right enter");
    let added = json!({"name": "grafana", "about": "dash"});
    assert_eq!(orders(&sent), [("POST /v1/principals".into(), added)]);
}
