//! A graph of a series over time, as high as there is room: columns of blocks, or of ASCII marks.

use crate::base::InOrder;
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
pub(crate) fn columns(points: &[(f64, f64)], frame: Frame, width: usize) -> Vec<Option<f64>> {
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

/// Rows of several series in one frame, one in front of the other: the least of a column is the densest.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // rows of a screen
pub(crate) fn bands(
    lines: &[&[(f64, f64)]],
    frame: Frame,
    (width, height): (usize, usize),
    glyphs: &Glyphs,
) -> Vec<String> {
    let filled = |value: f64| {
        let part = (value - frame.least) / (frame.most - frame.least);
        ((part.clamp(0.0, 1.0) * height as f64).ceil() as usize).max(1)
    };
    let all: Vec<Vec<Option<f64>>> = lines.iter().map(|points| columns(points, frame, width)).collect();
    let column = |at: usize| {
        let mut here: Vec<usize> =
            all.iter().filter_map(|line| line.get(at).copied().flatten().map(filled)).collect();
        here.order();
        here
    };
    let columns: Vec<Vec<usize>> = (0..width).map(column).collect();
    let cell = |here: &Vec<usize>, above: usize| match here.iter().position(|filled| *filled >= above) {
        Some(rank) => glyphs.shade.iter().rev().nth(rank).or(glyphs.shade.first()).copied().unwrap_or(" "),
        None => " ",
    };
    (0..height).map(|row| columns.iter().map(|here| cell(here, height - row)).collect()).collect()
}

/// How many fell into each bucket of a histogram over time, by bucket: the lines are cumulative, from the least bound
/// to the greatest. One row a bucket, the greatest first; buckets with nothing at either end are left out, and
/// neighbours share a row where there is not room for all.
pub(crate) fn heat(
    lines: &[(f64, &[(f64, f64)])],
    frame: Frame,
    (width, height): (usize, usize),
) -> Vec<(f64, Vec<f64>)> {
    let mut before = vec![0.0; width];
    let mut rows: Vec<(f64, Vec<f64>)> = Vec::new();
    for (bound, points) in lines {
        let now = columns(points, frame, width);
        let own = |(now, before): (&Option<f64>, &mut f64)| {
            let below = std::mem::replace(before, now.unwrap_or(*before));
            now.map_or(0.0, |now| (now - below).max(0.0))
        };
        rows.push((*bound, now.iter().zip(&mut before).map(own).collect()));
    }
    let holds = |(_, cells): &(f64, Vec<f64>)| cells.iter().any(|cell| *cell > 0.0);
    let first = rows.iter().position(holds).unwrap_or(0);
    let last = rows.iter().rposition(holds).map_or(first, |last| last + 1);
    let each = (last - first).div_ceil(height.max(1)).max(1);
    let shared = rows.get(first..last).unwrap_or_default().chunks(each).map(|some| {
        let sum = |at: usize| some.iter().filter_map(|(_, cells)| cells.get(at)).sum();
        (some.last().map_or(0.0, |(bound, _)| *bound), (0..width).map(sum).collect())
    });
    let mut shared: Vec<_> = shared.collect();
    shared.reverse();
    shared
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

    #[test]
    fn the_least_of_several_is_in_front() {
        let (low, high) = ([(0.0, 1.0), (1.0, 4.0)], [(0.0, 4.0), (1.0, 1.0)]);
        let frame = Frame { start: 0.0, end: 2.0, least: 0.0, most: 4.0 };
        let drawn = bands(&[&low, &high], frame, (2, 4), &ASCII);
        assert_eq!(drawn, ["++", "++", "++", "##"]);
        assert_eq!(bands(&[&low, &[]], frame, (2, 2), &UNICODE), [" █", "██"]);
    }

    #[test]
    fn buckets_tell_what_fell_into_each() {
        let frame = Frame { start: 0.0, end: 2.0, least: 0.0, most: 1.0 };
        let (a, b, c) = ([(0.0, 0.0), (1.0, 0.0)], [(0.0, 2.0), (1.0, 1.0)], [(0.0, 2.0), (1.0, 5.0)]);
        let lines: [(f64, &[(f64, f64)]); 4] = [(0.1, &a), (0.5, &b), (1.0, &c), (f64::INFINITY, &c)];
        assert_eq!(heat(&lines, frame, (2, 8)), [(1.0, vec![0.0, 4.0]), (0.5, vec![2.0, 1.0])]);
        assert_eq!(heat(&lines, frame, (2, 1)), [(1.0, vec![2.0, 5.0])]);
        assert!(heat(&[], frame, (2, 8)).is_empty());
    }
}
