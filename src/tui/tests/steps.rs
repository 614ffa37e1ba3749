//! What keys do, step by step.

use super::fixtures::*;
use crate::api::types::{OperationDetail, Page, Passage};
use crate::tui::effect::{Effect, Request};
use crate::tui::model::{Focus, Overlay, Reading, Tab, View};
use crate::tui::msg::{Msg, Reply, Way};
use crate::tui::update::update;

fn requests(effects: &[Effect]) -> Vec<&Request> {
    effects.iter().filter_map(|e| if let Effect::Request(r) = e { Some(r) } else { None }).collect()
}

#[test]
fn the_first_question_needs_no_further_step() {
    let mut m = empty((80, 24));
    let effects = keys(&mut m, "p u m p space 4 2 q enter");
    match requests(&effects)[..] {
        [Request::Ask(1, request)] => assert_eq!(request.q, "pump 42q"),
        ref other => panic!("{other:?}"),
    }
    assert_eq!(m.view, View::Ask, "digits are text while typing");
    keys(&mut m, "4");
    assert_eq!(m.view, View::Logs, "and commands after");
}

#[test]
fn a_busy_box_is_shown_first_unless_someone_types() {
    let mut m = empty((80, 24));
    reply(&mut m, Reply::Status(Box::new(status())));
    assert_eq!(m.view, View::Ask);
    let mut m = empty((80, 24));
    m.touched = false;
    reply(&mut m, Reply::Status(Box::new(status())));
    assert_eq!(m.view, View::Overview);
}

#[test]
fn an_idle_question_line_does_not_listen() {
    let mut m = empty((80, 24));
    assert!(!m.link.listening);
    let effects = keys(&mut m, "f1");
    assert!(effects.contains(&Effect::Listen(true)));
    let effects = keys(&mut m, "f2");
    assert!(effects.contains(&Effect::Listen(false)));
    reply(&mut m, Reply::Jobs(jobs()));
    assert!(m.link.listening, "a running job is shown everywhere");
}

#[test]
fn a_screen_is_written_out_from_every_view_even_while_typing() {
    for view in View::ALL {
        let mut m = full((80, 24));
        m.view = view;
        let effects = keys(&mut m, "ctrl-s");
        if view == View::Logs {
            let [Effect::SaveLines(text)] = effects.as_slice() else { panic!("{effects:?}") };
            assert_eq!(text.lines().count(), m.logs.visible.len());
            continue;
        }
        assert_eq!(effects, [Effect::SaveScreen], "{view:?}");
    }
    let mut m = empty((80, 24));
    keys(&mut m, "p u");
    assert_eq!(keys(&mut m, "ctrl-s"), [Effect::SaveScreen]);
    assert_eq!(m.ask.question.text(), "pu");
}

#[test]
fn late_answers_of_an_earlier_question_are_dropped() {
    let mut m = full((80, 24));
    ask(&mut m, answer());
    keys(&mut m, "i ! enter");
    reply(&mut m, Reply::Answer(1, Box::new(answer())));
    assert!(m.ask.response().is_none());
    reply(&mut m, Reply::Answer(2, Box::new(answer())));
    assert!(m.ask.response().is_some());
}

#[test]
fn reading_goes_on_at_both_ends() {
    let mut m = full((80, 24));
    ask(&mut m, answer());
    keys(&mut m, "enter");
    assert_eq!(m.ask.focus, Focus::Reader);
    let p = |c: &str| Passage { chunk: c.into(), text: format!("text of {c}"), ..Passage::default() };
    let serial = m.ask.serial;
    let around = ["a", "b", "c", "c1", "d", "e", "f"].map(p).to_vec();
    reply(&mut m, Reply::Passages(serial, Way::Around, around));
    let order: Vec<&str> = m.ask.reader.as_ref().unwrap().passages.iter().map(|p| p.chunk.as_str()).collect();
    assert_eq!(order, ["a", "b", "c", "c1", "d", "e", "f"]);
    let effects = keys(&mut m, "]");
    let want = Request::Passages { serial, way: Way::After, document: "d1".into(), chunk: "f".into() };
    assert_eq!(requests(&effects), [&want]);
    reply(&mut m, Reply::Passages(serial, Way::After, vec![p("f")]));
    assert_eq!(m.ask.reader.as_ref().unwrap().after, Reading::End);
    let effects = keys(&mut m, "]");
    assert!(requests(&effects).is_empty());
    assert!(m.notice.as_ref().unwrap().text.contains("this is the end"));
    keys(&mut m, "esc");
    assert!(m.ask.reader.is_none());
    assert_eq!(m.ask.focus, Focus::Results);
}

