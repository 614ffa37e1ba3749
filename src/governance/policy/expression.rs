//! Expressions from text. Nesting is bounded; chains of operators are flat.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::{Fault, meant};
use super::lex::{Piece, Token, unescape};
use super::reader::Reader;
use super::tree::{Comparison, Expr, Kind, Method, Pattern, Variable};
use super::value::{Uid, Value};

/// Brackets, braces, conditions and attributes within one another: fits a small stack.
pub(super) const DEPTH: usize = 40;
/// As many `!` or `-` in a row, as Cedar has it.
const PREFIXES: usize = 4;

fn node(at: usize, kind: Kind) -> Expr {
    Expr { at, kind: Box::new(kind) }
}

/// The whole expression, `if` included.
pub(super) fn expression(reader: &mut Reader<'_>, depth: usize) -> Result<Expr, Fault> {
    let at = reader.at();
    if depth > DEPTH {
        return Err(Fault::new(at, format!("this is nested more than {DEPTH} deep")));
    }
    if !reader.keyword("if") {
        return either(reader, depth);
    }
    let test = expression(reader, depth + 1)?;
    let mut branch = |word: &str| {
        if !reader.keyword(word) {
            return Err(reader.wanted(&format!("'{word}'")));
        }
        expression(reader, depth + 1)
    };
    let (yes, no) = (branch("then")?, branch("else")?);
    Ok(node(at, Kind::If(test, yes, no)))
}

fn either(reader: &mut Reader<'_>, depth: usize) -> Result<Expr, Fault> {
    let at = reader.at();
    let first = both(reader, depth)?;
    if reader.token() != Token::Mark("||") {
        return Ok(first);
    }
    let mut all = vec![first];
    while reader.mark("||") {
        all.push(both(reader, depth)?);
    }
    Ok(node(at, Kind::Any(all)))
}

fn both(reader: &mut Reader<'_>, depth: usize) -> Result<Expr, Fault> {
    let at = reader.at();
    let first = relation(reader, depth)?;
    if reader.token() != Token::Mark("&&") {
        return Ok(first);
    }
    let mut all = vec![first];
    while reader.mark("&&") {
        all.push(relation(reader, depth)?);
    }
    Ok(node(at, Kind::All(all)))
}

fn relation(reader: &mut Reader<'_>, depth: usize) -> Result<Expr, Fault> {
    let at = reader.at();
    let left = sum(reader, depth)?;
    let comparison = match reader.token() {
        Token::Mark("==") => Comparison::Equal,
        Token::Mark("!=") => Comparison::Unequal,
        Token::Mark("<") => Comparison::Less,
        Token::Mark("<=") => Comparison::LessOrEqual,
        Token::Mark(">") => Comparison::More,
        Token::Mark(">=") => Comparison::MoreOrEqual,
        Token::Mark("=") => return Err(Fault::new(reader.at(), "'=' is written '=='")),
        Token::Name(word @ ("in" | "has" | "like" | "is")) => {
            reader.take();
            return worded(reader, depth, at, left, word);
        }
        _ => return Ok(left),
    };
    reader.take();
    let right = sum(reader, depth)?;
    Ok(node(at, Kind::Compare(comparison, left, right)))
}

/// `in`, `has`, `like`, `is`.
fn worded(reader: &mut Reader<'_>, depth: usize, at: usize, left: Expr, word: &str) -> Result<Expr, Fault> {
    Ok(match word {
        "in" => node(at, Kind::In(left, sum(reader, depth)?)),
        "has" => {
            let quoted = matches!(reader.token(), Token::Text(_));
            let mut names = vec![Arc::from(reader.name_or_text("an attribute's name")?)];
            while !quoted && reader.mark(".") {
                names.push(Arc::from(reader.name("an attribute's name")?));
            }
            if names.len() > DEPTH {
                return Err(Fault::new(at, format!("this path is longer than {DEPTH}")));
            }
            node(at, Kind::Has(left, names))
        }
        "like" => {
            let (Token::Text(raw), place) = (reader.token(), reader.at()) else {
                return Err(reader.wanted("a pattern in quotes"));
            };
            reader.take();
            node(at, Kind::Like(left, pattern(&unescape(raw, place, true)?)))
        }
        _ => {
            let kind = Arc::from(reader.path("an entity type")?);
            let within = if reader.keyword("in") { Some(sum(reader, depth)?) } else { None };
            node(at, Kind::Is(left, kind, within))
        }
    })
}

