//! The part of Go's templates that rule files use: `{{ $labels.x }}`, `{{ $value | humanize }}`, `{{ printf "%.2f" $value }}`.
//!
//! Meaning: <https://pkg.go.dev/text/template> and
//! <https://prometheus.io/docs/prometheus/latest/configuration/template_reference/>. Conditions, loops and queries are
//! refused by name.

mod format;
mod words;

use crate::observe::promql::Labels;
use words::{Word, words};

/// What a template is filled with.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub labels: &'a Labels,
    pub value: f64,
}

/// Longest text that one template gives.
const LONGEST: usize = 8 << 10;
const FUNCTIONS: [&str; 15] = [
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "printf",
    "print",
    "title",
    "toUpper",
    "toLower",
    "index",
    "stripPort",
    "stripDomain",
    "len",
    "externalURL",
];
const BLOCKS: [&str; 9] = ["if", "else", "end", "range", "with", "define", "template", "query", "block"];

/// A value while a pipeline runs.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Number(f64),
    Labels,
}

/// Fills a template.
///
/// # Errors
/// What is wrong with it.
pub fn render(template: &str, facts: Facts<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    let mut trim = false;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = close(after).ok_or("an action {{ is never closed with }}")?;
        let (left, inside) =
            match inside.strip_prefix('-').filter(|rest| rest.starts_with(char::is_whitespace)) {
                Some(inside) => (true, inside),
                None => (false, inside),
            };
        let (right, inside) =
            match inside.strip_suffix('-').filter(|rest| rest.ends_with(char::is_whitespace)) {
                Some(inside) => (true, inside),
                None => (false, inside),
            };
        let before = if trim { before.trim_start() } else { before };
        out.push_str(if left { before.trim_end() } else { before });
        if !inside.trim_start().starts_with("/*") {
            out.push_str(&action(inside, facts)?);
        }
        if out.len() > LONGEST {
            return Err(format!("it gives more than {LONGEST} bytes"));
        }
        (rest, trim) = (after, right);
    }
    out.push_str(if trim { rest.trim_start() } else { rest });
    Ok(out)
}

/// Tells what is wrong with a template, before there is anything to fill it with.
///
/// # Errors
/// What is wrong.
pub fn check(template: &str) -> Result<(), String> {
    if !template.contains("{{") {
        return Ok(());
    }
    render(template, Facts { labels: &Labels::default(), value: 1.0 }).map(drop)
}

/// What stands before the closing braces, which may not be inside a string.
fn close(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) => {
                if c == open && !escaped {
                    quote = None;
                }
                escaped = c == '\\' && open != '`' && !escaped;
            }
            None if matches!(c, '"' | '`') => quote = Some(c),
            None if text.get(at..).is_some_and(|rest| rest.starts_with("}}")) => {
                return Some((text.get(..at)?, text.get(at + 2..)?));
            }
            None => {}
        }
    }
    None
}

fn action(inside: &str, facts: Facts<'_>) -> Result<String, String> {
    let words = words(inside)?;
    let mut at = 0;
    let value = pipeline(&words, &mut at, facts, 0)?;
    if at < words.len() {
        return Err(format!("{:?} does not belong there", inside.trim()));
    }
    text(&value)
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Number(number) => Ok(format::general(*number, None)),
        Value::Labels => Err("labels are not a text: name one, as in $labels.job".to_owned()),
    }
}

fn pipeline(words: &[Word], at: &mut usize, facts: Facts<'_>, depth: usize) -> Result<Value, String> {
    if depth > 8 {
        return Err("parentheses stand too deep in each other".to_owned());
    }
    let mut piped = None;
    loop {
        let value = command(words, at, facts, piped, depth)?;
        if words.get(*at) != Some(&Word::Pipe) {
            return Ok(value);
        }
        *at += 1;
        piped = Some(value);
    }
}

fn command(
    words: &[Word],
    at: &mut usize,
    facts: Facts<'_>,
    piped: Option<Value>,
    depth: usize,
) -> Result<Value, String> {
    if let Some(Word::Name(name)) = words.get(*at) {
        *at += 1;
        if BLOCKS.contains(&name.as_str()) {
            return Err(format!("{name:?} is not one of the parts of templates that are here"));
        }
        if !FUNCTIONS.contains(&name.as_str()) {
            let near = crate::hardware::nearest(name, &FUNCTIONS);
            let advice = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return Err(format!("there is no function {name:?}{advice}"));
        }
        let mut args = Vec::new();
        while !matches!(words.get(*at), None | Some(Word::Pipe | Word::Close)) {
            args.push(operand(words, at, facts, depth)?);
        }
        args.extend(piped);
        return format::call(name, &args, facts.labels);
    }
    if piped.is_some() {
        return Err("after | comes a function".to_owned());
    }
    operand(words, at, facts, depth)
}

