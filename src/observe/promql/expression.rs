//! An expression that was read, and what can be said of it before it is evaluated.

use super::fault::ParseFault;
use super::matcher::Matcher;
use super::parse::selector;
use super::tree::{Expr, Kind, Selector, Type};

/// An expression that was understood: it can be evaluated at any time.
#[derive(Debug, Clone)]
pub struct Expression {
    pub(super) root: Expr,
    pub(super) query: String,
}

impl Expression {
    /// The text it was read from.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// What its selectors ask for, each by itself.
    #[must_use]
    pub fn selectors(&self) -> Vec<Vec<Matcher>> {
        fn walk(expr: &Expr, found: &mut Vec<Vec<Matcher>>) {
            if let Kind::Selector(selector) | Kind::Range(selector, _) = &expr.kind {
                found.push(selector.matchers.clone());
            }
            expr.kind.children(&mut |child| walk(child, found));
        }
        let mut found = Vec::new();
        walk(&self.root, &mut found);
        found
    }

    /// What kind of value it has.
    #[must_use]
    pub fn kind(&self) -> Type {
        self.root.kind_of_value()
    }
}

/// Reads `metric{label="value", …}` alone.
///
/// # Errors
/// The first fault, with its place.
pub fn parse_selector(query: &str) -> Result<Vec<Matcher>, ParseFault> {
    match selector(query)?.kind {
        Kind::Selector(Selector { matchers, .. }) => Ok(matchers),
        _ => Ok(Vec::new()),
    }
}
