//! A setting's value: typed, checked against its kind, written as people write it.

use std::fmt::{Display, Formatter};

use super::schema::Kind;
use crate::base::{format_bytes, parse_bytes};

/// Entries of a list, letters of a text.
const LIST_MOST: usize = 64;
const TEXT_MOST: usize = 512;

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Not set, and nothing by default.
    None,
    Flag(bool),
    Number(u64),
    Text(String),
    List(Vec<String>),
}

impl Value {
    /// As it is written in a TOML file.
    #[must_use]
    pub fn to_toml(&self, kind: Kind) -> String {
        match self {
            Self::None => "\"\"".to_owned(),
            Self::Number(bytes) if kind.is_size() => quoted(&exact_size(*bytes)),
            Self::Flag(_) | Self::Number(_) => self.to_string(),
            Self::Text(text) => quoted(text),
            Self::List(items) => {
                format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// As people read it, with its unit.
    #[must_use]
    pub fn shown(&self, kind: Kind, unit: &str) -> String {
        match self {
            Self::None => "-".to_owned(),
            Self::Number(bytes) if kind.is_size() => {
                let (short, exact) = (format_bytes(*bytes), exact_size(*bytes));
                if parse_bytes(&short) == Some(*bytes) { short } else { exact }
            }
            Self::Number(number) if !unit.is_empty() => format!("{number} {unit}"),
            Self::List(items) if items.is_empty() => "-".to_owned(),
            other => other.to_string(),
        }
    }

    /// Checks a value that came typed; gives it as it is kept.
    ///
    /// # Errors
    /// What is wanted instead, in words that never repeat a secret.
    pub fn check(self, kind: Kind) -> Result<Self, String> {
        let wanted = |this: &Self| format!("{} is wanted, not {}", kind.wanted(), this.kind_name());
        match (kind, self) {
            (Kind::Flag, Self::Flag(flag)) => Ok(Self::Flag(flag)),
            (Kind::Number { least, most }, Self::Number(number)) => {
                within(number, least, most, |n| n.to_string()).map(Self::Number)
            }
            (Kind::Size { least, most }, Self::Number(bytes)) => {
                within(bytes, least, most, exact_size).map(Self::Number)
            }
            (Kind::Size { least, most }, Self::Text(text)) => {
                let bytes = parse_bytes(&text)
                    .ok_or_else(|| format!("'{}' is not a size such as \"64 MiB\"", cut(&text)))?;
                within(bytes, least, most, exact_size).map(Self::Number)
            }
            (Kind::Word(words), Self::Text(text)) => match words.contains(&text.as_str()) {
                true => Ok(Self::Text(text)),
                false => {
                    let near = crate::hardware::nearest(&text, words);
                    let near = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
                    Err(format!("'{}' is none of {}{near}", cut(&text), words.join(", ")))
                }
            },
            (Kind::OneOf(numbers), Self::Number(number)) => match numbers.contains(&number) {
                true => Ok(Self::Number(number)),
                false => {
                    let known: Vec<String> = numbers.iter().map(u64::to_string).collect();
                    Err(format!("{number} is none of {}", known.join(", ")))
                }
            },
            (Kind::Secret, Self::Text(text)) if text.is_empty() => Ok(Self::None),
            (Kind::Secret, Self::Text(text)) => {
                Secret::parse(&text).map(|_| Self::Text(text)).map_err(str::to_owned)
            }
            (Kind::Address, Self::Text(text)) if !text.is_empty() => {
                loopback(&text).map(|()| Self::Text(text))
            }
            (Kind::Url, Self::Text(text)) if !text.is_empty() => {
                upstream_url(&text).map(|()| Self::Text(text))
            }
            (Kind::Path | Kind::Address | Kind::Url, Self::Text(text)) if text.is_empty() => Ok(Self::None),
            (Kind::Path, Self::Text(text)) if !text.starts_with('/') => {
                Err(format!("'{}' is not an absolute path", cut(&text)))
            }
            (Kind::Path | Kind::Text, Self::Text(text)) => short_text(text).map(Self::Text),
            (Kind::Words(words), Self::List(items)) => list(items, |item| match words.contains(&item) {
                true => Ok(()),
                false => Err(format!("'{}' is none of {}", cut(item), words.join(", "))),
            }),
            (Kind::Globs, Self::List(items)) => list(items, |item| match item.is_empty() {
                true => Err("a pattern must not be empty".to_owned()),
                false => Ok(()),
            }),
            (Kind::Levels, Self::List(items)) => list(items, level_of_target),
            (_, other) => Err(wanted(&other)),
        }
    }

    /// Reads what a variable, an option or a person typed.
    ///
    /// # Errors
    /// As [`Value::check`].
    pub fn parse(kind: Kind, text: &str) -> Result<Self, String> {
        let text = text.trim();
        let value = match kind {
            Kind::Flag => match text {
                "true" | "yes" | "on" | "1" => Self::Flag(true),
                "false" | "no" | "off" | "0" => Self::Flag(false),
                _ => return Err(format!("'{}' is neither true nor false", cut(text))),
            },
            Kind::Number { .. } | Kind::OneOf(_) => {
                Self::Number(text.parse().map_err(|_| format!("'{}' is not {}", cut(text), kind.wanted()))?)
            }
            Kind::Globs | Kind::Levels | Kind::Words(_) => {
                let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
                let items = inner.split(',').map(|item| item.trim().trim_matches(['"', '\'']).to_owned());
                Self::List(items.filter(|item| !item.is_empty()).collect())
            }
            _ => Self::Text(unquoted(text).to_owned()),
        };
        value.check(kind)
    }

    fn kind_name(&self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Flag(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
        }
    }
}

impl Display for Value {
    fn fmt(&self, to: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Flag(flag) => write!(to, "{flag}"),
            Self::Number(number) => write!(to, "{number}"),
            Self::Text(text) => write!(to, "{text}"),
            Self::List(items) => write!(to, "{}", items.join(", ")),
        }
    }
}

/// A size that reads back as the same bytes: `64 MiB`, `1536 KiB`, `1000`.
fn exact_size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fits = units.into_iter().find(|(_, power)| bytes > 0 && bytes.trailing_zeros() >= *power);
    fits.map_or_else(|| format!("{bytes} B"), |(unit, power)| format!("{} {unit}", bytes >> power))
}

fn within(number: u64, least: u64, most: u64, show: fn(u64) -> String) -> Result<u64, String> {
    if number < least {
        return Err(format!("{} is less than {}", show(number), show(least)));
    }
    if number > most {
        return Err(format!("{} is more than {}", show(number), show(most)));
    }
    Ok(number)
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn short_text(text: String) -> Result<String, String> {
    if text.len() > TEXT_MOST || text.chars().any(char::is_control) {
        return Err(format!("a text of at most {TEXT_MOST} bytes without control characters is wanted"));
    }
    Ok(text)
}

fn list(items: Vec<String>, check: impl Fn(&str) -> Result<(), String>) -> Result<Value, String> {
    if items.len() > LIST_MOST {
        return Err(format!("{} entries are more than {LIST_MOST}", items.len()));
    }
    let items = items.into_iter().map(short_text).collect::<Result<Vec<_>, _>>()?;
    let wrong: Vec<String> = items.iter().filter_map(|item| check(item).err()).collect();
    if wrong.is_empty() { Ok(Value::List(items)) } else { Err(wrong.join(", and ")) }
}

/// `spud::api=debug`
fn level_of_target(item: &str) -> Result<(), String> {
    let (target, level) =
        item.split_once('=').ok_or_else(|| format!("'{}' is not of the form target=level", cut(item)))?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    if target.is_empty() || !target.chars().all(plain) {
        return Err(format!("'{}' is not the name of a part such as spud::api", cut(target)));
    }
    match super::schema::LEVELS.contains(&level) || level == "off" {
        true => Ok(()),
        false => Err(format!("'{}' is none of off, {}", cut(level), super::schema::LEVELS.join(", "))),
    }
}

fn loopback(text: &str) -> Result<(), String> {
    match text.parse::<std::net::SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(()),
        Ok(_) => Err(format!("'{}' is not a loopback address: only those are served", cut(text))),
        Err(_) => Err(format!("'{}' is not of the form 127.0.0.1:8080", cut(text))),
    }
}

fn upstream_url(text: &str) -> Result<(), String> {
    if text.contains('@') {
        return Err("the address must not carry a name or password".to_owned());
    }
    let host = ["http://", "https://", "nats://", "tls://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .map(|rest| rest.split('/').next().unwrap_or_default());
    match host {
        Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => Ok(()),
        _ => Err(format!(
            "'{}' is not of the form http://host:port/path, https://..., nats://host:port or tls://...",
            cut(text)
        )),
    }
}

fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains(['"', '\\'])).unwrap_or(text)
}

