//! The functions of templates: those of Go, and those of Prometheus.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::rc::Rc;

use super::format::{date, general, humanize, humanize_1024, humanize_duration, printf};
use super::value::{fields, labels};
use super::{Facts, Value};
use crate::base::InOrder;
use crate::observe::promql::{Pattern, parse_duration, parse_number};

/// A function. What it takes, a letter each: `s` a text, `v` what a query gives, `p` one of that, `a` anything,
/// and `*` for as many more as one likes.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) takes: &'static str,
    pub(super) call: Call,
}

type Call = fn(&[Value], Facts<'_>) -> Result<Value, String>;

const fn is(name: &'static str, takes: &'static str, call: Call) -> Function {
    Function { name, takes, call }
}

/// Series that one question of a template may give.
const SERIES_MOST: usize = 500;

#[rustfmt::skip]
pub(super) static FUNCTIONS: [Function; 45] = [
    // These two are not called: what follows the first answer is not evaluated.
    is("and", "a*", |args, _| Ok(nth(args, 0).clone())),
    is("or", "a*", |args, _| Ok(nth(args, 0).clone())),
    is("not", "a", |args, _| Ok(Value::Bool(!nth(args, 0).is_true()))),
    is("eq", "aa*", |args, _| equal(args)),
    is("ne", "aa", |args, _| same(nth(args, 0), nth(args, 1)).map(|same| Value::Bool(!same))),
    is("lt", "aa", |args, _| compared(args, Ordering::is_lt)),
    is("le", "aa", |args, _| compared(args, Ordering::is_le)),
    is("gt", "aa", |args, _| compared(args, Ordering::is_gt)),
    is("ge", "aa", |args, _| compared(args, Ordering::is_ge)),
    is("len", "a", |args, _| len(nth(args, 0))),
    is("index", "a*", |args, _| index(args)),
    is("slice", "a*", |args, _| slice(args)),
    is("print", "*", |args, _| Ok(Value::Text(print(args)))),
    is("println", "*", |args, _| Ok(Value::Text(shown(args).join(" ") + "\n"))),
    is("printf", "s*", |args, _| printf(word(args, 0), args.get(1..).unwrap_or_default()).map(Value::Text)),
    is("html", "*", |args, _| Ok(Value::Text(html(&print(args))))),
    is("js", "*", |args, _| Ok(Value::Text(js(&print(args))))),
    is("urlquery", "*", |args, _| Ok(Value::Text(url(&print(args))))),
    is("query", "s", |args, facts| query(word(args, 0), facts)),
    is("first", "v", |args, _| {
        items(args, 0).first().cloned().ok_or_else(|| "first() called on vector with no elements".to_owned())
    }),
    is("value", "p", |args, _| nth(args, 0).field("Value")),
    is("label", "sp", |args, _| nth(args, 1).field("Labels")?.field(word(args, 0))),
    is("strvalue", "p", |args, _| nth(args, 0).field("Labels")?.field("__value__")),
    is("sortByLabel", "sv", |args, _| {
        let mut all = items(args, 1).to_vec();
        let key = |one: &Value| one.field("Labels").and_then(|labels| labels.field(word(args, 0))).unwrap_or(Value::Nil);
        all.order_by_key(|one| key(one).text().to_owned());
        Ok(Value::List(all.into()))
    }),
    is("args", "*", |args, _| {
        // One within the other for ever would be too deep to be shown.
        if args.iter().any(|value| matches!(value, Value::Map(pairs) if pairs.iter().any(|(_, one)| !matches!(one, Value::Text(_))))) {
            return Err("it takes nothing that args gave".to_owned());
        }
        Ok(Value::Map(args.iter().enumerate().map(|(at, value)| (format!("arg{at}"), value.clone())).collect()))
    }),
    is("reReplaceAll", "sss", |args, _| {
        let told = |what| format!("regexp: Compile(`{}`): {what}", word(args, 0));
        Ok(Value::Text(Pattern::part(word(args, 0)).map_err(told)?.replace(word(args, 2), word(args, 1))))
    }),
    is("match", "ss", |args, _| Pattern::part(word(args, 0)).map(|regex| Value::Bool(regex.matches(word(args, 1))))),
    is("safeHtml", "s", |args, _| Ok(nth(args, 0).clone())),
    is("title", "s", |args, _| Ok(Value::Text(title(word(args, 0))))),
    is("toUpper", "s", |args, _| Ok(Value::Text(word(args, 0).to_uppercase()))),
    is("toLower", "s", |args, _| Ok(Value::Text(word(args, 0).to_lowercase()))),
    is("graphLink", "s", |args, _| Ok(link(word(args, 0), 0))),
    is("tableLink", "s", |args, _| Ok(link(word(args, 0), 1))),
    is("stripPort", "s", |args, _| Ok(Value::Text(split_port(word(args, 0)).map_or(word(args, 0), |(host, _)| host).to_owned()))),
    is("stripDomain", "s", |args, _| Ok(Value::Text(strip_domain(word(args, 0))))),
    is("humanize", "a", |args, _| number(nth(args, 0)).map(|n| Value::Text(humanize(n)))),
    is("humanize1024", "a", |args, _| number(nth(args, 0)).map(|n| Value::Text(humanize_1024(n)))),
    is("humanizeDuration", "a", |args, _| number(nth(args, 0)).map(|n| Value::Text(humanize_duration(n)))),
    is("humanizePercentage", "a", |args, _| number(nth(args, 0)).map(|n| Value::Text(general(n * 100.0, Some(4)) + "%"))),
    is("humanizeTimestamp", "a", |args, _| {
        let at = number(nth(args, 0))?;
        Ok(Value::Text(if at.is_finite() { date(time(at)?) } else { general(at, Some(4)) }))
    }),
    is("toTime", "a", |args, _| number(nth(args, 0)).and_then(time).map(Value::Time)),
    is("parseDuration", "s", |args, _| match parse_duration(word(args, 0)) {
        #[allow(clippy::cast_precision_loss)] // milliseconds of our centuries
        Some(millis) => Ok(Value::Float(millis as f64 / 1000.0)),
        None => Err(format!("not a valid duration string: {:?}", word(args, 0))),
    }),
    is("pathPrefix", "", |_, facts| Ok(Value::Text(path(facts.outside.url).to_owned()))),
    is("externalURL", "", |_, facts| Ok(Value::Text(facts.outside.url.to_owned()))),
    is("call", "a*", |args, _| Err(format!("non-function of type {}", nth(args, 0).kind()))),
];

fn nth(args: &[Value], at: usize) -> &Value {
    args.get(at).unwrap_or(&Value::Nil)
}

fn word(args: &[Value], at: usize) -> &str {
    nth(args, at).text()
}

fn items(args: &[Value], at: usize) -> &[Value] {
    match nth(args, at) {
        Value::List(items) => items,
        _ => &[],
    }
}

fn shown(args: &[Value]) -> Vec<String> {
    args.iter().map(Value::shown).collect()
}

/// Between two that are no texts stands a space.
fn print(args: &[Value]) -> String {
    let mut out = String::new();
    let mut after_text = true;
    for value in args {
        let is_text = matches!(value, Value::Text(_));
        if !after_text && !is_text {
            out.push(' ');
        }
        out.push_str(&value.shown());
        after_text = is_text;
    }
    out
}

fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(number) => Ok(*number),
        #[allow(clippy::cast_precision_loss)] // as Go does it
        Value::Int(number) => Ok(*number as f64),
        Value::Text(text) => {
            parse_number(text).ok_or_else(|| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
        }
        _ => Err(format!("can't convert {} to float", value.kind())),
    }
}

