//! What a person asks the box to do: a call as data, with what to say of it.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write as _};

use serde_json::Value;

use super::{Call, escape};

/// Of a file that is sent: what one request may carry, as it comes.
const FILE_BYTES: u64 = 1 << 20;

/// In the place of a field: the answer as it is, whatever it is.
pub(crate) const WHOLE: &str = "*";

/// The same, byte by byte as it comes, which may be much.
pub(crate) const BYTES: &str = "**";

/// A field whose value is what stands in a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SentFile {
    pub(crate) field: &'static str,
    pub(crate) path: String,
    /// It is sent with its name and line by line as it stands: what it says of a place must be true.
    pub(crate) is_named: bool,
}

/// One call that does something, or that shows what a form asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Order {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// Of the body; of the query, where a call has no body.
    pub(crate) fields: Vec<(&'static str, Value)>,
    pub(crate) file: Option<SentFile>,
    /// The answer goes into this new file: a field of it, [`WHOLE`], [`BYTES`], or all items of all pages, one a line. What is
    /// whole and goes into no file is shown.
    pub(crate) save: Option<(String, &'static str)>,
    /// Title of the answer, where it is shown.
    pub(crate) show: &'static str,
    /// `approve the request`, for a refusal.
    pub(crate) purpose: &'static str,
    /// What to tell when it is done; `{name}` stands for a field of the answer.
    pub(crate) done: &'static str,
}

impl Order {
    pub(crate) fn call(&self) -> Call {
        let (method, mut path) = (self.method, self.path.clone());
        if matches!(method, "GET" | "DELETE") {
            for (name, value) in &self.fields {
                let mark = if path.contains('?') { '&' } else { '?' };
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let _ = write!(path, "{mark}{name}={}", escape(&text));
            }
            return Call { method, path, body: None };
        }
        let fields = self.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let body =
            (!self.fields.is_empty()).then(|| Value::Object(fields.collect()).to_string().into_bytes());
        Call { method, path, body }
    }

    /// With what stands in the file that it names.
    ///
    /// # Errors
    /// Why that cannot be read.
    pub(crate) fn with_file(&mut self) -> Result<(), String> {
        if let Some(SentFile { field, path, is_named }) = &self.file {
            let mut text = String::new();
            let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
            let read = file.take(FILE_BYTES + 1).read_to_string(&mut text);
            read.map_err(|error| format!("{path}: {error}"))?;
            if text.len() as u64 > FILE_BYTES {
                return Err(format!("{path} has more than {FILE_BYTES} bytes"));
            }
            if *is_named {
                self.fields.push(("name", path.as_str().into()));
            } else {
                text = text.trim().to_owned();
            }
            self.fields.push((field, text.into()));
            self.file = None;
        }
        Ok(())
    }

    /// All texts that were typed into it.
    pub(crate) fn texts(&self) -> String {
        let texts: Vec<&str> = self.fields.iter().filter_map(|(_, value)| value.as_str()).collect();
        texts.join("\n")
    }

    /// What to tell of this answer.
    pub(crate) fn told(&self, answer: &Value) -> String {
        let state = answer.get("state").and_then(Value::as_str).unwrap_or_default();
        if state.starts_with("waits") {
            return format!("It {state}: others vote on it.");
        }
        let mut told = String::new();
        for part in self.done.split('{') {
            match part.split_once('}') {
                None => told.push_str(part),
                Some((name, rest)) => {
                    told.push_str(answer.get(name).and_then(Value::as_str).unwrap_or("?"));
                    told.push_str(rest);
                }
            }
        }
        told
    }
}

/// A new file; one that is there already is not written over.
pub(crate) fn new_file(path: &str) -> Result<File, String> {
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    made.map_err(|error| format!("{path}: {error}"))
}

/// One line into it.
pub(crate) fn put_line(file: &mut File, line: &str, path: &str) -> Result<(), String> {
    writeln!(file, "{line}").map_err(|error| format!("{path}: {error}"))
}

/// Names and values of an answer, whatever it is.
pub(crate) fn listed(answer: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    spread("", answer, &mut out);
    out
}

fn spread(name: &str, value: &Value, out: &mut Vec<(String, String)>) {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let said = match value {
        Value::Null => return,
        // Something wrong in a file, at its place.
        Value::Object(fields) if fields.len() == 3 && fields.contains_key("column") => {
            let of = |name: &str| fields.get(name).map(plain).unwrap_or_default();
            out.push((format!("{}:{}", of("line"), of("column")), of("what")));
            return;
        }
        Value::Object(fields) => {
            for (inner, value) in fields {
                spread(inner, value, out);
            }
            return;
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            return items.iter().for_each(|item| spread(name, item, out));
        }
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Number(ms) if name.ends_with("_ms") => {
            format!("{} UTC", crate::base::format_time(ms.as_u64().unwrap_or(0)))
        }
        other => plain(other),
    };
    if !said.is_empty() {
        out.push((name.trim_end_matches("_ms").replace('_', " "), said));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_becomes_a_call_and_tells_of_its_answer() {
        let mut order = Order {
            method: "POST",
            path: "/v1/x".into(),
            fields: vec![("reason", "a b".into())],
            done: "Incident {id} is {state}.",
            ..Order::default()
        };
        assert_eq!(order.call().body.unwrap(), br#"{"reason":"a b"}"#);
        let answer =
            serde_json::json!({"id": "7", "state": "open", "at_ms": 0, "in": {"scopes": ["a", "b"]}});
        assert_eq!(order.told(&answer), "Incident 7 is open.");
        assert_eq!(
            order.told(&serde_json::json!({"state": "waits for 1 vote"})),
            "It waits for 1 vote: others vote on it."
        );
        assert!(listed(&answer).contains(&("scopes".into(), "a b".into())), "{:?}", listed(&answer));
        order.method = "DELETE";
        assert_eq!(order.call().path, "/v1/x?reason=a%20b");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pub").display().to_string();
        let of = |field, is_named| Some(SentFile { field, path: path.clone(), is_named });
        order.file = of("key", false);
        assert!(order.clone().with_file().unwrap_err().contains("key.pub"));
        std::fs::write(&path, "ssh-ed25519 AAAA\n").unwrap();
        order.with_file().unwrap();
        assert_eq!((order.fields[1].1.as_str(), &order.file), (Some("ssh-ed25519 AAAA"), &None));
        assert!(new_file(&path).is_err(), "nothing is written over");
        // What is looked through comes line by line, with its name.
        std::fs::write(&path, "\n odd\n").unwrap();
        let mut look = Order { file: of("text", true), ..Order::default() };
        look.with_file().unwrap();
        assert_eq!(look.fields, [("name", path.as_str().into()), ("text", "\n odd\n".into())]);
        let answer = serde_json::json!({"ok": false, "holds": "", "problems": [
            {"line": 2, "column": 1, "what": "no such field"}, {"line": 3, "column": 9, "what": "no end"}]});
        let said = [("ok", "false"), ("2:1", "no such field"), ("3:9", "no end")];
        assert_eq!(listed(&answer), said.map(|(a, b)| (a.to_owned(), b.to_owned())));
        std::fs::write(&path, vec![b'x'; FILE_BYTES as usize + 1]).unwrap();
        look.file = of("text", true);
        assert!(look.with_file().unwrap_err().contains("more than"), "cut in two it would be something else");
    }
}
