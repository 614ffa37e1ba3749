//! Quantiles and fractions of classic histograms: series of cumulative counts, one for each upper bound `le`.

use std::collections::HashMap;

use super::super::evaluate::Evaluator;
use super::super::fault::{EvalFault, Place};
use super::super::float::almost_equal;
use super::super::labels::{BUCKET_BOUND, Labels};
use super::super::literal::format_float;
use super::super::tree::Expr;
use super::super::value::{Cell, Grid, Row};
use super::{arg, literal};
use crate::base::InOrder;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    bound: f64,
    /// Observations up to the bound.
    count: f64,
}

/// Differences of counts smaller than this share are rounding.
const ROUNDING: f64 = 1e-12;

/// What belongs to one histogram: its buckets, and the native histogram of the same labels.
struct Histogram {
    labels: Labels,
    bare: bool,
    /// Row and upper bound of each bucket.
    buckets: Vec<(usize, f64)>,
    native: Option<usize>,
}

/// The rows of a vector, sorted into histograms.
struct Histograms {
    rows: Vec<Row>,
    all: Vec<Histogram>,
    /// Rows that are no bucket, with what stands for their bound.
    odd: Vec<usize>,
}

impl Histograms {
    fn new(rows: Vec<Row>) -> Self {
        let mut histograms = Self { rows, all: Vec::new(), odd: Vec::new() };
        let mut known: HashMap<Labels, usize> = HashMap::new();
        for (index, row) in histograms.rows.iter().enumerate() {
            let bound = bound_of(row.labels.get(BUCKET_BOUND));
            let native = row.cells.iter().any(|cell| cell.is_native());
            if bound.is_none() {
                histograms.odd.push(index);
            }
            let mut place = |labels: Labels| {
                let next = histograms.all.len();
                let at = *known.entry(labels.clone()).or_insert(next);
                if at == next {
                    let bare = row.bare;
                    histograms.all.push(Histogram { labels, bare, buckets: Vec::new(), native: None });
                }
                at
            };
            // A native histogram keeps all of its labels, even a bound.
            let at = native.then(|| place(row.labels.clone()));
            let bucket = bound.map(|bound| (place(row.labels.without_one(BUCKET_BOUND)), bound));
            if let Some(histogram) = at.and_then(|at| histograms.all.get_mut(at)) {
                histogram.native = Some(index);
            }
            if let Some((at, bound)) = bucket
                && let Some(histogram) = histograms.all.get_mut(at)
            {
                histogram.buckets.push((index, bound));
            }
        }
        histograms
    }
}

fn bound_of(text: &str) -> Option<f64> {
    text.parse().ok()
}

