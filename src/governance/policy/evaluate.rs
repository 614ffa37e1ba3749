//! What an expression is worth for one request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::EvaluateError;
use super::tree::{ActionScope, Comparison, Expr, Kind, Method, Pattern, Policy, Scope, Variable};
use super::value::{Entities, Record, Uid, Value};

/// Who wants to do what to what, under which circumstances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub principal: Uid,
    pub action: Uid,
    pub resource: Uid,
    pub context: Record,
}

/// A request with what is known of its entities.
pub(super) struct Scene<'a> {
    pub(super) request: &'a Request,
    pub(super) entities: &'a Entities,
    /// Actions and their groups, as the schema has them.
    pub(super) actions: &'a Entities,
    context: Value,
}

type Result<T> = std::result::Result<T, EvaluateError>;

impl<'a> Scene<'a> {
    pub(super) fn new(request: &'a Request, entities: &'a Entities, actions: &'a Entities) -> Self {
        let context = Value::Record(Arc::new(request.context.clone()));
        Self { request, entities, actions, context }
    }

    /// Whether the policy applies.
    pub(super) fn applies(&self, policy: &Policy) -> Result<bool> {
        let request = self.request;
        if !(self.is_about(&policy.principal, &request.principal)
            && self.is_about_action(&policy.action)
            && self.is_about(&policy.resource, &request.resource))
        {
            return Ok(false);
        }
        for (when, condition) in &policy.conditions {
            if self.truth(condition)? != *when {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_about(&self, scope: &Scope, uid: &Uid) -> bool {
        match scope {
            Scope::Any => true,
            Scope::Is(kind) => *kind == uid.kind,
            Scope::Equals(wanted) => wanted == uid,
            Scope::In(group) => self.is_in(uid, group),
            Scope::IsIn(kind, group) => *kind == uid.kind && self.is_in(uid, group),
        }
    }

    fn is_about_action(&self, scope: &ActionScope) -> bool {
        let action = &self.request.action;
        match scope {
            ActionScope::Any => true,
            ActionScope::Equals(wanted) => wanted == action,
            ActionScope::In(groups) => groups.iter().any(|group| self.is_in(action, group)),
        }
    }

    fn is_in(&self, uid: &Uid, group: &Uid) -> bool {
        self.entities.is_in(uid, group) || self.actions.is_in(uid, group)
    }

    fn value(&self, expr: &Expr) -> Result<Value> {
        Ok(match &*expr.kind {
            Kind::Literal(value) => value.clone(),
            Kind::Variable(Variable::Principal) => Value::Entity(self.request.principal.clone()),
            Kind::Variable(Variable::Action) => Value::Entity(self.request.action.clone()),
            Kind::Variable(Variable::Resource) => Value::Entity(self.request.resource.clone()),
            Kind::Variable(Variable::Context) => self.context.clone(),
            Kind::If(test, yes, no) => return self.value(if self.truth(test)? { yes } else { no }),
            Kind::Negate(inner) => {
                Value::Long(self.number(inner)?.checked_neg().ok_or(EvaluateError::Overflow)?)
            }
            Kind::Sum(first, terms) => Value::Long(self.sum(first, terms)?),
            Kind::Product(factors) => Value::Long(self.product(factors)?),
            Kind::Get(of, name) => self.attribute(of, name)?,
            Kind::Set(items) => {
                Value::set(items.iter().map(|item| self.value(item)).collect::<Result<Vec<_>>>()?)
            }
            Kind::Record(fields) => {
                let mut record = BTreeMap::new();
                for (name, field) in fields {
                    record.insert(Arc::clone(name), self.value(field)?);
                }
                Value::Record(Arc::new(record))
            }
            _ => Value::Bool(self.truth(expr)?),
        })
    }

    fn truth(&self, expr: &Expr) -> Result<bool> {
        match &*expr.kind {
            Kind::All(parts) => {
                for part in parts {
                    if !self.truth(part)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Kind::Any(parts) => {
                for part in parts {
                    if self.truth(part)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Kind::Not(inner) => Ok(!self.truth(inner)?),
            Kind::Compare(comparison, left, right) => self.compare(*comparison, left, right),
            Kind::In(left, right) => {
                let uid = self.entity(left)?;
                let right = self.value(right)?;
                self.is_in_value(&uid, &right)
            }
            Kind::Has(of, path) => {
                let of = self.value(of)?;
                self.has(&of, path)
            }
            Kind::Like(of, pattern) => match self.value(of)? {
                Value::Text(text) => Ok(matches(pattern, &text)),
                other => Err(wrong("a string", &other)),
            },
            Kind::Is(of, kind, within) => {
                let uid = self.entity(of)?;
                match within {
                    Some(within) if uid.kind == *kind => {
                        let within = self.value(within)?;
                        self.is_in_value(&uid, &within)
                    }
                    _ => Ok(uid.kind == *kind),
                }
            }
            Kind::Call(method, of, argument) => self.call(*method, of, argument.as_ref()),
            _ => match self.value(expr)? {
                Value::Bool(truth) => Ok(truth),
                other => Err(wrong("a bool", &other)),
            },
        }
    }

    fn compare(&self, comparison: Comparison, left: &Expr, right: &Expr) -> Result<bool> {
        match comparison {
            Comparison::Equal => return Ok(self.value(left)? == self.value(right)?),
            Comparison::Unequal => return Ok(self.value(left)? != self.value(right)?),
            _ => {}
        }
        let (left, right) = (self.number(left)?, self.number(right)?);
        Ok(match comparison {
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::More => left > right,
            _ => left >= right,
        })
    }

    fn number(&self, expr: &Expr) -> Result<i64> {
        match self.value(expr)? {
            Value::Long(number) => Ok(number),
            other => Err(wrong("a long", &other)),
        }
    }

    fn sum(&self, first: &Expr, terms: &[(bool, Expr)]) -> Result<i64> {
        let mut total = self.number(first)?;
        for (minus, term) in terms {
            let term = self.number(term)?;
            let next = if *minus { total.checked_sub(term) } else { total.checked_add(term) };
            total = next.ok_or(EvaluateError::Overflow)?;
        }
        Ok(total)
    }

    fn product(&self, factors: &[Expr]) -> Result<i64> {
        let mut total = 1i64;
        for factor in factors {
            total = total.checked_mul(self.number(factor)?).ok_or(EvaluateError::Overflow)?;
        }
        Ok(total)
    }

    fn entity(&self, expr: &Expr) -> Result<Uid> {
        match self.value(expr)? {
            Value::Entity(uid) => Ok(uid),
            other => Err(wrong("an entity", &other)),
        }
    }

    fn is_in_value(&self, uid: &Uid, group: &Value) -> Result<bool> {
        match group {
            Value::Entity(group) => Ok(self.is_in(uid, group)),
            Value::Set(groups) => {
                // Every member must be an entity, whichever answers first.
                let mut found = false;
                for group in groups.iter() {
                    let Value::Entity(group) = group else { return Err(wrong("an entity", group)) };
                    found |= self.is_in(uid, group);
                }
                Ok(found)
            }
            other => Err(wrong("an entity or a set of entities", other)),
        }
    }

    fn attributes<'v>(&'v self, of: &'v Value) -> Result<Cow<'v, str>> {
        match of {
            Value::Entity(uid) => Ok(Cow::Owned(uid.to_string())),
            Value::Record(_) => Ok(Cow::Borrowed("the record")),
            other => Err(wrong("an entity or a record", other)),
        }
    }

    fn find(&self, of: &Value, name: &str) -> Result<Option<Value>> {
        match of {
            Value::Record(record) => Ok(record.get(name).cloned()),
            Value::Entity(uid) => {
                let known = self.entities.get(uid).or_else(|| self.actions.get(uid));
                Ok(known.and_then(|entity| entity.attributes.get(name).cloned()))
            }
            other => Err(wrong("an entity or a record", other)),
        }
    }

    fn has(&self, of: &Value, path: &[Arc<str>]) -> Result<bool> {
        let mut here = of.clone();
        for (at, name) in path.iter().enumerate() {
            match self.find(&here, name)? {
                Some(value) => here = value,
                None => return Ok(false),
            }
            if at + 1 < path.len() {
                self.attributes(&here)?;
            }
        }
        Ok(true)
    }

    fn attribute(&self, of: &Expr, name: &Arc<str>) -> Result<Value> {
        let of = self.value(of)?;
        if let Some(value) = self.find(&of, name)? {
            return Ok(value);
        }
        if let Value::Entity(uid) = &of
            && self.entities.get(uid).is_none()
            && self.actions.get(uid).is_none()
        {
            return Err(EvaluateError::Entity(uid.to_string()));
        }
        let of = self.attributes(&of)?.into_owned();
        Err(EvaluateError::Attribute { name: name.to_string(), of })
    }

    fn call(&self, method: Method, of: &Expr, argument: Option<&Expr>) -> Result<bool> {
        let set = self.members(of)?;
        let Some(argument) = argument else { return Ok(set.is_empty()) };
        if method == Method::Contains {
            return Ok(set.binary_search(&self.value(argument)?).is_ok());
        }
        let others = self.members(argument)?;
        let mut found = others.iter().map(|other| set.binary_search(other).is_ok());
        Ok(if method == Method::ContainsAll { found.all(|found| found) } else { found.any(|found| found) })
    }

    fn members(&self, expr: &Expr) -> Result<Arc<Vec<Value>>> {
        match self.value(expr)? {
            Value::Set(items) => Ok(items),
            other => Err(wrong("a set", &other)),
        }
    }
}

fn wrong(wanted: &'static str, got: &Value) -> EvaluateError {
    EvaluateError::Type { wanted, got: got.kind() }
}

/// Finds each run of the pattern as early as can be: linear but for repeated prefixes.
fn matches(pattern: &Pattern, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (Some(first), Some(last)) = (pattern.0.first(), pattern.0.last()) else { return text.is_empty() };
    let Some(rest) = text.strip_prefix(first.as_slice()) else { return false };
    let middle = match pattern.0.len() {
        1 => return rest.is_empty(),
        runs => pattern.0.get(1..runs - 1).unwrap_or_default(),
    };
    let Some(mut rest) = rest.strip_suffix(last.as_slice()) else { return false };
    for run in middle.iter().filter(|run| !run.is_empty()) {
        let Some(at) = rest.windows(run.len()).position(|window| window == run.as_slice()) else {
            return false;
        };
        rest = rest.get(at + run.len()..).unwrap_or_default();
    }
    true
}
