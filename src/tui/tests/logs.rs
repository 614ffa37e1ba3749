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
