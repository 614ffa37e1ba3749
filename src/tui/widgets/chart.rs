//! A graph of a series over time, as high as there is room: columns of blocks, or of ASCII marks.

use crate::tui::glyphs::Glyphs;

/// What is drawn: from when to when (seconds), and between which values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Frame {
    /// Zero is part of what is drawn, so that small changes of large values look small; a flat line lies at half
    /// the height.
    pub(crate) fn around(points: &[(f64, f64)], start: f64, end: f64) -> Self {
        let values = || points.iter().map(|(_, value)| *value);
        let most = values().fold(0.0, f64::max);
        let least = values().fold(0.0, f64::min);
        let most = if most > least { most } else { least + 1.0 };
        Self { start, end, least, most }
    }
}

/// The newest value of each column; nothing where there is none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // columns of a screen
fn columns(points: &[(f64, f64)], frame: Frame, width: usize) -> Vec<Option<f64>> {
    let mut columns = vec![None; width];
    let span = (frame.end - frame.start).max(1.0);
    for (time, value) in points {
        let part = (time - frame.start) / span;
        if (0.0..=1.0).contains(&part) {
            let at = ((part * width as f64) as usize).min(width.saturating_sub(1));
            if let Some(column) = columns.get_mut(at) {
                *column = Some(*value);
            }
        }
    }
    columns
}

/// Rows of the graph, the highest first, each `width` cells.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // rows of a screen
pub(crate) fn rows(
    points: &[(f64, f64)],
    frame: Frame,
    (width, height): (usize, usize),
    glyphs: &Glyphs,
) -> Vec<String> {
    let levels = glyphs.spark.len();
    let columns = columns(points, frame, width);
    let steps = (levels * height) as f64;
    let filled: Vec<Option<usize>> = columns
        .into_iter()
        .map(|value| {
            let part = (value? - frame.least) / (frame.most - frame.least);
            Some(((part.clamp(0.0, 1.0) * steps).round() as usize).max(1))
        })
        .collect();
    let row = |row: usize| {
        let below = (height - 1 - row) * levels;
        let cell = |filled: &Option<usize>| match filled.and_then(|filled| filled.checked_sub(below)) {
            None | Some(0) => " ",
            Some(level) => glyphs.spark.get(level.min(levels) - 1).copied().unwrap_or(" "),
        };
        filled.iter().map(cell).collect::<String>()
    };
    (0..height).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::glyphs::{ASCII, UNICODE};

    #[test]
    fn values_fill_columns_from_below() {
        let points = [(0.0, 0.0), (1.0, 4.0), (2.0, 8.0), (9.0, 8.0)];
        let frame = Frame::around(&points, 0.0, 4.0);
        assert_eq!((frame.least, frame.most), (0.0, 8.0));
        assert_eq!(rows(&points, frame, (4, 2), &UNICODE), ["  █ ", "▁██ "]);
        assert_eq!(rows(&points, frame, (4, 1), &ASCII), ["_.# "]);
    }

    #[test]
    fn odd_input_draws_something() {
        assert_eq!(rows(&[], Frame::around(&[], 0.0, 0.0), (3, 1), &UNICODE), ["   "]);
        let flat = [(0.0, -5.0)];
        assert_eq!(rows(&flat, Frame::around(&flat, 0.0, 1.0), (1, 1), &UNICODE), ["▁"]);
        assert!(rows(&flat, Frame::around(&flat, 0.0, 1.0), (0, 0), &UNICODE).is_empty());
    }
}
