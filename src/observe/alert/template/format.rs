//! The functions of templates, and numbers as Go prints them.

use super::Value;
use crate::base::format_second;
use crate::observe::promql::{Labels, parse_number};

/// Widths and precisions beyond these are typing errors.
const WIDEST: usize = 100;

/// Calls a function.
///
/// # Errors
/// What is wrong with its arguments.
pub(super) fn call(name: &str, args: &[Value], labels: &Labels) -> Result<Value, String> {
    let one = || match args {
        [value] => Ok(value),
        _ => Err(format!("{name} takes one argument, not {}", args.len())),
    };
    let number = || one().and_then(|value| as_number(value, name));
    let word = || one().and_then(super::text);
    Ok(Value::Text(match name {
        "humanize" => humanize(number()?),
        "humanize1024" => humanize_1024(number()?),
        "humanizeDuration" => humanize_duration(number()?),
        "humanizePercentage" => format!("{}%", general(number()? * 100.0, Some(4))),
        "humanizeTimestamp" => timestamp(number()?),
        "title" => title(&word()?),
        "toUpper" => word()?.to_uppercase(),
        "toLower" => word()?.to_lowercase(),
        "stripPort" => strip_port(&word()?),
        "stripDomain" => word()?.split('.').next().unwrap_or_default().to_owned(),
        "len" => return Ok(Value::Number(u32::try_from(word()?.len()).map_or(f64::NAN, f64::from))),
        "externalURL" => String::new(),
        "print" => args.iter().map(super::text).collect::<Result<Vec<_>, _>>()?.concat(),
        "printf" => match args.split_first() {
            Some((Value::Text(pattern), args)) => printf(pattern, args)?,
            _ => return Err("printf begins with its pattern, a text".to_owned()),
        },
        "index" => match args {
            [Value::Labels, Value::Text(label)] => labels.get(label).to_owned(),
            _ => return Err("index takes labels and the name of one: index $labels \"job\"".to_owned()),
        },
        _ => return Err(format!("there is no function {name:?}")),
    }))
}

fn as_number(value: &Value, name: &str) -> Result<f64, String> {
    match value {
        Value::Number(number) => Ok(*number),
        // A label that is not there is empty while a template is only checked.
        Value::Text(text) if text.is_empty() => Ok(0.0),
        Value::Text(text) => parse_number(text).ok_or_else(|| format!("{name}: {text:?} is no number")),
        Value::Labels => Err(format!("{name} takes a number")),
    }
}

fn title(text: &str) -> String {
    let mut fresh = true;
    let one = |c: char| {
        let shown: String = if fresh { c.to_uppercase().collect() } else { c.to_string() };
        fresh = c.is_whitespace();
        shown
    };
    text.chars().map(one).collect()
}

fn strip_port(text: &str) -> String {
    match text.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => {
            host.trim_start_matches('[').trim_end_matches(']').to_owned()
        }
        _ => text.to_owned(),
    }
}

fn timestamp(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return general(seconds, Some(4));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // not negative; beyond all times it stays at the last
    let text = format_second((seconds * 1000.0) as u64);
    format!("{} +0000 UTC", text.trim_end_matches('Z').replace('T', " "))
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

fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return general(value, Some(4));
    }
    scaled(value, 1000.0, &["k", "M", "G", "T", "P", "E", "Z", "Y"], &SMALL)
}

fn humanize_1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return general(value, Some(4));
    }
    scaled(value, 1024.0, &["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"], &[])
}

fn humanize_duration(value: f64) -> String {
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

fn printf(pattern: &str, args: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut args = args.iter();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let end = after.find(|c: char| !"-+0 #.123456789".contains(c)).ok_or("a pattern ends in %")?;
        let (spec, tail) = after.split_at(end);
        let verb = tail.chars().next().ok_or("a pattern ends in %")?;
        rest = tail.get(verb.len_utf8()..).unwrap_or_default();
        if verb == '%' {
            out.push('%');
            continue;
        }
        let value = args.next().ok_or_else(|| format!("%{spec}{verb} has no argument"))?;
        out.push_str(&shown(spec, verb, value)?);
    }
    out.push_str(rest);
    if args.next().is_some() {
        return Err("printf has more arguments than its pattern takes".to_owned());
    }
    Ok(out)
}

fn shown(spec: &str, verb: char, value: &Value) -> Result<String, String> {
    let flags = spec.len() - spec.trim_start_matches(['-', '+', '0', ' ', '#']).len();
    let (flags, sizes) = spec.split_at(flags);
    let (width, digits) =
        sizes.split_once('.').map_or((sizes, None), |(width, digits)| (width, Some(digits)));
    let size = |text: &str| text.parse().ok().filter(|size| *size <= WIDEST);
    let width = if width.is_empty() { Some(0) } else { size(width) };
    let digits = digits.map(|digits| if digits.is_empty() { Some(0) } else { size(digits) });
    let (Some(width), Some(digits)) = (width, digits.map_or(Some(None), |digits| digits.map(Some))) else {
        return Err(format!("%{spec}{verb}: widths are numbers up to {WIDEST}"));
    };
    let number = || as_number(value, "printf");
    let mut text = match verb {
        's' => super::text(value)?,
        'v' if matches!(value, Value::Number(_)) => general(number()?, digits),
        'v' => super::text(value)?,
        'q' => format!("{:?}", super::text(value)?),
        'd' => format!("{:.0}", number()?.trunc()),
        'f' | 'F' => fixed(number()?, digits.unwrap_or(6)),
        'e' => exponent(number()?, digits.unwrap_or(6)),
        'g' => general(number()?, digits),
        _ => return Err(format!("%{verb} is not one of the verbs that are here: s v q d f e g")),
    };
    if flags.contains('+') && "dfeg".contains(verb) && !text.starts_with(['-', '+']) {
        text.insert(0, '+');
    }
    if verb == 's'
        && let Some(most) = digits
    {
        text = text.chars().take(most).collect();
    }
    let missing = width.saturating_sub(text.chars().count());
    Ok(if flags.contains('-') {
        text + &" ".repeat(missing)
    } else if flags.contains('0') && "dfeg".contains(verb) {
        let sign = usize::from(text.starts_with(['-', '+']));
        let (sign, rest) = text.split_at(sign);
        format!("{sign}{}{rest}", "0".repeat(missing))
    } else {
        " ".repeat(missing) + &text
    })
}

fn fixed(value: f64, digits: usize) -> String {
    if value.is_finite() { format!("{value:.digits$}") } else { general(value, None) }
}

fn exponent(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return general(value, None);
    }
    let shown = format!("{value:.digits$e}");
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}
