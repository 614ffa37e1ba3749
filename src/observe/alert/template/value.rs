//! Values while a template runs, and how Go shows them.

use std::fmt::Write as _;
use std::rc::Rc;

use super::format::{date, general};
use crate::observe::promql::Labels;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Seconds since 1970.
    Time(f64),
    List(Rc<[Value]>),
    /// By key. What is not there is an empty text.
    Map(Rc<[(String, Value)]>),
    /// A thing with its fields and the name of its type.
    Fields(&'static str, Rc<[(String, Value)]>),
}

pub(super) fn labels(labels: &Labels) -> Value {
    Value::Map(labels.iter().map(|(name, value)| (name.to_owned(), Value::Text(value.to_owned()))).collect())
}

pub(super) fn fields<const N: usize>(kind: &'static str, pairs: [(&str, Value); N]) -> Value {
    Value::Fields(kind, pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// `'x'` is a number.
pub(super) fn char_value(text: &str) -> Option<Value> {
    let mut chars = text.chars();
    let one = chars.next().filter(|_| chars.next().is_none())?;
    Some(Value::Int(i64::from(u32::from(one))))
}

fn find(pairs: &[(String, Value)], name: &str) -> Option<Value> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

impl Value {
    /// As Go names it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Time(_) => "*time.Time",
            Self::List(_) => "template.queryResult",
            Self::Map(_) => "map[string]string",
            Self::Fields(kind, _) => kind,
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(is) => *is,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(pairs) => !pairs.is_empty(),
            Self::Time(_) | Self::Fields(..) => true,
        }
    }

    /// # Errors
    /// That it has no such field.
    pub(super) fn field(&self, name: &str) -> Result<Self, String> {
        match self {
            Self::Nil => Ok(Self::Nil),
            Self::Map(pairs) => Ok(find(pairs, name).unwrap_or(Self::Text(String::new()))),
            Self::Fields(_, pairs) => find(pairs, name)
                .ok_or_else(|| format!("can't evaluate field {name} in type {}", self.kind())),
            _ => Err(format!("can't evaluate field {name} in type {}", self.kind())),
        }
    }

    /// As `%v` shows it.
    pub(super) fn shown(&self) -> String {
        let joined = |all: Vec<String>| all.join(" ");
        match self {
            Self::Nil => "<nil>".to_owned(),
            Self::Bool(is) => is.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => general(*number, None),
            Self::Text(text) => text.clone(),
            Self::Time(seconds) => date(*seconds),
            Self::List(items) => format!("[{}]", joined(items.iter().map(Self::shown).collect())),
            Self::Map(pairs) => {
                let mut out = String::from("map[");
                for (at, (name, value)) in pairs.iter().enumerate() {
                    let _ = write!(out, "{}{name}:{}", if at > 0 { " " } else { "" }, value.shown());
                }
                out + "]"
            }
            Self::Fields(_, pairs) => {
                format!("{{{}}}", joined(pairs.iter().map(|(_, value)| value.shown()).collect()))
            }
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }
}
