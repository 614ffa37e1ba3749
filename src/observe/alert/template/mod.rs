//! The templates of Go, as rule files use them: `{{ $labels.x }}`, `{{ if }}`, `{{ range query "..." }}`.
//!
//! Meaning: <https://pkg.go.dev/text/template> and
//! <https://prometheus.io/docs/prometheus/latest/configuration/template_reference/>. Whatever a template does, it is
//! bounded: in steps, in depth and in what it gives.

mod format;
mod functions;
mod lex;
mod parse;
mod run;
#[cfg(test)]
mod tests;
mod value;

use crate::observe::promql::Labels;
use value::Value;

/// What a query gives at the time of the evaluation.
pub type Ask<'a> = &'a dyn Fn(&str) -> Result<Vec<(Labels, f64)>, String>;

/// What a template is filled with.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Of the alert.
    pub name: &'a str,
    pub labels: &'a Labels,
    pub value: f64,
    pub query: Ask<'a>,
    pub outside: Outside<'a>,
}

/// What the others know the box by: nothing, unless a test of rules says it.
#[derive(Clone, Copy, Default)]
pub struct Outside<'a> {
    pub labels: &'a [(String, String)],
    pub url: &'a str,
}

/// Longest text that one template gives.
const LONGEST: usize = 16 << 10;
/// What stands before every template, so that places in it are counted as Prometheus counts them.
const BEFORE: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Byte of the text.
    pub at: usize,
    pub what: String,
}

/// Fills a template. One that cannot be read stays as it is written; one that fails says why, in its place.
#[must_use]
pub fn render(template: &str, facts: Facts<'_>) -> String {
    if !template.contains("{{") {
        return template.to_owned();
    }
    let text = format!("{BEFORE}{template}");
    let Ok(tree) = parse::parse(&text) else { return template.to_owned() };
    run::run(&tree, facts).unwrap_or_else(|failure| {
        let before = text.get(..failure.place).unwrap_or_default();
        let line = before.split('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().len();
        let name = format!("__alert_{}", facts.name);
        let within = if failure.within.is_empty() { &name } else { &failure.within };
        let source = text.get(failure.at..failure.end).unwrap_or_default();
        format!(
            "<error expanding template: error executing template {name}: template: {name}:{line}:{column}: executing {within:?} at <{source}>: {}>",
            failure.what
        )
    })
}

/// Tells what is wrong with a template, before there is anything to fill it with.
///
/// # Errors
/// What is wrong, and where in it.
pub fn check(template: &str) -> Result<(), Fault> {
    if !template.contains("{{") {
        return Ok(());
    }
    let wrong = |fault: Fault| Fault { at: fault.at.saturating_sub(BEFORE.len()), what: fault.what };
    parse::parse(&format!("{BEFORE}{template}")).map(drop).map_err(wrong)
}
