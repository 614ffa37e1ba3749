//! No message, size or name may break the screen.

use proptest::prelude::*;

use super::fixtures::*;
use crate::api::types::*;
use crate::tui::key::{Code, Key};
use crate::tui::model::Model;
use crate::tui::msg::{Msg, Reply, Way, Wire};
use crate::tui::sanitize::hostile;
use crate::tui::update::update;

const KEYS: &str = "enter esc tab backtab up down left right pageup pagedown home end space backspace delete \
                    f1 f2 f3 f4 f5 1 2 3 4 : ? / i x c d y [ ] a R s S v f e E r b g G h j k l n p ctrl-d \
                    ctrl-x ctrl-t ctrl-l ctrl-p ctrl-w ctrl-u > m";

#[allow(clippy::too_many_lines)] // one arm for each kind of message
fn message(pick: u8, n: usize, text: &str) -> Msg {
    let names: Vec<&str> = KEYS.split_whitespace().collect();
    let event = |kind| {
        Msg::Events(vec![Event { id: n as u64, at_ms: 0, kind }], Wire { bytes: n as u64, round_trip_us: 0 })
    };
    let reply = |r| Msg::Reply(Box::new(r), Wire::default());
    let serial = (n % 9) as u64;
    match pick {
        0..=99 => Msg::Key(Key::parse(names[n % names.len()]).unwrap()),
        100..=119 => Msg::Key(Key::plain(Code::Char(text.chars().next().unwrap_or('z')))),
        120..=124 => Msg::Paste(text.to_owned()),
        125..=134 => Msg::Resize((n % 130) as u16, (n % 50) as u16),
        135..=149 => {
            let mut a = answer();
            for (i, h) in a.search.results.iter_mut().enumerate() {
                h.text = format!("{text} {}", h.text);
                h.highlights = vec![(n % 50, n % 90), (i, usize::MAX)];
                h.best_sentence = (n % 70, n % 40);
                h.title = text.to_owned();
            }
            a.search.found = !n.is_multiple_of(3);
            a.search.did_you_mean = (n.is_multiple_of(2)).then(|| text.to_owned());
            reply(Reply::Answer(serial, Box::new(a)))
        }
        150..=159 => {
            let way = [Way::Around, Way::Before, Way::After][n % 3];
            let passages = (0..n % 5)
                .map(|i| Passage {
                    chunk: format!("c{}", i + n % 3),
                    text: text.to_owned(),
                    ..Passage::default()
                })
                .collect();
            reply(Reply::Passages(serial, way, passages))
        }
        160..=169 => {
            let mut s = Status { tier: text.to_owned(), rss_bytes: u64::MAX, ..status() };
            s.cpu_percent = f32::NAN;
            s.damaged = vec![text.to_owned(); n % 7];
            s.budgets.push(Gauge { name: text.to_owned(), used: u64::MAX, ..Gauge::default() });
            event(EventKind::Status(Box::new(s)))
        }
        170..=179 => {
            event(EventKind::Job(Job { id: text.to_owned(), bytes_done: u64::MAX, ..Job::default() }))
        }
        180..=189 => event(EventKind::Log(LogLine {
            message: text.to_owned(),
            timestamp: text.to_owned(),
            ..LogLine::default()
        })),
        190..=199 => event(EventKind::Index(Collection { name: text.to_owned(), ..Collection::default() })),
        200..=209 => {
            let mut items = documents(n % 40);
            items.iter_mut().for_each(|d| d.title = text.to_owned());
            reply(Reply::Documents(
                serial,
                n.is_multiple_of(2),
                Page { items, next: (n.is_multiple_of(3)).then(|| "n".into()) },
            ))
        }
        210..=214 => reply(Reply::Failures(failures())),
        215..=219 => reply(Reply::Collections(if n.is_multiple_of(2) { collections() } else { Vec::new() })),
        220..=224 => reply(log_page(logs())),
        225 => {
            let mut items = letters();
            items.iter_mut().for_each(|letter| letter.last_error = text.to_owned());
            reply(Reply::DeadLetters(if n.is_multiple_of(3) { Vec::new() } else { items }))
        }
        226 => {
            let mut status = queue();
            status.upstream.reason = text.to_owned();
            status.lanes.iter_mut().for_each(|lane| lane.lane = text.to_owned());
            event(EventKind::Queue(Box::new(QueueStatus { dead_letters: n as u64, ..status })))
        }
        227 => {
            let operation = Operation { id: text.to_owned(), ..Operation::default() };
            let payload = (!n.is_multiple_of(3)).then(|| text.to_owned());
            reply(Reply::Operation(Box::new(OperationDetail { operation, payload }), n.is_multiple_of(2)))
        }
        228..=229 => reply(Reply::Done(text.to_owned(), None)),
        230..=239 => Msg::Down(Box::new(Problem { title: text.to_owned(), ..Problem::default() })),
        _ => Msg::Up,
    }
}

/// Draws on a few sizes; no hostile character may come through.
fn check(model: &Model) -> Result<(), TestCaseError> {
    for size in [model.size, (1, 1), (40, 10), (80, 24)] {
        let sized = Model { size: (size.0.max(1), size.1.max(1)), ..model.clone() };
        let text = shot(&sized);
        prop_assert!(!text.chars().any(|c| c != '\n' && hostile(c)), "{text}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn random_messages_never_break_it(
        steps in proptest::collection::vec((any::<u8>(), any::<usize>(), ".{0,12}"), 1..60),
    ) {
        let mut model = full((80, 24));
        for (i, (pick, n, text)) in steps.iter().enumerate() {
            update(&mut model, message(*pick, *n, text));
            if i % 8 == 0 {
                check(&model)?;
            }
        }
        check(&model)?;
    }

    #[test]
    fn any_size_is_safe(width in 1u16..200, height in 1u16..60) {
        for view in ["f1", "f2", "f3 right", "f3 d", "f4", "f3 ?", "f3 :", "f3 a"] {
            let mut m = full((width, height));
            keys(&mut m, view);
            shot(&m);
        }
        let mut m = full((width, height));
        ask(&mut m, answer());
        shot(&m);
        keys(&mut m, "enter");
        shot(&m);
    }
}

#[test]
fn hostile_names_do_not_reach_the_screen() {
    let mut m = full((80, 24));
    let evil = "a\u{1b}[2Jb\u{202e}c\u{200b}d\u{9b}e";
    m.library.collections.items[0].name = evil.into();
    keys(&mut m, "f3");
    assert!(shot(&m).contains("a[2Jbcde"));
}