fn time(seconds: f64) -> Result<f64, String> {
    if seconds.is_finite() && seconds.abs() <= 9_223_372_036.854_774 {
        return Ok(seconds);
    }
    Err(if seconds.is_finite() {
        format!(
            "{} cannot be represented as a nanoseconds timestamp since it overflows int64",
            general(seconds, None)
        )
    } else {
        "value is NaN or Inf".to_owned()
    })
}

fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (
            Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::Bool(_),
            Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::Bool(_),
        ) if a.kind() != b.kind() => Err("incompatible types for comparison".to_owned()),
        _ => Err("invalid type for comparison".to_owned()),
    }
}

fn same(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Nil, b) | (b, Value::Nil) => Ok(*b == Value::Nil),
        _ => order(a, b).map(|order| order == Some(Ordering::Equal)),
    }
}

fn equal(args: &[Value]) -> Result<Value, String> {
    for other in args.get(1..).unwrap_or_default() {
        if same(nth(args, 0), other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn compared(args: &[Value], is: fn(Ordering) -> bool) -> Result<Value, String> {
    Ok(Value::Bool(order(nth(args, 0), nth(args, 1))?.is_some_and(is)))
}

fn len(value: &Value) -> Result<Value, String> {
    let len = match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(pairs) => pairs.len(),
        _ => return Err(format!("len of type {}", value.kind())),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

/// A place in something that has so many.
fn place(value: &Value, most: usize) -> Result<usize, String> {
    match value {
        Value::Int(at) => usize::try_from(*at)
            .ok()
            .filter(|at| *at <= most)
            .ok_or_else(|| format!("index out of range: {at}")),
        _ => Err(format!("cannot index slice/array with type {}", value.kind())),
    }
}

fn index(args: &[Value]) -> Result<Value, String> {
    let mut value = nth(args, 0).clone();
    for key in args.get(1..).unwrap_or_default() {
        value = match (&value, key) {
            (Value::Map(_), Value::Text(name)) => value.field(name)?,
            (Value::Map(_), _) => return Err(format!("value has type {}; should be string", key.kind())),
            (Value::List(items), _) => {
                let at = place(key, items.len())?;
                items.get(at).cloned().ok_or_else(|| format!("index out of range: {at}"))?
            }
            (Value::Text(text), _) => {
                let at = place(key, text.len())?;
                let byte = text.as_bytes().get(at).ok_or_else(|| format!("index out of range: {at}"))?;
                Value::Int(i64::from(*byte))
            }
            _ => return Err(format!("can't index item of type {}", value.kind())),
        };
    }
    Ok(value)
}

fn slice(args: &[Value]) -> Result<Value, String> {
    let length = match nth(args, 0) {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        other => return Err(format!("can't slice item of type {}", other.kind())),
    };
    let bound = |at: usize, usual| args.get(at).map_or(Ok(usual), |value| place(value, length));
    let (from, to) = (bound(1, 0)?, bound(2, length)?);
    if from > to || args.len() > 3 {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match nth(args, 0) {
        // What is cut within a character shows that.
        Value::Text(text) => Value::Text(
            String::from_utf8_lossy(text.as_bytes().get(from..to).unwrap_or_default()).into_owned(),
        ),
        other => {
            Value::List(Rc::from(items(std::slice::from_ref(other), 0).get(from..to).unwrap_or_default()))
        }
    })
}

fn query(text: &str, facts: Facts<'_>) -> Result<Value, String> {
    let found = (facts.query)(text)?;
    if found.len() > SERIES_MOST {
        return Err(format!("the query gives {} series, and may give {SERIES_MOST}", found.len()));
    }
    let one = |(own, value): (_, f64)| {
        fields("*template.sample", [("Labels", labels(&own)), ("Value", Value::Float(value))])
    };
    Ok(Value::List(found.into_iter().map(one).collect()))
}

fn title(text: &str) -> String {
    let mut before = ' ';
    let one = |c: char| {
        let is_first =
            before != '_' && !before.is_alphanumeric() && (before.is_ascii() || before.is_whitespace());
        before = c;
        if is_first { c.to_uppercase().collect() } else { c.to_string() }
    };
    text.chars().map(one).collect()
}

/// `host:port`, `[::1]:port`.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    let odd = |part: &str| part.contains(['[', ']']);
    (!odd(host) && !odd(port) && (bare.is_some() || !host.contains(':'))).then_some((host, port))
}

fn strip_domain(text: &str) -> String {
    let (host, port) = split_port(text).unwrap_or((text, ""));
    if host.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    let first = host.split('.').next().unwrap_or_default();
    if port.is_empty() { first.to_owned() } else { format!("{first}:{port}") }
}

fn link(expr: &str, tab: u8) -> Value {
    Value::Text(format!("/graph?g0.expr={}&g0.tab={tab}", url(expr)))
}

/// Of an address, what follows the host.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    path.split(['?', '#']).next().unwrap_or_default()
}

fn url(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => out.push(char::from(b)),
            b => drop(write!(out, "%{b:02X}")),
        }
    }
    out
}

fn html(text: &str) -> String {
    let marks =
        [("&", "&amp;"), ("'", "&#39;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&#34;"), ("\0", "\u{fffd}")];
    marks.iter().fold(text.to_owned(), |text, (mark, escaped)| text.replace(mark, escaped))
}

fn js(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' => drop(write!(out, "\\u{:04X}", c as u32)),
            c if c.is_control() => drop(write!(out, "\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// Whether a value can stand where this letter does, and the type that is wanted there.
pub(super) fn fits(letter: char, value: &Value) -> Result<(), String> {
    let wanted = match (letter, value) {
        ('s', Value::Text(_)) | ('v', Value::List(_)) => return Ok(()),
        ('p', Value::Fields(..)) => return Ok(()),
        ('s', _) => "string",
        ('v', _) => "template.queryResult",
        ('p', _) => "*template.sample",
        _ => return Ok(()),
    };
    Err(format!("wrong type for value; expected {wanted}; got {}", value.kind()))
}
