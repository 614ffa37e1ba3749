//! roff escapes: fonts and motions go, special characters become themselves.
//!
//! Invariant: every step consumes input; strings defined by a page are inserted once, never expanded again.

use std::collections::HashMap;

/// A text line or argument as a person would read it.
pub(super) fn plain(text: &str, strings: &HashMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        let Some(taken) = one(rest, strings, &mut out) else { return out };
        rest = rest.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// One escape after its backslash; answers its length, or nothing where a comment begins.
fn one(rest: &str, strings: &HashMap<String, String>, out: &mut String) -> Option<usize> {
    let Some(first) = rest.chars().next() else { return Some(0) };
    let length = first.len_utf8();
    match first {
        '"' | '#' => return None,
        '-' => out.push('-'),
        'e' | '\\' => out.push('\\'),
        '\'' => out.push('\''),
        '`' => out.push('`'),
        '.' => out.push('.'),
        't' => out.push('\t'),
        ' ' | '~' | '0' => out.push(' '),
        '(' | '[' | 'C' => {
            let (name, taken) = argument(rest, first);
            out.push_str(&special(name));
            return Some(taken);
        }
        '*' => {
            let (name, taken) = argument(rest.get(1..)?, rest.get(1..)?.chars().next()?);
            out.push_str(string(name, strings));
            return Some(1 + taken);
        }
        'f' | 'F' | 'm' | 'M' | 'n' | 'k' | 'g' | 'V' | 'Y' => {
            let inner = rest.get(1..)?;
            let signed = usize::from(first == 'n' && inner.starts_with(['+', '-']));
            let inner = inner.get(signed..)?;
            return Some(1 + signed + inner.chars().next().map_or(0, |next| argument(inner, next).1));
        }
        's' => return Some(1 + size(rest.get(1..)?)),
        'h' | 'v' | 'w' | 'l' | 'L' | 'D' | 'b' | 'o' | 'z' | 'x' | 'A' | 'B' | 'N' | 'S' | 'H' | 'R'
        | 'X' | 'Z' => {
            return Some(1 + quoted(rest.get(1..)?));
        }
        // Hyphenation points, zero widths, line continuations.
        '&' | ')' | '|' | '^' | '%' | ':' | '/' | ',' | '!' | 'c' | 'd' | 'u' | 'r' | 'p' | 'a' | 'E'
        | '{' | '}' | '?' => {}
        other => out.push(other),
    }
    Some(length)
}

/// `x`, `(xx` or `[name]`: the name and how long all of it is.
fn argument(rest: &str, first: char) -> (&str, usize) {
    match first {
        '(' => {
            let name: usize = rest.chars().skip(1).take(2).map(char::len_utf8).sum();
            (rest.get(1..=name).unwrap_or_default(), 1 + name)
        }
        '[' => match rest.find(']') {
            Some(end) => (rest.get(1..end).unwrap_or_default(), end + 1),
            None => ("", rest.len()),
        },
        'C' => match rest.get(2..).and_then(|inner| inner.find('\'')) {
            Some(end) => (rest.get(2..2 + end).unwrap_or_default(), end + 3),
            None => ("", 1),
        },
        other => (rest.get(..other.len_utf8()).unwrap_or_default(), other.len_utf8()),
    }
}

/// A size: `+1`, `-2`, `(12`, `0`, `[10]`, `'+1'`.
fn size(rest: &str) -> usize {
    let sign = usize::from(rest.starts_with(['+', '-']));
    let inner = rest.get(sign..).unwrap_or_default();
    match inner.chars().next() {
        Some('(' | '[') => sign + argument(inner, inner.chars().next().unwrap_or(' ')).1,
        Some('\'') => sign + quoted(inner),
        Some(digit) if digit.is_ascii_digit() => {
            let two = matches!(digit, '1'..='3')
                && sign == 0
                && inner.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
            sign + 1 + usize::from(two)
        }
        _ => sign,
    }
}

/// `'...'` with whatever mark it begins.
fn quoted(rest: &str) -> usize {
    let Some(mark) = rest.chars().next() else { return 0 };
    let start = mark.len_utf8();
    rest.get(start..).and_then(|inner| inner.find(mark)).map_or(start, |end| start + end + mark.len_utf8())
}

fn string<'s>(name: &str, strings: &'s HashMap<String, String>) -> &'s str {
    if let Some(own) = strings.get(name) {
        return own;
    }
    match name {
        "R" => "®",
        "Tm" => "™",
        "lq" | "Lq" => "“",
        "rq" | "Rq" => "”",
        "Aq" | "q" => "'",
        "C+" => "C++",
        "--" => "--",
        "Ba" => "|",
        "Ge" => ">=",
        "Le" => "<=",
        "Ne" => "!=",
        "Lt" => "<",
        "Gt" => ">",
        "Am" => "&",
        _ => "",
    }
}

