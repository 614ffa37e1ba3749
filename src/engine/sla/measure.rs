//! Asks the store of metrics what happened, over every time that counts.

use super::Live;
use crate::engine::metrics;
use crate::engine::run::Inner;
use crate::governance::sla::{Count, WINDOWS};
use crate::observe::promql::{Answer, Context, instant, parse};

/// Times of an hour and less are looked at so often, longer ones more rarely.
const SHORT_MS: u64 = 3_600_000;
const SHORT_EVERY_MS: u64 = 60_000;
const LONG_EVERY_MS: u64 = 600_000;
/// Where there was nothing yet, it is looked again sooner.
const EMPTY_EVERY_MS: u64 = 10_000;
/// One question may take so long.
const QUESTION_US: u64 = 1_000_000;

pub(super) fn is_due(live: &Live, now_ms: u64) -> bool {
    // A clock that was set back does not end the measuring.
    let every_ms = if is_empty(live) { EMPTY_EVERY_MS } else { SHORT_EVERY_MS };
    live.evaluated_ms == 0 || now_ms.abs_diff(live.evaluated_ms) >= every_ms
}

/// True where nothing happened in the whole window, as far as is known.
fn is_empty(live: &Live) -> bool {
    live.counts.get(&live.objective.window_ms).copied().flatten().is_none()
}

/// Counts anew what is due.
pub(super) fn measure(inner: &Inner, live: &mut Live, now_ms: u64) -> Result<(), String> {
    let whole = live.objective.window_ms;
    // While there is nothing, looking costs nothing.
    let all_due = is_empty(live) || now_ms.abs_diff(live.long_ms) >= LONG_EVERY_MS;
    let mut windows: Vec<u64> = WINDOWS.into_iter().filter(|window| *window <= whole).collect();
    windows.push(whole);
    for window in windows.into_iter().filter(|window| all_due || *window <= SHORT_MS) {
        let question = live.objective.question(window);
        let total = asked(inner, &question.total, now_ms)?;
        let part = asked(inner, &question.part, now_ms)?;
        live.counts.insert(window, Count::of(part, question.is_bad, total));
    }
    if all_due {
        live.long_ms = now_ms;
    }
    Ok(())
}

/// The one value of a question; `None` where it has none.
fn asked(inner: &Inner, question: &str, now_ms: u64) -> Result<Option<f64>, String> {
    let began_us = inner.clock.monotonic_us();
    let late = || inner.clock.monotonic_us().saturating_sub(began_us) > QUESTION_US;
    let time = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let context = Context { source: &inner.telemetry, limits: metrics::limits(inner, time), late: &late };
    let expression = parse(question).map_err(|fault| fault.to_string())?;
    match instant(&expression, time, context).map_err(|fault| fault.to_string())?.answer {
        Answer::Vector(samples) => Ok(samples.first().map(|(_, sample)| sample.value)),
        Answer::Scalar(sample) => Ok(Some(sample.value)),
        Answer::Text(_) | Answer::Matrix(_) => Err(format!("{question} gives no number")),
    }
}
