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
        return "0".to_owned();
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
    let mut args = args.iter();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let end = after.find(|c: char| !"-+0 #.123456789".contains(c)).unwrap_or(after.len());
        let (spec, tail) = after.split_at(end);
        let Some(verb) = tail.chars().next() else {
            out.push_str("%!(NOVERB)");
            rest = "";
            continue;
        };
        rest = tail.get(verb.len_utf8()..).unwrap_or_default();
        if verb == '%' {
            out.push('%');
            continue;
        }
        match args.next() {
            None => out.push_str(&format!("%!{verb}(MISSING)")),
            Some(value) => out.push_str(&one(spec, verb, value)?),
        }
    }
    out.push_str(rest);
    let extra: Vec<String> = args.map(|value| format!("{}={}", value.kind(), value.shown())).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out)
}

fn one(spec: &str, verb: char, value: &Value) -> Result<String, String> {
    let flags = spec.len() - spec.trim_start_matches(['-', '+', '0', ' ', '#']).len();
    let (flags, sizes) = spec.split_at(flags);
    let (width, digits) =
        sizes.split_once('.').map_or((sizes, None), |(width, digits)| (width, Some(digits)));
    let size =
        |text: &str| if text.is_empty() { Some(0) } else { text.parse().ok().filter(|size| *size <= WIDEST) };
    let (Some(width), Some(digits)) =
        (size(width), digits.map_or(Some(None), |digits| size(digits).map(Some)))
    else {
        return Err(format!("%{spec}{verb}: widths are numbers up to {WIDEST}"));
    };
    let Some(mut text) = verbal(verb, value, digits) else {
        return Ok(format!("%!{verb}({}={})", value.kind(), value.shown()));
    };
    let is_number = matches!(value, Value::Int(_) | Value::Float(_)) && !"qsT".contains(verb);
    if let Some(sign) = ['+', ' '].into_iter().find(|sign| flags.contains(*sign))
        && is_number
        && !text.starts_with(['-', '+'])
    {
        text.insert(0, sign);
    }
    let missing = width.saturating_sub(text.chars().count());
    Ok(if flags.contains('-') {
        text + &" ".repeat(missing)
    } else if flags.contains('0') {
        let sign = usize::from(is_number && text.starts_with(['-', '+']));
        let (sign, rest) = text.split_at(sign);
        format!("{sign}{}{rest}", "0".repeat(missing))
    } else {
        " ".repeat(missing) + &text
    })
}

/// Nothing where a value of this kind has no such verb.
fn verbal(verb: char, value: &Value, digits: Option<usize>) -> Option<String> {
    Some(match (verb, value) {
        ('T', _) => value.kind().to_owned(),
        ('v' | 'g' | 'G', Value::Float(number)) => general(*number, digits),
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
        ('x', Value::Int(number)) => format!("{number:x}"),
        ('X', Value::Int(number)) => format!("{number:X}"),
        ('c', Value::Int(number)) => u32::try_from(*number).ok().and_then(char::from_u32)?.to_string(),
        ('t', Value::Bool(is)) => is.to_string(),
        ('q', Value::Text(text)) => quote(text.as_bytes()),
        ('s' | 'v', Value::Text(text)) => text.chars().take(digits.unwrap_or(usize::MAX)).collect(),
        ('s', Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Nil) => return None,
        ('s' | 'v', _) => value.shown(),
        _ => return None,
    })
}
