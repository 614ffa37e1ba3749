//! The two questions whose values are divided by each other.

use super::{Indicator, Method, Objective};

const MINUTE_MS: u64 = 60_000;
/// Points of one question at most, where nobody says how long a slice is.
const POINTS: u64 = 4_320;

/// What is asked about a time that ends now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Good events, or bad ones.
    pub part: String,
    pub is_bad: bool,
    pub total: String,
}

/// In the largest unit that it is a whole number of.
fn span(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (MINUTE_MS, "m"), (1_000, "s")];
    let fits = UNITS.iter().find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit));
    fits.map_or_else(|| format!("{}ms", ms.max(1)), |(unit, name)| format!("{}{name}", ms / unit))
}

impl Objective {
    /// The questions about the last `window_ms`.
    #[must_use]
    pub fn question(&self, window_ms: u64) -> Question {
        match (&self.indicator, self.method) {
            (Indicator::Ratio { good, bad, total, counter }, Method::Occurrences) => {
                let over = |selector: &str| summed(selector, window_ms, *counter);
                let (part, is_bad) = part(good.as_deref(), bad.as_deref());
                Question { part: over(part), is_bad, total: over(total) }
            }
            (
                Indicator::Ratio { good, bad, total, counter },
                Method::Timeslices { window_ms: slice, target },
            ) => {
                let over = |selector: &str| summed(selector, slice, *counter);
                let (part, is_bad) = part(good.as_deref(), bad.as_deref());
                // A slice without events is none: it has no value.
                let ratio = format!("({} or vector(0)) / ({} > 0)", over(part), over(total));
                let good = match is_bad {
                    false => format!("({ratio}) >= bool {target}"),
                    true => format!("(1 - ({ratio})) >= bool {target}"),
                };
                sliced(&good, &ratio, window_ms, slice)
            }
            (Indicator::Threshold { query, op, value }, method) => {
                let slice = match method {
                    Method::Timeslices { window_ms, .. } => window_ms,
                    Method::Occurrences => (window_ms / POINTS).max(MINUTE_MS),
                };
                // Of several series the worst counts.
                let worst = if op.starts_with('<') { "max" } else { "min" };
                let one = format!("{worst}({query})");
                sliced(&format!("{one} {op} bool {value}"), &one, window_ms, slice)
            }
        }
    }
}

fn part<'a>(good: Option<&'a str>, bad: Option<&'a str>) -> (&'a str, bool) {
    match (good, bad) {
        (Some(good), _) => (good, false),
        (None, bad) => (bad.unwrap_or_default(), true),
    }
}

/// Events of a time, of all series together.
fn summed(selector: &str, window_ms: u64, counter: bool) -> String {
    let function = if counter { "increase" } else { "sum_over_time" };
    format!("sum({function}({selector}[{}]))", span(window_ms))
}

fn sliced(good: &str, any: &str, window_ms: u64, slice_ms: u64) -> Question {
    let (window, slice) = (span(window_ms.max(slice_ms)), span(slice_ms));
    Question {
        part: format!("sum_over_time(({good})[{window}:{slice}])"),
        is_bad: false,
        total: format!("count_over_time(({any})[{window}:{slice}])"),
    }
}