/// A basic string of TOML 1.0.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            letter if letter.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// Where a secret lies; the secret itself is never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    File(std::path::PathBuf),
    /// Name of an environment variable.
    Variable(String),
    /// Name below `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`).
    Credential(String),
}

impl Secret {
    /// Reads `file:/path`, `env:NAME` or `credential:NAME`.
    ///
    /// # Errors
    /// The forms there are. What was given is not repeated: it may be the secret itself.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let plain = |name: &str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
                && name != ".."
        };
        match text.split_once(':') {
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(path.into())),
            Some(("env", name)) if plain(name) => Ok(Self::Variable(name.to_owned())),
            Some(("credential", name)) if plain(name) => Ok(Self::Credential(name.to_owned())),
            _ => Err("a secret is named, never written here: file:/path, env:NAME or credential:NAME"),
        }
    }

    /// Reads the secret: at most 4 KiB, without the white space around it.
    ///
    /// # Errors
    /// Where it should be and why it is not there.
    pub fn read(&self) -> Result<String, String> {
        let file = |path: &std::path::Path| {
            let size = std::fs::metadata(path).map(|meta| meta.len());
            match size {
                Ok(bytes) if bytes > 4096 => Err(format!("{} has more than 4 KiB", path.display())),
                Ok(_) => std::fs::read_to_string(path)
                    .map_err(|error| format!("{} cannot be read: {error}", path.display())),
                Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
            }
        };
        let text = match self {
            Self::File(path) => file(path)?,
            Self::Variable(name) => {
                std::env::var(name).map_err(|_| format!("the variable {name} is not set"))?
            }
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| format!("credential {name}: the service manager passed none"))?;
                file(&std::path::Path::new(&folder).join(name))?
            }
        };
        let text = text.trim();
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err("the secret is empty or has control characters".to_owned());
        }
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: Kind = Kind::Size { least: 1, most: u64::MAX };

    #[test]
    fn a_secret_is_a_reference_and_a_literal_is_not_repeated() {
        assert_eq!(Secret::parse("env:TOKEN"), Ok(Secret::Variable("TOKEN".into())));
        for bad in ["hunter2", "file:relative", "env:a b", "credential:../x", "http://x"] {
            let said = Value::parse(Kind::Secret, bad).unwrap_err();
            assert!(!said.contains(bad), "{said}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), b" s3cret\n").unwrap();
        assert_eq!(Secret::File(path).read().as_deref(), Ok("s3cret"));
        assert!(Secret::File(folder.path().join("none")).read().unwrap_err().contains("none"));
    }

    #[test]
    fn values_are_checked() {
        assert_eq!(Value::parse(SIZE, "64 MiB"), Ok(Value::Number(64 << 20)));
        assert!(Value::parse(SIZE, "64 parsecs").unwrap_err().contains("size"));
        assert!(Value::parse(Kind::Number { least: 1, most: 4 }, "5").unwrap_err().contains("more than 4"));
        assert!(Value::parse(Kind::Word(&["error", "warn"]), "wran").unwrap_err().contains("'warn'"));
        assert_eq!(
            Value::parse(Kind::Levels, "spud::api=debug, spud=warn"),
            Ok(Value::List(vec!["spud::api=debug".into(), "spud=warn".into()]))
        );
        assert!(Value::parse(Kind::Levels, "spud::api=loud").is_err());
        assert!(Value::parse(Kind::Address, "0.0.0.0:80").unwrap_err().contains("loopback"));
        assert_eq!(Value::parse(Kind::Url, ""), Ok(Value::None));
        assert!(Value::parse(Kind::Url, "http://a@b/").is_err());
        assert!(Value::Flag(true).check(SIZE).unwrap_err().contains("size"));
    }

    proptest! {
        #[test]
        fn sizes_and_texts_read_back(bytes in 1u64..(1 << 60), text in "[^\\x00]{0,40}") {
            // Beyond 2^53 the reader goes through a float, so that only whole units are exact there.
            let bytes = if bytes > 1 << 53 { bytes & !0xfffff } else { bytes };
            prop_assert_eq!(parse_bytes(&exact_size(bytes)), Some(bytes));
            let line = format!("x = {}", quoted(&text));
            let back: toml::Table = toml::from_str(&line).unwrap();
            prop_assert_eq!(back["x"].as_str(), Some(text.as_str()));
        }
    }
}