fn pattern(pieces: &[Piece]) -> Pattern {
    let mut runs = vec![Vec::new()];
    for piece in pieces {
        match (piece, runs.last_mut()) {
            (Piece::Char(c), Some(run)) => run.push(*c),
            _ => runs.push(Vec::new()),
        }
    }
    Pattern(runs)
}

fn sum(reader: &mut Reader<'_>, depth: usize) -> Result<Expr, Fault> {
    let at = reader.at();
    let first = product(reader, depth)?;
    let mut terms = Vec::new();
    loop {
        let minus = reader.token() == Token::Mark("-");
        if !minus && reader.token() != Token::Mark("+") {
            break;
        }
        reader.take();
        terms.push((minus, product(reader, depth)?));
    }
    Ok(if terms.is_empty() { first } else { node(at, Kind::Sum(first, terms)) })
}

fn product(reader: &mut Reader<'_>, depth: usize) -> Result<Expr, Fault> {
    let at = reader.at();
    let first = prefixed(reader, depth)?;
    if let Token::Mark(mark @ "%") = reader.token() {
        return Err(Fault::new(reader.at(), format!("there is no '{mark}' in this language")));
    }
    if reader.token() != Token::Mark("*") {
        return Ok(first);
    }
    let mut factors = vec![first];
    while reader.mark("*") {
        factors.push(prefixed(reader, depth)?);
    }
    Ok(node(at, Kind::Product(factors)))
}

fn prefixed(reader: &mut Reader<'_>, depth: usize) -> Result<Expr, Fault> {
    let at = reader.at();
    let mark = match reader.token() {
        Token::Mark(mark @ ("!" | "-")) => mark,
        _ => return member(reader, depth),
    };
    let mut count = 0;
    while reader.mark(mark) {
        count += 1;
    }
    if count > PREFIXES {
        return Err(Fault::new(at, format!("more than {PREFIXES} '{mark}' in a row")));
    }
    if mark == "!" {
        let mut inner = member(reader, depth)?;
        for _ in 0..count {
            inner = node(at, Kind::Not(inner));
        }
        return Ok(inner);
    }
    // A number with its sign is a literal: the smallest one has no positive twin.
    let mut inner = match (reader.token(), reader.second()) {
        (Token::Number(number), second) if !matches!(second, Token::Mark("." | "[")) => {
            reader.take();
            count -= 1;
            node(at, Kind::Literal(Value::Long(signed(at, number, true)?)))
        }
        _ => member(reader, depth)?,
    };
    for _ in 0..count {
        inner = node(at, Kind::Negate(inner));
    }
    Ok(inner)
}

fn signed(at: usize, number: u64, minus: bool) -> Result<i64, Fault> {
    let value = if minus { 0i64.checked_sub_unsigned(number) } else { i64::try_from(number).ok() };
    value.ok_or_else(|| Fault::new(at, format!("{number} does not fit into 64 bits with a sign")))
}

fn member(reader: &mut Reader<'_>, depth: usize) -> Result<Expr, Fault> {
    let at = reader.at();
    let mut expr = primary(reader, depth)?;
    let mut links = 0;
    loop {
        if reader.mark(".") {
            let place = reader.at();
            let name = reader.name("an attribute or method")?;
            expr = if reader.mark("(") {
                call(reader, depth, expr, (name, place))?
            } else {
                node(at, Kind::Get(expr, Arc::from(name)))
            };
        } else if reader.mark("[") {
            let name = reader.text("an attribute's name in quotes")?;
            reader.expect("]")?;
            expr = node(at, Kind::Get(expr, Arc::from(name)));
        } else {
            return Ok(expr);
        }
        links += 1;
        if links + depth > DEPTH {
            return Err(Fault::new(at, format!("this is nested more than {DEPTH} deep")));
        }
    }
}

