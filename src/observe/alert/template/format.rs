//! Numbers, times and `printf` as Go prints them.

use super::Value;
use crate::base::format_second;
use crate::observe::promql::quote;

/// Widths and precisions beyond these are typing errors.
const WIDEST: usize = 100;

/// A time as Go prints it, to the millisecond.
pub(super) fn date(seconds: f64) -> String {
    #[allow(clippy::cast_possible_truncation)] // beyond all times it stays at the last
    let millis = (seconds * 1000.0) as i64;
    let (Ok(whole), part) = (u64::try_from(millis), millis.rem_euclid(1000)) else {
        return general(seconds, Some(4));
    };
    let text = format_second(whole);
    let part = if part == 0 { String::new() } else { format!(".{part:03}").trim_end_matches('0').to_owned() };
    format!("{}{part} +0000 UTC", text.trim_end_matches('Z').replace('T', " "))
}

fn scaled(value: f64, base: f64, above: &[&str], below: &[&str]) -> String {
    let mut value = value;
    let mut prefix = "";
    if value.abs() >= 1.0 {
        for next in above {
            if value.abs() < base {
                break;
            }
            (value, prefix) = (value / base, next);
        }
    } else {
        for next in below {
            if value.abs() >= 1.0 {
                break;
            }
            (value, prefix) = (value * base, next);
        }
    }
    format!("{}{prefix}", general(value, Some(4)))
}

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

pub(super) fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return general(value, Some(4));
    }
    scaled(value, 1000.0, &["k", "M", "G", "T", "P", "E", "Z", "Y"], &SMALL)
}

pub(super) fn humanize_1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return general(value, Some(4));
    }
    scaled(value, 1024.0, &["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"], &[])
}

pub(super) fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return general(value, Some(4));
    }
    if value == 0.0 {
        return "0s".to_owned();
    }
    if value.abs() < 1.0 {
        return format!("{}s", scaled(value, 1000.0, &[], &SMALL));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let value = value.abs();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
    let whole = value as u64;
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400);
    match whole {
        86_400.. => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
        3600.. => format!("{sign}{hours}h {minutes}m {seconds}s"),
        60.. => format!("{sign}{minutes}m {seconds}s"),
        _ => format!("{sign}{}s", general(value, Some(4))),
    }
}

/// Go's `%g`: shortest, or so many digits; with an exponent where that is shorter to read.
pub(super) fn general(value: f64, digits: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let shown = match digits {
        Some(digits) => format!("{value:.*e}", digits.max(1) - 1),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa =
        if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let most = digits.map_or(6, |digits| i32::try_from(digits.max(1)).unwrap_or(6));
    if exponent < -4 || exponent >= most {
        return format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    let places = mantissa.split_once('.').map_or(0, |(_, after)| after.len());
    let after = usize::try_from(i64::try_from(places).unwrap_or(0) - i64::from(exponent)).unwrap_or(0);
    format!("{value:.after$}")
}

/// `fmt.Sprintf`: what does not fit is told in the text, not refused.
///
/// # Errors
/// Where a width is a typing error.
pub(super) fn printf(pattern: &str, args: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut args = Args { all: args, at: 0, chosen: false, fine: true };
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        args.fine = true;
        let (flags, tail) = split(after, "-+0 #");
        let (width, tail) = args.size(tail, "%!(BADWIDTH)", &mut out)?;
        let (digits, tail) = match tail.strip_prefix('.') {
            Some(tail) => {
                let (digits, tail) = args.size(tail, "%!(BADPREC)", &mut out)?;
                (Some(usize::try_from(digits).unwrap_or(0)), tail)
            }
            None => (None, tail),
        };
        let tail = args.chosen(tail);
        let Some(verb) = tail.chars().next() else {
            out.push_str("%!(NOVERB)");
            rest = "";
            continue;
        };
        rest = tail.get(verb.len_utf8()..).unwrap_or_default();
        match verb {
            '%' => out.push('%'),
            _ if !args.fine => out.push_str(&format!("%!{verb}(BADINDEX)")),
            _ => match args.next() {
                None => out.push_str(&format!("%!{verb}(MISSING)")),
                Some(value) => out.push_str(&one(flags, width, digits, verb, value)),
            },
        }
    }
    out.push_str(rest);
    let extra = args.all.get(args.at..).filter(|_| !args.chosen).unwrap_or_default();
    let extra: Vec<String> =
        extra.iter().map(|value| format!("{}={}", value.kind(), value.shown())).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out)
}

/// As much of a text as consists of these, and the rest.
fn split<'a>(text: &'a str, of: &str) -> (&'a str, &'a str) {
    text.split_at(text.find(|c: char| !of.contains(c)).unwrap_or(text.len()))
}

/// What a pattern is filled with, one after the other, or by `[n]`.
struct Args<'a> {
    all: &'a [Value],
    at: usize,
    /// Whether one was chosen by its number: then none is too many.
    chosen: bool,
    fine: bool,
}

