//! Numbers, durations and strings as PromQL writes them, both ways.

use std::fmt::Write as _;

/// A string literal. Its bytes may be no UTF-8 at all (`"\xff"`), which no label can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    bytes: Vec<u8>,
}

impl Text {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// What it says; bytes that are no UTF-8 are replaced.
    pub(super) fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// From the first byte on that is no UTF-8, where there is one.
    pub(super) fn after_fault(&self) -> Option<String> {
        let valid = std::str::from_utf8(&self.bytes).err()?.valid_up_to();
        self.bytes.get(valid..).map(|rest| String::from_utf8_lossy(rest).into_owned())
    }

    /// What it says, if that can name a label.
    pub(super) fn label_name(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|name| !name.is_empty())
    }

    pub(super) fn quoted(&self) -> String {
        quote(&self.bytes)
    }
}

/// In double quotes, control bytes and what is no UTF-8 escaped.
pub(in crate::observe) fn quote(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() && (c as u32) < 0x80 => {
                    let _ = write!(out, "\\x{:02x}", c as u32);
                }
                c if c.is_control() => {
                    let _ = write!(out, "\\u{:04x}", c as u32);
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// Reads a quoted string at the start of `input`; gives its bytes and how much of the input it took.
///
/// # Errors
/// What is wrong with it.
pub(super) fn unquote(input: &str) -> Result<(Text, usize), String> {
    let mut chars = input.char_indices();
    let quote = match chars.next() {
        Some((_, quote @ ('"' | '\'' | '`'))) => quote,
        _ => return Err("a string begins with a quotation mark".to_owned()),
    };
    let mut bytes = Vec::new();
    loop {
        let Some((at, c)) = chars.next() else {
            return Err(if quote == '`' { "unterminated raw string" } else { "unterminated quoted string" }
                .to_owned());
        };
        match c {
            c if c == quote => return Ok((Text::new(bytes), at + c.len_utf8())),
            '\\' if quote != '`' => escape(&mut chars, quote, &mut bytes)?,
            '\n' if quote != '`' => return Err("unterminated quoted string".to_owned()),
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn escape(chars: &mut std::str::CharIndices<'_>, quote: char, bytes: &mut Vec<u8>) -> Result<(), String> {
    let (_, c) = chars.next().ok_or("escape sequence not terminated")?;
    let mut digits = |first: Option<char>, count: usize, radix: u32| -> Result<u32, String> {
        let mut value = first.and_then(|c| c.to_digit(radix)).unwrap_or(0);
        for _ in first.iter().count()..count {
            let (_, c) = chars.next().ok_or("escape sequence not terminated")?;
            let digit = c
                .to_digit(radix)
                .ok_or_else(|| format!("illegal character U+{:04X} {c:?} in escape sequence", c as u32))?;
            value = value.saturating_mul(radix).saturating_add(digit);
        }
        Ok(value)
    };
    const WRONG: &str = "escape sequence is an invalid Unicode code point";
    let byte = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == quote => c as u8,
        'x' => u8::try_from(digits(None, 2, 16)?).map_err(|_| WRONG)?,
        '0'..='7' => u8::try_from(digits(Some(c), 3, 8)?).map_err(|_| WRONG)?,
        'u' | 'U' => {
            let value = digits(None, if c == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(value).ok_or(WRONG)?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        c => return Err(format!("unknown escape sequence U+{:04X} {c:?}", c as u32)),
    };
    bytes.push(byte);
    Ok(())
}

/// A duration such as `1h30m` in milliseconds: whole numbers, units from large to small, each once at most.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut sum: i64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(end);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, millis) = units.find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(*millis)?)?;
        rest = after;
    }
    // Kept in nanoseconds by those who defined it: about 292 years are the most.
    (!text.is_empty() && sum <= i64::MAX / 1_000_000).then_some(sum)
}

/// A duration for people, as [`parse_duration`] reads it.
#[must_use]
pub fn format_duration(millis: i64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut rest = millis.unsigned_abs();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut out = if millis < 0 { "-".to_owned() } else { String::new() };
    for (unit, size) in UNITS {
        if rest >= size {
            let _ = write!(out, "{}{unit}", rest / size);
            rest %= size;
        }
    }
    out
}

/// A number as PromQL reads it: decimal, hexadecimal, octal and binary integers, floats, `Inf`, `NaN`; digits
/// may be divided by `_`.
#[must_use]
pub fn parse_number(text: &str) -> Option<f64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let sign = if negative { -1.0 } else { 1.0 };
    match digits.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    let plain = without_separators(digits)?;
    integer(&plain).or_else(|| float(&plain)).map(|value| sign * value)
}

/// Without the `_` between two digits; any other `_` is wrong.
fn without_separators(digits: &str) -> Option<String> {
    let bytes = digits.as_bytes();
    let within = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let beside = [before, bytes.get(at + 1)];
        beside.iter().all(|byte| byte.is_some_and(u8::is_ascii_hexdigit))
    };
    let wrong = bytes.iter().enumerate().any(|(at, byte)| *byte == b'_' && !within(at));
    (!wrong).then(|| digits.replace('_', ""))
}

fn integer(digits: &str) -> Option<f64> {
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..)?)
    } else {
        (10, lower.as_str())
    };
    let digits = Some(digits).filter(|digits| digits.starts_with(|c: char| c.is_ascii_hexdigit()))?;
    #[allow(clippy::cast_precision_loss)] // what has more than 53 bits is rounded, as by any float
    i64::from_str_radix(digits, radix).ok().map(|value| value as f64)
}

