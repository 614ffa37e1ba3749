//! Whether a value is the expected one.

use std::collections::HashMap;

use super::super::fault::EvalFault;
use super::super::float::almost_equal;
use super::super::labels::Labels;
use super::super::literal::format_float;
use super::super::note::Notes;
use super::super::value::{Answer, Sample, Series};
use super::notation::Point;
use super::read::{Eval, Text};

/// Relative difference of values that are taken for the same.
const TOLERANCE: f64 = 1e-6;

fn same(expected: f64, got: f64) -> bool {
    almost_equal(expected, got, TOLERANCE)
}

fn shown(sample: Sample) -> String {
    if sample.is_native_histogram() { "a native histogram".to_owned() } else { format_float(sample.value) }
}

/// # Errors
/// What is expected and what was got.
pub(super) fn answer(eval: &Eval, answer: &Answer) -> Result<(), String> {
    match answer {
        Answer::Text(text) => {
            let expected = eval.string.as_deref().unwrap_or_default();
            if expected == text {
                Ok(())
            } else {
                Err(format!("expected the string {expected:?}, got {text:?}"))
            }
        }
        Answer::Scalar(got) => match eval.scalar {
            Some(expected) if same(expected, got.value) => Ok(()),
            Some(expected) => {
                Err(format!("expected the scalar {}, got {}", format_float(expected), shown(*got)))
            }
            None => Err(format!("expected a vector, got the scalar {}", shown(*got))),
        },
        _ if eval.scalar.is_some() => Err("expected a scalar, got a vector".to_owned()),
        Answer::Vector(elements) => vector(eval, elements),
        Answer::Matrix(series) => matrix(eval, series),
    }
}

/// Place among the expected lines, and the points. Of two lines with the same labels the later holds.
fn expected(eval: &Eval) -> HashMap<&Labels, (usize, &[Point])> {
    let lines = eval.series.iter().enumerate();
    lines.map(|(at, (labels, points))| (labels, (at, points.as_slice()))).collect()
}

fn missing<'a>(eval: &Eval, mut got: impl FnMut(&Labels) -> bool + 'a) -> Result<(), String> {
    match eval.series.iter().find(|(labels, _)| !got(labels)) {
        Some((labels, _)) => Err(format!("expected {labels}, which is not there")),
        None => Ok(()),
    }
}

fn vector(eval: &Eval, elements: &[(Labels, Sample)]) -> Result<(), String> {
    let expected = expected(eval);
    for (place, (labels, got)) in elements.iter().enumerate() {
        let Some((wanted, points)) = expected.get(labels) else {
            return Err(format!("unexpected {labels} with value {}", shown(*got)));
        };
        if eval.ordered && *wanted != place {
            return Err(format!("expected {labels} in place {}, got it in place {}", wanted + 1, place + 1));
        }
        match points {
            [Point::Number(value)] if !got.is_native_histogram() && same(*value, got.value) => {}
            [point] => return Err(format!("expected {} for {labels}, got {}", said(*point), shown(*got))),
            _ => {
                return Err(format!("{} values are expected for {labels}, an instant has one", points.len()));
            }
        }
    }
    missing(eval, |labels| elements.iter().any(|(got, _)| got == labels))
}

fn said(point: Point) -> String {
    match point {
        Point::Number(value) => format_float(value),
        Point::Omitted => "nothing".to_owned(),
        Point::Stale => "a mark of staleness".to_owned(),
        Point::NativeHistogram => "a native histogram".to_owned(),
    }
}

fn matrix(eval: &Eval, series: &[Series]) -> Result<(), String> {
    if eval.ordered {
        return Err("expected an ordered result, got a matrix".to_owned());
    }
    if !series.is_sorted_by(|a, b| a.labels <= b.labels) {
        return Err("series are not sorted by their labels".to_owned());
    }
    let (start, end, step) = eval.vector.unwrap_or((eval.start, eval.end, eval.step));
    let expected = expected(eval);
    for one in series {
        let Some((_, points)) = expected.get(&one.labels) else {
            let values: Vec<String> = one.samples.iter().map(|sample| shown(*sample)).collect();
            return Err(format!("unexpected {} with values {}", one.labels, values.join(" ")));
        };
        let mut wanted = Vec::new();
        for (at, point) in (0i64..).zip(points.iter()) {
            let time = start.saturating_add(step.saturating_mul(at));
            if time > end {
                return Err(format!(
                    "{} values are expected for {}, the range ends before",
                    points.len(),
                    one.labels
                ));
            }
            if !matches!(point, Point::Omitted) {
                wanted.push((time, *point));
            }
        }
        let fits = |((time, point), got): (&(i64, Point), &Sample)| {
            let value = matches!(point, Point::Number(value) if !got.is_native_histogram() && same(*value, got.value));
            *time == got.time && value
        };
        if wanted.len() != one.samples.len() || !wanted.iter().zip(&one.samples).all(fits) {
            let wanted: Vec<String> =
                wanted.iter().map(|(time, point)| format!("{}@{time}", said(*point))).collect();
            let got: Vec<String> =
                one.samples.iter().map(|sample| format!("{}@{}", shown(*sample), sample.time)).collect();
            return Err(format!("expected {} for {}, got {}", wanted.join(" "), one.labels, got.join(" ")));
        }
    }
    missing(eval, |labels| series.iter().any(|one| one.labels == *labels))
}

/// # Errors
/// The remark that is missing, or not expected.
pub(super) fn notes(eval: &Eval, notes: &Notes) -> Result<(), String> {
    let warnings: Vec<&str> = notes.warnings().collect();
    let infos: Vec<&str> = notes.infos().collect();
    for (what, texts, none, got) in
        [("warning", &eval.warn, eval.no_warn, &warnings), ("info", &eval.info, eval.no_info, &infos)]
    {
        if none && !got.is_empty() {
            return Err(format!("expected no {what}, got: {}", got.join("; ")));
        }
        if texts.is_empty() {
            continue;
        }
        let all = texts.iter().all(|text| got.iter().any(|got| text.fits(got)));
        let only = got.iter().all(|got| texts.iter().any(|text| text.fits(got)));
        if !all || !only {
            let wanted: Vec<String> = texts.iter().map(described).collect();
            let got = if got.is_empty() { "none".to_owned() } else { got.join("; ") };
            return Err(format!("expected {what}: {}, got: {got}", wanted.join("; ")));
        }
    }
    Ok(())
}

fn described(text: &Text) -> String {
    match text {
        Text::Any => "any".to_owned(),
        Text::Exactly(text) => text.clone(),
        Text::Like(_) => "what matches its pattern".to_owned(),
    }
}

/// # Errors
/// What is expected and what was got.
pub(super) fn failure(expected: &Text, fault: &EvalFault) -> Result<(), String> {
    let got = fault.to_string();
    if expected.fits(&got) {
        Ok(())
    } else {
        Err(format!("expected the error {}, got: {got}", described(expected)))
    }
}
