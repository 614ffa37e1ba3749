//! Backups on the screen: how they look, and what keys do.

use super::fixtures::*;
use crate::api::types::{
    Backup, BackupDetail, BackupEntry, BackupRun, BackupSchedule, BackupStatus, CheckReport, CompactReport,
    CompactedStore, Event, EventKind, StoreReport,
};
use crate::tui::effect::{BackupRequest, Effect, Request};
use crate::tui::model::Model;
use crate::tui::msg::{BackupReply, Msg, Reply, Wire};
use crate::tui::update::update;

const HOUR: u64 = 3_600_000;

fn backups() -> Vec<Backup> {
    let backup = |n: u64, hours: u64| Backup {
        id: format!("20260311-0{n}0000-ab12c{n}"),
        made_ms: NOW - hours * HOUR,
        spud: "0.1.0".into(),
        host: "pump-house".into(),
        bytes: 81_000_000,
        new_bytes: 120_000 * n,
        pieces: 900,
        new_pieces: n,
        documents: 1_204,
        collections: 3,
        key: "ab".repeat(32),
        trusted: n != 2,
        problem: None,
    };
    let broken = Backup { problem: Some("manifest x: the record fails its check".into()), ..backup(1, 60) };
    vec![backup(3, 5), backup(2, 29), broken]
}

fn run(kind: &str, state: &str, hours: u64, message: &str) -> BackupRun {
    BackupRun {
        id: (NOW - hours * HOUR).to_string(),
        kind: kind.into(),
        state: state.into(),
        scheduled: true,
        started_ms: NOW - hours * HOUR,
        message: message.into(),
        ..BackupRun::default()
    }
}

fn state() -> BackupStatus {
    BackupStatus {
        repository: "/mnt/usb/spud".into(),
        schedule: Some(BackupSchedule {
            to: "/mnt/usb/spud".into(),
            when: "daily 02:30".into(),
            keep_daily: 7,
            ..BackupSchedule::default()
        }),
        next_ms: Some(NOW + 19 * HOUR),
        last_good_ms: Some(NOW - 5 * HOUR),
        last_good: Some(backups().remove(0).id),
        last_drill: Some(run("drill", "done", 200, "20260303-020000-ab12c9 restored: 24 of 24 answers")),
        running: None,
        runs: vec![run("create", "done", 5, "backup 20260311-030000-ab12c3: 77 MiB")],
    }
}

fn shown(size: (u16, u16)) -> Model {
    let mut model = full(size);
    reply(&mut model, Reply::Backup(BackupReply::Status(Box::new(state()))));
    reply(&mut model, Reply::Backup(BackupReply::List(backups())));
    keys(&mut model, "f7");
    model
}

fn both(name: &str, make: impl Fn((u16, u16)) -> Model) {
    for size in [(80, 24), (40, 10)] {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shot(&make(size)));
    }
}

fn requests(effects: &[Effect]) -> Vec<&Request> {
    effects.iter().filter_map(|e| if let Effect::Request(r) = e { Some(r) } else { None }).collect()
}

#[test]
fn views() {
    both("backups", |size| {
        let mut m = shown(size);
        keys(&mut m, "down");
        m
    });
    both("backups_none", |size| {
        let mut m = empty(size);
        let repository = "/var/lib/spud/backups".into();
        reply(
            &mut m,
            Reply::Backup(BackupReply::Status(Box::new(BackupStatus { repository, ..Default::default() }))),
        );
        keys(&mut m, "f7");
        m
    });
    both("backups_running", |size| {
        let mut m = shown(size);
        let mut running = run("create", "running", 0, "");
        (running.bytes_done, running.current) = (9_000_000, Some("corpus.redb/documents".into()));
        reply(
            &mut m,
            Reply::Backup(BackupReply::Status(Box::new(BackupStatus { running: Some(running), ..state() }))),
        );
        m
    });
    both("backups_restore", |size| {
        let mut m = shown(size);
        keys(&mut m, "R");
        m
    });
    both("backups_detail", |size| {
        let mut m = shown(size);
        let entry = BackupEntry {
            name: "corpus.redb/documents".into(),
            kind: "table".into(),
            bytes: 99_000,
            rows: 1_204,
            pieces: 2,
        };
        let detail = BackupDetail { backup: backups().remove(0), entries: vec![entry] };
        reply(&mut m, Reply::Backup(BackupReply::Detail(Box::new(detail))));
        m
    });
}

#[test]
fn what_is_written_is_shown() {
    both("overview_writes", |size| {
        let mut m = full(size);
        let mut now = status();
        now.writes.bytes_per_day = Some(310 << 20);
        now.writes.bytes_per_commit = 25_300;
        now.writes.device_rewrites_per_year = Some(3.84);
        reply(&mut m, Reply::Status(Box::new(now)));
        keys(&mut m, "f1");
        m
    });
}

