//! Each view at the design size and at the smallest, full, empty, broken.

use super::fixtures::*;
use crate::api::types::{AskResponse, Passage, Problem};
use crate::tui::msg::{Msg, Reply, Way};
use crate::tui::update::update;

const SIZES: [(u16, u16); 2] = [(80, 24), (40, 10)];

/// One snapshot a size.
fn both(name: &str, make: impl Fn((u16, u16)) -> crate::tui::model::Model) {
    for size in SIZES {
        let model = make(size);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shot(&model));
    }
}

fn down(model: &mut crate::tui::model::Model) {
    let problem = Problem { title: "The daemon does not answer.".into(), ..Problem::default() };
    update(model, Msg::Down(Box::new(problem)));
}

#[test]
fn overview() {
    both("overview", |size| {
        let mut m = full(size);
        keys(&mut m, "f1");
        m
    });
    both("overview_damage", |size| {
        let mut m = full(size);
        let mut s = status();
        s.damaged = vec!["segments/manuals/7/block 12: checksum differs; spud check --repair".into()];
        reply(&mut m, Reply::Status(Box::new(s)));
        keys(&mut m, "f1");
        m
    });
    both("overview_disconnected", |size| {
        let mut m = empty(size);
        keys(&mut m, "f1");
        down(&mut m);
        m
    });
}

#[test]
fn ask_states() {
    both("ask_first", full);
    both("ask_no_documents", |size| {
        let mut m = empty(size);
        reply(&mut m, Reply::Collections(Vec::new()));
        m
    });
    both("ask_answer", |size| {
        let mut m = full(size);
        ask(&mut m, answer());
        m
    });
    both("ask_explain", |size| {
        let mut m = full(size);
        ask(&mut m, answer());
        keys(&mut m, "x down");
        m
    });
    both("ask_none", |size| {
        let mut m = full(size);
        let mut none = AskResponse::default();
        none.search.did_you_mean = Some("replace pump seal".into());
        none.search.took_us = 900;
        ask(&mut m, none);
        m
    });
    both("ask_failed", |size| {
        let mut m = full(size);
        m.ask.question.set("pump");
        keys(&mut m, "enter");
        let problem = Problem {
            title: "The box is busy.".into(),
            status: 503,
            detail: "Memory is short, so only small questions are answered.".into(),
            advice: Some("Ask again in 5 s.".into()),
            ..Problem::default()
        };
        let serial = m.ask.serial;
        let request = crate::tui::effect::Request::Ask(serial, crate::api::types::SearchRequest::default());
        update(&mut m, Msg::Refused(Box::new(request), Box::new(problem), Default::default()));
        m
    });
}

#[test]
fn modes() {
    for (key, name) in [("f1", "overview"), ("f2", "ask"), ("f3", "library"), ("f4", "logs")] {
        both(&format!("mode_{name}"), |size| {
            let mut m = full(size);
            reply(&mut m, Reply::Status(Box::new(short_of_memory())));
            keys(&mut m, key);
            m
        });
    }
    both("mode_forced", |size| {
        let mut m = full(size);
        reply(&mut m, Reply::Status(Box::new(forced())));
        keys(&mut m, "f3");
        m
    });
    both("mode_explained", |size| {
        let mut m = full(size);
        reply(&mut m, Reply::Status(Box::new(short_of_memory())));
        keys(&mut m, "f3 m");
        reply(&mut m, Reply::Mode(Box::new(mode_report())));
        m
    });
    both("mode_dialog", |size| {
        let mut m = full(size);
        keys(&mut m, "f3 M right enter f l o o d enter");
        m
    });
    both("mode_dialog_without_a_reason", |size| {
        let mut m = full(size);
        keys(&mut m, "f3 M tab tab tab tab enter");
        m
    });
}

#[test]
fn reading() {
    both("reader", |size| {
        let mut m = full(size);
        ask(&mut m, answer());
        keys(&mut m, "enter");
        let serial = m.ask.serial;
        let hit = m.ask.hits()[0].clone();
        let passage = |chunk: &str, text: &str| Passage {
            chunk: chunk.into(),
            text: text.into(),
            heading: hit.heading.clone(),
            place: hit.place.clone(),
        };
        let around = vec![
            passage("c0", "Before any work, close the inlet valve and let the pressure go."),
            passage("c1", &hit.text),
            passage("c2", "- Clean the seat.\n- Grease the new seal.\n- Turn the shaft by hand."),
        ];
        reply(&mut m, Reply::Passages(serial, Way::Around, around));
        m
    });
}

