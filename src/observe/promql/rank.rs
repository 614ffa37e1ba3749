//! Aggregations that let some elements of each group through as they are: `topk`, `bottomk`, `limitk`,
//! `limit_ratio`.

use std::cmp::Ordering;

use super::aggregate::Grouped;
use super::evaluate::Evaluator;
use super::fault::EvalFault;
use super::labels::Labels;
use super::tree::{Aggregate, AggregateOp};
use super::value::{Cell, Grid, Row};
use crate::base::InOrder;

impl Evaluator<'_> {
    pub(super) fn ranked(
        &mut self,
        aggregate: &Aggregate,
        params: &[f64],
        grid: &Grid,
    ) -> Result<Vec<Row>, EvalFault> {
        let ratio = aggregate.op == AggregateOp::LimitRatio;
        check_params(params, ratio)?;
        let rows = self.rows(&aggregate.inner, grid)?;
        let grouped = Grouped::new(aggregate, &rows);
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); grouped.labels.len()];
        for (index, group) in grouped.of.iter().enumerate() {
            if let Some(members) = members.get_mut(*group) {
                members.push(index);
            }
        }
        let shares: Vec<f64> =
            if ratio { rows.iter().map(|row| share(&row.labels)).collect() } else { Vec::new() };
        let mut out: Vec<Row> =
            rows.iter().map(|row| Row::new(row.labels.clone(), row.bare, grid.count)).collect();
        let mut order = Vec::new();
        for at in 0..grid.count {
            self.spending.work()?;
            let param = params.get(at).copied().unwrap_or(0.0);
            if ratio && param.abs() > 1.0 {
                let place = aggregate.param.as_ref().map_or(aggregate.inner.place, |param| param.place);
                self.notes.bad_ratio(param, param.signum(), place);
            }
            for members in &members {
                let chosen = self.chosen(aggregate, &rows, members, &shares, param, at);
                for index in &chosen {
                    if let (Some(row), Some(kept)) = (rows.get(*index), out.get_mut(*index)) {
                        kept.set(at, row.cell(at));
                    }
                }
                if grid.count == 1 {
                    order.extend(chosen);
                }
            }
        }
        // Of one instant, the order is part of the answer.
        if grid.count == 1 {
            let mut places: Vec<Option<Row>> = out.into_iter().map(Some).collect();
            return Ok(order
                .iter()
                .filter_map(|index| places.get_mut(*index).and_then(Option::take))
                .collect());
        }
        out.retain(|row| !row.is_empty());
        Ok(out)
    }

    /// Which rows of a group get through at a step.
    fn chosen(
        &mut self,
        aggregate: &Aggregate,
        rows: &[Row],
        members: &[usize],
        shares: &[f64],
        param: f64,
        at: usize,
    ) -> Vec<usize> {
        let cell = |index: usize| rows.get(index).map_or(Cell::ABSENT, |row| row.cell(at));
        let mut there: Vec<usize> =
            members.iter().copied().filter(|index| !cell(*index).is_absent()).collect();
        if aggregate.op == AggregateOp::LimitRatio {
            there.retain(|index| in_share(shares.get(*index).copied().unwrap_or(0.0), param));
            return there;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, as it should
        let most = param.max(0.0) as usize;
        if most == 0 {
            return Vec::new();
        }
        if aggregate.op != AggregateOp::LimitK {
            let before = there.len();
            there.retain(|index| !cell(*index).is_native());
            if there.len() < before {
                self.notes.histogram_ignored(aggregate.op.name(), aggregate.inner.place);
            }
            let value = |index: &usize| cell(*index).get().unwrap_or(f64::NAN);
            let top = aggregate.op == AggregateOp::TopK;
            there.order_by(|a, b| best_first(value(a), value(b), top));
        }
        there.truncate(most);
        there
    }
}

/// Largest (or smallest) first, NaN last.
pub(super) fn best_first(a: f64, b: f64, largest: bool) -> Ordering {
    let (low, high) = if largest { (b, a) } else { (a, b) };
    a.is_nan().cmp(&b.is_nan()).then(low.partial_cmp(&high).unwrap_or(Ordering::Equal))
}

fn check_params(params: &[f64], ratio: bool) -> Result<(), EvalFault> {
    let what = if ratio { "Ratio" } else { "Parameter" };
    if params.iter().any(|param| param.is_nan()) {
        return Err(EvalFault::execution(format!("{what} value is NaN")));
    }
    // 2^63
    const MOST: f64 = 9_223_372_036_854_775_808.0;
    match params.iter().find(|param| !ratio && param.abs() >= MOST) {
        Some(param) if *param > 0.0 => {
            Err(EvalFault::execution(format!("Scalar value {param} overflows int64")))
        }
        Some(param) => Err(EvalFault::execution(format!("Scalar value {param} underflows int64"))),
        None => Ok(()),
    }
}

/// Where labels fall between 0 and 1: always in the same place, so that a share of all series stays the same.
fn share(labels: &Labels) -> f64 {
    // FNV-1a, stirred at the end: labels that differ in one digit fall far apart.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in labels.iter().flat_map(|(name, value)| [name, value]) {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    #[allow(clippy::cast_precision_loss)] // a place, not a count
    let place = hash as f64 / u64::MAX as f64;
    place
}

/// A ratio takes from below, a negative one from above: `r` and `r - 1` share nothing and leave nothing out.
fn in_share(share: f64, ratio: f64) -> bool {
    let ratio = ratio.clamp(-1.0, 1.0);
    if ratio == 0.0 {
        return false;
    }
    if ratio > 0.0 { share < ratio || ratio >= 1.0 } else { share >= 1.0 + ratio }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_complement_each_other() {
        for at in 0..200 {
            let share = share(&Labels::new([("a", format!("{at}"))]));
            assert!((0.0..=1.0).contains(&share));
            for ratio in [0.25, 0.5, 0.75] {
                assert_ne!(in_share(share, ratio), in_share(share, ratio - 1.0));
            }
            assert!(in_share(share, 1.0) && in_share(share, -1.0) && !in_share(share, 0.0));
        }
    }

    #[test]
    fn nan_is_never_best() {
        let mut values = [2.0, f64::NAN, 3.0, 1.0];
        values.sort_by(|a, b| best_first(*a, *b, true));
        assert_eq!((values[0], values[2]), (3.0, 1.0));
        values.sort_by(|a, b| best_first(*a, *b, false));
        assert!(values[0] == 1.0 && values[3].is_nan());
    }

    #[test]
    fn parameters_have_to_be_numbers() {
        assert_eq!(
            check_params(&[1.0, f64::NAN], false),
            Err(EvalFault::execution("Parameter value is NaN"))
        );
        assert!(check_params(&[1e19], false).is_err() && check_params(&[1e19], true).is_ok());
    }
}
