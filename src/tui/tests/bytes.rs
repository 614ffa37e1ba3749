//! What a frame costs on the line, and that the terminal ends up with what was meant.

use std::cell::RefCell;
use std::rc::Rc;

use ratatui::Terminal;
use ratatui::layout::Size;

use super::fixtures::*;
use crate::api::types::{Event, EventKind};
use crate::tui::model::Model;
use crate::tui::msg::{Msg, Wire};
use crate::tui::term::backend::Screen;
use crate::tui::term::caps::Caps;
use crate::tui::update::update;
use crate::tui::view;

type Pipe = Box<dyn FnMut(Vec<u8>) -> std::io::Result<()>>;
type Sent = Rc<RefCell<Vec<Vec<u8>>>>;

struct Rig {
    terminal: Terminal<Screen<Pipe>>,
    sent: Sent,
    parser: vt100::Parser,
    size: (u16, u16),
}

impl Rig {
    fn new(size: (u16, u16)) -> Self {
        let sent: Sent = Rc::default();
        let into = Rc::clone(&sent);
        let sink: Pipe = Box::new(move |frame| {
            into.borrow_mut().push(frame);
            Ok(())
        });
        let caps = Caps { synchronized: true, modern: true };
        let screen = Screen::new(sink, caps, Size { width: size.0, height: size.1 });
        let parser = vt100::Parser::new(size.1, size.0, 0);
        Self { terminal: Terminal::new(screen).unwrap(), sent, parser, size }
    }

    /// Draws; returns the bytes that were sent, and checks the terminal against the buffer.
    fn draw(&mut self, model: &Model) -> usize {
        self.terminal.draw(|f| view::draw(f, model, &look(false))).unwrap();
        let frames = std::mem::take(&mut *self.sent.borrow_mut());
        assert!(frames.len() <= 1, "one write per frame");
        for frame in &frames {
            self.parser.process(frame);
        }
        let want = shot(model);
        let have: String = (0..self.size.1)
            .map(|y| {
                let row: String = (0..self.size.0)
                    .map(|x| {
                        self.parser.screen().cell(y, x).map_or(" ".into(), |c| {
                            if c.has_contents() { c.contents().to_owned() } else { " ".to_owned() }
                        })
                    })
                    .collect();
                format!("{}\n", row.trim_end())
            })
            .collect();
        assert_eq!(have, want);
        frames.iter().map(Vec::len).sum()
    }
}

fn tick(model: &mut Model, second: u64) {
    let mut s = status();
    s.uptime_ms += second * 1000;
    s.cpu_percent = 2.0 + second as f32 * 1.7 % 9.0;
    s.rss_bytes += second * 300_000;
    s.load[0] = second as f32 / 7.0;
    s.queries.total += second * 3;
    s.queries.per_second = second as f32;
    s.queries.p95_us += second * 211;
    s.budgets[0].used += second << 20;
    model.now_ms += 1000;
    let mut job = jobs().remove(0);
    job.bytes_done += second << 22;
    let wire = Wire { bytes: 2100 + second * 10, round_trip_us: 0 };
    let kinds = [EventKind::Status(Box::new(s)), EventKind::Job(job)];
    let events = kinds.into_iter().map(|kind| Event { id: second, at_ms: 0, kind }).collect();
    update(model, Msg::Events(events, wire));
}

#[test]
fn full_frames_are_small_and_idle_ones_are_nothing() {
    for view in ["f1", "f2", "f3", "f3 right", "f4", "f3 right ?"] {
        let mut m = full((80, 24));
        keys(&mut m, view);
        let mut rig = Rig::new((80, 24));
        let bytes = rig.draw(&m);
        assert!(bytes > 0 && bytes <= 4096, "{view}: {bytes} bytes");
        assert_eq!(rig.draw(&m), 0, "{view}: an idle frame");
    }
    let mut rig = Rig::new((80, 24));
    let bytes = rig.draw(&super::observe::dashboard((80, 24)));
    assert!(bytes > 1000 && bytes <= 4096, "graphs: {bytes} bytes");
    let mut rig = Rig::new((80, 24));
    let bytes = rig.draw(&super::dashboards::kinds((80, 24)));
    assert!(bytes > 1000 && bytes <= 4096, "a dashboard of all kinds: {bytes} bytes");
    let mut m = full((80, 24));
    ask(&mut m, answer());
    let mut rig = Rig::new((80, 24));
    let bytes = rig.draw(&m);
    assert!(bytes <= 4096, "answer: {bytes} bytes");
}

#[test]
fn a_data_tick_is_small() {
    for view in ["f1", "f3 right right", "f4"] {
        let mut m = full((80, 24));
        keys(&mut m, view);
        let mut rig = Rig::new((80, 24));
        rig.draw(&m);
        for second in 1..60 {
            tick(&mut m, second);
            let bytes = rig.draw(&m);
            assert!(bytes <= 1024, "{view}: {bytes} bytes");
        }
    }
}

#[test]
fn a_dashboard_that_goes_on_costs_little() {
    for make in [super::observe::dashboard, super::dashboards::kinds] {
        let mut m = make((80, 24));
        let mut rig = Rig::new((80, 24));
        super::dashboards::later(&mut m);
        rig.draw(&m);
        let mut sum = 0;
        for step in 0..40 {
            super::dashboards::later(&mut m);
            let bytes = rig.draw(&m);
            assert!(bytes <= 1024, "step {step}: {bytes} bytes");
            sum += bytes;
        }
        assert!(sum > 1000, "{sum} bytes: nothing went on");
    }
}

#[test]
fn a_key_is_cheap() {
    let mut m = full((80, 24));
    ask(&mut m, answer());
    let mut rig = Rig::new((80, 24));
    rig.draw(&m);
    for key in ["down", "up", "i", "a"] {
        keys(&mut m, key);
        let bytes = rig.draw(&m);
        assert!(bytes < 700, "{key}: {bytes} bytes");
    }
    keys(&mut m, "b");
    assert!(rig.draw(&m) < 40, "one letter");
}

#[test]
fn views_follow_each_other_without_leftovers() {
    let mut m = full((80, 24));
    let mut rig = Rig::new((80, 24));
    for key in ["f1", "f2", "f3", "right", "?", "esc", "d", "esc", "f4", ":", "esc", "f1", "f3", "left"] {
        keys(&mut m, key);
        rig.draw(&m);
    }
}

#[test]
fn wide_and_joined_characters_stay_in_their_cells() {
    let mut m = full((80, 24));
    let mut a = answer();
    a.search.results[0].title =
        "\u{30dd}\u{30f3}\u{30d7}\u{306e}\u{6574}\u{5099} e\u{301} \u{1f527} end".into();
    ask(&mut m, a);
    let mut rig = Rig::new((80, 24));
    let before = m.ask.selected;
    rig.terminal.draw(|f| view::draw(f, &m, &look(false))).unwrap();
    for key in ["down", "up", "x", "i"] {
        keys(&mut m, key);
        rig.terminal.draw(|f| view::draw(f, &m, &look(false))).unwrap();
    }
    for frame in rig.sent.borrow().iter() {
        rig.parser.process(frame);
    }
    assert_eq!(m.ask.selected, before);
    let row = rig.parser.screen().rows(0, 80).nth(8).unwrap();
    assert!(
        row.contains("\u{30dd}\u{30f3}\u{30d7}\u{306e}\u{6574}\u{5099}") && row.trim_end().ends_with("0.92"),
        "{row}"
    );
}
