//! The one filter syntax of every list: `kind:pdf size>1m age<2d -draft "two words"`.
//!
//! Words must all be found, in any case; `-` turns a term around. What is not a known field is text, or a field that
//! only some rows have where the schema has [`ANY`].

/// What a field holds, so that its value can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Size,
    Count,
    Age,
}

/// In a schema: any other name may be a field, too.
pub(crate) const ANY: (&str, Kind) = ("*", Kind::Text);

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
    Number(String, Op, f64),
    /// Name and text of a field that only some rows have, and all of it as a text that may stand anywhere.
    Open(String, String, String),
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
                Test::Open(name, want, whole) => {
                    let is = matches!(field(name), Some(Value::Text(have)) if contains(have, want));
                    is || texts.iter().any(|t| contains(t, whole))
                }
                Test::Number(name, op, want) => {
                    let order = number(field(name)).and_then(|have| have.partial_cmp(want));
                    order.is_some_and(|order| match op {
                        Op::Is => order.is_eq(),
                        Op::Less => order.is_lt(),
                        Op::More => order.is_gt(),
                    })
                }
            };
            found != *negated
        })
    }
}

#[allow(clippy::cast_precision_loss)] // sizes, counts and ages
fn number(value: Option<Value<'_>>) -> Option<f64> {
    match value? {
        Value::Number(number) => Some(number as f64),
        Value::Text(text) => text.parse().ok(),
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
    if schema.contains(&ANY) && !schema.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Ok(open(name, rest).unwrap_or_else(|| Test::Word(body.to_lowercase())));
    }
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
    let number = number.and_then(|number| self::number(Some(Value::Number(number))));
    number
        .map(|n| Test::Number((*name).to_owned(), op, n))
        .ok_or_else(|| format!("\"{value}\" is not {example}"))
}

/// A field that only some rows have: `status:50`, `path=/index`, `took_ms>40`. Else it is text.
fn open(name: &str, rest: &str) -> Option<Test> {
    let mut chars = rest.chars();
    let op = chars.next().filter(|_| !name.is_empty())?;
    let value = chars.as_str();
    let compared = |op| Some(Test::Number(name.to_lowercase(), op, value.parse().ok()?));
    match op {
        '<' => compared(Op::Less),
        '>' => compared(Op::More),
        _ if value.is_empty() => None,
        _ => Some(Test::Open(
            name.to_lowercase(),
            value.to_lowercase(),
            format!("{name}{rest}").to_lowercase(),
        )),
    }
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

    #[test]
    fn any_name_may_be_a_field_where_the_schema_says_so() {
        let schema: Schema = &[("kind", Kind::Text), ANY];
        let field = |name: &str| match name {
            "kind" => Some(Value::Text("pdf")),
            "status" => Some(Value::Text("503")),
            "took" => Some(Value::Text("12.5")),
            _ => None,
        };
        let passes =
            |text: &str| Filter::parse(text, schema).unwrap().accepts(&["see http://box, a=b"], field);
        for text in ["status:50", "Status=503", "took>12", "took<13", "http://BOX", "a=b", "-status:404"] {
            assert!(passes(text), "{text}");
        }
        for text in ["status:404", "us:50", "took>12.5", "took>x", "gone<3", "-status:5", "kind:html"] {
            assert!(!passes(text), "{text}");
        }
        assert!(Filter::parse("kind>pdf", schema).is_err());
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