#[test]
fn removing_a_collection_wants_its_name() {
    let mut m = full((80, 24));
    keys(&mut m, "f3 down");
    assert_eq!(m.library.collection().unwrap().name, "manuals");
    assert!(requests(&keys(&mut m, "d o l d enter enter enter")).is_empty(), "Enter ends at Cancel");
    assert!(m.overlay.is_none());
    assert!(requests(&keys(&mut m, "d o l d tab tab tab enter")).is_empty(), "the name is missing");
    assert!(matches!(m.overlay, Some(Overlay::Form(_))));
    let effects = keys(&mut m, "m a n u a l s tab tab enter");
    assert_eq!(orders(&effects)[0].0, "DELETE /v1/collections/manuals?reason=old");
    keys(&mut m, "up d");
    assert!(m.overlay.is_none(), "what is built in stays");
}

#[test]
fn dead_letters_are_retried_edited_and_thrown_away() {
    let mut m = full((80, 24));
    let first = letters()[0].id.clone();
    assert_eq!(requests(&keys(&mut m, "f5")), [&Request::Queue, &Request::DeadLetters]);
    assert_eq!(requests(&keys(&mut m, "enter")), [&Request::ShowOperation(first.clone())]);
    assert_eq!(requests(&keys(&mut m, "R")), [&Request::RetryLetter(first.clone())]);
    assert!(requests(&keys(&mut m, "d enter enter")).is_empty(), "Cancel has the focus");
    assert!(orders(&keys(&mut m, "d tab tab enter")).is_empty(), "the reason is missing");
    keys(&mut m, "esc");
    let calls = |effects: &[Effect]| orders(effects)[0].0.clone();
    let one = calls(&keys(&mut m, "d o l d tab tab enter"));
    assert_eq!(one, format!("DELETE /v1/queue/dead/{first}?reason=old"));
    let all = calls(&keys(&mut m, "X o l d tab tab enter"));
    assert_eq!(all, "DELETE /v1/queue/dead?reason=old");
    assert_eq!(requests(&keys(&mut m, "p")), [&Request::PauseQueue]);
    assert_eq!(requests(&keys(&mut m, "e")), [&Request::EditLetter(first.clone())]);
    let detail = |payload: Option<String>| OperationDetail { operation: letters().remove(0), payload };
    reply(&mut m, Reply::Operation(Box::new(detail(Some("7".into()))), true));
    assert!(requests(&keys(&mut m, "8 enter")).is_empty(), "enter moves on");
    assert_eq!(requests(&keys(&mut m, "right enter")), [&Request::SaveLetter(first, "78".into())]);
    reply(&mut m, Reply::Operation(Box::new(detail(None)), true));
    assert!(m.overlay.is_none() && m.notice.is_some(), "what is no text is not edited here");
    reply(&mut m, Reply::DeadLetters(Vec::new()));
    assert!(requests(&keys(&mut m, "d R e X")).is_empty());
}

#[test]
fn several_documents_go_at_once() {
    let mut m = full((80, 24));
    let effects = keys(&mut m, "f3 right space space d tab enter");
    let want = [Request::RemoveDocument("d0".into()), Request::RemoveDocument("d1".into())];
    assert!(requests(&effects).ends_with(&want.iter().collect::<Vec<_>>()));
    assert!(m.library.marked.is_empty());
}

#[test]
fn documents_page_on_through_cursors() {
    let mut m = full((80, 24));
    keys(&mut m, "f3 right");
    assert_eq!(m.library.tab, Tab::Documents);
    let effects = keys(&mut m, "G");
    match requests(&effects)[..] {
        [Request::Documents { append: true, query, .. }] => assert_eq!(query.cursor.as_deref(), Some("more")),
        ref other => panic!("{other:?}"),
    }
    assert!(requests(&keys(&mut m, "g G")).is_empty(), "once");
    let serial = m.library.serial;
    reply(&mut m, Reply::Documents(serial, true, Page { items: documents(40), next: None }));
    assert_eq!(m.library.documents.items.len(), 100);
}

