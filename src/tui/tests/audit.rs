//! The audit log on the screen: how it looks, and what keys do.

use super::fixtures::*;
use crate::api::types::compliance::ComplianceFramework;
use crate::api::types::evidence::{Evidence, EvidenceDetail};
use crate::api::types::violation::ViolationRule;
use crate::api::types::{
    AuditAnchor, AuditCheckpoint, AuditEntry, AuditStatus, AuditText, AuditVerdict, Page,
};
use crate::tui::effect::SentFile;
use crate::tui::effect::{AuditRequest, BYTES, Effect, Request};
use crate::tui::model::Model;
use crate::tui::msg::{AuditAnswer, Reply};

const HOUR: u64 = 3_600_000;

fn entry(seq: u64, kind: &str, subject: (&str, &str), outcome: &str, reason: Option<&str>) -> AuditEntry {
    AuditEntry {
        seq: seq.to_string(),
        at_ms: NOW - (9 - seq) * HOUR,
        kind: kind.into(),
        actor: if seq == 7 { "box".into() } else { "uid:1000".into() },
        subject_kind: subject.0.into(),
        subject: subject.1.into(),
        outcome: outcome.into(),
        mode: "normal".into(),
        texts: vec![AuditText {
            name: "reason".into(),
            text: reason.map(Into::into),
            ..AuditText::default()
        }],
        leaf: "{\"v\":1}".into(),
        leaf_hash: "ZmFrZSBmYWtlIGZha2UgZmFrZSBmYWtlIGZha2UgZmE=".into(),
        ..AuditEntry::default()
    }
}

fn items() -> Vec<AuditEntry> {
    vec![
        entry(8, "collection.removed", ("collection", "manuals"), "failed", Some("job 3 is working on it")),
        entry(7, "mode.worse", ("mode", "memory_constrained"), "done", Some("memory 84 % of 80 %")),
        entry(6, "config.set", ("setting", "log.level"), "begun", None),
    ]
}

fn state() -> AuditStatus {
    let anchor = AuditAnchor { size: 5, at_ms: NOW - 30 * HOUR, name: "laptop.example/anna".into() };
    AuditStatus {
        size: 9,
        checkpoint: Some(AuditCheckpoint { size: 7, at_ms: NOW - 2 * HOUR, ..AuditCheckpoint::default() }),
        unsigned: 2,
        unanchored: 4,
        anchored: Some(anchor),
        ..AuditStatus::default()
    }
}

fn audit(model: &mut Model, answer: AuditAnswer) {
    reply(model, Reply::Audit(answer));
}

fn shown(size: (u16, u16)) -> Model {
    let mut model = full(size);
    keys(&mut model, "f11");
    audit(&mut model, AuditAnswer::Status(Box::new(state())));
    audit(&mut model, AuditAnswer::Page(None, Page { items: items(), next: None }));
    model
}

fn asked(effects: &[Effect]) -> Vec<&AuditRequest> {
    let of_audit = |effect: &'_ Effect| matches!(effect, Effect::Request(Request::Audit(_)));
    effects
        .iter()
        .filter(|effect| of_audit(effect))
        .filter_map(
            |effect| if let Effect::Request(Request::Audit(asked)) = effect { Some(asked) } else { None },
        )
        .collect()
}

