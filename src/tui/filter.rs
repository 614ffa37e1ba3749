//! The one filter syntax of every list: `kind:pdf size>1m age<2d -draft "two words"`.
//!
//! Words must all be found, in any case; `-` turns a term around. What is not a known field is text.

/// What a field holds, so that its value can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Size,
    Count,
    Age,
}

/// Field names of one list.
pub(crate) type Schema = &'static [(&'static str, Kind)];

/// A field's value in one row. Ages are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Is,
    Less,
    More,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Word(String),
    Text(&'static str, String),
    Number(&'static str, Op, u64),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Filter {
    tests: Vec<(bool, Test)>,
}

impl Filter {
    pub(crate) fn parse(text: &str, schema: Schema) -> Result<Self, String> {
        let mut tests = Vec::new();
        for word in words(text) {
            let (negated, body) = match word.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => (true, rest),
                _ => (false, word.as_str()),
            };
            tests.push((negated, test(body, schema)?));
        }
        Ok(Self { tests })
    }

    /// The first word that must occur, for the server to look for.
    pub(crate) fn word(&self) -> Option<&str> {
        self.tests.iter().find_map(|(negated, t)| match t {
            Test::Word(w) if !negated => Some(w.as_str()),
            _ => None,
        })
    }

    /// The text that a field must be, if one is asked for.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.tests.iter().find_map(|(negated, t)| match t {
            Test::Text(n, v) if !negated && *n == name => Some(v.as_str()),
            _ => None,
        })
    }

    /// True when a row passes. `texts` are where words are looked for.
    pub(crate) fn accepts<'a>(&self, texts: &[&str], field: impl Fn(&str) -> Option<Value<'a>>) -> bool {
        self.tests.iter().all(|(negated, test)| {
            let found = match test {
                Test::Word(w) => texts.iter().any(|t| contains(t, w)),
                Test::Text(name, want) => {
                    matches!(field(name), Some(Value::Text(have)) if contains(have, want))
                }
                Test::Number(name, op, want) => match field(name) {
                    Some(Value::Number(have)) => match op {
                        Op::Is => have == *want,
                        Op::Less => have < *want,
                        Op::More => have > *want,
                    },
                    _ => false,
                },
            };
            found != *negated
        })
    }
}

fn contains(hay: &str, lower: &str) -> bool {
    if hay.is_ascii() && lower.is_ascii() {
        let (h, n) = (hay.as_bytes(), lower.as_bytes());
        return n.is_empty() || h.windows(n.len()).any(|w| w.eq_ignore_ascii_case(n));
    }
    hay.to_lowercase().contains(lower)
}

fn test(body: &str, schema: Schema) -> Result<Test, String> {
    let Some(at) = body.find([':', '<', '>', '=']) else { return Ok(Test::Word(body.to_lowercase())) };
    let (name, rest) = body.split_at(at);
    let Some((name, kind)) = schema.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)) else {
        if body.get(at..=at) == Some(":") || name.is_empty() {
            return Ok(Test::Word(body.to_lowercase()));
        }
        let known: Vec<&str> = schema.iter().map(|(n, _)| *n).collect();
        return Err(format!("no field \"{name}\" here; there is {}", known.join(", ")));
    };
    let mut chars = rest.chars();
    let op = match chars.next() {
        Some('<') => Op::Less,
        Some('>') => Op::More,
        _ => Op::Is,
    };
    let value = chars.as_str();
    if value.is_empty() {
        return Err(format!("\"{name}\" wants a value"));
    }
    let number = match kind {
        Kind::Text if op == Op::Is => return Ok(Test::Text(name, value.to_lowercase())),
        Kind::Text => return Err(format!("\"{name}\" is text: write {name}:{value}")),
        Kind::Size => crate::base::parse_bytes(value),
        Kind::Count => value.parse().ok(),
        Kind::Age => duration_ms(value),
    };
    let example = match kind {
        Kind::Age => "2d or 30m",
        Kind::Size => "1m or 500k",
        _ => "a number",
    };
    number.map(|n| Test::Number(name, op, n)).ok_or_else(|| format!("\"{value}\" is not {example}"))
}

/// `90s`, `30m`, `12h`, `2d`, `3w`, `1y`.
fn duration_ms(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        "y" => 31_536_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds)?.checked_mul(1000)
}

/// Splits at white space; double quotes hold words together.
fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCHEMA: Schema =
        &[("kind", Kind::Text), ("size", Kind::Size), ("age", Kind::Age), ("pages", Kind::Count)];

    fn row<'a>(kind: &'a str, size: u64, age: u64) -> impl Fn(&str) -> Option<Value<'a>> {
        move |name| match name {
            "kind" => Some(Value::Text(kind)),
            "size" => Some(Value::Number(size)),
            "age" => Some(Value::Number(age)),
            _ => None,
        }
    }

    #[test]
    fn terms_work_together() {
        let f = Filter::parse("kind:pdf size>1m age<2d Pump", SCHEMA).unwrap();
        assert!(f.accepts(&["/srv/PUMP.pdf"], row("pdf", 2 << 20, 3_600_000)));
        assert!(!f.accepts(&["/srv/PUMP.pdf"], row("pdf", 10, 3_600_000)));
        assert!(!f.accepts(&["/srv/valve.pdf"], row("pdf", 2 << 20, 3_600_000)));
        assert_eq!((f.word(), f.field("kind")), (Some("pump"), Some("pdf")));
        let f = Filter::parse("-draft \"two words\"", SCHEMA).unwrap();
        assert!(f.accepts(&["of Two Words"], row("", 0, 0)));
        assert!(!f.accepts(&["draft two words"], row("", 0, 0)));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(Filter::parse("size>big", SCHEMA).unwrap_err(), "\"big\" is not 1m or 500k");
        assert!(Filter::parse("colour>3", SCHEMA).unwrap_err().starts_with("no field \"colour\""));
        assert!(Filter::parse("kind>pdf", SCHEMA).is_err());
        assert!(Filter::parse("age<", SCHEMA).is_err());
        assert!(Filter::parse("http://box", SCHEMA).is_ok());
        assert_eq!(Filter::parse("", SCHEMA).unwrap(), Filter::default());
    }

    proptest! {
        #[test]
        fn any_text_is_safe(text in any::<String>(), hay in any::<String>()) {
            if let Ok(f) = Filter::parse(&text, SCHEMA) {
                let _ = f.accepts(&[&hay], row("pdf", 1, 1));
            }
        }
    }
}