#[test]
fn they_are_made_tried_and_restored_by_keys() {
    let mut m = shown((80, 24));
    let first = backups().remove(0).id;
    assert_eq!(
        requests(&keys(&mut m, "r")),
        [
            &Request::Backup(BackupRequest::Status),
            &Request::Backup(BackupRequest::List),
            &Request::Backup(BackupRequest::Store)
        ]
    );
    assert_eq!(requests(&keys(&mut m, "enter")), [&Request::Backup(BackupRequest::Show(first.clone()))]);
    assert_eq!(requests(&keys(&mut m, "n")), [&Request::Backup(BackupRequest::Make)]);
    assert_eq!(requests(&keys(&mut m, "v")), [&Request::Backup(BackupRequest::Verify)]);
    assert_eq!(requests(&keys(&mut m, "t")), [&Request::Backup(BackupRequest::Drill(first.clone()))]);
    assert!(requests(&keys(&mut m, "X tab tab enter")).is_empty(), "a reason is missing");
    let effects = keys(&mut m, "o l d tab tab enter");
    let ordered = |path: &str, body: serde_json::Value| vec![(format!("POST /v1/backups/{path}"), body)];
    assert_eq!(orders(&effects), ordered("prune", serde_json::json!({"reason": "old"})));
    assert!(requests(&keys(&mut m, "R o l d tab tab tab enter")).is_empty(), "the name is missing");
    let typed: Vec<String> = first.chars().map(String::from).collect();
    let effects = keys(&mut m, &format!("{} tab tab enter", typed.join(" ")));
    let body = serde_json::json!({"reason": "old", "force": true});
    assert_eq!(orders(&effects), ordered(&format!("{first}/restore"), body));
}

#[test]
fn work_under_way_is_followed_and_its_end_is_told() {
    let mut m = shown((80, 24));
    let busy = BackupStatus { running: Some(run("create", "running", 1, "")), ..state() };
    reply(&mut m, Reply::Backup(BackupReply::Status(Box::new(busy))));
    assert!(requests(&keys(&mut m, "n t X")).is_empty(), "one at a time");
    let sample = || {
        let event = Event { id: 1, at_ms: NOW, kind: EventKind::Status(Box::new(status())) };
        Msg::Events(vec![event], Wire::default())
    };
    assert_eq!(requests(&update(&mut m, sample())), [&Request::Backup(BackupRequest::Status)]);
    let over = BackupStatus { runs: vec![run("create", "done", 1, "backup x")], ..state() };
    reply(&mut m, Reply::Backup(BackupReply::Status(Box::new(over))));
    assert_eq!(m.notice.as_ref().unwrap().text, "backup x");
    assert!(requests(&update(&mut m, sample())).is_empty(), "nothing is asked for while nothing runs");
}

fn kept(state: &str, done: u64) -> StoreReport {
    StoreReport {
        state: state.into(),
        key_id: Some("1a2b3c4d".into()),
        key: Some("file:/etc/spud/store.key".into()),
        rows: 5_000,
        rows_done: done,
        ..StoreReport::default()
    }
}

#[test]
fn encryption_is_told_with_its_progress_and_looked_at_while_rows_turn() {
    let told = |report: StoreReport| {
        let mut m = shown((80, 24));
        reply(&mut m, Reply::Backup(BackupReply::Store(Box::new(report))));
        let tick = update(
            &mut m,
            Msg::Events(
                vec![Event { id: 1, at_ms: NOW, kind: EventKind::Status(Box::new(status())) }],
                Wire::default(),
            ),
        );
        (shot(&m), requests(&tick).contains(&&Request::Backup(BackupRequest::Store)))
    };
    let (screen, looks) = told(kept("encrypting", 1_750));
    assert!(screen.contains("encrypting 35 %") && screen.contains("key 1a2b3c4d") && looks, "{screen}");
    let (screen, looks) = told(kept("encrypted", 5_000));
    assert!(screen.contains("encrypted  key 1a2b3c4d, opened by file:/etc/spud") && !looks, "{screen}");
    let (screen, _) = told(StoreReport { problem: Some("the disk is full".into()), ..kept("rotating", 0) });
    assert!(screen.contains("waits: the disk is full"), "{screen}");
    let (screen, _) = told(StoreReport { state: "plain".into(), ..StoreReport::default() });
    assert!(!screen.contains("stores "), "{screen}");
}

#[test]
fn check_and_compact_ask_first_and_tell_what_came_of_it() {
    for (key, request) in [("c", BackupRequest::Check), ("C", BackupRequest::Compact)] {
        let mut m = shown((80, 24));
        assert!(requests(&keys(&mut m, key)).is_empty(), "it asks first");
        let sent = keys(&mut m, "tab enter");
        assert_eq!(requests(&sent), [&Request::Backup(request)]);
    }
    let mut m = shown((80, 24));
    let good = CheckReport { ok: true, records: 120, ..CheckReport::default() };
    reply(&mut m, Reply::Backup(BackupReply::Checked(Box::new(good))));
    assert!(shot(&m).contains("All is well: 120 records"), "{}", shot(&m));
    let problems = vec!["control.redb: table jobs: the record 01 fails its check".into()];
    let bad = CheckReport { problems, ..CheckReport::default() };
    reply(&mut m, Reply::Backup(BackupReply::Checked(Box::new(bad))));
    assert!(shot(&m).contains("table jobs") && shot(&m).contains("salvage"), "{}", shot(&m));
    keys(&mut m, "esc");
    let store = CompactedStore { name: "control.redb".into(), before_bytes: 4 << 20, after_bytes: 1 << 20 };
    reply(&mut m, Reply::Backup(BackupReply::Compacted(CompactReport { stores: vec![store] })));
    assert!(shot(&m).contains("control.redb 4.0 MiB to 1.0 MiB"), "{}", shot(&m));
}
