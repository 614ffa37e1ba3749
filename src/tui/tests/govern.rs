//! Approvals and models on the screen: how they look, that nothing is decided while read-only, without a reason or
//! by enter alone, and that nothing shown deceives.

use super::fixtures::*;
use crate::api::types::approval::{Approval, ApprovalEvent, Gate};
use crate::api::types::registry::{ModelMove, ModelRegistry, ModelVersion};
use crate::api::types::use_case::{UseCase, UseCaseCaller, UseCaseEvent};
use crate::tui::effect::{Decision, Effect, GovernRequest, Request};
use crate::tui::model::Model;
use crate::tui::msg::{GovernAnswer, Msg, Reply};
use crate::tui::update::update;

const HOUR: u64 = 3_600_000;

fn gate(name: &str, state: &str, what: &str) -> Gate {
    Gate { name: name.into(), state: state.into(), what: what.into() }
}

fn request(id: &str, title: &str, impact: &str, state: &str) -> Approval {
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

fn items() -> Vec<Approval> {
    vec![
        request("3", "grant admin to uid:1009", "high", "pending"),
        request("2", "let the model abababababab be promoted", "medium", "pending"),
    ]
}

fn govern(model: &mut Model, answer: GovernAnswer) {
    reply(model, Reply::Govern(answer));
}

fn approvals(size: (u16, u16)) -> Model {
    let mut model = full(size);
    keys(&mut model, "alt-a");
    govern(&mut model, GovernAnswer::Approvals(items()));
    model
}

fn version(name: &str, letter: &str, stage: &str, review: &str, gates: Vec<Gate>) -> ModelVersion {
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

fn registry() -> ModelRegistry {
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

fn models(size: (u16, u16)) -> Model {
    let mut model = full(size);
    keys(&mut model, "alt-r");
    govern(&mut model, GovernAnswer::Models(Box::new(registry())));
    model
}

fn asked(effects: &[Effect]) -> Vec<&GovernRequest> {
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
    let decided = GovernRequest::Decide(Decision::Approve("3".into(), "31".into()), "fine".into());
    assert_eq!(asked(&sent), [&decided]);
    // What is of medium impact takes a reason and the button; against it, too.
    let sent = keys(&mut m, "down - n o enter right enter");
    let decided = GovernRequest::Decide(Decision::Reject("2".into(), "21".into()), "no".into());
    assert_eq!(asked(&sent), [&decided]);
    let sent = keys(&mut m, "c w h y enter right enter");
    assert_eq!(asked(&sent), [&GovernRequest::Decide(Decision::Comment("2".into()), "why".into())]);
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
    let vote = Box::new(Decision::Approve("2".into(), "21".into()));
    assert_eq!(asked(&sent), [&GovernRequest::Decide(Decision::Signed(vote, SIGNATURE.into()), "ok".into())]);
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
fn a_signature_is_read_from_a_file_and_what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vote.sig").display().to_string();
    let vote = Box::new(Decision::Approve("2".into(), "21".into()));
    let decide = |decision| GovernRequest::Decide(decision, "ok".into());
    let mut m = approvals((80, 24));
    let one = Approval { signature_needed: true, ..request("2", "grant admin", "medium", "pending") };
    govern(&mut m, GovernAnswer::Approvals(vec![one]));
    keys(&mut m, "u + o k enter");
    update(&mut m, Msg::Paste(path.clone()));
    assert!(shot(&m).contains("Signature"), "{}", shot(&m));
    let sent = keys(&mut m, "enter right enter");
    let asked_for = decide(Decision::SignedFile(vote.clone(), path.clone()));
    assert_eq!(asked(&sent), [&asked_for]);
    let (_, what) = asked_for.clone().with_file().unwrap_err();
    assert!(what.contains("vote.sig"), "{what}");
    std::fs::write(&path, "-----BEGIN\n").unwrap();
    assert_eq!(asked_for.with_file().unwrap(), decide(Decision::Signed(vote, "-----BEGIN".into())));
    // Of a key the line itself will do.
    let line = decide(Decision::EnrolKey("uid:7".into(), "ssh-ed25519 AAAA me".into()));
    assert_eq!(line.clone().with_file().unwrap(), line);
    assert!(decide(Decision::EnrolKey("uid:7".into(), "/no/such.pub".into())).with_file().is_err());
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
    assert_eq!(asked(&sent), [&GovernRequest::Decide(Decision::Promote("c".repeat(64)), "go".into())]);
    assert_eq!(asked(&keys(&mut m, "s")), [&GovernRequest::Stage("c".repeat(64))]);
    let sent = keys(&mut m, "R b a d enter b a c k enter right enter");
    assert_eq!(asked(&sent), [&GovernRequest::Decide(Decision::RollBack, "bad".into())]);
    assert_eq!(asked(&keys(&mut m, "enter")), [&GovernRequest::ModelHistory("c".repeat(64))]);
}

#[test]
fn one_key_judges_a_result() {
    let mut m = full((80, 24));
    ask(&mut m, answer());
    let sent = keys(&mut m, "+");
    let sent = asked(&sent);
    let [GovernRequest::Judge(request)] = sent.as_slice() else { panic!("{sent:?}") };
    let hit = &answer().search.results[0];
    assert_eq!((request.items[0].relevance, &request.items[0].text), (1, &hit.text));
    let sent = keys(&mut m, "-");
    assert!(matches!(asked(&sent).as_slice(), [GovernRequest::Judge(one)] if one.items[0].relevance == 0));
}

fn use_case(name: &str, state: &str, impact: &str) -> UseCase {
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
        let decided = GovernRequest::Decide(Decision::UseCase("retire", "bolts".into()), "end".into());
        assert_eq!(asked(&sent), [&decided]);
        let sent = keys(&mut m, "down n n e w enter right enter");
        let decided = GovernRequest::Decide(Decision::UseCase("submit", "seals".into()), "new".into());
        assert_eq!(asked(&sent), [&decided]);
    }
}

#[test]
fn glass_is_broken_for_what_was_denied_by_typing_it() {
    let mut m = full((80, 24));
    assert!(asked(&keys(&mut m, "ctrl-g")).is_empty() && m.overlay.is_none());
    m.denied = Some("compact".into());
    keys(&mut m, "ctrl-g");
    assert!(
        shot(&m).contains("Break the glass") && shot(&m).contains("to compact for a quarter"),
        "{}",
        shot(&m)
    );
    let sent = keys(&mut m, "f i r e enter c o m p a c t enter right enter");
    let decided = GovernRequest::Decide(Decision::BreakGlass("compact".into()), "fire".into());
    assert_eq!(asked(&sent), [&decided]);
}

#[test]
fn a_use_case_ends_on_a_date_and_people_get_keys_and_factors() {
    use crate::api::types::access::{NewTotp, Principal};
    use crate::tui::msg::AccessReply;

    let mut m = full((80, 24));
    keys(&mut m, "alt-u");
    govern(&mut m, GovernAnswer::UseCases(vec![use_case("seals", "deployed", "low")]));
    // Reason, date, Cancel, button.
    assert!(asked(&keys(&mut m, "u e o l d enter s o o n enter right enter")).is_empty());
    assert!(shot(&m).contains("The date is written 2026-12-31"), "{}", shot(&m));
    let sent = keys(&mut m, "backspace backspace backspace backspace 2 0 2 7 - 0 1 - 0 2 enter right enter");
    let ends = crate::base::parse_time("2027-01-02");
    let decided = GovernRequest::Decide(Decision::Deprecate("seals".into(), ends), "old".into());
    assert!(ends.is_some() && asked(&sent) == [&decided], "{sent:?}");
    let sent = keys(&mut m, "e o l d enter enter right enter");
    let decided = GovernRequest::Decide(Decision::Deprecate("seals".into(), None), "old".into());
    assert_eq!(asked(&sent), [&decided]);
    // The Access view.
    let mut m = full((80, 24));
    keys(&mut m, "f12");
    let one = Principal { id: "uid:1009".into(), ..Principal::default() };
    reply(&mut m, Reply::Access(AccessReply::Principals(vec![one])));
    assert!(asked(&keys(&mut m, "K")).is_empty() && m.overlay.is_none(), "it is of principals");
    assert!(asked(&keys(&mut m, "l K n e w enter enter right enter")).is_empty());
    assert!(shot(&m).contains("Give the line of a .pub file"), "{}", shot(&m));
    let sent = keys(&mut m, "/ k . p u b enter right enter");
    let decided = GovernRequest::Decide(Decision::EnrolKey("uid:1009".into(), "/k.pub".into()), "new".into());
    assert_eq!(asked(&sent), [&decided]);
    let sent = keys(&mut m, "F n e w enter right enter");
    let decided = GovernRequest::Decide(Decision::EnrolTotp("uid:1009".into()), "new".into());
    assert_eq!(asked(&sent), [&decided]);
    let made =
        NewTotp { principal: "uid:1009".into(), secret: "JBSWY3DP".into(), uri: "otpauth://totp/x".into() };
    govern(&mut m, GovernAnswer::Secret(Box::new(made)));
    assert!(shot(&m).contains("JBSWY3DP") && shot(&m).contains("otpauth://"), "{}", shot(&m));
    let sent = keys(&mut m, "esc P n e w enter right enter");
    assert_eq!(asked(&sent), [&GovernRequest::Decide(Decision::TakePolicies, "new".into())]);
}
