//! Changes one setting in the text of a file; every other byte stays: comments, order, blank lines.
//!
//! The new text is read again, and refused unless it sets exactly what was asked for.

use std::ops::Range;

use super::error::ConfigError;
use super::load::Given;
use super::read::{read, value_spans};
use super::schema::Setting;
use super::value::Value;
use crate::base::InOrder;

/// The text with `setting` set to `value`.
///
/// # Errors
/// [`ConfigError::Edit`] where the text cannot be changed safely, such as one with a syntax error.
pub fn set(text: &str, setting: &Setting, value: &Value) -> Result<String, ConfigError> {
    let before = readable(text)?;
    let written = value.to_toml(setting.kind);
    let spans = value_spans(text);
    let known = spans.iter().find(|(key, _, _)| key == setting.key);
    let changed = match known {
        Some((_, _, span)) => splice(text, span.clone(), &written),
        None => insert(text, setting, &written, &spans),
    };
    check(&before, &changed, setting, Some(value))?;
    Ok(changed)
}

/// The text without `setting`; its line goes, comments above it stay.
///
/// # Errors
/// As [`set`].
pub fn remove(text: &str, setting: &Setting) -> Result<String, ConfigError> {
    let before = readable(text)?;
    let spans = value_spans(text);
    let Some((_, name, value)) = spans.iter().find(|(key, _, _)| key == setting.key) else {
        return Ok(text.to_owned());
    };
    let start = text.get(..name.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end =
        text.get(value.end..).and_then(|after| after.find('\n')).map_or(text.len(), |at| value.end + at + 1);
    let changed = splice(text, start..end, "");
    check(&before, &changed, setting, None)?;
    Ok(changed)
}

fn readable(text: &str) -> Result<Vec<Given>, ConfigError> {
    let (given, findings) = read("the file", text);
    match findings.is_empty() {
        true => Ok(given),
        false => Err(ConfigError::Findings(findings)),
    }
}

fn splice(text: &str, range: Range<usize>, with: &str) -> String {
    let (before, after) =
        (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
    [before, with, after].concat()
}

/// Below the last key of its section, else at the end of the text.
fn insert(
    text: &str,
    setting: &Setting,
    written: &str,
    spans: &[(String, Range<usize>, Range<usize>)],
) -> String {
    let line = format!("{} = {written}\n", setting.name());
    let prefix = format!("{}.", setting.section());
    let last =
        spans.iter().filter(|(key, _, _)| key.starts_with(&prefix)).map(|(_, _, value)| value.end).max();
    let header = || header_end(text, setting.section());
    let Some(at) = last.or_else(header) else {
        let gap = match text {
            "" => "",
            text if text.ends_with("\n\n") => "",
            text if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        return format!("{text}{gap}[{}]\n{line}", setting.section());
    };
    match text.get(at..).and_then(|after| after.find('\n')) {
        Some(end) => splice(text, at + end + 1..at + end + 1, &line),
        None => format!("{text}\n{line}"),
    }
}

/// End of the line `[section]`.
fn header_end(text: &str, section: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let inner = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        if inner.is_some_and(|(name, _)| name.trim() == section) {
            return Some(at + line.trim_end_matches('\n').len());
        }
        at += line.len();
    }
    None
}

/// The text says what it said before, but for the one key.
fn check(before: &[Given], text: &str, setting: &Setting, value: Option<&Value>) -> Result<(), ConfigError> {
    let (after, findings) = read("the file", text);
    let pairs = |given: &[Given]| {
        let mut all: Vec<(&'static str, Value)> = given
            .iter()
            .filter(|given| given.key != setting.key)
            .map(|given| (given.key, given.value.clone()))
            .collect();
        all.order_by_key(|(key, _)| *key);
        all
    };
    let now = after.iter().find(|given| given.key == setting.key).map(|given| &given.value);
    let same = now == value || (value == Some(&Value::None) && now.is_none_or(|now| *now == Value::None));
    if findings.is_empty() && pairs(before) == pairs(&after) && same {
        return Ok(());
    }
    Err(ConfigError::Edit {
        what: format!("{} cannot be changed in this file without touching other settings", setting.key),
        advice: "the key is written in an unusual way there: edit the file by hand".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::setting;
    use proptest::prelude::*;

    const TEXT: &str = "# the box in the van\n[log]\n# quiet\nlevel = \"warn\"   # for the radio link\n\n[api]\n\
                        connections = 20 # few\n# the end\n";

    fn change(text: &str, key: &str, value: &str) -> String {
        let setting = setting(key).unwrap();
        set(text, setting, &Value::parse(setting.kind, value).unwrap()).unwrap()
    }

    #[test]
    fn only_the_value_changes() {
        assert_eq!(change(TEXT, "log.level", "debug"), TEXT.replace("\"warn\"", "\"debug\""));
        assert_eq!(change(TEXT, "api.connections", "7"), TEXT.replace("20", "7"));
        let added = change(TEXT, "api.seconds", "9");
        assert_eq!(added, TEXT.replace("# few\n", "# few\nseconds = 9\n"));
        let section = change(TEXT, "retention.days", "3");
        assert_eq!(section, format!("{TEXT}\n[retention]\ndays = 3\n"));
        assert_eq!(change("", "api.body", "2 MiB"), "[api]\nbody = \"2 MiB\"\n");
        assert_eq!(
            change("[log] # none\n\n[api]\n", "log.level", "info"),
            "[log] # none\nlevel = \"info\"\n\n[api]\n"
        );
        assert_eq!(change("[log]", "log.level", "info"), "[log]\nlevel = \"info\"\n");
        let inline = change("retention = { days = 3 } # x\n", "retention.days", "4");
        assert_eq!(inline, "retention = { days = 4 } # x\n");
    }

    #[test]
    fn a_line_goes_and_comments_stay() {
        let gone = remove(TEXT, setting("log.level").unwrap()).unwrap();
        assert_eq!(gone, TEXT.replace("level = \"warn\"   # for the radio link\n", ""));
        assert_eq!(remove(TEXT, setting("api.body").unwrap()).unwrap(), TEXT);
    }

    #[test]
    fn what_is_not_safe_is_refused() {
        let days = setting("retention.days").unwrap();
        assert!(set("[retention\n", days, &Value::Number(3)).is_err());
        // A key in an inline table cannot be added or taken out by lines.
        let text = "log = { level = \"warn\", bytes = \"1 MiB\" }\n";
        assert!(remove(text, setting("log.level").unwrap()).is_err());
        assert!(set(text, setting("log.targets").unwrap(), &Value::List(vec!["a=info".into()])).is_err());
    }

    proptest! {
        #[test]
        fn edits_keep_every_comment(numbers in prop::collection::vec(1u64..1000, 1..20), at in 0usize..20) {
            let keys = ["api.connections", "api.seconds", "retention.days", "ingest.batch_size", "extract.seconds"];
            let mut text = TEXT.to_owned();
            for (n, number) in numbers.iter().enumerate() {
                let setting = setting(keys[(n + at) % keys.len()]).unwrap();
                text = set(&text, setting, &Value::Number(*number)).unwrap();
                let (given, findings) = read("x", &text);
                prop_assert!(findings.is_empty());
                prop_assert!(given.iter().any(|g| g.key == setting.key && g.value == Value::Number(*number)));
            }
            for comment in ["# the box in the van", "# quiet", "# for the radio link", "# few", "# the end"] {
                prop_assert!(text.contains(comment), "{text}");
            }
        }
    }
}
