//! Cuts an expression into tokens.
//!
//! Keywords are words: what a word means depends on where it stands, so the parser decides.

use super::fault::Place;
use super::literal::{Text, parse_duration, parse_number, quote, unquote};
use super::tree::{AggregateOp, Op};

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
    /// Here is no token: what is wrong. It is the last.
    Wrong(String),
}

/// Words that no metric is called in a message.
const KEYWORDS: [&str; 8] =
    ["bool", "on", "ignoring", "group_left", "group_right", "by", "without", "offset"];

impl Token {
    /// As a message names it, of the text it was read from.
    pub(super) fn describe(&self, written: &str) -> String {
        let mut shown = quote(written.as_bytes());
        if let Some((at, _)) = written.char_indices().nth(10) {
            shown = quote(written.get(..at).unwrap_or_default().as_bytes()) + "...";
        }
        match self {
            Self::Word(word) if KEYWORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) => {
                format!("<{}>", word.to_ascii_lowercase())
            }
            Self::Word(word) => match Op::ALL.iter().find(|(op, ..)| op.eq_ignore_ascii_case(word)) {
                Some((op, ..)) => format!("<op:{op}>"),
                None if word.contains(':') => format!("metric identifier {word:?}"),
                None if AggregateOp::ALL.iter().any(|(op, _)| op.eq_ignore_ascii_case(word)) => {
                    format!("<aggr:{}>", word.to_ascii_lowercase())
                }
                None => format!("identifier {word:?}"),
            },
            Self::Number(_) => format!("number {shown}"),
            Self::Duration(_) => format!("duration {shown}"),
            Self::Text(_) => format!("string {shown}"),
            // Prometheus 2.42 calls it by a number of its own; who compares messages compares this one too.
            Self::Symbol("@") => "\"<Item 57385>\" <op:@>".to_owned(),
            Self::Symbol(symbol) if Op::ALL.iter().any(|(op, ..)| op == symbol) => format!("<op:{symbol}>"),
            Self::Symbol(symbol) => format!("{symbol:?}"),
            Self::End | Self::Wrong(_) => "end of input".to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) place: Place,
}

/// Longest first.
const SYMBOLS: [&str; 24] = [
    "==", "=~", "!=", "!~", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "^", "(", ")", "{", "}", "[",
    "]", ",", "@", ":",
];
/// Those that stand within braces only.
const BRACED: [&str; 3] = ["=~", "!~", "}"];
const BOTH: [&str; 4] = ["=", "!=", ",", "{"];

/// Brackets that are open.
#[derive(Default)]
struct Open {
    parens: usize,
    bracket: bool,
    brace: bool,
}

/// Tokens of the whole expression; the last is [`Token::End`], or [`Token::Wrong`].
pub(super) fn lex(query: &str) -> Vec<Placed> {
    let mut tokens = Vec::new();
    let mut open = Open::default();
    let mut at = 0;
    loop {
        let rest = query.get(at..).unwrap_or_default();
        let Some(c) = rest.chars().next() else { break };
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if c == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (token, used) = one(rest, c, &open).unwrap_or_else(|what| (Token::Wrong(what), c.len_utf8()));
        let (token, shift) = open.seen(token);
        let is_last = matches!(token, Token::Wrong(_));
        tokens.push(Placed { token, place: Place::new(at + shift, at + used) });
        if is_last {
            return tokens;
        }
        at += used;
    }
    let token = match open {
        Open { brace: true, .. } => Token::Wrong("unexpected end of input inside braces".to_owned()),
        Open { parens: 1.., .. } => Token::Wrong("unclosed left parenthesis".to_owned()),
        Open { bracket: true, .. } => Token::Wrong("unclosed left bracket".to_owned()),
        Open { .. } => Token::End,
    };
    tokens.push(Placed { token, place: Place::new(query.len(), query.len()) });
    tokens
}