#[test]
fn views() {
    for size in [(80, 24), (40, 10)] {
        let name = |what: &str| format!("{what}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name("audit"), shot(&shown(size)));
        let mut none = empty(size);
        keys(&mut none, "f11");
        audit(&mut none, AuditAnswer::Status(Box::default()));
        audit(&mut none, AuditAnswer::Page(None, Page { items: Vec::new(), next: None }));
        insta::assert_snapshot!(name("audit_none"), shot(&none));
        let mut detail = shown(size);
        audit(&mut detail, AuditAnswer::Entry(Box::new(items().remove(1))));
        insta::assert_snapshot!(name("audit_entry"), shot(&detail));
        let mut filter = shown(size);
        keys(&mut filter, "/ k i n d : m o d e");
        insta::assert_snapshot!(name("audit_filter"), shot(&filter));
    }
}

#[test]
fn keys_ask_for_what_they_say() {
    let mut m = full((80, 24));
    let opened = keys(&mut m, "f11");
    let first = |filter: &str| AuditRequest::List { filter: filter.into(), cursor: None };
    assert_eq!(asked(&opened), [&AuditRequest::Status, &first("")]);
    let mut m = shown((80, 24));
    assert_eq!(asked(&keys(&mut m, "down enter")), [&AuditRequest::Show("7".into())]);
    assert_eq!(asked(&keys(&mut m, "c")), [&AuditRequest::Checkpoint]);
    assert_eq!(asked(&keys(&mut m, "/ b o x enter")), [&first("box")]);
    assert_eq!(asked(&keys(&mut m, "esc")), [&first("")], "all again");
    assert_eq!(asked(&keys(&mut m, "v")), [&AuditRequest::Verify]);
    assert!(asked(&keys(&mut m, "v")).is_empty(), "once at a time");
    let good = AuditVerdict { ok: true, size: 9, checkpoints: 2, unanchored: 4, ..AuditVerdict::default() };
    audit(&mut m, AuditAnswer::Verdict(Box::new(good)));
    assert!(shot(&m).contains("All as it was entered: 9 entries"), "{}", shot(&m));
    let bad = AuditVerdict {
        problems: vec!["node 1/2 is not the hash of what lies below".into()],
        ..Default::default()
    };
    audit(&mut m, AuditAnswer::Verdict(Box::new(bad)));
    assert!(shot(&m).contains("node 1/2"), "{}", shot(&m));
}

#[test]
fn older_entries_come_when_the_end_is_in_sight_and_not_twice() {
    let mut m = shown((80, 24));
    audit(&mut m, AuditAnswer::Page(None, Page { items: items(), next: Some("6".into()) }));
    let next = AuditRequest::List { filter: String::new(), cursor: Some("6".into()) };
    assert_eq!(asked(&keys(&mut m, "down")), [&next]);
    assert!(asked(&keys(&mut m, "down")).is_empty(), "it is on its way");
    let older = vec![entry(5, "queue.paused", ("queue", ""), "done", Some("pump is down"))];
    audit(&mut m, AuditAnswer::Page(Some("6".into()), Page { items: older, next: None }));
    assert_eq!(m.audit.items.len(), 4);
    assert!(asked(&keys(&mut m, "G")).is_empty(), "that was all");
}

#[test]
fn evidence_is_shown_of_what_is_selected() {
    let mut m = shown((80, 24));
    assert_eq!(asked(&keys(&mut m, "alt-e")), [&AuditRequest::Statement("8".into())]);
    let evidence = Evidence { id: "8".into(), topic: "incident".into(), ..Evidence::default() };
    let one = EvidenceDetail {
        evidence: evidence.clone(),
        statement: "{\"_type\":\"https://in-toto.io/Statement/v1\"}".into(),
        size: Some(9),
        hashes: vec!["aaaa".into(); 3],
        key_openssh: "ssh-ed25519 AAAA spud.invalid/x\n".into(),
        ..EvidenceDetail::default()
    };
    audit(&mut m, AuditAnswer::Statement(Box::new(one)));
    assert!(shot(&m).contains("in the log of 9 entries, by 3 hashes"), "{}", shot(&m));
    assert!(shot(&m).contains("spud evidence show 8 --envelope"), "{}", shot(&m));
    // Where it is about a thing and not an entry, all that is proved of it.
    let items =
        vec![Evidence { what: "incident.opened".into(), by: "uid:1000".into(), at_ms: NOW, ..evidence }];
    audit(&mut m, AuditAnswer::Evidence(items));
    assert!(shot(&m).contains("incident.opened by uid:1000 (entry 8, incident)"), "{}", shot(&m));
    keys(&mut m, "esc");
    audit(&mut m, AuditAnswer::Evidence(Vec::new()));
    assert!(shot(&m).contains("no evidence of it"), "{}", shot(&m));
    let mut none = empty((80, 24));
    keys(&mut none, "f11");
    assert!(asked(&keys(&mut none, "alt-e")).is_empty(), "nothing is selected");
}

#[test]
fn frameworks_are_shown_with_how_many_controls_have_evidence() {
    let mut m = shown((80, 24));
    assert_eq!(asked(&keys(&mut m, "f")), [&AuditRequest::Compliance]);
    let (id, title) = ("gdpr".into(), "GDPR, Regulation (EU) 2016/679".into());
    let one = ComplianceFramework { id, title, controls: 15, evidence: 2, some: 6, none: 7 };
    audit(&mut m, AuditAnswer::Compliance(vec![one]));
    let said = "2 of 15 with evidence, 6 with some: GDPR";
    assert!(shot(&m).contains(said) && shot(&m).contains("Report on"), "{}", shot(&m));
    // What is picked is reported on: in a file, or on the screen.
    keys(&mut m, "enter");
    assert!(shot(&m).contains("Controls of gdpr"), "{}", shot(&m));
    let sent = keys(&mut m, "2 0 2 6 - 0 1 - 0 1 tab tab right tab tab tab enter");
    let [Effect::Request(Request::Order(all))] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(all[0].call().path, "/v1/compliance/gdpr?from=1767225600000&format=csv");
    assert_eq!(all[0].save, Some((String::new(), "*")));
}

#[test]
fn evidence_is_written_out_into_a_file_that_names_its_checkpoint() {
    let mut m = shown((80, 24));
    keys(&mut m, "e");
    insta::assert_snapshot!("audit_export_evidence_80x24", shot(&m));
    let sent = keys(&mut m, "2 0 2 6 - 0 1 - 0 1 tab tab enter");
    let [Effect::Request(Request::Order(all))] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(all[0].call().path, "/v1/evidence/bundle?from=1767225600000");
    assert_eq!(all[0].save, Some(("evidence-7.tar".to_owned(), BYTES)));
}

#[test]
fn a_file_of_what_is_in_sight_is_looked_through() {
    let mut m = shown((80, 24));
    keys(&mut m, "alt-f");
    insta::assert_snapshot!("audit_check_file_80x24", shot(&m));
    assert!(orders(&keys(&mut m, "tab tab tab enter")).is_empty() && shot(&m).contains("Name a file"));
    let sent = keys(&mut m, "/ r . t o m l tab tab enter");
    let [Effect::Request(Request::Order(all))] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(
        (all[0].path.as_str(), &all[0].fields),
        ("/v1/files/check", &vec![("kind", "violations".into())])
    );
    assert_eq!(all[0].file, Some(SentFile { field: "text", path: "/r.toml".to_owned(), is_named: true }));
    let mut m = full((80, 24));
    let sent = keys(&mut m, "f9 p alt-f tab / p tab tab enter");
    let last = sent.last();
    let Some(Effect::Request(Request::Order(all))) = last else { panic!("{sent:?}") };
    assert_eq!(all[0].fields, [("kind", "probes".into())], "what is in sight");
}

#[test]
fn texts_are_erased_by_hand_and_checkpoints_of_others_are_taken_in() {
    let mut m = shown((80, 24));
    let seq = m.audit.entry().unwrap().seq.clone();
    assert!(orders(&keys(&mut m, "X w h y tab tab tab enter")).is_empty(), "the number was not typed");
    keys(&mut m, "esc");
    let typed: Vec<String> = seq.chars().map(|digit| digit.to_string()).collect();
    let sent = keys(&mut m, &format!("X w h y tab {} tab tab enter", typed.join(" ")));
    assert_eq!(
        orders(&sent),
        [(format!("POST /v1/audit/entries/{seq}/erase"), serde_json::json!({"reason": "why"}))]
    );
    let sent = keys(&mut m, "t / x tab tab enter");
    let [Effect::Request(Request::Order(all))] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(all[0].file, Some(SentFile { field: "note", path: "/x".to_owned(), is_named: false }));
    assert_eq!(asked(&keys(&mut m, "w")), [&AuditRequest::Rules]);
    let (id, title, kinds) = ("denials".into(), "Somebody tries".into(), vec!["access.denied".into()]);
    let (severity, incident) = ("warning".into(), "security".into());
    let rule =
        ViolationRule { id, title, kinds, severity, incident, least: 5, within_s: 60, ..Default::default() };
    audit(&mut m, AuditAnswer::Rules(vec![rule]));
    assert!(shot(&m).contains("5 of access.denied in 60 s opens an"), "{}", shot(&m));
}