impl Evaluator<'_> {
    /// Remarks on rows that are no buckets, at one step.
    fn remark_odd(&mut self, histograms: &Histograms, at: usize, place: Place) {
        for row in histograms.odd.iter().filter_map(|index| histograms.rows.get(*index)) {
            if row.cell(at).get().is_some() {
                self.notes.bad_bucket(row.labels.get(BUCKET_BOUND), row.labels.metric(), place);
            }
        }
    }

    /// The buckets of one histogram at one step; nothing when there are none, or a native one beside them.
    fn buckets(
        &mut self,
        histograms: &Histograms,
        histogram: &Histogram,
        at: usize,
        place: Place,
    ) -> Result<Option<Vec<Bucket>>, EvalFault> {
        let cell = |index: usize| histograms.rows.get(index).map_or(Cell::ABSENT, |row| row.cell(at));
        let counts = histogram.buckets.iter();
        let buckets: Vec<Bucket> = counts
            .filter_map(|(index, bound)| cell(*index).get().map(|count| Bucket { bound: *bound, count }))
            .collect();
        if histogram.native.is_some_and(|index| cell(index).is_native()) {
            if buckets.is_empty() {
                return Err(EvalFault::NativeHistogram("quantiles and fractions of histograms"));
            }
            self.notes.classic_and_native(histogram.labels.metric(), place);
            return Ok(None);
        }
        Ok(Some(buckets).filter(|buckets| !buckets.is_empty()))
    }

    fn each_histogram(
        &mut self,
        vector: &Expr,
        grid: &Grid,
        labelled: impl Fn(&Labels) -> Labels,
        mut compute: impl FnMut(&mut Self, &str, usize, Vec<Bucket>) -> f64,
    ) -> Result<Vec<Row>, EvalFault> {
        let histograms = Histograms::new(self.rows(vector, grid)?);
        let mut out: Vec<Row> = Vec::with_capacity(histograms.all.len());
        for histogram in &histograms.all {
            self.spending.samples(grid.count)?;
            out.push(Row::new(labelled(&histogram.labels), true, grid.count));
        }
        for at in 0..grid.count {
            self.remark_odd(&histograms, at, vector.place);
            for (histogram, row) in histograms.all.iter().zip(&mut out) {
                if let Some(buckets) = self.buckets(&histograms, histogram, at, vector.place)? {
                    let value = compute(self, histogram.labels.metric(), at, buckets);
                    row.set(at, Cell::float(value));
                }
            }
        }
        for (row, histogram) in out.iter_mut().zip(&histograms.all) {
            row.bare |= histogram.bare;
        }
        self.spending.freed(histograms.rows.len() * grid.count);
        out.retain(|row| !row.is_empty());
        Ok(out)
    }

    pub(super) fn histogram_quantile(&mut self, args: &[Expr], grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let quantile = arg(args, 0)?;
        self.quantiles_of(quantile, arg(args, 1)?, grid, Clone::clone)
    }

    fn quantiles_of(
        &mut self,
        quantile: &Expr,
        vector: &Expr,
        grid: &Grid,
        labelled: impl Fn(&Labels) -> Labels,
    ) -> Result<Vec<Row>, EvalFault> {
        let quantiles = self.scalars(quantile, grid)?;
        for q in &quantiles {
            self.notes.bad_quantile(*q, quantile.place);
        }
        self.each_histogram(vector, grid, labelled, |evaluator, metric, at, mut buckets| {
            let q = quantiles.get(at).copied().unwrap_or(f64::NAN);
            let (value, forced) = bucket_quantile(q, &mut buckets);
            if forced {
                evaluator.notes.not_monotonic(metric, vector.place);
            }
            value
        })
    }

    /// Several quantiles at once, each with its value in a label.
    pub(super) fn histogram_quantiles(&mut self, args: &[Expr], grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let name = literal(args, 1)?;
        let Some(name) = name.label_name().map(str::to_owned) else {
            return Err(EvalFault::execution(format!("invalid label name {}", name.quoted())));
        };
        let mut out = Vec::new();
        for quantile in args.iter().skip(2) {
            let values = self.scalars(quantile, grid)?;
            let value = open_metrics_float(values.first().copied().unwrap_or(f64::NAN));
            out.extend(
                self.quantiles_of(quantile, arg(args, 0)?, grid, |labels| labels.with(&name, &value))?,
            );
        }
        // Labels of the vector may be overwritten: then two quantiles are the same series.
        super::super::merge::merged(out)
    }

    pub(super) fn histogram_fraction(&mut self, args: &[Expr], grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let lower = self.scalars(arg(args, 0)?, grid)?;
        let upper = self.scalars(arg(args, 1)?, grid)?;
        self.each_histogram(arg(args, 2)?, grid, Clone::clone, |_, _, at, mut buckets| {
            let bound = |bounds: &[f64]| bounds.get(at).copied().unwrap_or(f64::NAN);
            bucket_fraction(bound(&lower), bound(&upper), &mut buckets)
        })
    }
}

/// A float as OpenMetrics writes the values of labels: never without a point or an exponent.
fn open_metrics_float(value: f64) -> String {
    let text = format_float(value);
    if value.is_finite() && !text.contains('.') { text + ".0" } else { text }
}

/// Sorts buckets by bound and joins those of one bound. True when the last has no upper bound, as it must.
fn sorted(buckets: &mut Vec<Bucket>) -> bool {
    buckets.order_by(|a, b| a.bound.total_cmp(&b.bound));
    buckets.dedup_by(|next, kept| {
        let same = next.bound == kept.bound;
        if same {
            kept.count += next.count;
        }
        same
    });
    buckets.last().is_some_and(|bucket| bucket.bound == f64::INFINITY)
}

