//! The words of a template: text, and what stands between `{{` and `}}`.

use super::value::char_value;
use super::{Fault, Value};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Text(String),
    /// `{{`
    Begin,
    /// `}}`
    End,
    /// A function or a keyword.
    Name(String),
    /// `.x`
    Field(String),
    /// `$x`
    Variable(String),
    Dot,
    Literal(Value),
    Open,
    Close,
    Pipe,
    Declare,
    Assign,
    Comma,
}

/// A word, where it begins and ends, and whether there is space before it.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) token: Token,
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) spaced: bool,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    words: Vec<Word>,
}

/// # Errors
/// The first place that cannot be read.
pub(super) fn words(text: &str) -> Result<Vec<Word>, Fault> {
    let mut lexer = Lexer { text, at: 0, words: Vec::new() };
    let mut trim = false;
    loop {
        let rest = lexer.rest();
        let open = rest.find("{{");
        let after = open.and_then(|open| rest.get(open + 2..)).unwrap_or_default();
        let trims = after.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space));
        let mut plain = rest.get(..open.unwrap_or(rest.len())).unwrap_or_default();
        if trim {
            plain = plain.trim_start_matches(is_space);
        }
        if trims {
            plain = plain.trim_end_matches(is_space);
        }
        let from = lexer.at;
        lexer.at += open.unwrap_or(rest.len());
        if !plain.is_empty() {
            lexer.push(Token::Text(plain.to_owned()), from, false);
        }
        if open.is_none() {
            return Ok(lexer.words);
        }
        lexer.at += if trims { 4 } else { 2 };
        trim = if lexer.rest().starts_with("/*") { lexer.comment()? } else { lexer.action()? };
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, token: Token, from: usize, spaced: bool) {
        self.words.push(Word { token, at: from, end: self.at, spaced });
    }

    fn wrong<T>(&self, what: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { at: self.at, what: what.into() })
    }

    /// The end of an action, and whether it trims what follows.
    fn closed(&mut self, spaced: bool) -> Option<bool> {
        let trims = spaced && self.rest().starts_with("-}}");
        let is_end = trims || self.rest().starts_with("}}");
        self.at += if trims { 3 } else { 2 * usize::from(is_end) };
        is_end.then_some(trims)
    }

    fn comment(&mut self) -> Result<bool, Fault> {
        let Some(end) = self.rest().find("*/") else { return self.wrong("unclosed comment") };
        self.at += end + 2;
        let space = self.rest().len() - self.rest().trim_start_matches(is_space).len();
        self.at += space;
        let from = self.at;
        match self.closed(space > 0) {
            Some(trims) if trims || space == 0 => Ok(trims),
            _ => Err(Fault { at: from, what: "comment ends before closing delimiter".to_owned() }),
        }
    }

    fn action(&mut self) -> Result<bool, Fault> {
        self.push(Token::Begin, self.at, false);
        let mut parens = 0usize;
        let mut spaced = false;
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(is_space);
            spaced |= trimmed.len() < rest.len();
            self.at += rest.len() - trimmed.len();
            let from = self.at;
            if let Some(trims) = self.closed(spaced) {
                if parens > 0 {
                    self.at = from;
                    return self.wrong("unclosed left paren");
                }
                self.push(Token::End, from, spaced);
                return Ok(trims);
            }
            let token = self.token()?;
            match token {
                Token::Open => parens += 1,
                Token::Close if parens == 0 => return self.wrong("unexpected right paren"),
                Token::Close => parens -= 1,
                _ => {}
            }
            self.push(token, from, spaced);
            spaced = false;
        }
    }

    fn token(&mut self) -> Result<Token, Fault> {
        let rest = self.rest();
        let mut chars = rest.chars();
        let Some(first) = chars.next() else { return self.wrong("unclosed action") };
        let second = chars.next();
        let (token, used) = match (first, second) {
            ('|', _) => (Token::Pipe, 1),
            ('(', _) => (Token::Open, 1),
            (')', _) => (Token::Close, 1),
            (',', _) => (Token::Comma, 1),
            (':', Some('=')) => (Token::Declare, 2),
            ('=', _) => (Token::Assign, 1),
            ('"' | '`' | '\'', _) => return self.quoted(first),
            ('.', Some(c)) if c.is_ascii_digit() => return self.number(),
            ('.' | '$', _) => {
                let name = self.name(1);
                let used = 1 + name.len();
                let token = match first {
                    '$' => Token::Variable(format!("${name}")),
                    _ if name.is_empty() => Token::Dot,
                    _ => Token::Field(name),
                };
                (token, used)
            }
            (c, _) if c.is_ascii_digit() || matches!(c, '+' | '-') => return self.number(),
            (c, _) if is_word(c) => {
                let name = self.name(0);
                let used = name.len();
                (Token::Name(name), used)
            }
            (c, _) => return self.wrong(format!("unexpected {c:?} in an action")),
        };
        self.at += used;
        Ok(token)
    }

    fn name(&self, skip: usize) -> String {
        let rest = self.rest().get(skip..).unwrap_or_default();
        rest.chars().take_while(|c| is_word(*c)).collect()
    }

    fn number(&mut self) -> Result<Token, Fault> {
        let rest = self.rest();
        let mut before = ' ';
        let mut is_part = |c: char| {
            let is = c.is_ascii_alphanumeric()
                || matches!(c, '.' | '_')
                || matches!(c, '+' | '-') && "eEpP ".contains(before);
            before = c;
            is
        };
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        let Some(value) = constant(word) else { return self.wrong(format!("bad number syntax: {word:?}")) };
        self.at += end;
        Ok(Token::Literal(value))
    }

    fn quoted(&mut self, quote: char) -> Result<Token, Fault> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    let value = if quote == '\'' { char_value(&out) } else { Some(Value::Text(out)) };
                    let Some(value) = value else { return self.wrong("malformed character constant") };
                    self.at += at + 1;
                    return Ok(Token::Literal(value));
                }
                '\n' if quote != '`' => break,
                '\\' if quote != '`' => match escaped(&mut chars) {
                    Some(c) => out.push(c),
                    None => return self.wrong("invalid syntax in a quoted text"),
                },
                c => out.push(c),
            }
        }
        self.wrong(match quote {
            '`' => "unterminated raw quoted string",
            '"' => "unterminated quoted string",
            _ => "unterminated character constant",
        })
    }
}