impl Open {
    /// What a bracket opens or closes, and how far behind its start it is told that it cannot.
    fn seen(&mut self, token: Token) -> (Token, usize) {
        let Token::Symbol(symbol) = token else { return (token, 0) };
        let wrong = match symbol {
            "(" => {
                self.parens += 1;
                None
            }
            ")" => match self.parens.checked_sub(1) {
                Some(parens) => {
                    self.parens = parens;
                    None
                }
                None => return (Token::Wrong("unexpected right parenthesis ')'".to_owned()), 1),
            },
            "[" => std::mem::replace(&mut self.bracket, true).then_some("unexpected left bracket '['"),
            "]" => (!std::mem::take(&mut self.bracket)).then_some("unexpected right bracket ']'"),
            "{" => std::mem::replace(&mut self.brace, true).then_some("unexpected left brace '{'"),
            "}" => (!std::mem::take(&mut self.brace)).then_some("unexpected character: '}'"),
            _ => None,
        };
        (wrong.map_or(Token::Symbol(symbol), |what| Token::Wrong(what.to_owned())), 0)
    }
}

fn one(rest: &str, c: char, open: &Open) -> Result<(Token, usize), String> {
    // Within brackets and braces, a colon is no part of a word.
    let colons = !open.bracket && !open.brace;
    if c.is_ascii_alphabetic() || c == '_' || (c == ':' && colons) {
        let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || (c == ':' && colons));
        let used = rest.find(end).unwrap_or(rest.len());
        let word = rest.get(..used).unwrap_or_default();
        let number = Some(word).filter(|word| matches!(word.to_ascii_lowercase().as_str(), "inf" | "nan"));
        let token = number.and_then(parse_number).map_or_else(|| Token::Word(word.to_owned()), Token::Number);
        return Ok((token, used));
    }
    if matches!(c, '"' | '\'' | '`') {
        let (text, used) = unquote(rest)?;
        return Ok((Token::Text(text), used));
    }
    let next = rest.chars().nth(1);
    if !open.brace && (c.is_ascii_digit() || c == '.' && next.is_some_and(|c| c.is_ascii_digit())) {
        return number(rest);
    }
    if !open.brace && rest.starts_with("=~") {
        return Err("unexpected character after '=': '~'".to_owned());
    }
    let known = |symbol: &&&str| {
        rest.starts_with(**symbol) && (open.brace == BRACED.contains(symbol) || BOTH.contains(symbol))
    };
    if let Some(symbol) = SYMBOLS.iter().find(known) {
        return Ok((Token::Symbol(symbol), symbol.len()));
    }
    let within = if open.brace { " inside braces" } else { "" };
    Err(match (c, next) {
        ('!', Some(next)) => format!("unexpected character after '!'{within}: {next:?}"),
        _ if open.brace => format!("unexpected character inside braces: {c:?}"),
        _ => format!("unexpected character: {c:?}"),
    })
}

fn number(rest: &str) -> Result<(Token, usize), String> {
    let used = number_length(rest);
    let text = rest.get(..used).unwrap_or_default();
    // A dot within begins another number, unless it is the first.
    let second = text.char_indices().filter(|(_, c)| *c == '.').nth(1).map_or(used, |(at, _)| at);
    let (text, used) = (text.get(..second).unwrap_or_default(), second);
    if let Some(number) = parse_number(text) {
        return Ok((Token::Number(number), used));
    }
    if let Some(millis) = parse_duration(text) {
        return Ok((Token::Duration(millis), used));
    }
    let is_unfinished = matches!(text.to_ascii_lowercase().as_str(), "0x")
        || text.trim_end_matches(['+', '-']).ends_with(['e', 'E']);
    Err(match is_unfinished {
        true => format!("error parsing number: strconv.ParseFloat: parsing {text:?}: invalid syntax"),
        false => format!("bad number or duration syntax: {:?}", readable(text)),
    })
}

/// As much of it as might have been a number or a duration.
fn readable(text: &str) -> &str {
    let is_odd = |c: char| !(c.is_ascii_digit() || ".smhdw".contains(c));
    let prefix = if text.starts_with("0x") || text.starts_with("0X") { 2 } else { 0 };
    let rest = text.get(prefix..).unwrap_or_default();
    text.get(..prefix + rest.find(is_odd).unwrap_or(rest.len())).unwrap_or(text)
}

/// How far a number or a duration reaches: over letters and digits, dots, and the sign of an exponent.
fn number_length(rest: &str) -> usize {
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        let signed = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !hexadecimal;
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
        lex(query).into_iter().map(|placed| placed.token).collect()
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
            let last = lex(query).pop().unwrap();
            assert!(
                matches!(last.token, Token::Wrong(_)) && last.place.start + 1 == column,
                "{query}: {last:?}"
            );
        }
    }
}