const SPECIAL: [(&str, &str); 74] = [
    ("aq", "'"),
    ("dq", "\""),
    ("lq", "“"),
    ("rq", "”"),
    ("oq", "‘"),
    ("cq", "’"),
    ("em", "—"),
    ("en", "–"),
    ("hy", "-"),
    ("mi", "-"),
    ("pl", "+"),
    ("bu", "•"),
    ("co", "©"),
    ("rg", "®"),
    ("tm", "™"),
    ("rs", "\\"),
    ("ha", "^"),
    ("ti", "~"),
    ("ga", "`"),
    ("aa", "´"),
    ("at", "@"),
    ("sh", "#"),
    ("Do", "$"),
    ("lB", "["),
    ("rB", "]"),
    ("lC", "{"),
    ("rC", "}"),
    ("la", "⟨"),
    ("ra", "⟩"),
    ("bv", "|"),
    ("ba", "|"),
    ("or", "|"),
    ("br", "|"),
    ("ul", "_"),
    ("ru", "_"),
    ("sl", "/"),
    ("<=", "≤"),
    (">=", "≥"),
    ("!=", "≠"),
    ("==", "≡"),
    ("=~", "≅"),
    ("~~", "≈"),
    ("+-", "±"),
    ("mu", "×"),
    ("di", "÷"),
    ("->", "→"),
    ("<-", "←"),
    ("ua", "↑"),
    ("da", "↓"),
    ("de", "°"),
    ("sc", "§"),
    ("ps", "¶"),
    ("if", "∞"),
    ("12", "½"),
    ("14", "¼"),
    ("34", "¾"),
    ("S1", "¹"),
    ("S2", "²"),
    ("S3", "³"),
    ("ss", "ß"),
    (":a", "ä"),
    (":o", "ö"),
    (":u", "ü"),
    (":A", "Ä"),
    (":O", "Ö"),
    (":U", "Ü"),
    ("'e", "é"),
    ("`e", "è"),
    ("'a", "á"),
    ("`a", "à"),
    (",c", "ç"),
    ("~n", "ñ"),
    ("oa", "å"),
    ("Eu", "€"),
];

fn special(name: &str) -> String {
    if let Some((_, text)) = SPECIAL.iter().find(|(known, _)| *known == name) {
        return (*text).to_owned();
    }
    let point =
        name.strip_prefix('u').and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
    point.filter(|c| !c.is_control()).map(String::from).unwrap_or_default()
}

/// The arguments of a macro: words, or quoted with `""` for a quote.
pub(super) fn arguments(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut characters = text.trim_start().chars().peekable();
    while characters.peek().is_some() {
        let mut word = String::new();
        let quoted = characters.next_if_eq(&'"').is_some();
        while let Some(character) = characters.next() {
            match character {
                '\\' => {
                    word.push('\\');
                    // A comment ends the line; `\ ` keeps a word together.
                    match characters.next() {
                        Some('"') => {
                            word.pop();
                            characters = "".chars().peekable();
                        }
                        Some(next) => word.push(next),
                        None => {}
                    }
                }
                '"' if quoted => {
                    if characters.next_if_eq(&'"').is_none() {
                        break;
                    }
                    word.push('"');
                }
                ' ' | '\t' if !quoted => break,
                other => word.push(other),
            }
        }
        if quoted || !word.is_empty() {
            out.push(word);
        }
        while characters.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_text() {
        let none = HashMap::new();
        assert_eq!(
            plain(r"\fB\-v\fR, \f[I]x\fP \(bu \[aq]q\[aq] \e \s-1SMALL\s0 a\ b\&.", &none),
            "-v, x • 'q' \\ SMALL a b."
        );
        assert_eq!(plain(r"\h'-04'\(bu\h'+03'x\c", &none), "•x");
        assert_eq!(plain("end \\", &none), "end ");
        assert_eq!(plain("text \\\" comment", &none), "text ");
    }

    #[test]
    fn arguments_split_like_roff() {
        assert_eq!(
            arguments(r#"one "two words" th\ ree "a ""b""" "#),
            ["one", "two words", r"th\ ree", r#"a "b""#]
        );
    }
}
