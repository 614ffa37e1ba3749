//! Reads the YAML that rule files are written in: block maps and lists, flow maps and lists, plain, quoted, literal
//! and folded scalars, comments. What else YAML has (anchors, tags, several documents) is refused by name.
//!
//! Format: <https://yaml.org/spec/1.2.2/>, chapters 6 to 8.

mod flow;
mod scalar;

use super::node::{At, Lines, Node, Problem, Value};

/// How deep maps and lists may stand in each other.
const DEEPEST: usize = 32;

/// Reads one document.
///
/// # Errors
/// The first place that cannot be read.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    let lines = Lines::new(text)?;
    let mut reader = Reader { text, lines: &lines, at: 0, depth: 0 };
    reader.advance()?;
    if reader.rest().starts_with("---") && reader.column() == 0 {
        reader.at += 3;
        reader.advance()?;
    }
    if reader.rest().is_empty() {
        return Ok(Node { at: At { line: 1, column: 1 }, value: Value::Null });
    }
    let node = reader.node(None)?;
    reader.advance()?;
    if reader.rest().starts_with("...") {
        reader.at += 3;
        reader.advance()?;
    }
    match reader.rest() {
        "" => Ok(node),
        rest if rest.starts_with("---") => Err(reader.wrong("a rule file holds one document")),
        _ => Err(reader.wrong("this is indented unlike what stands before it")),
    }
}

struct Reader<'a> {
    text: &'a str,
    lines: &'a Lines<'a>,
    /// In bytes, always between two characters.
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Bytes between the start of the line and the place: indentation is spaces only.
    pub(super) fn column(&self) -> usize {
        self.at - self.lines.line_of(self.at).1
    }

    pub(super) fn place(&self, at: usize) -> At {
        self.lines.place(at)
    }

    pub(super) fn wrong(&self, what: impl Into<String>) -> Problem {
        Problem::new(self.place(self.at), what)
    }

    /// Rest of this line.
    pub(super) fn line(&self) -> &'a str {
        self.rest().split('\n').next().unwrap_or_default()
    }

    pub(super) fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\r']).len();
    }

    /// Over spaces, comments and empty lines to the next thing that says something.
    pub(super) fn advance(&mut self) -> Result<(), Problem> {
        loop {
            let from = self.at;
            let fresh = self.column() == 0;
            self.spaces();
            let rest = self.rest();
            if rest.starts_with('#') && (fresh || self.at > from || self.column() == 0) {
                self.at += self.line().len();
            }
            if self.rest().starts_with('\n') {
                self.at += 1;
                continue;
            }
            let skipped = self.text.get(from..self.at).unwrap_or_default();
            if fresh && skipped.contains('\t') && !self.rest().is_empty() {
                return Err(self.wrong("lines are indented with spaces, not tabs"));
            }
            return Ok(());
        }
    }

    /// A value at the place, within something that stands at this column.
    fn node(&mut self, parent: Option<usize>) -> Result<Node, Problem> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(format!("maps and lists stand in each other more than {DEEPEST} deep")));
        }
        let (at, column) = (self.place(self.at), self.column());
        let value = if is_entry(self.line()) {
            self.list(column)?
        } else if key_length(self.line()).is_some() {
            self.map(column)?
        } else {
            self.scalar(parent)?
        };
        self.depth -= 1;
        Ok(Node { at, value })
    }

    fn list(&mut self, column: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            let dash = self.place(self.at);
            self.at += 1;
            self.advance()?;
            let same = self.place(self.at).line == dash.line;
            if self.rest().is_empty() || !same && self.column() <= column {
                items.push(Node { at: dash, value: Value::Null });
            } else {
                items.push(self.node(Some(column))?);
            }
            self.advance()?;
            if self.rest().is_empty() || self.column() < column {
                return Ok(Value::List(items));
            }
            if self.column() > column {
                return Err(self.wrong("this is indented further than the list it stands in"));
            }
            if !is_entry(self.line()) {
                return Ok(Value::List(items));
            }
        }
    }

    fn map(&mut self, column: usize) -> Result<Value, Problem> {
        let mut pairs: Vec<(Node, Node)> = Vec::new();
        loop {
            let Some(length) = key_length(self.line()) else {
                return Err(self.wrong("a key is expected here, such as `expr: up == 0`"));
            };
            let at = self.place(self.at);
            let written = self.rest().get(..length).unwrap_or_default().trim_end();
            let key = if written.starts_with(['"', '\'']) {
                let key = self.quoted()?;
                self.spaces();
                self.at += 1;
                key
            } else {
                self.at += length + 1;
                written.to_owned()
            };
            if pairs.iter().any(|(known, _)| known.text() == Some(&key)) {
                return Err(Problem::new(at, format!("{key:?} stands here twice")));
            }
            let value = self.after_key(column)?;
            pairs.push((Node { at, value: Value::Scalar(key) }, value));
            self.advance()?;
            if self.rest().is_empty() || self.column() < column {
                return Ok(Value::Map(pairs));
            }
            if self.column() > column {
                return Err(self.wrong("this is indented further than the keys before it"));
            }
            if self.rest().starts_with("---") || self.rest().starts_with("...") {
                return Ok(Value::Map(pairs));
            }
        }
    }

    fn after_key(&mut self, column: usize) -> Result<Node, Problem> {
        let (at, line) = (self.place(self.at), self.place(self.at).line);
        self.advance()?;
        if self.rest().is_empty() {
            return Ok(Node { at, value: Value::Null });
        }
        let here = self.place(self.at);
        if here.line == line {
            if is_entry(self.line()) {
                return Err(self.wrong("a list begins on a line of its own"));
            }
            let value = self.scalar(Some(column))?;
            return Ok(Node { at: here, value });
        }
        if self.column() > column || self.column() == column && is_entry(self.line()) {
            return self.node(Some(column));
        }
        Ok(Node { at, value: Value::Null })
    }
}

fn is_entry(line: &str) -> bool {
    line.trim_end() == "-" || line.starts_with("- ")
}

/// Bytes before the colon of a key at the start of a line.
fn key_length(line: &str) -> Option<usize> {
    let first = line.chars().next()?;
    if matches!(first, '"' | '\'') {
        let mut escaped = false;
        let close = line.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == first && !escaped;
            escaped = *c == '\\' && first == '"' && !escaped;
            ends
        })?;
        let after = line.get(close.0 + 1..)?;
        let colon = after.trim_start();
        return colon
            .strip_prefix(':')
            .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r']))
            .map(|_| line.len() - colon.len());
    }
    if matches!(first, '[' | '{' | '#' | '|' | '>' | '&' | '*' | '!' | '%' | '@' | '`') {
        return None;
    }
    let comment = line.find(" #").unwrap_or(line.len());
    let line = line.get(..comment)?;
    let inner = line.find(": ").or_else(|| line.find(":\t"));
    inner.or_else(|| line.trim_end().strip_suffix(':').map(str::len))
}

#[cfg(test)]
mod tests;
