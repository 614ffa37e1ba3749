//! Maps and lists in brackets: `[a, "b"]` and `{a: b}`, on one line or on several.

use super::{DEEPEST, Node, Problem, Reader, Value};

impl Reader<'_> {
    /// A list or a map, the place at its first bracket.
    pub(super) fn flow(&mut self) -> Result<Value, Problem> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong("lists and maps stand too deep in each other"));
        }
        let open = self.at;
        let is_map = self.rest().starts_with('{');
        let close = if is_map { '}' } else { ']' };
        self.at += 1;
        let (mut items, mut pairs) = (Vec::new(), Vec::new());
        loop {
            self.advance()?;
            if self.rest().is_empty() {
                self.at = open;
                return Err(self.wrong("this bracket is never closed"));
            }
            if self.rest().starts_with(close) {
                self.at += 1;
                break;
            }
            let first = self.flow_part()?;
            self.advance()?;
            if is_map {
                let mut value = Node { at: first.at, value: Value::Null };
                if self.rest().starts_with(':') {
                    self.at += 1;
                    self.advance()?;
                    value = self.flow_part()?;
                    self.advance()?;
                }
                pairs.push((first, value));
            } else {
                items.push(first);
            }
            if self.rest().starts_with(',') {
                self.at += 1;
            } else if self.rest().is_empty() {
                self.at = open;
                return Err(self.wrong("this bracket is never closed"));
            } else if !self.rest().starts_with(close) {
                return Err(self.wrong(format!("`,` or `{close}` is expected here")));
            }
        }
        self.depth -= 1;
        Ok(if is_map { Value::Map(pairs) } else { Value::List(items) })
    }

    fn flow_part(&mut self) -> Result<Node, Problem> {
        let at = self.place(self.at);
        let value = match self.rest().chars().next() {
            Some('[' | '{') => self.flow()?,
            Some('"' | '\'') => Value::Scalar(self.quoted()?),
            _ => {
                let line = self.line();
                let ends = |(at, c): (usize, char)| {
                    let after = line.get(at + 1..).unwrap_or_default();
                    matches!(c, ',' | ']' | '}' | '[' | '{')
                        || c == ':' && after.starts_with([' ', ',', '}', ']'])
                        || c == ':' && after.is_empty()
                        || c == '#' && line.get(..at).is_some_and(|before| before.ends_with(' '))
                };
                let end = line.char_indices().find(|one| ends(*one)).map_or(line.len(), |(at, _)| at);
                let word = line.get(..end).unwrap_or_default().trim_end();
                self.at += end;
                if word.is_empty() || word == "~" || word == "null" {
                    Value::Null
                } else {
                    Value::Scalar(word.to_owned())
                }
            }
        };
        Ok(Node { at, value })
    }
}
