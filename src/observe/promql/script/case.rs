//! One case: the evaluation that is asked for, and its repetitions as a range and with its time pinned.

use super::super::catalogue::UNKNOWN_TRIALS;
use super::super::evaluate::{Context, Outcome, instant, range};
use super::super::expression::Expression;
use super::super::fault::EvalFault;
use super::super::parse::parse;
use super::super::source::Limits;
use super::super::tree::{At, Expr, Kind, Shift};
use super::super::value::{Answer, Series};
use super::notation::Point;
use super::read::Eval;
use super::store::Store;
use super::{Verdict, compare};

/// Milliseconds around an instant when it is run again as a range.
const AROUND: i64 = 60_000;

/// Functions whose value depends on when they are evaluated even if all they read is pinned.
const TIMELY: [&str; 15] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "end",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
    "year",
];

/// Why a case is not passed.
enum Trouble {
    Failed(String),
    NativeHistogram,
}

pub(super) fn run(eval: &Eval, store: &Store) -> Verdict {
    if eval.series.iter().flat_map(|(_, points)| points).any(|point| *point == Point::NativeHistogram) {
        return Verdict::Outside("a native histogram is expected");
    }
    let expression = match parse(&eval.query) {
        Ok(expression) => expression,
        Err(fault) => {
            let calls = |name: &&&str| fault.what == format!("unknown function with name {name:?}");
            return match UNKNOWN_TRIALS.iter().find(calls) {
                Some(_) => Verdict::Outside("calls a function that is an experiment of Prometheus"),
                None => Verdict::Failed(fault.to_string()),
            };
        }
    };
    let limits = Limits { samples: 50_000_000, ..Limits::default() };
    let case = Case { eval, context: Context { source: store, limits, late: &|| false } };
    let result = if eval.range { case.range(&expression) } else { case.instant(&expression) };
    match result {
        Ok(()) => Verdict::Passed,
        Err(Trouble::NativeHistogram) => Verdict::Outside("needs the buckets of native histograms"),
        Err(Trouble::Failed(_)) if store.starts => {
            Verdict::Outside("starts of counters are an experiment of Prometheus")
        }
        Err(Trouble::Failed(what)) => Verdict::Failed(what),
    }
}

struct Case<'a> {
    eval: &'a Eval,
    context: Context<'a>,
}

impl Case<'_> {
    /// The outcome, if the case expects one; a fault that it expects is none.
    fn judged(&self, outcome: Result<Outcome, EvalFault>, where_: &str) -> Result<Option<Outcome>, Trouble> {
        let failed = |what: String| Trouble::Failed(format!("{what}{where_}"));
        match (outcome, &self.eval.fail) {
            (Err(EvalFault::NativeHistogram(_)), _) => Err(Trouble::NativeHistogram),
            (Err(fault), Some(expected)) => compare::failure(expected, &fault).map(|()| None).map_err(failed),
            (Err(fault), None) => Err(failed(fault.to_string())),
            (Ok(_), Some(_)) => Err(failed("expected an error, got a value".to_owned())),
            (Ok(outcome), None) => {
                compare::notes(self.eval, &outcome.notes).map_err(failed)?;
                Ok(Some(outcome))
            }
        }
    }

    fn range(&self, expression: &Expression) -> Result<(), Trouble> {
        let outcome = range(expression, self.eval.start, self.eval.end, self.eval.step, self.context);
        let Some(outcome) = self.judged(outcome, "")? else { return Ok(()) };
        compare::answer(self.eval, &outcome.answer).map_err(Trouble::Failed)
    }

    fn instant(&self, expression: &Expression) -> Result<(), Trouble> {
        let time = self.eval.start;
        self.at(expression, time, "")?;
        let Some(pinned) = pinned(expression, time) else { return Ok(()) };
        let others =
            if time == 0 { vec![-1000, 0, 1000] } else { vec![-10 * time, 0, time / 5, time, 10 * time] };
        for other in others {
            self.at(&pinned, other, &format!(" (pinned by @, evaluated at {other} ms)"))?;
        }
        Ok(())
    }

    /// At one time, alone and in the middle of a range.
    fn at(&self, expression: &Expression, time: i64, where_: &str) -> Result<(), Trouble> {
        let failed = |what: String| Trouble::Failed(format!("{what}{where_}"));
        let outcome = instant(expression, time, self.context);
        let Some(outcome) = self.judged(outcome, where_)? else { return Ok(()) };
        compare::answer(self.eval, &outcome.answer).map_err(failed)?;
        let excluded = self.eval.vector.is_some() || self.eval.string.is_some();
        if excluded || knows_its_query(&self.eval.query) {
            return Ok(());
        }
        let failed = |what: String| Trouble::Failed(format!("{what}{where_} (as a range)"));
        let ranged = match range(expression, time - AROUND, time + AROUND, AROUND, self.context) {
            Ok(ranged) => ranged,
            Err(EvalFault::NativeHistogram(_)) => return Err(Trouble::NativeHistogram),
            Err(fault) => return Err(failed(fault.to_string())),
        };
        // Ranges are sorted by labels: there is no order to compare.
        if self.eval.ordered {
            return Ok(());
        }
        let Answer::Matrix(series) = ranged.answer else { return Err(failed("no matrix".to_owned())) };
        let middle = |series: &Series| {
            let sample = series.samples.iter().find(|sample| sample.time == time);
            sample.map(|sample| (series.labels.clone(), *sample))
        };
        let middle: Vec<_> = series.iter().filter_map(middle).collect();
        let answer = match (&outcome.answer, middle.first()) {
            (Answer::Scalar(_), Some((_, sample))) => Answer::Scalar(*sample),
            _ => Answer::Vector(middle),
        };
        compare::answer(self.eval, &answer).map_err(failed)
    }
}

/// True for queries that ask for their own start, end, step or range: those differ between the repetitions.
fn knows_its_query(query: &str) -> bool {
    ["start()", "end()", "range()", "step()"].iter().any(|call| query.contains(call))
}

/// The expression with every selector and subquery that has no time of its own at this one; nothing when its
/// value depends on more than what it reads.
fn pinned(expression: &Expression, time: i64) -> Option<Expression> {
    if timely(&expression.root) {
        return None;
    }
    let mut pinned = expression.clone();
    pin(&mut pinned.root, time);
    Some(pinned)
}

fn timely(expr: &Expr) -> bool {
    let mut found = matches!(&expr.kind, Kind::Call(function, _) if TIMELY.contains(&function.name));
    expr.kind.children(&mut |child| found |= timely(child));
    found
}

fn pin(expr: &mut Expr, time: i64) {
    let set = |shift: &mut Shift| shift.at = shift.at.or(Some(At::Time(time)));
    match &mut expr.kind {
        Kind::Selector(selector) | Kind::Range(selector, _) => set(&mut selector.shift),
        // What is within a subquery follows its time.
        Kind::Subquery(subquery) => set(&mut subquery.shift),
        _ => expr.kind.children_mut(&mut |child| pin(child, time)),
    }
}
