//! Words of Cedar text, policies and schemas alike, with where they stand.

use super::error::Fault;

/// No file is longer: what a person wrote is not.
pub(super) const BYTES_MOST: usize = 1 << 20;

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    /// Between the quotes, escapes as they were written.
    Text(&'a str),
    Number(u64),
    Mark(&'static str),
    End,
}

impl Token<'_> {
    /// As a person would name it.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Name(name) => format!("'{name}'"),
            Self::Text(text) => format!("\"{}\"", text.chars().take(40).collect::<String>()),
            Self::Number(number) => number.to_string(),
            Self::Mark(mark) => format!("'{mark}'"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// A word and its place in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) token: Token<'a>,
    pub(super) at: usize,
    pub(super) end: usize,
}

/// Longer marks first: `<=` is not `<`.
const MARKS: [&str; 27] = [
    "::", "==", "!=", "<=", ">=", "&&", "||", "(", ")", "{", "}", "[", "]", "<", ">", ",", ";", ".", ":",
    "@", "+", "-", "*", "!", "=", "?", "%",
];

/// The mark as tokens have it.
pub(super) fn mark(mark: &str) -> &'static str {
    MARKS.iter().find(|known| **known == mark).copied().unwrap_or_default()
}

/// Every word of the text, then [`Token::End`].
pub(super) fn words(text: &str) -> Result<Vec<Word<'_>>, Fault> {
    if text.len() > BYTES_MOST {
        return Err(Fault::new(0, format!("the file has {} bytes, more than {BYTES_MOST}", text.len())));
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else {
            let (token, length) = word(rest, at)?;
            found.push(Word { token, at, end: at + length });
            at += length;
        }
    }
    found.push(Word { token: Token::End, at: text.len(), end: text.len() });
    Ok(found)
}

/// The word that the text begins with, and its length in bytes.
fn word(rest: &str, at: usize) -> Result<(Token<'_>, usize), Fault> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let length = |fits: fn(char) -> bool| rest.find(|c: char| !fits(c)).unwrap_or(rest.len());
    if rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        let length = rest.find(|c: char| !of_name(c)).unwrap_or(rest.len());
        return Ok((Token::Name(rest.get(..length).unwrap_or_default()), length));
    }
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        let length = length(|c| c.is_ascii_digit());
        let digits = rest.get(..length).unwrap_or_default();
        let number = digits.parse().map_err(|_| Fault::new(at, format!("{digits} has more than 64 bits")))?;
        return Ok((Token::Number(number), length));
    }
    if let Some(inner) = rest.strip_prefix('"') {
        let mut escaped = false;
        for (end, c) in inner.char_indices() {
            match c {
                '"' if !escaped => return Ok((Token::Text(inner.get(..end).unwrap_or_default()), end + 2)),
                '\\' => escaped = !escaped,
                _ => escaped = false,
            }
        }
        return Err(Fault::new(at, "the string that begins here has no end"));
    }
    match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
        Some(mark) => Ok((Token::Mark(mark), mark.len())),
        None => {
            let odd = rest.chars().next().unwrap_or(' ').escape_debug();
            Err(Fault::new(at, format!("'{odd}' has no meaning here")))
        }
    }
}

/// A piece of a string: a character, or the `*` of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    Char(char),
    Star,
}

/// Reads the escapes of a string. With `pattern`, `*` stands for any run and `\*` for itself.
pub(super) fn unescape(raw: &str, at: usize, pattern: bool) -> Result<Vec<Piece>, Fault> {
    let mut out = Vec::new();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        let piece = match c {
            '*' if pattern => Piece::Star,
            '\\' => Piece::Char(escape(&mut chars, pattern).ok_or_else(|| {
                Fault::new(at, "an escape here is none of \\n \\r \\t \\0 \\\\ \\\" \\' \\x41 \\u{1f954}")
            })?),
            c => Piece::Char(c),
        };
        out.push(piece);
    }
    Ok(out)
}

fn escape(chars: &mut std::str::Chars<'_>, pattern: bool) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        '\\' => '\\',
        '"' => '"',
        '\'' => '\'',
        '*' if pattern => '*',
        'x' => {
            let code = chars.next()?.to_digit(16)? * 16 + chars.next()?.to_digit(16)?;
            char::from_u32(code).filter(char::is_ascii)?
        }
        'u' => {
            let inner = chars.as_str().strip_prefix('{')?;
            let (digits, rest) = inner.split_once('}')?;
            let fine = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            *chars = rest.chars();
            char::from_u32(u32::from_str_radix(digits, 16).ok().filter(|_| fine)?)?
        }
        _ => return None,
    })
}

/// The string itself.
pub(super) fn text(raw: &str, at: usize) -> Result<String, Fault> {
    let plain = |piece: Piece| if let Piece::Char(c) = piece { Some(c) } else { None };
    Ok(unescape(raw, at, false)?.into_iter().filter_map(plain).collect())
}
