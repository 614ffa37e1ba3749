//! Instant selectors: at each step the newest sample, if it is not too old.

use super::evaluate::Evaluator;
use super::fault::EvalFault;
use super::source::Of;
use super::tree::{Reach, Selector};
use super::value::{Cell, Cells, Grid, Row, Sample};
use super::window::Lay;

impl Evaluator<'_> {
    /// What an instant selector gives at each step: values, or the times of the samples in seconds.
    pub(super) fn selected(
        &mut self,
        selector: &Selector,
        grid: &Grid,
        times: bool,
    ) -> Result<Vec<Row>, EvalFault> {
        let smooth = selector.reach == Reach::Smoothed;
        let width = if smooth || times { 0 } else { self.spending.limits.width(grid.step) };
        // Wider points are further apart.
        let look_back = self.spending.limits.look_back.max(2 * width);
        // In a window as long as a value is looked for, it is the last.
        let (range, reach) = if smooth { (0, Reach::Smoothed) } else { (look_back, Reach::Within) };
        let lay = Lay { has_marks: true, ..Lay::new(&selector.shift, range, (reach, look_back), grid) };
        let steps = (!smooth).then_some((lay.windows.until, lay.windows.step));
        let mut cells = Cells::new(grid.count);
        let series = self.read(selector, &lay, (width, Of::Last), steps, &mut |evaluator, track| {
            let mut row = cells.row(track.series);
            for seen in track.windows {
                let now = seen.until;
                let (until, newer) = match smooth {
                    true => seen.samples.split_at(seen.samples.partition_point(|sample| sample.time <= now)),
                    false => (seen.samples, Default::default()),
                };
                let Some(newest) = until.last().filter(|sample| !sample.is_stale()) else { continue };
                let cell = match newer.first().filter(|sample| !sample.is_stale()) {
                    _ if times => Cell::float(seconds(newest.time)),
                    Some(following) if newest.time < now => between(*newest, *following, now),
                    _ => Cell::of(*newest),
                };
                row.set(seen.step, cell, &mut evaluator.spending)?;
            }
            Ok(())
        })?;
        Ok(cells.rows(series.into_iter().map(|one| (one.labels, false))))
    }
}

/// Milliseconds as seconds.
#[allow(clippy::cast_precision_loss)] // milliseconds of our centuries have 42 bits
pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// The value on the line between two samples.
fn between(before: Sample, after: Sample, now: i64) -> Cell {
    if before.is_native_histogram() || after.is_native_histogram() {
        return Cell::of(before);
    }
    let part = seconds(now - before.time) / seconds(after.time - before.time);
    Cell::float(before.value + (after.value - before.value) * part)
}