/// Makes counts grow with their bounds; true when that changed more than rounding does.
fn grow(buckets: &mut [Bucket]) -> bool {
    let mut forced = false;
    let mut before = f64::NEG_INFINITY;
    for bucket in buckets {
        if bucket.count > before && !almost_equal(bucket.count, before, ROUNDING) {
            before = bucket.count;
        } else if bucket.count != before && !bucket.count.is_nan() {
            forced |= bucket.count < before && !almost_equal(bucket.count, before, ROUNDING);
            bucket.count = before;
        }
    }
    forced
}

/// The quantile, straight between the bounds of its bucket; and whether counts had to be made to grow.
fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if !(0.0..=1.0).contains(&q) {
        return (if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY }, false);
    }
    if !sorted(buckets) || buckets.len() < 2 {
        return (f64::NAN, false);
    }
    let forced = grow(buckets);
    let Some((last, finite)) = buckets.split_last() else { return (f64::NAN, false) };
    if last.count == 0.0 || last.count.is_nan() {
        return (f64::NAN, false);
    }
    let rank = q * last.count;
    let at = finite.partition_point(|bucket| bucket.count < rank);
    let Some(bucket) = finite.get(at) else {
        // Beyond the last bound there is nothing to interpolate to.
        return (finite.last().map_or(f64::NAN, |bucket| bucket.bound), forced);
    };
    let before = at.checked_sub(1).and_then(|at| finite.get(at)).copied();
    let before = match before {
        Some(before) => before,
        None if bucket.bound <= 0.0 => return (bucket.bound, forced),
        None => Bucket { bound: 0.0, count: 0.0 },
    };
    let part = (rank - before.count) / (bucket.count - before.count);
    (before.bound + (bucket.bound - before.bound) * part, forced)
}

/// The share of observations between two values.
fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !sorted(buckets) {
        return f64::NAN;
    }
    let total = buckets.last().map_or(0.0, |bucket| bucket.count);
    if total == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let (below_upper, below_lower) = (rank_of(upper, buckets), rank_of(lower, buckets));
    (below_upper.min(total) - below_lower.min(total)) / total
}

/// How many observations lie below a value.
fn rank_of(value: f64, buckets: &[Bucket]) -> f64 {
    let mut rank = 0.0;
    let mut start = f64::NEG_INFINITY;
    for (at, bucket) in buckets.iter().enumerate() {
        if at == 0 && bucket.bound > 0.0 {
            start = 0.0;
        }
        if start >= value {
            return rank;
        }
        if bucket.bound > value {
            // Within buckets that have no end, nothing can be said: nothing of them counts.
            if start == f64::NEG_INFINITY {
                return bucket.count;
            }
            return rank + (bucket.count - rank) * ((value - start) / (bucket.bound - start));
        }
        (rank, start) = (bucket.count, bucket.bound);
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|(bound, count)| Bucket { bound: *bound, count: *count }).collect()
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_lie_straight_between_bounds() {
        let of = |q: f64| bucket_quantile(q, &mut buckets(&[(INF, 4.0), (1.0, 1.0), (2.0, 3.0)])).0;
        assert_eq!((of(0.25), of(0.5), of(1.0)), (1.0, 1.5, 2.0));
        assert_eq!(of(0.0), 0.0);
        assert!(of(f64::NAN).is_nan() && of(2.0) == INF);
        assert!(bucket_quantile(0.5, &mut buckets(&[(1.0, 1.0)])).0.is_nan(), "no last bucket");
    }

    #[test]
    fn counts_are_made_to_grow() {
        let (value, forced) = bucket_quantile(0.5, &mut buckets(&[(1.0, 4.0), (2.0, 3.0), (INF, 8.0)]));
        assert!(forced && value == 1.0);
        let (_, forced) = bucket_quantile(0.5, &mut buckets(&[(1.0, 4.0), (2.0, 4.0 - 1e-13), (INF, 8.0)]));
        assert!(!forced, "that is rounding");
    }

    #[test]
    fn fractions_count_between_values() {
        let of = |lower: f64, upper: f64| {
            bucket_fraction(lower, upper, &mut buckets(&[(1.0, 1.0), (2.0, 3.0), (3.0, 6.0), (INF, 100.0)]))
        };
        assert_eq!((of(0.0, 1.5), of(2.0, 5.0), of(400.0, INF), of(4.0, 5.0)), (0.02, 0.03, 0.94, 0.0));
        assert_eq!((of(-INF, INF), of(3.0, 2.0)), (1.0, 0.0));
    }
}
