//! Policies from text: annotations, effect, heads, conditions.

use std::sync::Arc;

use super::error::Fault;
use super::expression;
use super::lex::Token;
use super::reader::Reader;
use super::tree::{ActionScope, Effect, Policy, Scope};

/// More are not read from one file.
const POLICIES_MOST: usize = 5_000;

/// Every policy of a file. `stem` begins the ids of those without `@id`.
pub(super) fn policies(file: &str, stem: &str, text: &str) -> Result<Vec<Policy>, Fault> {
    let mut reader = Reader::new(text)?;
    let file: Arc<str> = file.into();
    let mut found = Vec::new();
    while reader.token() != Token::End {
        let mut policy = policy(&mut reader, &file)?;
        policy.text = text.get(policy.at..reader.end_of_last()).unwrap_or_default().to_owned();
        let own = policy.annotation("id").filter(|id| !id.is_empty()).map(Arc::from);
        policy.id = own.unwrap_or_else(|| Arc::from(format!("{stem}-{}", found.len() + 1)));
        found.push(policy);
        if found.len() > POLICIES_MOST {
            return Err(Fault::new(reader.at(), format!("a file holds at most {POLICIES_MOST} policies")));
        }
    }
    Ok(found)
}

fn policy(reader: &mut Reader<'_>, file: &Arc<str>) -> Result<Policy, Fault> {
    let at = reader.at();
    let annotations = annotations(reader)?;
    let effect = match reader.token() {
        Token::Name("permit") => Effect::Permit,
        Token::Name("forbid") => Effect::Forbid,
        _ => return Err(reader.wanted("'permit' or 'forbid'")),
    };
    reader.take();
    reader.expect("(")?;
    let mut heads = [reader.at(), 0, 0];
    head(reader, "principal")?;
    let principal = scope(reader)?;
    reader.expect(",")?;
    heads[1] = reader.at();
    head(reader, "action")?;
    let action = action(reader)?;
    reader.expect(",")?;
    heads[2] = reader.at();
    head(reader, "resource")?;
    let resource = scope(reader)?;
    reader.mark(",");
    reader.expect(")")?;
    let mut conditions = Vec::new();
    loop {
        let when = match reader.token() {
            Token::Name("when") => true,
            Token::Name("unless") => false,
            _ => break,
        };
        reader.take();
        reader.expect("{")?;
        conditions.push((when, expression::expression(reader, 0)?));
        reader.expect("}")?;
    }
    reader.expect(";")?;
    Ok(Policy {
        id: Arc::from(""),
        effect,
        annotations,
        file: Arc::clone(file),
        text: String::new(),
        at,
        principal,
        action,
        resource,
        conditions,
        heads,
    })
}

fn annotations(reader: &mut Reader<'_>) -> Result<Vec<(String, String)>, Fault> {
    let mut found: Vec<(String, String)> = Vec::new();
    while reader.mark("@") {
        let at = reader.at();
        let name = reader.name("the annotation's name")?.to_owned();
        if found.iter().any(|(known, _)| *known == name) {
            return Err(Fault::new(at, format!("@{name} stands here twice")));
        }
        let mut text = String::new();
        if reader.mark("(") {
            text = reader.text("the annotation's text in quotes")?;
            reader.expect(")")?;
        }
        found.push((name, text));
    }
    Ok(found)
}

fn head(reader: &mut Reader<'_>, word: &str) -> Result<(), Fault> {
    if reader.keyword(word) { Ok(()) } else { Err(reader.wanted(&format!("'{word}'"))) }
}

fn scope(reader: &mut Reader<'_>) -> Result<Scope, Fault> {
    if reader.mark("==") {
        return reader.uid().map(Scope::Equals);
    }
    if reader.keyword("in") {
        return reader.uid().map(Scope::In);
    }
    if !reader.keyword("is") {
        return Ok(Scope::Any);
    }
    let kind = Arc::from(reader.path("an entity type")?);
    if reader.keyword("in") {
        return Ok(Scope::IsIn(kind, reader.uid()?));
    }
    Ok(Scope::Is(kind))
}

fn action(reader: &mut Reader<'_>) -> Result<ActionScope, Fault> {
    let is_action = |uid: &super::value::Uid| &*uid.kind == "Action" || uid.kind.ends_with("::Action");
    let at = reader.at();
    let scope = if reader.mark("==") {
        ActionScope::Equals(reader.uid()?)
    } else if !reader.keyword("in") {
        return Ok(ActionScope::Any);
    } else if reader.mark("[") {
        let mut all = Vec::new();
        while !reader.mark("]") {
            all.push(reader.uid()?);
            if !reader.mark(",") {
                reader.expect("]")?;
                break;
            }
        }
        ActionScope::In(all)
    } else {
        ActionScope::In(vec![reader.uid()?])
    };
    let named = match &scope {
        ActionScope::Any => true,
        ActionScope::Equals(uid) => is_action(uid),
        ActionScope::In(all) => all.iter().all(is_action),
    };
    if named { Ok(scope) } else { Err(Fault::new(at, "an action is written Action::\"name\"")) }
}