#[test]
fn library_tabs() {
    for (at, name) in ["collections", "documents", "jobs", "failures"].iter().enumerate() {
        both(&format!("library_{name}"), |size| {
            let mut m = full(size);
            keys(&mut m, "f3");
            for _ in 0..at {
                keys(&mut m, "right");
            }
            m
        });
    }
    both("library_empty", |size| {
        let mut m = empty(size);
        reply(&mut m, Reply::Collections(Vec::new()));
        keys(&mut m, "f3");
        m
    });
    both("library_filter", |size| {
        let mut m = full(size);
        keys(&mut m, "f3 right / k i n d : p d f space s i z e > 1 m");
        m
    });
    both("library_marked", |size| {
        let mut m = full(size);
        keys(&mut m, "f3 right s space space down");
        m
    });
}

#[test]
fn dialogs() {
    both("dialog_add", |size| {
        let mut m = full(size);
        keys(&mut m, "f3 a s r v enter");
        m
    });
    both("dialog_remove_collection", |size| {
        let mut m = full(size);
        keys(&mut m, "f3 down d o l d enter m a n");
        m
    });
    both("dialog_detail", |size| {
        let mut m = full(size);
        keys(&mut m, "f3 right right enter");
        m
    });
    both("help", |size| {
        let mut m = full(size);
        keys(&mut m, "f3 ?");
        m
    });
    both("palette", |size| {
        let mut m = full(size);
        keys(&mut m, "f3 : r e");
        m
    });
}

fn detail(size: (u16, u16), edit: bool) -> crate::tui::model::Model {
    let mut m = full(size);
    keys(&mut m, "f5 down");
    let operation = letters().remove(1);
    let payload = Some("{\n  \"bar\": 7,\n  \"pump\": \"p-7\"\n}".to_owned());
    let detail = crate::api::types::OperationDetail { operation, payload };
    reply(&mut m, Reply::Operation(Box::new(detail), edit));
    m
}

#[test]
fn queue_views() {
    both("queue", |size| {
        let mut m = full(size);
        keys(&mut m, "f5 down");
        m
    });
    both("queue_quiet", |size| {
        let mut m = empty(size);
        let quiet = crate::api::types::QueueStatus { lanes: queue().lanes, ..Default::default() };
        reply(&mut m, Reply::Queue(Box::new(quiet)));
        keys(&mut m, "f5");
        m
    });
    let some_breakers = |size| {
        let mut m = full(size);
        keys(&mut m, "f5 b");
        reply(&mut m, Reply::Breakers(breakers()));
        keys(&mut m, "down");
        m
    };
    both("queue_breakers", some_breakers);
    both("queue_breaker_hold", |size| {
        let mut m = some_breakers(size);
        keys(&mut m, "o right");
        m
    });
    both("queue_detail", |size| detail(size, false));
    both("queue_edit", |size| detail(size, true));
    both("queue_purge", |size| {
        let mut m = full(size);
        keys(&mut m, "f5 d");
        m
    });
}

#[test]
fn log_views() {
    both("logs", |size| {
        let mut m = full(size);
        keys(&mut m, "f4");
        m
    });
    both("logs_paused", |size| {
        let mut m = full(size);
        keys(&mut m, "f4 E");
        for line in logs().into_iter().take(5) {
            m.logs.push(line);
        }
        m
    });
    both("logs_detail", |size| {
        let mut m = full(size);
        keys(&mut m, "f4 enter");
        m
    });
    both("logs_disconnected", |size| {
        let mut m = empty(size);
        keys(&mut m, "f4");
        down(&mut m);
        m
    });
}

#[test]
fn ascii_and_wide() {
    let mut m = full((80, 24));
    keys(&mut m, "f1");
    let text = shot_with(&m, &look(true));
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!("overview_ascii", text);
    let mut m = full((132, 40));
    keys(&mut m, "f3 right");
    insta::assert_snapshot!("library_wide", shot(&m));
}

#[test]
fn too_small() {
    insta::assert_snapshot!("too_small", shot(&full((39, 9))));
}
