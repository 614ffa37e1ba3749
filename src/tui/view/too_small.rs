//! One line for a screen on which nothing else would fit.

use ratatui::layout::Rect;

use crate::tui::theme::Tone;
use crate::tui::view::Pen;

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect) {
    let text = format!("too small: {}x{}, 40x10 wanted", area.width, area.height);
    pen.put(area.x, area.y, area.width, Tone::Text, &text);
}
