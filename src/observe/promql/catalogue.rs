//! Every function: its arguments, what it gives, and what computes it.

use super::call::Work;
use super::call::date::{self, Moment};
use super::call::{math, over_time, rate, trend};
use super::tree::{AggregateOp, Type};

#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) args: &'static [Type],
    pub(super) more: More,
    pub(super) gives: Type,
    pub(super) work: Work,
    /// Not stable in Prometheus: what it gives may change.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(super) experimental: bool,
}

/// How the number of arguments may differ from those listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Exactly,
    /// The last may be left out.
    Optional,
    /// The last may be left out or repeated this often in all.
    Repeated(usize),
    /// The last may be repeated, and left out where Prometheus allows that.
    Any,
}

pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// What an expression may hold beside names, functions and aggregations.
const KEYWORDS: [&str; 16] = [
    "and",
    "atan2",
    "bool",
    "by",
    "end",
    "group_left",
    "group_right",
    "ignoring",
    "inf",
    "nan",
    "offset",
    "on",
    "or",
    "start",
    "unless",
    "without",
];

/// Functions, aggregations and keywords that begin so.
#[must_use]
pub fn words(start: &str) -> Vec<&'static str> {
    let aggregations = AggregateOp::ALL.iter().map(|(name, _)| *name);
    let all = FUNCTIONS.iter().map(|function| function.name).chain(aggregations).chain(KEYWORDS);
    all.filter(|word| word.starts_with(start)).collect()
}

use Type::{Matrix, Scalar, Text, Vector};

const fn stable(name: &'static str, args: &'static [Type], gives: Type, work: Work) -> Function {
    Function { name, args, more: More::Exactly, gives, work, experimental: false }
}

const fn trial(name: &'static str, args: &'static [Type], gives: Type, work: Work) -> Function {
    Function { name, args, more: More::Exactly, gives, work, experimental: true }
}

const fn each(name: &'static str, compute: fn(f64) -> f64) -> Function {
    stable(name, &[Vector], Vector, Work::Each(compute))
}

const fn window(name: &'static str, compute: over_time::Compute) -> Function {
    stable(name, &[Matrix], Vector, Work::Window { compute, keeps_name: false })
}

const fn dated(name: &'static str, compute: fn(&Moment) -> f64) -> Function {
    with(stable(name, &[Vector], Vector, Work::Date(compute)), More::Optional)
}

const fn with(mut function: Function, more: More) -> Function {
    function.more = more;
    function
}

const fn on_trial(mut function: Function) -> Function {
    function.experimental = true;
    function
}

const fn keeping_name(name: &'static str, compute: over_time::Compute) -> Function {
    stable(name, &[Matrix], Vector, Work::Window { compute, keeps_name: true })
}

