//! Values that are neither maps nor lists: plain, quoted, literal and folded ones.

use super::{Problem, Reader, Value};

impl Reader<'_> {
    /// What is no block map or list.
    pub(super) fn scalar(&mut self, parent: Option<usize>) -> Result<Value, Problem> {
        let value = match self.rest().chars().next() {
            Some('|' | '>') => return self.block_scalar(parent).map(Value::Scalar),
            Some('"' | '\'') => Value::Scalar(self.quoted()?),
            Some('[' | '{') => self.flow()?,
            Some(c @ ('&' | '*' | '!' | '%' | '@' | '`')) => {
                let what = match c {
                    '&' | '*' => "anchors and aliases are not read here: write the value out",
                    '!' => "tags are not read here: write the value without one",
                    _ => "a plain value does not begin with this character: put it in quotes",
                };
                return Err(self.wrong(what));
            }
            _ => return self.plain(parent),
        };
        self.spaces();
        match self.line() {
            "" => Ok(value),
            rest if rest.starts_with('#') => Ok(value),
            _ => Err(self.wrong("something follows the end of the value")),
        }
    }

    fn plain(&mut self, parent: Option<usize>) -> Result<Value, Problem> {
        let mut words = String::new();
        loop {
            let line = self.line();
            let end = line.find(" #").or(line.starts_with('#').then_some(0)).unwrap_or(line.len());
            let part = line.get(..end).unwrap_or_default().trim_end();
            if let Some(colon) = part.find(": ").or(part.strip_suffix(':').map(str::len)) {
                self.at += colon;
                return Err(
                    self.wrong("a plain value holds no `: `: put it in quotes, or in a block after `|`")
                );
            }
            words.push_str(part);
            self.at += line.len();
            if end < line.len() {
                break;
            }
            // Lines that are indented further go on with it; an empty one between them is a line break.
            let mut ahead = Reader { text: self.text, lines: self.lines, at: self.at, depth: 0 };
            let mut breaks = 0;
            while ahead.rest().starts_with('\n') {
                ahead.at += 1;
                ahead.spaces();
                breaks += 1;
            }
            let goes_on = parent.is_none_or(|parent| ahead.column() > parent) && parent.is_some();
            if !goes_on || breaks == 0 || ahead.rest().is_empty() || ahead.rest().starts_with('#') {
                break;
            }
            words.push_str(&if breaks == 1 { " ".to_owned() } else { "\n".repeat(breaks - 1) });
            self.at = ahead.at;
        }
        Ok(match words.as_str() {
            "" | "~" | "null" => Value::Null,
            _ => Value::Scalar(words),
        })
    }

    pub(super) fn quoted(&mut self) -> Result<String, Problem> {
        let begin = self.at;
        let double = self.rest().starts_with('"');
        self.at += 1;
        let mut out = String::new();
        while let Some(c) = self.rest().chars().next() {
            self.at += c.len_utf8();
            match c {
                '"' if double => return Ok(out),
                '\'' if !double && self.rest().starts_with('\'') => {
                    self.at += 1;
                    out.push('\'');
                }
                '\'' if !double => return Ok(out),
                '\\' if double => self.escape(&mut out)?,
                '\n' => {
                    out.truncate(out.trim_end_matches([' ', '\t', '\r']).len());
                    self.spaces();
                    let mut breaks = 0;
                    while self.rest().starts_with('\n') {
                        breaks += 1;
                        self.at += 1;
                        self.spaces();
                    }
                    out.push_str(&if breaks == 0 { " ".to_owned() } else { "\n".repeat(breaks) });
                }
                c => out.push(c),
            }
        }
        self.at = begin;
        Err(self.wrong("this quotation mark is never closed"))
    }

    fn escape(&mut self, out: &mut String) -> Result<(), Problem> {
        let Some(c) = self.rest().chars().next() else { return Ok(()) };
        self.at += c.len_utf8();
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if digits > 0 {
            let code = self.rest().get(..digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let Some(c) = code.and_then(char::from_u32) else {
                return Err(self.wrong("this escape names no character"));
            };
            self.at += digits;
            out.push(c);
            return Ok(());
        }
        match c {
            '\n' => self.spaces(),
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            '0' => out.push('\0'),
            'e' => out.push('\u{1b}'),
            '"' | '\\' | '/' | ' ' => out.push(c),
            _ => {
                self.at -= c.len_utf8();
                return Err(self.wrong(format!("there is no escape \\{c}; a backslash is written \\\\")));
            }
        }
        Ok(())
    }

    /// `|` keeps line breaks, `>` folds them.
    fn block_scalar(&mut self, parent: Option<usize>) -> Result<String, Problem> {
        let head = self.line().split(" #").next().unwrap_or_default().trim();
        let folded = head.starts_with('>');
        let signs = head.get(1..).unwrap_or_default();
        let mut indent = None;
        for sign in signs.chars() {
            match sign {
                '+' | '-' => {}
                '1'..='9' => indent = sign.to_digit(10).map(|more| parent.map_or(0, |p| p) + more as usize),
                _ => return Err(self.wrong("after `|` or `>` only `-`, `+` and an indentation may stand")),
            }
        }
        self.at = (self.at + self.line().len() + 1).min(self.text.len());
        let least = parent.map_or(0, |parent| parent + 1);
        let mut lines: Vec<&str> = Vec::new();
        while !self.rest().is_empty() {
            let line = self.line().trim_end_matches('\r');
            let content = line.trim_start_matches(' ');
            let own = line.len() - content.len();
            if !content.is_empty() && own < indent.unwrap_or(least) {
                break;
            }
            if !content.is_empty() {
                indent.get_or_insert(own);
            }
            lines.push(line.get(indent.unwrap_or(own).min(line.len())..).unwrap_or_default());
            self.at = (self.at + self.line().len() + 1).min(self.text.len());
        }
        let ends = lines.iter().rev().take_while(|line| line.is_empty()).count();
        let body = lines.get(..lines.len() - ends).unwrap_or_default();
        let mut out = if folded { fold(body) } else { body.join("\n") };
        if signs.contains('+') {
            out.push_str(&"\n".repeat(ends + usize::from(!body.is_empty())));
        } else if !signs.contains('-') && !body.is_empty() {
            out.push('\n');
        }
        Ok(out)
    }
}

fn fold(lines: &[&str]) -> String {
    let mut out = String::new();
    let deeper = |line: &str| line.starts_with([' ', '\t']);
    let mut before: Option<&str> = None;
    let mut empty = 0;
    for line in lines.iter().copied() {
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if let Some(before) = before {
            let kept = deeper(before) || deeper(line);
            let breaks = empty + usize::from(kept);
            out.push_str(&if breaks == 0 { " ".to_owned() } else { "\n".repeat(breaks) });
        } else {
            out.push_str(&"\n".repeat(empty));
        }
        out.push_str(line);
        (before, empty) = (Some(line), 0);
    }
    out
}
