//! Values of the language, entities and what is known of them.

use crate::base::{InOrder, ordered_map};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

/// Names one entity: `Type::"id"`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid {
    pub kind: Arc<str>,
    pub id: Arc<str>,
}

impl Uid {
    #[must_use]
    pub fn new(kind: &str, id: &str) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}::\"{}\"", self.kind, self.id.escape_debug())
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Attributes by name.
pub type Record = BTreeMap<Arc<str>, Value>;

/// Anything that an expression can be. A set holds each value once, in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Bool(bool),
    Long(i64),
    Text(Arc<str>),
    Entity(Uid),
    Set(Arc<Vec<Value>>),
    Record(Arc<Record>),
}

impl Value {
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// A set of these.
    #[must_use]
    pub fn set(mut items: Vec<Self>) -> Self {
        items.order();
        items.dedup();
        Self::Set(Arc::new(items))
    }

    #[must_use]
    pub fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Record(Arc::new(record(fields)))
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a bool",
            Self::Long(_) => "a long",
            Self::Text(_) => "a string",
            Self::Entity(_) => "an entity",
            Self::Set(_) => "a set",
            Self::Record(_) => "a record",
        }
    }
}

/// Attributes from pairs.
#[must_use]
pub fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Record {
    ordered_map(fields.into_iter().map(|(name, value)| (Arc::from(name), value)))
}

/// What is known of one entity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entity {
    pub attributes: Record,
    /// All it is in, however far above.
    ancestors: BTreeSet<Uid>,
}

/// What is known of entities during one decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entities {
    known: HashMap<Uid, Entity>,
}

impl Entities {
    /// Entities with attributes and parents; parents of parents are found here.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = (Uid, Record, Vec<Uid>)>) -> Self {
        let mut parents = HashMap::new();
        let mut known = HashMap::new();
        for (uid, attributes, above) in all {
            parents.insert(uid.clone(), above);
            known.insert(uid, Entity { attributes, ancestors: BTreeSet::new() });
        }
        for (uid, entity) in &mut known {
            let mut open: Vec<&Uid> = parents.get(uid).into_iter().flatten().collect();
            while let Some(next) = open.pop() {
                if entity.ancestors.insert(next.clone()) {
                    open.extend(parents.get(next).into_iter().flatten());
                }
            }
        }
        Self { known }
    }

    #[must_use]
    pub fn get(&self, uid: &Uid) -> Option<&Entity> {
        self.known.get(uid)
    }

    /// Whether one is the other, or below it.
    #[must_use]
    pub fn is_in(&self, uid: &Uid, group: &Uid) -> bool {
        uid == group || self.get(uid).is_some_and(|entity| entity.ancestors.contains(group))
    }
}