impl<'a> Args<'a> {
    fn next(&mut self) -> Option<&'a Value> {
        let value = self.all.get(self.at)?;
        self.at += 1;
        Some(value)
    }

    /// Takes a `[n]`; what follows it.
    fn chosen<'t>(&mut self, text: &'t str) -> &'t str {
        let Some(inner) = text.strip_prefix('[') else { return text };
        self.chosen = true;
        let Some((number, rest)) = inner.split_once(']') else {
            self.fine = false;
            return inner;
        };
        match number.parse::<usize>().ok().filter(|number| (1..=self.all.len()).contains(number)) {
            Some(number) => self.at = number - 1,
            None => self.fine = false,
        }
        rest
    }

    /// A width or a precision: digits, or `*` for what the next one says; what follows it.
    fn size<'t>(&mut self, text: &'t str, bad: &str, out: &mut String) -> Result<(i64, &'t str), String> {
        let text_after = self.chosen(text);
        let (size, rest) = if let Some(rest) = text_after.strip_prefix('*') {
            let size = match self.next() {
                Some(Value::Int(size)) => *size,
                _ => {
                    out.push_str(bad);
                    0
                }
            };
            (Some(size), rest)
        } else {
            let (digits, rest) = split(text_after, "0123456789");
            (if digits.is_empty() { Some(0) } else { digits.parse().ok() }, rest)
        };
        let most = i64::try_from(WIDEST).unwrap_or(i64::MAX);
        match size.filter(|size| (-most..=most).contains(size)) {
            Some(size) => Ok((size, rest)),
            None => Err(format!("%{text}: widths are numbers up to {WIDEST}")),
        }
    }
}

fn one(flags: &str, width: i64, digits: Option<usize>, verb: char, value: &Value) -> String {
    let Some(mut text) = verbal(verb, value, digits, flags.contains('#')) else {
        return format!("%!{verb}({}={})", value.kind(), value.shown());
    };
    let is_number = matches!(value, Value::Int(_) | Value::Float(_)) && !"qscUT".contains(verb);
    if let Some(sign) = ['+', ' '].into_iter().find(|sign| flags.contains(*sign))
        && is_number
        && !text.starts_with(['-', '+'])
    {
        text.insert(0, sign);
    }
    let missing = usize::try_from(width.unsigned_abs()).unwrap_or(0).saturating_sub(text.chars().count());
    if flags.contains('-') || width < 0 {
        text + &" ".repeat(missing)
    } else if flags.contains('0') {
        let sign = usize::from(is_number && text.starts_with(['-', '+']));
        let (sign, rest) = text.split_at(sign);
        format!("{sign}{}{rest}", "0".repeat(missing))
    } else {
        " ".repeat(missing) + &text
    }
}

/// Nothing where a value of this kind has no such verb.
fn verbal(verb: char, value: &Value, digits: Option<usize>, sharp: bool) -> Option<String> {
    Some(match (verb, value) {
        ('T', _) => value.kind().to_owned(),
        ('G', Value::Float(number)) => general(*number, digits).replace('e', "E"),
        ('v' | 'g', Value::Float(number)) => general(*number, digits),
        ('f' | 'F', Value::Float(number)) if number.is_finite() => {
            format!("{number:.*}", digits.unwrap_or(6))
        }
        ('e' | 'E', Value::Float(number)) if number.is_finite() => {
            let text = format!("{number:.*e}", digits.unwrap_or(6));
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            format!("{mantissa}{verb}{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        ('f' | 'F' | 'e' | 'E', Value::Float(number)) => general(*number, None),
        ('d', Value::Int(number)) => number.to_string(),
        ('c' | 'q' | 'U', Value::Int(number)) => {
            let letter = u32::try_from(*number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            match verb {
                'c' => letter.to_string(),
                'q' => format!("{letter:?}"),
                _ if sharp => format!("U+{number:04X} '{letter}'"),
                _ => format!("U+{number:04X}"),
            }
        }
        (_, Value::Int(number)) if "boOxX".contains(verb) => {
            let (sign, size) = (if *number < 0 { "-" } else { "" }, number.unsigned_abs());
            let (prefix, text) = match verb {
                'b' => ("0b", format!("{size:b}")),
                'x' => ("0x", format!("{size:x}")),
                'X' => ("0X", format!("{size:X}")),
                'O' => ("0o", format!("{size:o}")),
                _ => ("0", format!("{size:o}")),
            };
            format!("{sign}{}{text}", if sharp || verb == 'O' { prefix } else { "" })
        }
        ('x' | 'X', Value::Text(text)) => {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            let hex = if sharp && !hex.is_empty() { format!("0x{hex}") } else { hex };
            if verb == 'X' { hex.to_uppercase() } else { hex }
        }
        ('v', Value::Text(text)) if sharp => quote(text.as_bytes()),
        ('v', Value::Map(pairs)) if sharp => {
            let one = |(name, value): &(String, Value)| {
                format!("{}:{}", quote(name.as_bytes()), quote(value.text().as_bytes()))
            };
            format!("{}{{{}}}", value.kind(), pairs.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        ('t', Value::Bool(is)) => is.to_string(),
        ('q', Value::Text(text)) => quote(text.as_bytes()),
        ('s' | 'v', Value::Text(text)) => text.chars().take(digits.unwrap_or(usize::MAX)).collect(),
        ('s', Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Nil) => return None,
        ('s' | 'v', _) => value.shown(),
        _ => return None,
    })
}
