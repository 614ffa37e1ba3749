//! Policies as trees.

use std::sync::Arc;

use super::value::{Uid, Value};

/// What a policy that applies says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Permit,
    Forbid,
}

impl Effect {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Forbid => "forbid",
        }
    }
}

/// Whom or what a policy is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    Any,
    Is(Arc<str>),
    Equals(Uid),
    In(Uid),
    IsIn(Arc<str>, Uid),
}

/// Which actions a policy is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ActionScope {
    Any,
    Equals(Uid),
    /// Any of these, or below one.
    In(Vec<Uid>),
}

/// One policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// From `@id`, else the file's name and its number in it.
    pub id: Arc<str>,
    pub effect: Effect,
    /// Names and texts of `@name("text")`.
    pub annotations: Vec<(String, String)>,
    /// Where it was read.
    pub file: Arc<str>,
    /// As it was written.
    pub text: String,
    /// Place of its first byte.
    pub(super) at: usize,
    pub(super) principal: Scope,
    pub(super) action: ActionScope,
    pub(super) resource: Scope,
    /// True for `when`, false for `unless`.
    pub(super) conditions: Vec<(bool, Expr)>,
    /// Places of the three heads.
    pub(super) heads: [usize; 3],
}

impl Policy {
    /// Text of an annotation.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str())
    }
}

/// The four things that a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    Principal,
    Action,
    Resource,
    Context,
}

impl Variable {
    pub(super) const ALL: [(&'static str, Self); 4] = [
        ("principal", Self::Principal),
        ("action", Self::Action),
        ("resource", Self::Resource),
        ("context", Self::Context),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, variable)| *variable == self).map_or("", |(name, _)| name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Contains,
    ContainsAll,
    ContainsAny,
    IsEmpty,
}

impl Method {
    pub(super) const ALL: [(&'static str, Self); 4] = [
        ("contains", Self::Contains),
        ("containsAll", Self::ContainsAll),
        ("containsAny", Self::ContainsAny),
        ("isEmpty", Self::IsEmpty),
    ];
}

/// A pattern of `like`: runs of characters; anything may stand between two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Vec<char>>);

/// An expression and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub(super) at: usize,
    pub(super) kind: Box<Kind>,
}

/// Chains are flat (`a && b && c` is one node): the tree is as deep as the text is nested.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Literal(Value),
    Variable(Variable),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Expr),
    Negate(Expr),
    If(Expr, Expr, Expr),
    Compare(Comparison, Expr, Expr),
    /// True where the term is taken away.
    Sum(Expr, Vec<(bool, Expr)>),
    Product(Vec<Expr>),
    In(Expr, Expr),
    /// More than one name is a path: each within the one before.
    Has(Expr, Vec<Arc<str>>),
    Like(Expr, Pattern),
    Is(Expr, Arc<str>, Option<Expr>),
    Get(Expr, Arc<str>),
    Call(Method, Expr, Option<Expr>),
    Set(Vec<Expr>),
    Record(Vec<(Arc<str>, Expr)>),
}
