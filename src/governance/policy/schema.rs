//! Which entities, attributes and actions there are: Cedar's readable schema form, without namespaces, common
//! types, enumerations, tags and extension types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::{Fault, meant};
use super::expression::DEPTH;
use super::lex::Token;
use super::reader::Reader;
use super::value::{Entities, Record, Uid};

/// Type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    /// A bool that can only be this, as far as types say.
    Only(bool),
    Long,
    Text,
    Entity(Arc<str>),
    /// Of nothing where the set is empty.
    Set(Box<Type>),
    Record(Arc<Shape>),
    /// An action: compared and looked up in groups, never opened.
    Action,
}

impl Type {
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Bool | Self::Only(_) => "Bool".to_owned(),
            Self::Long => "Long".to_owned(),
            Self::Text => "String".to_owned(),
            Self::Entity(kind) => kind.to_string(),
            Self::Set(of) => format!("Set<{}>", of.shown()),
            Self::Record(_) => "a record".to_owned(),
            Self::Action => "Action".to_owned(),
        }
    }
}

/// Attributes with their types; false where one may be absent.
pub(super) type Shape = BTreeMap<Arc<str>, (Type, bool)>;

#[derive(Debug, Clone, Default)]
pub(super) struct EntityType {
    pub(super) shape: Arc<Shape>,
    /// Types that it may directly be in.
    pub(super) parents: BTreeSet<Arc<str>>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct ActionType {
    pub(super) parents: Vec<Arc<str>>,
    pub(super) principals: Vec<Arc<str>>,
    pub(super) resources: Vec<Arc<str>>,
    pub(super) context: Arc<Shape>,
}

/// What policies may speak of.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    pub(super) entities: BTreeMap<Arc<str>, EntityType>,
    pub(super) actions: BTreeMap<Arc<str>, ActionType>,
    /// Every action with its groups.
    pub(super) groups: Entities,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// The mistakes with their places.
    pub fn parse(file: &str, text: &str) -> Result<Self, super::PolicyError> {
        let read = Parser::read(text).map_err(|fault| fault.placed(file, text));
        read.map_err(|problem| super::PolicyError::Invalid(vec![problem]))
    }

    /// Names of all actions that can be asked for: those that apply to something.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().filter(|(_, action)| !action.principals.is_empty()).map(|(name, _)| &**name)
    }

    /// Whether an entity of the one type can be below one of the other.
    pub(super) fn may_be_in(&self, kind: &str, group: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![kind];
        while let Some(kind) = open.pop() {
            if kind == group {
                return true;
            }
            if seen.insert(kind) {
                open.extend(
                    self.entities.get(kind).into_iter().flat_map(|found| found.parents.iter().map(|p| &**p)),
                );
            }
        }
        false
    }

    /// Whether the action is the other, or in the group that the other is.
    pub(super) fn action_is_in(&self, action: &str, group: &str) -> bool {
        self.groups.is_in(&Uid::new("Action", action), &Uid::new("Action", group))
    }
}

#[derive(Default)]
struct Parser {
    schema: Schema,
    /// Types and actions that were named, with where: they must be there in the end.
    types: Vec<(Arc<str>, usize)>,
    actions: Vec<(Arc<str>, usize)>,
}

impl Parser {
    fn read(text: &str) -> Result<Schema, Fault> {
        let mut parser = Self::default();
        let mut reader = Reader::new(text)?;
        while reader.token() != Token::End {
            if reader.token() == Token::Mark("@") {
                return Err(Fault::new(reader.at(), "a schema has no annotations here"));
            }
            match reader.name("'entity' or 'action'")? {
                "entity" => parser.entity(&mut reader)?,
                "action" => parser.action(&mut reader)?,
                other => {
                    let what = format!("'{other}' is not supported: a schema holds 'entity' and 'action'");
                    return Err(Fault::new(reader.end_of_last().saturating_sub(other.len()), what));
                }
            }
        }
        parser.finish()
    }

    fn entity(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        let names =
            list(reader, |reader| Ok((reader.name("a type's name")?.to_owned(), reader.end_of_last())))?;
        let mut found = EntityType::default();
        if reader.keyword("in") {
            found.parents = self.kinds(reader)?.into_iter().collect();
        }
        reader.mark("=");
        if reader.mark("{") {
            found.shape = Arc::new(self.shape(reader, 0)?);
        }
        reader.expect(";")?;
        for (name, end) in names {
            if self.schema.entities.insert(Arc::from(name.as_str()), found.clone()).is_some() {
                return Err(Fault::new(end - name.len(), format!("entity {name} stands here twice")));
            }
        }
        Ok(())
    }

