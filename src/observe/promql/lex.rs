//! Cuts an expression into tokens.
//!
//! Keywords are words: what a word means depends on where it stands, so the parser decides.

use super::fault::{ParseFault, Place};
use super::literal::{Text, parse_duration, parse_number, unquote};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// An identifier, a metric's name or a keyword.
    Word(String),
    Number(f64),
    /// Milliseconds.
    Duration(i64),
    Text(Text),
    /// An operator or a bracket.
    Symbol(&'static str),
    End,
}

impl Token {
    /// As a message names it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("identifier {word:?}"),
            Self::Number(value) => format!("number {value}"),
            Self::Duration(millis) => format!("duration \"{}\"", super::literal::format_duration(*millis)),
            Self::Text(text) => format!("string {}", text.quoted()),
            Self::Symbol(symbol) => format!("{symbol:?}"),
            Self::End => "end of input".to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) place: Place,
}

/// Longest first.
const SYMBOLS: [&str; 26] = [
    "==", "=~", "!=", "!~", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "^", "(", ")", "{", "}", "[",
    "]", ",", "@", ":", "&", "|",
];

/// Tokens of the whole expression; the last is [`Token::End`].
///
/// # Errors
/// The first thing that is no token, with its place.
pub(super) fn lex(query: &str) -> Result<Vec<Placed>, ParseFault> {
    let mut tokens = Vec::new();
    // Within brackets and braces, a colon is no part of a word.
    let (mut brackets, mut braces) = (0usize, 0usize);
    let mut at = 0;
    while let Some(c) = query.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = query.get(at..).unwrap_or_default();
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if c == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let colons = brackets == 0 && braces == 0;
        let (token, used) = one(query, at, rest, c, colons)?;
        match token {
            Token::Symbol("[") => brackets += 1,
            Token::Symbol("]") => brackets = brackets.saturating_sub(1),
            Token::Symbol("{") => braces += 1,
            Token::Symbol("}") => braces = braces.saturating_sub(1),
            _ => {}
        }
        tokens.push(Placed { token, place: Place::new(at, at + used) });
        at += used;
    }
    tokens.push(Placed { token: Token::End, place: Place::new(query.len(), query.len()) });
    Ok(tokens)
}

fn one(query: &str, at: usize, rest: &str, c: char, colons: bool) -> Result<(Token, usize), ParseFault> {
    let fault = |used: usize, what: String| ParseFault::new(query, Place::new(at, at + used), what);
    if c.is_ascii_alphabetic() || c == '_' || (c == ':' && colons) {
        let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || (c == ':' && colons));
        let used = rest.find(end).unwrap_or(rest.len());
        let word = rest.get(..used).unwrap_or_default();
        let number = Some(word).filter(|word| matches!(word.to_ascii_lowercase().as_str(), "inf" | "nan"));
        let token = number.and_then(parse_number).map_or_else(|| Token::Word(word.to_owned()), Token::Number);
        return Ok((token, used));
    }
    if matches!(c, '"' | '\'' | '`') {
        let (text, used) = unquote(rest).map_err(|what| fault(rest.len(), what.to_owned()))?;
        return Ok((Token::Text(text), used));
    }
    let digit_follows = rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    if c.is_ascii_digit() || (c == '.' && digit_follows) {
        let used = number_length(rest);
        let text = rest.get(..used).unwrap_or_default();
        let token =
            parse_number(text).map(Token::Number).or_else(|| parse_duration(text).map(Token::Duration));
        let token = token.ok_or_else(|| fault(used, format!("bad number or duration syntax: {text:?}")))?;
        return Ok((token, used));
    }
    let symbol = SYMBOLS
        .iter()
        .find(|symbol| rest.starts_with(**symbol))
        .filter(|symbol| !matches!(**symbol, "&" | "|"));
    symbol
        .map(|symbol| (Token::Symbol(symbol), symbol.len()))
        .ok_or_else(|| fault(c.len_utf8(), format!("unexpected character: {c:?}")))
}

/// How far a number or a duration reaches: over letters and digits, dots, and the sign of an exponent.
fn number_length(rest: &str) -> usize {
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        let sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !hexadecimal;
        let signed =
            sign && rest.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || signed) {
            return at;
        }
        before = c;
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(query: &str) -> Vec<Token> {
        lex(query).unwrap().into_iter().map(|placed| placed.token).collect()
    }

    #[test]
    fn words_symbols_and_numbers() {
        let word = |word: &str| Token::Word(word.to_owned());
        assert_eq!(
            tokens("a:b[5m:1s]  >= 1e-3 # end"),
            vec![
                word("a:b"),
                Token::Symbol("["),
                Token::Duration(300_000),
                Token::Symbol(":"),
                Token::Duration(1000),
                Token::Symbol("]"),
                Token::Symbol(">="),
                Token::Number(0.001),
                Token::End
            ]
        );
        assert_eq!(tokens("1-1").len(), 4);
        assert_eq!(tokens("inF")[0], Token::Number(f64::INFINITY));
    }

    #[test]
    fn what_is_no_token_has_a_place() {
        for (query, column) in [("a + $", 5), ("a{b=\"c}", 5), ("5x", 1), ("a & b", 3), ("1h1y", 1)] {
            let fault = lex(query).unwrap_err();
            assert_eq!((fault.line, fault.column), (1, column), "{query}: {fault}");
        }
    }
}
