//! How much of a limit is used, as a bar of cells.

use crate::tui::glyphs::Glyphs;
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::Piece;

/// A bar of `width` cells: the full part, then the empty part.
pub(crate) fn bar(used: u64, limit: u64, width: usize, glyphs: &Glyphs) -> [Piece; 2] {
    let percent = text::percent(used, limit).min(100);
    let mut full = usize::try_from(percent).unwrap_or(0) * width / 100;
    // Something is never nothing.
    if full == 0 && used > 0 && limit > 0 {
        full = 1.min(width);
    }
    [(level(percent), glyphs.bar_full.repeat(full)), (Tone::Quiet, glyphs.bar_empty.repeat(width - full))]
}

/// Calm below four fifths, a warning above, alarm near the limit.
pub(crate) fn level(percent: u64) -> Tone {
    match percent {
        0..=79 => Tone::Accent,
        80..=94 => Tone::Warn,
        _ => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::glyphs::ASCII;

    #[test]
    fn bars_keep_their_width() {
        for (used, limit) in [(0, 0), (0, 10), (1, 1000), (5, 10), (10, 10), (99, 10), (u64::MAX, 1)] {
            let [full, empty] = bar(used, limit, 10, &ASCII);
            assert_eq!(full.1.len() + empty.1.len(), 10, "{used}/{limit}");
        }
        assert_eq!(bar(1, 1000, 10, &ASCII)[0].1.len(), 1);
        assert_eq!(level(96), Tone::Bad);
    }
}
