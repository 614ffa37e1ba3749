//! The notation of series: `metric{label="value"} 1 2+3x4 _ stale {{count:1}}`.

use super::super::labels::{Labels, METRIC_NAME};
use super::super::literal::{parse_number, unquote};

/// Values of one series at most: a typing error must not fill the memory.
const MOST: usize = 200_000;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Point {
    Omitted,
    Stale,
    Number(f64),
    NativeHistogram,
}

/// Reads a line of a series.
///
/// # Errors
/// What is wrong with it.
pub(super) fn series(line: &str) -> Result<(Labels, Vec<Point>), String> {
    let (labels, rest) = labels(line)?;
    Ok((labels, points(rest)?))
}

/// Labels at the start of a line, and what follows them.
pub(super) fn labels(line: &str) -> Result<(Labels, &str), String> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    let mut pairs: Vec<(String, String)> = Vec::new();
    if !name.is_empty() {
        pairs.push((METRIC_NAME.to_owned(), name.to_owned()));
    }
    let braced = rest.trim_start();
    if let Some(inside) = braced.strip_prefix('{').filter(|_| !braced.starts_with("{{")) {
        rest = pairs_in_braces(inside, &mut pairs)?;
    }
    Ok((Labels::new(pairs), rest))
}

/// Pairs up to the closing brace; gives what follows it.
fn pairs_in_braces<'a>(inside: &'a str, pairs: &mut Vec<(String, String)>) -> Result<&'a str, String> {
    let mut rest = inside;
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        let (label, after) = label(rest)?;
        let after = after.trim_start();
        match after.strip_prefix('=') {
            Some(after) => {
                let (value, used) = unquote(after.trim_start())?;
                pairs.push((label, value.lossy()));
                rest = after.trim_start().get(used..).unwrap_or_default();
            }
            // A name in quotes alone is that of the metric.
            None if rest.starts_with(['"', '\'', '`']) => {
                pairs.push((METRIC_NAME.to_owned(), label));
                rest = after;
            }
            None => return Err(format!("expected \"=\" at {after:?}")),
        }
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

fn label(rest: &str) -> Result<(String, &str), String> {
    if rest.starts_with(['"', '\'', '`']) {
        let (text, used) = unquote(rest)?;
        return Ok((text.lossy(), rest.get(used..).unwrap_or_default()));
    }
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    if end == 0 {
        return Err(format!("expected a label at {rest:?}"));
    }
    let (name, after) = rest.split_at(end);
    Ok((name.to_owned(), after))
}

/// Items are divided by blanks, but not within the braces of a histogram.
fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut start = None;
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c.is_whitespace() && depth == 0 {
            items.extend(start.take().and_then(|start| text.get(start..at)));
        } else if start.is_none() {
            start = Some(at);
        }
    }
    items.extend(start.and_then(|start| text.get(start..)));
    items
}

fn points(text: &str) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    for item in items(text) {
        let wrong = || format!("{item:?} is no value");
        if item.starts_with("{{") {
            let end = item.rfind("}}").ok_or_else(wrong)?;
            let count = repeats(item.get(end + 2..).unwrap_or_default(), 1).ok_or_else(wrong)?;
            extend(&mut points, count, || Point::NativeHistogram)?;
        } else if let Some(times) = item.strip_prefix('_') {
            extend(&mut points, repeats(times, 0).ok_or_else(wrong)?.max(1), || Point::Omitted)?;
        } else if let Some(times) = item.strip_prefix("stale") {
            extend(&mut points, repeats(times, 1).ok_or_else(wrong)?, || Point::Stale)?;
        } else {
            let (value, count) = match item.rsplit_once('x') {
                Some((value, times)) => {
                    (value, times.parse::<usize>().ok().and_then(|n| n.checked_add(1)).ok_or_else(wrong)?)
                }
                None => (item, 1),
            };
            let (mut value, delta) = stepped(value).ok_or_else(wrong)?;
            extend(&mut points, count, || {
                let point = Point::Number(value);
                value += delta;
                point
            })?;
        }
    }
    Ok(points)
}

/// `x3` behind a value means three more of it, behind `_` three in all.
fn repeats(text: &str, more: usize) -> Option<usize> {
    if text.is_empty() {
        return Some(1);
    }
    text.strip_prefix('x')?.parse::<usize>().ok()?.checked_add(more)
}

fn extend(points: &mut Vec<Point>, count: usize, mut point: impl FnMut() -> Point) -> Result<(), String> {
    if points.len().saturating_add(count) > MOST {
        return Err(format!("more than {MOST} values"));
    }
    points.extend((0..count).map(|_| point()));
    Ok(())
}

/// A value and what is added for each repetition.
fn stepped(text: &str) -> Option<(f64, f64)> {
    let whole = decimal(text).map(|value| (value, 0.0));
    whole.or_else(|| {
        let signs = text.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-'));
        signs.filter_map(|(at, _)| Some((decimal(text.get(..at)?)?, decimal(text.get(at..)?)?))).next()
    })
}

/// As elsewhere, but a leading zero means nothing here.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.trim_start_matches(['+', '-']);
    if digits.starts_with('0') && digits.len() > 1 {
        return text.parse().ok();
    }
    parse_number(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<f64> {
        let points = points(text).unwrap().into_iter();
        points.map(|point| if let Point::Number(value) = point { value } else { f64::NAN }).collect()
    }

    #[test]
    fn values_repeat_and_step() {
        assert_eq!(numbers("1 2+3x2 -1-1x1 0x2 1e2"), [1.0, 2.0, 5.0, 8.0, -1.0, -2.0, 0.0, 0.0, 0.0, 100.0]);
        assert_eq!(numbers("Inf +Inf -Inf .5"), [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, 0.5]);
        assert_eq!(numbers("1e-2+1e-2x1"), [0.01, 0.02]);
    }

    #[test]
    fn gaps_marks_and_histograms() {
        use Point::{NativeHistogram, Omitted, Stale};
        assert_eq!(points("_ _x2 stale").unwrap(), [Omitted, Omitted, Omitted, Stale]);
        assert_eq!(points("{{sum:1 count:2}}x1 {{a}}+{{b c}}x2").unwrap(), [NativeHistogram; 5]);
    }

    #[test]
    fn labels_come_first() {
        let (labels, points) = series("a:b{x=\"1\", y = 'a b',} 5").unwrap();
        assert_eq!((labels.to_string(), points.len()), (r#"{__name__="a:b", x="1", y="a b"}"#.to_owned(), 1));
        assert_eq!(series("{} 1").unwrap().0, Labels::default());
        assert_eq!(series(r#"{"odd name", a="b"} 1"#).unwrap().0.metric(), "odd name");
        assert_eq!(series("a {{count:1}}").unwrap().1.len(), 1);
    }

    #[test]
    fn wrong_lines_are_refused() {
        for wrong in [
            "a{x=1} 1",
            "a{x=\"1\" 1",
            "a 1x",
            "a b",
            "a 1+x3",
            "a _y",
            "a {{x",
            "a 1x99999999999",
            "a{=\"\"} 1",
        ] {
            assert!(series(wrong).is_err(), "{wrong}");
        }
    }
}
