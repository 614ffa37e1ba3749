//! `label_replace` and `label_join`: labels made of labels.

use super::super::evaluate::Evaluator;
use super::super::fault::EvalFault;
use super::super::labels::METRIC_NAME;
use super::super::matcher::Pattern;
use super::super::merge::merged;
use super::super::tree::Expr;
use super::super::value::{Grid, Row};
use super::{arg, literal, text};

fn label_name(args: &[Expr], at: usize, what: &str) -> Result<String, EvalFault> {
    let text = literal(args, at)?;
    let name = text.label_name().map(str::to_owned);
    name.ok_or_else(|| EvalFault::execution(format!("invalid {what}: {}", text.lossy())))
}

/// Sets a label; a name that is set is one again, whatever happened to the value.
fn set(row: &mut Row, name: &str, value: &str) {
    row.labels = row.labels.with(name, value);
    if name == METRIC_NAME {
        row.bare = false;
    }
}

impl Evaluator<'_> {
    pub(super) fn label_replace(&mut self, args: &[Expr], grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let template = text(args, 2)?;
        let source = text(args, 3)?;
        let pattern = text(args, 4)?;
        let compiled = Pattern::new(&pattern);
        let pattern = compiled.map_err(|_| {
            EvalFault::execution(format!("invalid regular expression in label_replace(): {pattern}"))
        })?;
        let target = label_name(args, 1, "destination label name in label_replace()")?;
        let mut rows = self.rows(arg(args, 0)?, grid)?;
        for row in &mut rows {
            self.spending.work()?;
            if let Some(value) = pattern.expand(row.labels.get(&source), &template) {
                set(row, &target, &value);
            }
        }
        merged(rows)
    }

    pub(super) fn label_join(&mut self, args: &[Expr], grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let separator = text(args, 2)?;
        let sources = (3..args.len()).map(|at| label_name(args, at, "source label name in label_join()"));
        let sources: Vec<String> = sources.collect::<Result<_, _>>()?;
        let target = label_name(args, 1, "destination label name in label_join()")?;
        let mut rows = self.rows(arg(args, 0)?, grid)?;
        for row in &mut rows {
            self.spending.work()?;
            let values: Vec<&str> = sources.iter().map(|name| row.labels.get(name)).collect();
            let joined = values.join(&separator);
            set(row, &target, &joined);
        }
        merged(rows)
    }
}
