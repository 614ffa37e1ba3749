//! The words of an action.

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Text(String),
    Number(f64),
    /// `$labels.x`, `$value`, `.Value`
    Variable(String),
    /// Of a function.
    Name(String),
    Pipe,
    Open,
    Close,
}

/// # Errors
/// What cannot be read.
pub(super) fn words(inside: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = inside.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, used) = match first {
            '|' => (Word::Pipe, 1),
            '(' => (Word::Open, 1),
            ')' => (Word::Close, 1),
            '"' | '`' => string(rest, first)?,
            _ => {
                let end =
                    rest.find(|c: char| c.is_whitespace() || "|()\"`".contains(c)).unwrap_or(rest.len());
                let word = rest.get(..end).unwrap_or_default();
                (named(word, first)?, end)
            }
        };
        words.push(word);
        rest = rest.get(used..).unwrap_or_default().trim_start();
    }
    Ok(words)
}

fn named(word: &str, first: char) -> Result<Word, String> {
    if matches!(first, '$' | '.') && word.len() > 1 && !first.is_ascii_digit() && word.parse::<f64>().is_err()
    {
        return Ok(Word::Variable(word.to_owned()));
    }
    if first.is_ascii_digit() || matches!(first, '-' | '+' | '.') {
        let number = word.parse().map_err(|_| format!("{word:?} is no number"))?;
        return Ok(Word::Number(number));
    }
    if word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(Word::Name(word.to_owned()));
    }
    Err(format!("{word:?} is not one of the parts of templates that are here"))
}

fn string(rest: &str, quote: char) -> Result<(Word, usize), String> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Word::Text(out), at + 1)),
            '\\' if quote == '"' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                Some((_, c @ ('"' | '\\'))) => out.push(c),
                _ => {
                    return Err(
                        "a text has an escape that is not here: \\n, \\t, \\\" and \\\\ are".to_owned()
                    );
                }
            },
            c => out.push(c),
        }
    }
    Err("a text is never closed".to_owned())
}