fn operand(words: &[Word], at: &mut usize, facts: Facts<'_>, depth: usize) -> Result<Value, String> {
    let word = words.get(*at).ok_or("something is missing in an action")?;
    *at += 1;
    match word {
        Word::Text(text) => Ok(Value::Text(text.clone())),
        Word::Number(number) => Ok(Value::Number(*number)),
        Word::Variable(name) => variable(name, facts),
        Word::Open => {
            let value = pipeline(words, at, facts, depth + 1)?;
            if words.get(*at) != Some(&Word::Close) {
                return Err("a parenthesis is never closed".to_owned());
            }
            *at += 1;
            Ok(value)
        }
        Word::Name(name) => Err(format!("a call of {name:?} among arguments stands in parentheses")),
        Word::Pipe | Word::Close => Err("something is missing in an action".to_owned()),
    }
}

fn variable(name: &str, facts: Facts<'_>) -> Result<Value, String> {
    let (first, field) = match name.strip_prefix('.') {
        Some(rest) => rest.split_once('.').map_or((rest, None), |(first, field)| (first, Some(field))),
        None => name.split_once('.').map_or((name, None), |(first, field)| (first, Some(field))),
    };
    match (first, field) {
        ("$labels" | "Labels", Some(label)) => Ok(Value::Text(facts.labels.get(label).to_owned())),
        ("$labels" | "Labels", None) => Ok(Value::Labels),
        ("$value" | "Value", None) => Ok(Value::Number(facts.value)),
        // A box has no labels of its own and no page.
        ("$externalLabels" | "ExternalLabels", Some(_)) | ("$externalURL" | "ExternalURL", None) => {
            Ok(Value::Text(String::new()))
        }
        _ => Err(format!("there is no {name}; there are $labels.NAME and $value")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, value: f64) -> Result<String, String> {
        let labels = Labels::new([("job", "spud"), ("path", "/"), ("instance", "box.local:90")]);
        render(template, Facts { labels: &labels, value })
    }

    #[test]
    fn templates_are_filled() {
        let cases = [
            ("{{ $labels.job }} {{$value}}", 2.5, "spud 2.5"),
            ("a {{- .Value -}} b", 1e6, "a1e+06b"),
            ("{{ printf \"%.2f of %s, %d%%\" $value .Labels.job 7 }}", 0.125, "0.12 of spud, 7%"),
            ("{{ $value | humanize }} {{ humanize1024 $value }}", 12_345.0, "12.35k 12.06Ki"),
            ("{{ $value | humanizeDuration }}", 93_784.0, "1d 2h 3m 4s"),
            ("{{ $value | humanizeDuration }}", 0.0125, "12.5ms"),
            ("{{ $value | humanizePercentage }}", 0.1234, "12.34%"),
            ("{{ $value | humanizeTimestamp }}", 1_435_781_430.0, "2015-07-01 20:10:30 +0000 UTC"),
            ("{{ index $labels \"path\" }}{{/* no */}}{{ title `ab` }}", 1.0, "/Ab"),
            ("{{ (printf \"%5.1f|%-4s|%q\" $value \"x\" `}}`) | toUpper }}", 1.25, "  1.2|X   |\"}}\""),
            ("{{ $labels.none }}{{ .Labels.instance | stripPort }}", 1.0, "box.local"),
            ("{{ $value | humanize }}", f64::INFINITY, "+Inf"),
            (
                "{{ printf \"%v %e %g\" $value $value $value }}",
                1_234_567.0,
                "1.234567e+06 1.234567e+06 1.234567e+06",
            ),
        ];
        for (template, value, wanted) in cases {
            assert_eq!(filled(template, value).as_deref(), Ok(wanted), "{template}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (template, word) in [
            ("{{ $label.x }}", "$labels.NAME"),
            ("{{ $value", "closed"),
            ("{{ if $value }}x{{ end }}", "if"),
            ("{{ $value | humanise }}", "humanize?"),
            ("{{ humanize \"x\" }}", "number"),
            ("{{ (humanize 1 }}", "closed"),
            ("{{ }}", "missing"),
            ("{{ $labels }}", "name one"),
            ("{{ printf \"%d\" }}", "argument"),
            ("{{ \"x }}", "closed"),
        ] {
            let problem = check(template).expect_err(template);
            assert!(problem.contains(word), "{template}: {problem}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_stops_a_template(text in "[{} a$.|()\"`%0-9]{0,40}", value: f64) {
            let _ = filled(&format!("{{{{ {text} }}}}"), value);
            let _ = filled(&format!("{{{{ printf \"%{text}\" $value }}}}"), value);
            let _ = filled("{{ humanize $value }}{{ humanizeDuration $value }}{{ humanizeTimestamp $value }}", value);
        }
    }
}