fn float(digits: &str) -> Option<f64> {
    let digit = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    digits.parse().ok().filter(|_| digit)
}

/// A float as Prometheus prints one: shortest, never in scientific notation.
#[must_use]
pub fn format_float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_name_each_unit_once_from_large_to_small() {
        let good =
            [("5m", 300_000), ("1h30m", 5_400_000), ("1m500ms", 60_500), ("0", 0), ("1y", 31_536_000_000)];
        for (text, millis) in good {
            assert_eq!(parse_duration(text), Some(millis), "{text}");
        }
        for text in ["", "5", "m", "1m1h", "5m5m", "-5m", "1.5h", "5 m", "99999999999y", "5mm"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(format_duration(60_500), "1m500ms");
        assert_eq!(format_duration(-3_600_000), "-1h");
    }

    #[test]
    fn numbers_have_many_forms() {
        let good = [
            ("1", 1.0),
            (".2", 0.2),
            ("2.", 2.0),
            ("-1.5e3", -1500.0),
            ("0x1F", 31.0),
            ("010", 8.0),
            ("1_000", 1000.0),
            ("+Inf", f64::INFINITY),
            ("08.5", 8.5),
        ];
        for (text, value) in good {
            assert_eq!(parse_number(text), Some(value), "{text}");
        }
        assert!(parse_number("nAn").is_some_and(f64::is_nan));
        for text in ["", "-", "x", "1__0", "_1", "1_", "0x", "1e", "--1", "0x-1", "."] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    #[test]
    fn strings_are_read_and_quoted() {
        let read = |text: &str| unquote(text).map(|(text, used)| (text.bytes, used));
        assert_eq!(read(r#""a\n\x41\101\u00e9"b"#), Ok(("a\nAA\u{e9}".as_bytes().to_vec(), 19)));
        assert_eq!(read(r"`a\n`"), Ok((b"a\\n".to_vec(), 5)));
        assert_eq!(read(r#"'it\'s "'"#), Ok((b"it's \"".to_vec(), 9)));
        assert_eq!(read(r#""\xc5""#), Ok((vec![0xc5], 6)));
        for wrong in ["\"abc", "'a\n'", r#""\q""#, r#""\'""#, r#""\x4"#, r#""\777""#, r#""\ud800""#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(quote(b"a\xc5z\"\n\x01"), r#""a\xc5z\"\n\x01""#);
    }

    #[test]
    fn floats_are_printed_without_exponents() {
        for (value, text) in
            [(1.0, "1"), (0.5, "0.5"), (1e21, "1000000000000000000000"), (f64::INFINITY, "+Inf")]
        {
            assert_eq!(format_float(value), text);
        }
    }
}