    fn action(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        let at = reader.at();
        let names = list(reader, |reader| reader.name_or_text("an action's name"))?;
        let mut found = ActionType::default();
        if reader.keyword("in") {
            let groups = bracketed(reader, |reader| {
                let at = reader.at();
                Ok((Arc::from(reader.name_or_text("a group's name")?), at))
            })?;
            found.parents = groups.iter().map(|(name, _)| Arc::clone(name)).collect();
            self.actions.extend(groups);
        }
        if reader.keyword("appliesTo") {
            self.applies(reader, &mut found)?;
        }
        reader.expect(";")?;
        for name in names {
            if self.schema.actions.insert(Arc::from(name.as_str()), found.clone()).is_some() {
                return Err(Fault::new(at, format!("action {name} stands here twice")));
            }
        }
        Ok(())
    }

    fn applies(&mut self, reader: &mut Reader<'_>, action: &mut ActionType) -> Result<(), Fault> {
        reader.expect("{")?;
        while !reader.mark("}") {
            let word = reader.name("'principal', 'resource' or 'context'")?;
            let end = reader.end_of_last();
            reader.expect(":")?;
            match word {
                "principal" => action.principals = self.kinds(reader)?,
                "resource" => action.resources = self.kinds(reader)?,
                "context" => {
                    reader.expect("{")?;
                    action.context = Arc::new(self.shape(reader, 0)?);
                }
                _ => return Err(Fault::new(end - word.len(), format!("'{word}' means nothing here"))),
            }
            if !reader.mark(",") {
                reader.expect("}")?;
                break;
            }
        }
        Ok(())
    }

    fn kinds(&mut self, reader: &mut Reader<'_>) -> Result<Vec<Arc<str>>, Fault> {
        let found = bracketed(reader, |reader| {
            let at = reader.at();
            Ok((Arc::from(reader.path("an entity type")?), at))
        })?;
        self.types.extend(found.iter().cloned());
        Ok(found.into_iter().map(|(name, _)| name).collect())
    }

    /// Attributes up to the closing brace.
    fn shape(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Shape, Fault> {
        let mut shape = Shape::new();
        while !reader.mark("}") {
            let at = reader.at();
            let name: Arc<str> = Arc::from(reader.name_or_text("an attribute's name")?);
            let required = !reader.mark("?");
            reader.expect(":")?;
            let kind = self.kind(reader, depth + 1)?;
            if shape.insert(Arc::clone(&name), (kind, required)).is_some() {
                return Err(Fault::new(at, format!("'{name}' stands here twice")));
            }
            if !reader.mark(",") {
                reader.expect("}")?;
                break;
            }
        }
        Ok(shape)
    }

    fn kind(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Type, Fault> {
        let at = reader.at();
        if depth > DEPTH {
            return Err(Fault::new(at, format!("this is nested more than {DEPTH} deep")));
        }
        if reader.mark("{") {
            return Ok(Type::Record(Arc::new(self.shape(reader, depth)?)));
        }
        let name = reader.path("a type")?;
        Ok(match name.as_str() {
            "Long" => Type::Long,
            "String" => Type::Text,
            "Bool" | "Boolean" => Type::Bool,
            "Set" => {
                reader.expect("<")?;
                let of = self.kind(reader, depth + 1)?;
                reader.expect(">")?;
                Type::Set(Box::new(of))
            }
            "ipaddr" | "decimal" | "datetime" | "duration" => {
                return Err(Fault::new(at, format!("'{name}' is an extension type; there are none here")));
            }
            _ => {
                let name: Arc<str> = Arc::from(name);
                self.types.push((Arc::clone(&name), at));
                Type::Entity(name)
            }
        })
    }

    /// What was named must be there.
    fn finish(mut self) -> Result<Schema, Fault> {
        for (name, at) in &self.types {
            if !self.schema.entities.contains_key(name) {
                let known = meant(name, self.schema.entities.keys().map(|name| &**name));
                return Err(Fault::new(*at, format!("there is no entity type '{name}'{known}")));
            }
        }
        for (name, at) in &self.actions {
            if !self.schema.actions.contains_key(name) {
                let known = meant(name, self.schema.actions.keys().map(|name| &**name));
                return Err(Fault::new(*at, format!("there is no action '{name}'{known}")));
            }
        }
        let uid = |name: &Arc<str>| Uid { kind: Arc::from("Action"), id: Arc::clone(name) };
        let all = self.schema.actions.iter();
        self.schema.groups = Entities::new(
            all.map(|(name, action)| (uid(name), Record::new(), action.parents.iter().map(uid).collect())),
        );
        Ok(self.schema)
    }
}

/// `a, b, c`
fn list<'a, T>(
    reader: &mut Reader<'a>,
    mut one: impl FnMut(&mut Reader<'a>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut found = vec![one(reader)?];
    while reader.mark(",") {
        found.push(one(reader)?);
    }
    Ok(found)
}

/// `a` or `[a, b]`
fn bracketed<'a, T>(
    reader: &mut Reader<'a>,
    mut one: impl FnMut(&mut Reader<'a>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    if !reader.mark("[") {
        return Ok(vec![one(reader)?]);
    }
    let mut found = Vec::new();
    while !reader.mark("]") {
        found.push(one(reader)?);
        if !reader.mark(",") {
            reader.expect("]")?;
            break;
        }
    }
    Ok(found)
}