fn call(reader: &mut Reader<'_>, depth: usize, of: Expr, name: (&str, usize)) -> Result<Expr, Fault> {
    let (name, place) = name;
    let at = of.at;
    let Some((_, method)) = Method::ALL.iter().find(|(known, _)| *known == name) else {
        let known = meant(name, Method::ALL.iter().map(|(name, _)| *name));
        let what = format!("there is no method '{name}' (no extension types and no tags){known}");
        return Err(Fault::new(place, what));
    };
    let argument = match method {
        Method::IsEmpty => None,
        _ => Some(expression(reader, depth + 1)?),
    };
    reader.expect(")")?;
    Ok(node(at, Kind::Call(*method, of, argument)))
}

fn primary(reader: &mut Reader<'_>, depth: usize) -> Result<Expr, Fault> {
    let at = reader.at();
    let token = reader.token();
    Ok(match token {
        Token::Number(number) => {
            reader.take();
            node(at, Kind::Literal(Value::Long(signed(at, number, false)?)))
        }
        Token::Text(_) => node(at, Kind::Literal(Value::text(&reader.text("a string")?))),
        Token::Name(word) => return named(reader, word),
        Token::Mark("(") => {
            reader.take();
            let inner = expression(reader, depth + 1)?;
            reader.expect(")")?;
            inner
        }
        Token::Mark("[") => {
            reader.take();
            let mut items = Vec::new();
            while !reader.mark("]") {
                items.push(expression(reader, depth + 1)?);
                if !reader.mark(",") {
                    reader.expect("]")?;
                    break;
                }
            }
            node(at, Kind::Set(items))
        }
        Token::Mark("{") => {
            reader.take();
            record(reader, depth, at)?
        }
        Token::Mark("?") => {
            return Err(Fault::new(at, "there are no templates here: name the entity itself"));
        }
        _ => return Err(reader.wanted("a value")),
    })
}

/// What begins with a name: a literal, a variable or an entity.
fn named(reader: &mut Reader<'_>, word: &str) -> Result<Expr, Fault> {
    let at = reader.at();
    if reader.second() == Token::Mark("::") {
        let path = reader.path("an entity type")?;
        if reader.token() != Token::Mark("::") {
            let what = format!("{path} is a type; an entity of it is written {path}::\"id\"");
            return Err(Fault::new(at, what));
        }
        reader.take();
        let id = reader.text("an entity's id in quotes")?;
        let uid = Uid { kind: Arc::from(path), id: Arc::from(id) };
        return Ok(node(at, Kind::Literal(Value::Entity(uid))));
    }
    reader.take();
    let known = Variable::ALL.iter().find(|(name, _)| *name == word);
    Ok(match (word, known) {
        ("true" | "false", _) => node(at, Kind::Literal(Value::Bool(word == "true"))),
        (_, Some((_, variable))) => node(at, Kind::Variable(*variable)),
        _ if reader.token() == Token::Mark("(") => {
            let what = format!("'{word}' is an extension; there are none here (no ip, decimal, datetime)");
            return Err(Fault::new(at, what));
        }
        _ => {
            let names = Variable::ALL.iter().map(|(name, _)| *name).chain(["true", "false"]);
            return Err(Fault::new(at, format!("'{word}' means nothing{}", meant(word, names))));
        }
    })
}

fn record(reader: &mut Reader<'_>, depth: usize, at: usize) -> Result<Expr, Fault> {
    let mut fields: Vec<(Arc<str>, Expr)> = Vec::new();
    let mut names = BTreeSet::new();
    while !reader.mark("}") {
        let place = reader.at();
        let name: Arc<str> = Arc::from(reader.name_or_text("an attribute's name")?);
        if !names.insert(Arc::clone(&name)) {
            return Err(Fault::new(place, format!("'{name}' stands here twice")));
        }
        reader.expect(":")?;
        fields.push((name, expression(reader, depth + 1)?));
        if !reader.mark(",") {
            reader.expect("}")?;
            break;
        }
    }
    Ok(node(at, Kind::Record(fields)))
}
