//! A dashboard as text, once: every panel below the other, as the screen draws them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::api::types::dashboard::{Dashboard, DashboardList};
use crate::tui::effect::Effect;
use crate::tui::model::{Model, SPANS, View};
use crate::tui::msg::{DashboardAnswer, Msg, Reply};
use crate::tui::theme::Theme;
use crate::tui::update::update;
use crate::tui::view::{self, Look};
use crate::tui::{Link, export, glyphs, link};

/// Columns that are printed, and rows beside those of the panels.
const WIDTH: u16 = 80;
const BESIDE: u16 = 8;

/// True where the locale and the terminal know UTF-8.
pub(crate) fn speaks_utf8() -> bool {
    let env = |name: &str| std::env::var(name).ok();
    glyphs::choose(&crate::tui::Options::default(), &env) == glyphs::UNICODE
}

/// The panels with what they show from so many seconds before now on, as close as the screen has it.
pub(crate) fn lines(
    link: &mut dyn Link,
    dashboard: &Dashboard,
    span_s: u64,
    now_ms: u64,
    ascii: bool,
) -> Vec<String> {
    let tall: u64 = dashboard.panels.iter().map(|panel| panel.height).sum();
    let height = u16::try_from(tall).unwrap_or(u16::MAX - BESIDE).saturating_add(BESIDE).max(24);
    let mut model = Model { now_ms, size: (WIDTH, height), view: View::Observe, ..Model::default() };
    let fits = |(seconds, _): &(u64, &str)| *seconds >= span_s;
    model.observe.span = SPANS.iter().position(fits).unwrap_or(SPANS.len() - 1);
    let list = DashboardList { items: vec![dashboard.clone()], problems: Vec::new() };
    let listed = Reply::Dashboard(DashboardAnswer::List(list));
    let mut effects = update(&mut model, Msg::Reply(Box::new(listed), Default::default()));
    effects.retain(|effect| matches!(effect, Effect::Request(_)));
    for effect in effects {
        if let Effect::Request(request) = effect {
            let answered = link::serve(link, request);
            update(&mut model, answered);
        }
    }
    // Nothing is selected where nobody can press a key.
    model.observe.selected = usize::MAX;
    let look = Look { theme: Theme::Mono, glyphs: if ascii { glyphs::ASCII } else { glyphs::UNICODE } };
    let mut buffer = Buffer::empty(Rect { x: 0, y: 0, width: WIDTH, height });
    view::draw_dashboard(&mut buffer, &model, &look);
    let text = export::text_of(&buffer);
    let text = text.trim_end().lines().map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned());
    std::iter::once(format!("{} ({})", dashboard.title, dashboard.file)).chain(text).collect()
}