#[test]
fn a_filter_is_also_the_servers() {
    let mut m = full((80, 24));
    let effects = keys(&mut m, "f3 right / k i n d : p d f space p u m p enter");
    match requests(&effects)[..] {
        [.., Request::Documents { query, append: false, .. }] => {
            assert_eq!((query.kind.as_deref(), query.contains.as_deref()), (Some("pdf"), Some("pump")));
        }
        ref other => panic!("{other:?}"),
    }
    keys(&mut m, "esc");
    assert_eq!(m.library.list().filter_text, "");
}

#[test]
fn disabled_actions_say_why() {
    let mut m = full((80, 24));
    keys(&mut m, "f3 c");
    assert_eq!(m.notice.as_ref().unwrap().text, "Cancel the job: see the jobs tab.");
    keys(&mut m, "right right c tab enter");
    assert!(m.overlay.is_none());
}

#[test]
fn the_palette_runs_what_it_finds() {
    let mut m = full((80, 24));
    keys(&mut m, "f1 : l o g s enter");
    assert_eq!(m.view, View::Logs);
}

#[test]
fn a_lost_line_is_shown_and_comes_back() {
    let mut m = full((80, 24));
    keys(&mut m, "f3");
    update(&mut m, Msg::Down(Box::default()));
    assert!(shot(&m).contains("connection lost"));
    keys(&mut m, "a");
    assert_eq!(m.notice.as_ref().unwrap().text, "Add a file or folder: not connected.");
    let effects = update(&mut m, Msg::Up);
    assert!(requests(&effects).contains(&&Request::Collections));
}

#[test]
fn quitting_asks_for_nothing_and_stops_listening() {
    let mut m = full((80, 24));
    let effects = keys(&mut m, "f1 q");
    assert!(m.quit);
    assert_eq!(effects.last(), Some(&Effect::Listen(false)));
}

#[test]
fn a_mode_is_forced_with_a_reason_and_given_back() {
    let mut m = full((80, 24));
    keys(&mut m, "f1");
    assert!(keys(&mut m, "alt-m").is_empty());
    assert!(m.notice.as_ref().unwrap().text.contains("nothing is forced"), "{:?}", m.notice);
    assert!(keys(&mut m, "M enter enter enter right enter").is_empty(), "no reason, nothing is forced");
    assert!(matches!(m.overlay, Some(Overlay::Form(_))));
    keys(&mut m, "esc");
    let effects = keys(&mut m, "M right right tab f i r e tab 3 0 m enter right enter");
    match requests(&effects)[..] {
        [Request::ForceMode(request)] => {
            assert_eq!((request.mode.as_str(), request.reason.as_str()), ("selective_processing", "fire"));
            assert_eq!(request.ttl_s, 1800);
        }
        ref other => panic!("{other:?}"),
    }
    reply(&mut m, Reply::Status(Box::new(forced())));
    let effects = keys(&mut m, "alt-m enter");
    assert!(requests(&effects).is_empty(), "Cancel has the focus");
    let effects = keys(&mut m, "alt-m tab enter");
    assert_eq!(requests(&effects), [&Request::AutoMode]);
    let effects = keys(&mut m, ": m o d e enter");
    assert_eq!(requests(&effects), [&Request::Mode]);
}

#[test]
fn a_mode_is_shown_and_followed_on_the_question_line() {
    let mut m = full((80, 24));
    reply(&mut m, Reply::Jobs(Vec::new()));
    let mut calm = status();
    calm.jobs_running = 0;
    reply(&mut m, Reply::Status(Box::new(calm.clone())));
    assert!(!m.link.listening);
    let (height, serial) = (m.body_height(), m.ask.serial);
    let effects =
        update(&mut m, Msg::Reply(Box::new(Reply::Answer(serial, Box::new(answer()))), Default::default()));
    assert_eq!(requests(&effects), [&Request::Status], "an answer is when a changed mode is noticed");
    let mut short = short_of_memory();
    short.jobs_running = 0;
    reply(&mut m, Reply::Status(Box::new(short)));
    assert!(m.link.listening, "until it is Normal again");
    assert_eq!(m.body_height(), height - 3);
    reply(&mut m, Reply::Status(Box::new(calm)));
    assert!(!m.link.listening);
    assert_eq!(m.body_height(), height);
}