static FUNCTIONS: &[Function] = &[
    each("abs", f64::abs),
    stable("absent", &[Vector], Vector, Work::Absent),
    stable("absent_over_time", &[Matrix], Vector, Work::AbsentOverTime),
    each("acos", f64::acos),
    each("acosh", f64::acosh),
    each("asin", f64::asin),
    each("asinh", f64::asinh),
    each("atan", f64::atan),
    each("atanh", f64::atanh),
    window("avg_over_time", over_time::avg),
    each("ceil", f64::ceil),
    window("changes", over_time::changes),
    stable("clamp", &[Vector, Scalar, Scalar], Vector, Work::Clamp),
    stable("clamp_max", &[Vector, Scalar], Vector, Work::ClampMax),
    stable("clamp_min", &[Vector, Scalar], Vector, Work::ClampMin),
    each("cos", f64::cos),
    each("cosh", f64::cosh),
    window("count_over_time", over_time::count),
    dated("day_of_month", date::day_of_month),
    dated("day_of_week", date::day_of_week),
    dated("day_of_year", date::day_of_year),
    dated("days_in_month", date::days_in_month),
    each("deg", f64::to_degrees),
    window("delta", rate::delta),
    window("deriv", trend::deriv),
    trial(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
        Work::Window { compute: trend::double_exponential_smoothing, keeps_name: false },
    ),
    trial("end", &[], Scalar, Work::QueryEnd),
    each("exp", f64::exp),
    on_trial(keeping_name("first_over_time", over_time::first)),
    each("floor", f64::floor),
    stable("histogram_avg", &[Vector], Vector, Work::NativeOnly),
    stable("histogram_count", &[Vector], Vector, Work::NativeOnly),
    stable("histogram_fraction", &[Scalar, Scalar, Vector], Vector, Work::HistogramFraction),
    stable("histogram_quantile", &[Scalar, Vector], Vector, Work::HistogramQuantile),
    with(
        trial("histogram_quantiles", &[Vector, Text, Scalar, Scalar], Vector, Work::HistogramQuantiles),
        More::Repeated(9),
    ),
    stable("histogram_stddev", &[Vector], Vector, Work::NativeOnly),
    stable("histogram_stdvar", &[Vector], Vector, Work::NativeOnly),
    stable("histogram_sum", &[Vector], Vector, Work::NativeOnly),
    dated("hour", date::hour),
    window("idelta", rate::idelta),
    window("increase", rate::increase),
    window("irate", rate::irate),
    with(stable("label_join", &[Vector, Text, Text, Text], Vector, Work::LabelJoin), More::Any),
    stable("label_replace", &[Vector, Text, Text, Text, Text], Vector, Work::LabelReplace),
    keeping_name("last_over_time", over_time::last),
    each("ln", f64::ln),
    each("log10", f64::log10),
    each("log2", f64::log2),
    on_trial(window("mad_over_time", over_time::mad)),
    trial("max_of", &[Scalar, Scalar], Scalar, Work::MaxOf),
    window("max_over_time", over_time::max),
    trial("min_of", &[Scalar, Scalar], Scalar, Work::MinOf),
    window("min_over_time", over_time::min),
    dated("minute", date::minute),
    dated("month", date::month),
    stable("pi", &[], Scalar, Work::Pi),
    stable(
        "predict_linear",
        &[Matrix, Scalar],
        Vector,
        Work::Window { compute: trend::predict_linear, keeps_name: false },
    ),
    window("present_over_time", over_time::present),
    stable(
        "quantile_over_time",
        &[Scalar, Matrix],
        Vector,
        Work::Window { compute: over_time::quantile, keeps_name: false },
    ),
    each("rad", f64::to_radians),
    trial("range", &[], Scalar, Work::QueryRange),
    window("rate", rate::rate),
    window("resets", over_time::resets),
    with(stable("round", &[Vector, Scalar], Vector, Work::Round), More::Optional),
    stable("scalar", &[Vector], Scalar, Work::ScalarOf),
    each("sgn", math::sign),
    each("sin", f64::sin),
    each("sinh", f64::sinh),
    stable("sort", &[Vector], Vector, Work::Sort { descending: false }),
    with(trial("sort_by_label", &[Vector, Text], Vector, Work::SortByLabel { descending: false }), More::Any),
    with(
        trial("sort_by_label_desc", &[Vector, Text], Vector, Work::SortByLabel { descending: true }),
        More::Any,
    ),
    stable("sort_desc", &[Vector], Vector, Work::Sort { descending: true }),
    each("sqrt", f64::sqrt),
    trial("start", &[], Scalar, Work::QueryStart),
    window("stddev_over_time", over_time::stddev),
    window("stdvar_over_time", over_time::stdvar),
    trial("step", &[], Scalar, Work::QueryStep),
    window("sum_over_time", over_time::sum),
    each("tan", f64::tan),
    each("tanh", f64::tanh),
    stable("time", &[], Scalar, Work::Time),
    stable("timestamp", &[Vector], Vector, Work::Timestamp),
    on_trial(window("ts_of_first_over_time", over_time::time_of_first)),
    on_trial(window("ts_of_last_over_time", over_time::time_of_last)),
    on_trial(window("ts_of_max_over_time", over_time::time_of_max)),
    on_trial(window("ts_of_min_over_time", over_time::time_of_min)),
    stable("vector", &[Scalar], Vector, Work::VectorOf),
    dated("year", date::year),
];

/// Functions of Prometheus that are not stable there and not present here.
pub(super) const UNKNOWN_TRIALS: [&str; 2] = ["info", "integral"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted_and_unique() {
        let names: Vec<_> = FUNCTIONS.iter().map(|function| function.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        assert!(find("rate").is_some_and(|function| !function.experimental));
        assert!(find("nonsense").is_none());
        assert!(UNKNOWN_TRIALS.iter().all(|name| find(name).is_none()));
    }
}