/// What follows a backslash.
fn escaped(chars: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    let (_, c) = chars.next()?;
    let digits = match c {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        'n' => return Some('\n'),
        't' => return Some('\t'),
        'r' => return Some('\r'),
        'a' => return Some('\u{7}'),
        'b' => return Some('\u{8}'),
        'f' => return Some('\u{c}'),
        'v' => return Some('\u{b}'),
        '\\' | '"' | '\'' => return Some(c),
        _ => return None,
    };
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + chars.next()?.1.to_digit(16)?;
    }
    char::from_u32(code)
}

/// `10` is a whole number, `10.0` and `1e3` are not.
fn constant(word: &str) -> Option<Value> {
    let bare = word.trim_start_matches(['+', '-']);
    let sign = word.get(..word.len() - bare.len())?;
    let plain = bare.replace('_', "").to_ascii_lowercase();
    let radix = |radix, digits: &str| i64::from_str_radix(&format!("{sign}{digits}"), radix).ok();
    let whole = match plain.get(..2) {
        Some("0x") => radix(16, plain.get(2..)?),
        Some("0b") => radix(2, plain.get(2..)?),
        Some("0o") => radix(8, plain.get(2..)?),
        _ if plain.len() > 1 && plain.starts_with('0') && plain.bytes().all(|c| c.is_ascii_digit()) => {
            radix(8, &plain)
        }
        _ => radix(10, &plain),
    };
    if let Some(whole) = whole {
        return Some(Value::Int(whole));
    }
    let is_float = plain.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let float = format!("{sign}{plain}").parse().ok().filter(|_| is_float);
    float.map(Value::Float)
}
