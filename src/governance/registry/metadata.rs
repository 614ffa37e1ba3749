//! What somebody who registers a model says of it: where it comes from, what it was trained on, how it measured
//! elsewhere. TOML or JSON, checked key by key. Pure.

use bincode::{Decode, Encode};
use serde_json::{Map, Value};

use crate::config::nearest;

/// A file of it.
pub const METADATA_BYTES: usize = 16 << 10;
const TEXT_BYTES: usize = 1_000;
const NAME_BYTES: usize = 64;
const METRICS_MOST: usize = 32;
const TEXTS: [&str; 4] = ["licence", "description", "source", "training_data"];
const METRICS: &str = "metrics";

/// All of it; what was not said is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Metadata {
    pub licence: String,
    pub description: String,
    pub source: String,
    pub training_data: String,
    /// Name and figure, as it was written: `ndcg@10`, `0.41`.
    pub metrics: Vec<(String, String)>,
}

/// The line and column of an offset, from 1.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

/// Where a key stands in the text.
fn at_key(text: &str, key: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: &usize| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let behind = text.get(at + key.len()..).and_then(|behind| behind.chars().next());
        !before.is_some_and(is_word) && !behind.is_some_and(is_word)
    };
    let found = text.match_indices(key).map(|(at, _)| at).find(whole);
    found.map_or_else(|| format!("key {key}"), |at| place(text, at))
}

fn table(text: &str) -> Result<Map<String, Value>, String> {
    if text.len() > METADATA_BYTES {
        return Err(format!("the metadata has {} bytes; {METADATA_BYTES} are allowed", text.len()));
    }
    let read: Result<Value, String> = if text.trim_start().starts_with('{') {
        serde_json::from_str(text)
            .map_err(|error| format!("line {}, column {}: {error}", error.line(), error.column()))
    } else {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or_else(|| "the text".to_owned(), |span| place(text, span.start));
            format!("{at}: {}", error.message())
        })
    };
    match read? {
        Value::Object(table) => Ok(table),
        _ => Err("line 1, column 1: keys with values are wanted, such as licence = \"MIT\"".to_owned()),
    }
}

impl Metadata {
    /// Reads TOML, or JSON where it begins with a brace.
    ///
    /// # Errors
    /// What is wrong, where, and what may have been meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for (key, value) in table(text)? {
            let at = || at_key(text, &key);
            if key == METRICS {
                found.metrics = metrics(text, &value)?;
                continue;
            }
            let slot = match key.as_str() {
                "licence" => &mut found.licence,
                "description" => &mut found.description,
                "source" => &mut found.source,
                "training_data" => &mut found.training_data,
                other => {
                    let known: Vec<&str> = TEXTS.iter().copied().chain([METRICS]).collect();
                    let meant = nearest(other, &known).map_or_else(
                        || format!("known are {}", known.join(", ")),
                        |near| format!("perhaps {near} is meant"),
                    );
                    let shown: String = other.chars().take(NAME_BYTES).collect();
                    return Err(format!("{}: there is no key '{shown}'; {meant}", at()));
                }
            };
            let fits = value.as_str().map(str::trim).filter(|text| (1..=TEXT_BYTES).contains(&text.len()));
            fits.ok_or_else(|| format!("{}: {key} is a text of 1 to {TEXT_BYTES} bytes", at()))?
                .clone_into(slot);
        }
        Ok(found)
    }

    /// Names and values of what was said.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let texts = [&self.licence, &self.description, &self.source, &self.training_data];
        let said = TEXTS.iter().zip(texts).filter(|(_, text)| !text.is_empty());
        let mut all: Vec<(String, String)> =
            said.map(|(name, text)| (name.replace('_', " "), text.clone())).collect();
        all.extend(self.metrics.iter().cloned());
        all
    }
}

fn metrics(text: &str, value: &Value) -> Result<Vec<(String, String)>, String> {
    let Some(table) = value.as_object() else {
        let at = at_key(text, METRICS);
        return Err(format!("{at}: metrics is a table of numbers, such as \"ndcg@10\" = 0.41"));
    };
    if table.len() > METRICS_MOST {
        return Err(format!("{}: at most {METRICS_MOST} metrics are kept", at_key(text, METRICS)));
    }
    let one = |(name, value): (&String, &Value)| {
        let fits = (1..=NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
        match value {
            Value::Number(number) if fits && number.as_f64().is_some_and(f64::is_finite) => {
                Ok((name.clone(), number.to_string()))
            }
            _ => {
                let shown: String = name.chars().take(NAME_BYTES).collect();
                let at = at_key(text, &shown);
                Err(format!("{at}: the metric {shown} has a name of 1 to {NAME_BYTES} bytes and is a number"))
            }
        }
    };
    table.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str =
        "licence = \"MIT\"\ntraining_data = \"MS MARCO\"\n[metrics]\n\"ndcg@10\" = 0.41\nrecall = 1\n";

    #[test]
    fn both_forms_are_read() {
        let read = Metadata::parse(TOML).unwrap();
        let json =
            r#"{"licence": "MIT", "training_data": "MS MARCO", "metrics": {"ndcg@10": 0.41, "recall": 1}}"#;
        assert_eq!(Metadata::parse(json).unwrap(), read);
        let told: Vec<String> = read.fields().iter().map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(told, ["licence MIT", "training data MS MARCO", "ndcg@10 0.41", "recall 1"]);
        assert_eq!(Metadata::parse("").unwrap(), Metadata::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, said) in [
            (
                "source = \"x\"\nlicense = \"MIT\"",
                "line 2, column 1: there is no key 'license'; perhaps licence is meant",
            ),
            ("colour = \"x\"", "known are licence, description"),
            ("licence = 7", "line 1, column 1: licence is a text"),
            ("licence = \"\"", "licence is a text of 1 to 1000 bytes"),
            ("licence = \"MIT", "line 1, column"),
            ("{\"licence\": }", "line 1, column 13"),
            ("[metrics]\nndcg = \"good\"", "line 2, column 1: the metric ndcg"),
            ("metrics = 3", "metrics is a table of numbers"),
            ("[metrics]\nx = nan", "the metric x"),
        ] {
            let told = Metadata::parse(text).unwrap_err();
            assert!(told.contains(said), "{text}: {told}");
        }
        assert!(Metadata::parse(&" ".repeat(METADATA_BYTES + 1)).unwrap_err().contains("bytes"));
        let many: String = (0..33).map(|at| format!("m{at} = 1\n")).collect();
        assert!(Metadata::parse(&format!("[metrics]\n{many}")).unwrap_err().contains("at most 32"));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_read_is_no_panic(text in ".{0,200}") {
            let _ = Metadata::parse(&text);
        }
    }
}
