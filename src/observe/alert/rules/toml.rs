//! Rule files in TOML: the same names as in YAML, `[[groups]]` and `[[groups.rules]]`.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{At, Lines, Node, Problem, Value};
use crate::base::InOrder;

/// Reads one document.
///
/// # Errors
/// The first place that cannot be read.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    let lines = Lines::new(text)?;
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Problem::new(lines.place(at), error.message().to_owned())
    })?;
    let reader = Reader { text, lines };
    Ok(Node { at: At { line: 1, column: 1 }, value: reader.map(table.get_ref()) })
}

struct Reader<'a> {
    text: &'a str,
    lines: Lines<'a>,
}

impl Reader<'_> {
    fn map(&self, table: &DeTable<'_>) -> Value {
        let pair = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let at = self.lines.place(key.span().start);
            (Node { at, value: Value::Scalar(key.get_ref().to_string()) }, self.node(value))
        };
        let mut pairs: Vec<(Node, Node)> = table.iter().map(pair).collect();
        pairs.order_by_key(|(key, _)| key.at);
        Value::Map(pairs)
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let at = self.lines.place(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Scalar(text.to_string()),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => self.map(table),
            // Numbers and the like as they are written.
            _ => Value::Scalar(self.text.get(value.span()).unwrap_or_default().trim().to_owned()),
        };
        Node { at, value }
    }
}
