//! A sparkline that sweeps: the write head moves on and the past stays where it is, so that a tick
//! changes two cells and not all of them.

use crate::tui::glyphs::Glyphs;
use crate::tui::model::Sweep;
use crate::tui::theme::Tone;
use crate::tui::view::Piece;

/// `width` cells; values are drawn between nothing and the greatest of them.
pub(crate) fn sweep(sweep: &Sweep, width: usize, glyphs: &Glyphs) -> Vec<Piece> {
    let top = sweep.values.iter().copied().max().unwrap_or(0).max(1);
    // A round scale, so that a new greatest value seldom redraws everything.
    let scale = u128::from(top.checked_next_power_of_two().unwrap_or(top));
    let levels = glyphs.spark.len();
    let cell = |at: usize| match sweep.values.get(at) {
        None => " ",
        Some(_) if at == sweep.head && sweep.values.len() == Sweep::WIDTH => glyphs.head,
        Some(0) => glyphs.spark.first().copied().unwrap_or(" "),
        Some(v) => {
            let level = usize::try_from(u128::from(*v) * (levels as u128 - 1) / scale).unwrap_or(0);
            glyphs.spark.get(level).copied().unwrap_or(" ")
        }
    };
    let text: String = (0..width.min(Sweep::WIDTH)).map(cell).collect();
    vec![(Tone::Accent, text)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::glyphs::UNICODE;

    #[test]
    fn a_tick_changes_two_cells() {
        let mut s = Sweep::default();
        for i in 0..100 {
            s.push(50 + i % 10);
        }
        let before = sweep(&s, Sweep::WIDTH, &UNICODE)[0].1.clone();
        s.push(55);
        let after = sweep(&s, Sweep::WIDTH, &UNICODE)[0].1.clone();
        let changed = before.chars().zip(after.chars()).filter(|(a, b)| a != b).count();
        assert!(changed <= 2, "{before} {after}");
        assert_eq!(after.chars().count(), Sweep::WIDTH);
    }
}
