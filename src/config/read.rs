//! One file of settings: everything it sets, and everything that is wrong with it, with line and column.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Finding;
use super::load::{Given, Origin};
use super::schema::{self, setting};
use super::value::Value;
use crate::base::InOrder;

/// Reads a text; `path` is what findings call it. Findings stand in the order of the text.
pub(super) fn read(path: &str, text: &str) -> (Vec<Given>, Vec<Finding>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { path, text, given: Vec::new(), findings: Vec::new() };
    for (name, value) in root.get_ref() {
        reader.section(name, value);
    }
    let line = |at: usize| line_and_column(text, at).0;
    let broken: Vec<usize> =
        errors.iter().map(|error| line(error.span().map_or(0, |span| span.start))).collect();
    // What stands on a line that cannot be read is a guess, and so is what stands nowhere.
    reader.findings.retain(|(at, _)| broken.is_empty() || *at > 0 && !broken.contains(&line(*at)));
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        reader.add(at, "", error.message().replace('\n', ", "), None);
    }
    reader.findings.order_by_key(|(at, _)| *at);
    (reader.given, reader.findings.into_iter().map(|(_, finding)| finding).collect())
}

/// The tables and keys at the top, as far as they can be read.
pub(super) fn top_names(text: &str) -> Vec<String> {
    let (root, _) = DeTable::parse_recoverable(text);
    root.get_ref().keys().map(|name| name.get_ref().to_string()).collect()
}

/// Byte ranges of the values, by key, as they stand in the text.
pub(super) fn value_spans(text: &str) -> Vec<(String, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut found = Vec::new();
    for (section, value) in root.get_ref() {
        for (name, value) in value.get_ref().as_table().into_iter().flat_map(|table| table.iter()) {
            found.push((format!("{}.{}", section.get_ref(), name.get_ref()), name.span(), value.span()));
        }
    }
    found
}

type Name<'i> = Spanned<std::borrow::Cow<'i, str>>;

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    given: Vec<Given>,
    /// With the byte where each stands.
    findings: Vec<(usize, Finding)>,
}

impl Reader<'_> {
    /// Notes what is wrong at a byte: `path:line:column`, both from 1, columns in letters.
    fn add(&mut self, at: usize, key: &str, what: String, hint: Option<String>) {
        let (line, column) = line_and_column(self.text, at);
        let place = format!("{}:{line}:{column}", self.path);
        self.findings.push((at, Finding::error(place, key, what).hint(hint)));
    }

    fn section(&mut self, name: &Name<'_>, value: &Spanned<DeValue<'_>>) {
        let known = schema::sections();
        let at = name.span().start;
        match value.get_ref() {
            DeValue::Table(table) if known.contains(&name.get_ref().as_ref()) => {
                for (key, value) in table {
                    self.value(&format!("{}.{}", name.get_ref(), key.get_ref()), key, value);
                }
            }
            DeValue::Table(_) => {
                let near = crate::hardware::nearest(name.get_ref(), &known);
                let hint = near.map(|near| format!("did you mean [{near}]?"));
                let hint = hint.or_else(|| Some(format!("sections are {}", known.join(", "))));
                self.add(at, "", format!("there is no section [{}]", cut(name.get_ref())), hint);
            }
            _ => {
                let hint = schema::unknown(name.get_ref());
                let hint = hint.or_else(|| Some("write it below a [section]".to_owned()));
                self.add(at, "", format!("'{}' stands in no section", cut(name.get_ref())), hint);
            }
        }
    }

    fn value(&mut self, key: &str, name: &Name<'_>, value: &Spanned<DeValue<'_>>) {
        let at = name.span().start;
        let Some(setting) = setting(key) else {
            return self.add(at, "", format!("there is no setting '{}'", cut(key)), schema::unknown(key));
        };
        match typed(value.get_ref()).and_then(|typed| typed.check(setting.kind)) {
            Ok(value) => {
                let (line, column) = line_and_column(self.text, at);
                let origin = Origin::File { path: self.path.to_owned(), line, column };
                self.given.push(Given { key: setting.key, value, origin });
            }
            Err(what) => self.add(value.span().start, setting.key, format!("{key}: {what}"), None),
        }
    }
}

fn typed(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Integer(number) => Value::Number(
            u64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| format!("{} is not a whole number from 0 on", cut(number.as_str())))?,
        ),
        DeValue::Float(number) => return Err(format!("{} is not a whole number", cut(number.as_str()))),
        DeValue::Datetime(_) => return Err("a date is not wanted here".to_owned()),
        DeValue::Table(_) => return Err("a table is not wanted here".to_owned()),
        DeValue::Array(items) => {
            let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
            let items = items.iter().map(text).collect::<Option<Vec<_>>>();
            Value::List(items.ok_or("a list of texts is wanted")?)
        }
    })
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let text = "[log]\nlevel = \"wran\"\nlevles = 3\n\n[memry]\ntotal = 1\n[api]\nconnections = 0\nbody = \"x\"\n";
        let (given, findings) = read("a.toml", text);
        assert!(given.is_empty());
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 5, "{said:#?}");
        let all = said.join("\n");
        assert!(all.contains("a.toml:2:9: error: log.level: 'wran' is none of"), "{all}");
        assert!(
            all.contains("a.toml:3:1: error: there is no setting 'log.levles'; did you mean 'log.level'?")
        );
        assert!(all.contains("a.toml:5:2: error: there is no section [memry]; did you mean [memory]?"));
    }

    #[test]
    fn syntax_errors_are_told_with_the_rest() {
        let (_, findings) = read("a.toml", "[log\nlevel = \n[api]\nconnections = -1\nbody = = 2\n");
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(said.len() >= 3, "{said:#?}");
        assert!(said.iter().any(|line| line.starts_with("a.toml:1:")), "{said:#?}");
        assert!(said.iter().any(|line| line.contains("api.connections")), "{said:#?}");
    }

    #[test]
    fn every_way_to_write_a_key_is_read() {
        let text =
            "log.level = \"warn\"\nretention = { days = 3 }\n[api]\nbody = \"2 MiB\"\nconnections = 1_000\n";
        let (given, findings) = read("a", text);
        assert!(findings.is_empty(), "{findings:?}");
        let mut keys: Vec<(&str, String)> = given.iter().map(|g| (g.key, g.value.to_string())).collect();
        keys.sort();
        let number = |n: u64| n.to_string();
        let want = [
            ("api.body", number(2 << 20)),
            ("api.connections", number(1000)),
            ("log.level", "warn".to_owned()),
            ("retention.days", number(3)),
        ];
        assert_eq!(keys, want);
    }

    #[test]
    fn deep_nesting_is_an_error_on_a_small_stack_too() {
        let deep = ["[", "{a=", "[["].map(|part| format!("x = {}", part.repeat(20_000)));
        let long = format!("{} = 1", vec!["a"; 20_000].join("."));
        let run = move || deep.iter().chain([&long]).map(|text| read("x", text).1.len()).collect::<Vec<_>>();
        let found = crate::base::spawn("small", 512, run).unwrap().join().unwrap();
        assert!(found.iter().all(|findings| *findings > 0), "{found:?}");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[a-z\\[\\]\\.=\"'0-9 \\n#{},é-]{0,200}") {
            let (_, findings) = read("x", &text);
            for finding in findings {
                prop_assert!(finding.place.split(':').count() == 3);
            }
            let _ = value_spans(&text);
        }
    }
}
