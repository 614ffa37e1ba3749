//! The search in all files of the log.

use super::fixtures::*;
use crate::api::types::{LogLine, LogPage, LogQuery};
use crate::tui::effect::{Effect, Request};
use crate::tui::model::{Model, RING};
use crate::tui::msg::Reply;

fn asked(effects: &[Effect]) -> Vec<LogQuery> {
    let of = |effect: &Effect| match effect {
        Effect::Request(Request::Logs(query)) => Some(query.clone()),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn lines(from: usize, count: usize) -> Vec<LogLine> {
    let one = |n: usize| LogLine {
        timestamp: "2026-11-20T03:00:07.123Z".into(),
        level: "WARN".into(),
        message: format!("pump {n} lost its prime"),
        ..LogLine::default()
    };
    (from..from + count).map(one).collect()
}

fn answer(model: &mut Model, query: LogQuery, page: LogPage) {
    reply(model, Reply::Logs(Box::new(query), page));
}

/// A filter is typed, and all files are looked through with it.
fn searched(size: (u16, u16)) -> (Model, LogQuery) {
    let mut m = full(size);
    let effects = keys(&mut m, "f4 / l e v e l : w a r n space p u m p enter v v s");
    let query = asked(&effects).pop().unwrap();
    (m, query)
}

#[test]
fn looks() {
    for size in [(80, 24), (40, 10)] {
        let (mut m, query) = searched(size);
        answer(
            &mut m,
            query,
            LogPage { items: lines(7, 30), scanned_bytes: 3 << 20, damaged_blocks: 1, ..LogPage::default() },
        );
        insta::assert_snapshot!(format!("logs_found_{}x{}", size.0, size.1), shot(&m));
    }
}

#[test]
fn older_pages_are_asked_for_until_there_is_enough_and_back_follows_again() {
    let (mut m, query) = searched((80, 24));
    assert_eq!(
        (query.contains.as_deref(), query.level.as_deref(), query.n),
        (Some("pump"), Some("warn"), RING)
    );
    let next = Some("2026-11-20.1.77".to_owned());
    let page = LogPage { items: lines(100, 5), next: next.clone(), scanned_bytes: 9, ..LogPage::default() };
    let effects = update_with(&mut m, query, page);
    let older = asked(&effects).pop().unwrap();
    assert_eq!(older.before, next);
    assert!(m.logs.deep.as_ref().unwrap().busy);
    let page = LogPage { items: lines(0, 100), scanned_bytes: 1, ..LogPage::default() };
    assert!(asked(&update_with(&mut m, older.clone(), page)).is_empty());
    assert_eq!(m.logs.visible.len(), 105);
    assert_eq!(m.logs.at(0).unwrap().message, "pump 0 lost its prime");
    assert_eq!(m.logs.at(104).unwrap().message, "pump 104 lost its prime");
    let deep = m.logs.deep.clone().unwrap();
    assert_eq!((deep.busy, deep.scanned_bytes), (false, 10));
    let effects = keys(&mut m, "esc");
    assert!(m.logs.deep.is_none() && !m.logs.paused);
    assert_eq!(asked(&effects).len(), 1, "the newest lines are loaded again");
    // What was still on its way is not mixed with them.
    answer(&mut m, older, LogPage { items: lines(0, 3), ..LogPage::default() });
    assert_eq!(m.logs.visible.len(), 105, "until they come, the found ones stay");
    answer(&mut m, asked(&effects).remove(0), LogPage { items: logs(), ..LogPage::default() });
    keys(&mut m, "esc");
    assert!(m.logs.at(0).is_some_and(|line| line.message.starts_with("indexed")));
}

fn update_with(model: &mut Model, query: LogQuery, page: LogPage) -> Vec<Effect> {
    let reply = Reply::Logs(Box::new(query), page);
    let message = crate::tui::msg::Msg::Reply(Box::new(reply), Default::default());
    crate::tui::update::update(model, message)
}

#[test]
fn a_full_ring_asks_for_no_more() {
    let (mut m, query) = searched((80, 24));
    let page = LogPage { items: lines(0, RING + 5), next: Some("x".into()), ..LogPage::default() };
    assert!(asked(&update_with(&mut m, query, page)).is_empty());
    assert_eq!(m.logs.at(0).unwrap().message, "pump 5 lost its prime");
}

/// Lines of several programs, with fields, a second apart.
fn foreign() -> Vec<LogLine> {
    let one = |(second, (level, target, message, fields)): (usize, (&str, &str, &str, serde_json::Value))| {
        LogLine {
            timestamp: format!("2026-11-20T03:00:{:02}.5Z", second * 9),
            level: level.into(),
            target: target.into(),
            message: message.into(),
            fields: fields.as_object().cloned().unwrap_or_default(),
        }
    };
    let all = [
        ("INFO", "nginx", "GET /index", serde_json::json!({"status": 200, "took_ms": 1.5})),
        ("INFO", "nginx", "GET /gone", serde_json::json!({"status": 404, "took_ms": 2})),
        ("WARN", "spud::engine::probes", "a probe is down", serde_json::json!({"probe": "webbad"})),
        ("ERROR", "nginx", "upstream timed out", serde_json::json!({"status": 504, "took_ms": 60000})),
        ("INFO", "spud::api", "asked", serde_json::json!({"path": "/v1/ask"})),
    ];
    all.into_iter().enumerate().map(one).collect()
}

fn shown(size: (u16, u16)) -> Model {
    let mut m = full(size);
    m.logs.load(foreign());
    keys(&mut m, "f4");
    m
}

fn filtered(text: &str) -> Vec<String> {
    let mut m = shown((80, 24));
    keys(&mut m, "/");
    for c in text.chars() {
        let name = if c == ' ' { "space".to_owned() } else { c.to_string() };
        keys(&mut m, &name);
    }
    keys(&mut m, "enter");
    assert!(m.logs.problem.is_none() && m.logs.editing.is_none(), "{text}: {:?}", m.logs.problem);
    (0..m.logs.visible.len()).filter_map(|at| m.logs.at(at)).map(|line| line.message.clone()).collect()
}

#[test]
fn lines_are_found_by_their_source_and_by_every_field() {
    for text in ["source:nginx", "target:nginx", "NGINX"] {
        assert_eq!(filtered(text), ["GET /index", "GET /gone", "upstream timed out"], "{text}");
    }
    for text in ["webbad", "probe:webbad", "probe=web", "target:engine", "-source:nginx -path:/v1/ask"] {
        assert_eq!(filtered(text), ["a probe is down"], "{text}");
    }
    assert_eq!(filtered("status>403 took_ms<60"), ["GET /gone"]);
    assert_eq!(filtered("level:error"), ["upstream timed out"]);
    assert_eq!(filtered("/v1/ask"), ["asked"]);
    assert!(filtered("status:777").is_empty());
}

#[test]
fn the_box_looks_for_what_a_field_is_to_hold() {
    for (typed, contains) in [
        ("source:nginx", Some("nginx")),
        ("level:warn", None),
        ("-a level:warn b=c", Some("c")),
        ("x>3", None),
    ] {
        let mut m = shown((80, 24));
        keys(&mut m, "/");
        for c in typed.chars() {
            keys(&mut m, &if c == ' ' { "space".to_owned() } else { c.to_string() });
        }
        let effects = keys(&mut m, "enter s");
        assert_eq!(asked(&effects)[0].contains.as_deref(), contains, "{typed}");
    }
}

#[test]
fn a_filter_that_is_refused_says_why_and_does_not_stand_as_active() {
    for size in [(80, 24), (40, 10)] {
        let mut m = shown(size);
        keys(&mut m, "/ l e v e l > x enter");
        assert!(m.logs.editing.is_some(), "it is put right first");
        insta::assert_snapshot!(format!("logs_refused_{}x{}", size.0, size.1), shot(&m));
        keys(&mut m, "esc");
        assert!(m.logs.problem.is_none() && m.logs.visible.len() == 5);
    }
}

#[test]
fn lines_over_time_and_pinned_ones_stand_above() {
    for size in [(80, 24), (40, 10)] {
        let mut m = shown(size);
        keys(&mut m, "up p up p / n g i n x enter");
        insta::assert_snapshot!(format!("logs_pinned_{}x{}", size.0, size.1), shot(&m));
        assert_eq!(m.logs.pinned.len(), 2);
        // What is pinned is let go by the same key, or all at once.
        keys(&mut m, "p");
        assert_eq!(m.logs.pinned.len(), 1);
        keys(&mut m, "P");
        assert!(m.logs.pinned.is_empty());
    }
    let m = shown((80, 24));
    let all = m.logs.histogram(50).unwrap();
    assert_eq!((all.step_ms, all.columns.len()), (1000, 37));
    assert_eq!(all.columns.iter().map(|(count, _)| count).sum::<u64>(), 5);
    assert_eq!(all.columns[27], (1, crate::tui::model::Level::Error));
    let coarse = m.logs.histogram(10).unwrap();
    assert_eq!((coarse.step_ms, coarse.columns.len()), (5000, 8));
    assert!(m.logs.histogram(0).is_none());
}

#[test]
fn all_lines_that_are_found_are_written_whole() {
    let mut m = shown((40, 10));
    let effects = keys(&mut m, "/ n g i n x enter ctrl-s");
    let [Effect::SaveLines(text)] = effects.as_slice() else { panic!("{effects:?}") };
    let read: Vec<LogLine> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.len(), 3);
    assert_eq!(read[2], foreign()[3]);
}

#[test]
fn what_is_looked_for_may_lie_far_back() {
    let mut m = shown((80, 24));
    let effects = keys(&mut m, "/ p r o b e > 3 enter s");
    let query = asked(&effects).remove(0);
    let page = LogPage { items: lines(0, RING), next: Some("x".into()), ..LogPage::default() };
    let older = asked(&update_with(&mut m, query, page));
    assert_eq!(older.len(), 1, "a full page without a line that passes is not the end");
    assert!(m.logs.visible.is_empty());
    // Another filter: what still comes is not its answer.
    keys(&mut m, "v");
    assert!(asked(&update_with(&mut m, older[0].clone(), LogPage::default())).is_empty());
    assert!(shot(&m).contains("s looks again"), "{}", shot(&m));
}

#[test]
fn what_is_recorded_is_changed_at_once_or_for_a_time() {
    let mut m = searched((80, 24)).0;
    keys(&mut m, "esc L");
    assert!(shot(&m).contains("What is recorded"), "{}", shot(&m));
    let sent = keys(&mut m, "right enter 1 0 m enter n o i s e enter right enter");
    let body = serde_json::json!({"value": "debug", "confirm_s": 600, "reason": "noise"});
    assert_eq!(orders(&sent), [("PUT /v1/config/log.level".to_owned(), body)]);
    keys(&mut m, "esc L");
    let sent = keys(&mut m, "enter enter enter right enter");
    assert_eq!(orders(&sent).first().map(|(_, body)| body["value"].clone()), Some("info".into()));
}
