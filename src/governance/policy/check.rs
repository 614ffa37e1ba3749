//! Strict validation: every policy is typed against every principal, action and resource that it can be about.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::{Fault, meant};
use super::schema::{ActionType, Schema, Shape, Type};
use super::tree::{ActionScope, Comparison, Expr, Kind, Method, Policy, Scope, Variable};
use super::value::{Uid, Value};

/// Mistakes that are told of one policy.
const FAULTS_MOST: usize = 20;
/// Paths that are known to be there (`principal.site`).
type There = BTreeSet<String>;

/// All mistakes of a policy.
pub(super) fn check(schema: &Schema, policy: &Policy) -> Vec<Fault> {
    let mut faults = heads(schema, policy);
    if !faults.is_empty() {
        return faults;
    }
    let mut about = 0;
    for (name, action) in schema.actions.iter().filter(|(name, _)| is_about(schema, &policy.action, name)) {
        for principal in action.principals.iter().filter(|kind| fits(schema, &policy.principal, kind)) {
            for resource in action.resources.iter().filter(|kind| fits(schema, &policy.resource, kind)) {
                about += 1;
                let typing = Typing { schema, principal, resource, action, name };
                typing.conditions(policy, &mut faults);
            }
        }
    }
    if about == 0 {
        let what = "no action applies to this principal and resource: the policy can never apply";
        faults.push(Fault::new(policy.at, what));
    }
    faults.truncate(FAULTS_MOST);
    faults
}

/// The heads name only what there is.
fn heads(schema: &Schema, policy: &Policy) -> Vec<Fault> {
    let mut faults = Vec::new();
    let [principal, action, resource] = policy.heads;
    for (scope, at) in [(&policy.principal, principal), (&policy.resource, resource)] {
        let kinds: Vec<&Arc<str>> = match scope {
            Scope::Any => Vec::new(),
            Scope::Is(kind) => vec![kind],
            Scope::Equals(uid) | Scope::In(uid) => vec![&uid.kind],
            Scope::IsIn(kind, uid) => vec![kind, &uid.kind],
        };
        faults.extend(kinds.into_iter().filter_map(|kind| unknown_kind(schema, kind, at)));
    }
    let uids: &[Uid] = match &policy.action {
        ActionScope::Any => &[],
        ActionScope::Equals(uid) => std::slice::from_ref(uid),
        ActionScope::In(uids) => uids,
    };
    faults.extend(uids.iter().filter_map(|uid| unknown_action(schema, uid, action)));
    faults
}

fn unknown_kind(schema: &Schema, kind: &str, at: usize) -> Option<Fault> {
    let known = schema.entities.keys().map(|name| &**name);
    let missing = !schema.entities.contains_key(kind);
    missing.then(|| Fault::new(at, format!("there is no entity type '{kind}'{}", meant(kind, known))))
}

fn unknown_action(schema: &Schema, uid: &Uid, at: usize) -> Option<Fault> {
    let known = schema.actions.keys().map(|name| &**name);
    let missing = !schema.actions.contains_key(&uid.id);
    missing.then(|| Fault::new(at, format!("there is no action \"{}\"{}", uid.id, meant(&uid.id, known))))
}

pub(super) fn is_about(schema: &Schema, scope: &ActionScope, action: &str) -> bool {
    match scope {
        ActionScope::Any => true,
        ActionScope::Equals(uid) => &*uid.id == action,
        ActionScope::In(groups) => groups.iter().any(|group| schema.action_is_in(action, &group.id)),
    }
}

fn fits(schema: &Schema, scope: &Scope, kind: &str) -> bool {
    match scope {
        Scope::Any => true,
        Scope::Is(wanted) => &**wanted == kind,
        Scope::Equals(uid) => &*uid.kind == kind,
        Scope::In(group) => schema.may_be_in(kind, &group.kind),
        Scope::IsIn(wanted, group) => &**wanted == kind && schema.may_be_in(kind, &group.kind),
    }
}

/// One principal type, action and resource type.
struct Typing<'a> {
    schema: &'a Schema,
    principal: &'a Arc<str>,
    resource: &'a Arc<str>,
    action: &'a ActionType,
    name: &'a str,
}

type Typed = Result<(Type, There), Fault>;

fn plain(kind: Type) -> Typed {
    Ok((kind, There::new()))
}

fn is_bool(kind: &Type) -> bool {
    matches!(kind, Type::Bool | Type::Only(_))
}

impl Typing<'_> {
    fn conditions(&self, policy: &Policy, faults: &mut Vec<Fault>) {
        let mut there = There::new();
        for (when, condition) in &policy.conditions {
            match self.truth(condition, &there) {
                // What follows is never looked at for these types.
                Ok((Type::Only(truth), _)) if truth != *when => return,
                Ok((_, more)) if *when => there.extend(more),
                Ok(_) => {}
                Err(fault) if faults.contains(&fault) => return,
                Err(fault) => return faults.push(fault),
            }
        }
    }

    fn truth(&self, expr: &Expr, there: &There) -> Typed {
        let (kind, more) = self.kind(expr, there)?;
        if is_bool(&kind) {
            return Ok((kind, more));
        }
        Err(Fault::new(expr.at, format!("this is {}, where Bool is wanted", kind.shown())))
    }

    fn wanted(&self, expr: &Expr, there: &There, wanted: &Type) -> Result<(), Fault> {
        let (kind, _) = self.kind(expr, there)?;
        if kind == *wanted {
            return Ok(());
        }
        Err(Fault::new(expr.at, format!("this is {}, where {} is wanted", kind.shown(), wanted.shown())))
    }

    fn kind(&self, expr: &Expr, there: &There) -> Typed {
        match &*expr.kind {
            Kind::Literal(value) => self.literal(expr, value),
            Kind::Variable(Variable::Principal) => plain(Type::Entity(Arc::clone(self.principal))),
            Kind::Variable(Variable::Action) => plain(Type::Action),
            Kind::Variable(Variable::Resource) => plain(Type::Entity(Arc::clone(self.resource))),
            Kind::Variable(Variable::Context) => plain(Type::Record(Arc::clone(&self.action.context))),
            Kind::All(parts) => self.all(parts, there),
            Kind::Any(parts) => self.any(parts, there),
            Kind::Not(inner) => match self.truth(inner, there)?.0 {
                Type::Only(truth) => plain(Type::Only(!truth)),
                other => plain(other),
            },
            Kind::If(test, yes, no) => self.branches(expr, (test, yes, no), there),
            Kind::Compare(comparison, left, right) => self.compare(*comparison, (left, right), there),
            Kind::Negate(inner) => self.numbers(std::iter::once(inner), there, Type::Long),
            Kind::Product(factors) => self.numbers(factors, there, Type::Long),
            Kind::Sum(first, terms) => {
                let all = std::iter::once(first).chain(terms.iter().map(|(_, term)| term));
                self.numbers(all, there, Type::Long)
            }
            Kind::In(left, right) => self.membership(left, right, there),
            Kind::Has(of, path) => self.has(of, path, there),
            Kind::Like(of, _) => self.wanted(of, there, &Type::Text).and_then(|()| plain(Type::Bool)),
            Kind::Is(of, kind, within) => self.is(of, (kind, within.as_ref()), there),
            Kind::Get(of, name) => self.attribute(expr, (of, name), there),
            Kind::Call(method, of, argument) => self.call(*method, of, argument.as_ref(), there),
            Kind::Set(items) => self.set(expr, items, there),
            Kind::Record(fields) => {
                let mut shape = Shape::new();
                for (name, field) in fields {
                    shape.insert(Arc::clone(name), (widened(self.kind(field, there)?.0), true));
                }
                plain(Type::Record(Arc::new(shape)))
            }
        }
    }

    fn literal(&self, expr: &Expr, value: &Value) -> Typed {
        plain(match value {
            Value::Bool(truth) => Type::Only(*truth),
            Value::Long(_) => Type::Long,
            Value::Entity(uid) if &*uid.kind == "Action" => {
                return unknown_action(self.schema, uid, expr.at).map_or(plain(Type::Action), Err);
            }
            Value::Entity(uid) => match unknown_kind(self.schema, &uid.kind, expr.at) {
                Some(fault) => return Err(fault),
                None => Type::Entity(Arc::clone(&uid.kind)),
            },
            _ => Type::Text,
        })
    }

    fn all(&self, parts: &[Expr], there: &There) -> Typed {
        let (mut known, mut more) = (there.clone(), There::new());
        let mut result = Type::Only(true);
        for part in parts {
            let (kind, new) = self.truth(part, &known)?;
            if kind == Type::Only(false) {
                return plain(kind);
            }
            if kind == Type::Bool {
                result = Type::Bool;
            }
            known.extend(new.iter().cloned());
            more.extend(new);
        }
        Ok((result, more))
    }

    fn any(&self, parts: &[Expr], there: &There) -> Typed {
        let mut more: Option<There> = None;
        let mut result = Type::Only(false);
        for part in parts {
            let (kind, new) = self.truth(part, there)?;
            match kind {
                Type::Only(true) => return plain(kind),
                Type::Only(_) => continue,
                _ => result = Type::Bool,
            }
            more = Some(match more {
                Some(more) => more.intersection(&new).cloned().collect(),
                None => new,
            });
        }
        Ok((result, more.unwrap_or_default()))
    }

    fn branches(&self, expr: &Expr, (test, yes, no): (&Expr, &Expr, &Expr), there: &There) -> Typed {
        let (truth, more) = self.truth(test, there)?;
        let known: There = there.union(&more).cloned().collect();
        match truth {
            Type::Only(true) => return self.kind(yes, &known),
            Type::Only(false) => return self.kind(no, there),
            _ => {}
        }
        let (yes, yes_more) = self.kind(yes, &known)?;
        let (no, no_more) = self.kind(no, there)?;
        let Some(kind) = both(&yes, &no) else {
            let what = format!("one branch is {}, the other {}", yes.shown(), no.shown());
            return Err(Fault::new(expr.at, what));
        };
        let yes_more: There = yes_more.union(&more).cloned().collect();
        Ok((kind, yes_more.intersection(&no_more).cloned().collect()))
    }

    fn numbers<'e>(&self, all: impl IntoIterator<Item = &'e Expr>, there: &There, kind: Type) -> Typed {
        for expr in all {
            self.wanted(expr, there, &Type::Long)?;
        }
        plain(kind)
    }

    fn compare(&self, comparison: Comparison, (left, right): (&Expr, &Expr), there: &There) -> Typed {
        if !matches!(comparison, Comparison::Equal | Comparison::Unequal) {
            return self.numbers([left, right], there, Type::Bool);
        }
        let (one, other) = (self.kind(left, there)?.0, self.kind(right, there)?.0);
        match (&one, &other) {
            // Entities of two types are never the same one.
            (Type::Entity(one), Type::Entity(other)) if one != other => {
                plain(Type::Only(comparison == Comparison::Unequal))
            }
            _ if both(&one, &other).is_some() => plain(Type::Bool),
            _ => {
                let what = format!("{} is never equal to {}", one.shown(), other.shown());
                Err(Fault::new(right.at, what))
            }
        }
    }

    fn membership(&self, left: &Expr, right: &Expr, there: &There) -> Typed {
        let one = self.kind(left, there)?.0;
        let group = match self.kind(right, there)?.0 {
            Type::Set(of) => *of,
            other => other,
        };
        match (one, group) {
            (Type::Entity(one), Type::Entity(group)) if self.schema.may_be_in(&one, &group) => {
                plain(Type::Bool)
            }
            (Type::Entity(_), Type::Entity(_)) => plain(Type::Only(false)),
            (Type::Action, Type::Action) => self.action_membership(left, right),
            (Type::Entity(_) | Type::Action, Type::Entity(_) | Type::Action) => plain(Type::Only(false)),
            (Type::Entity(_) | Type::Action, other) => {
                Err(Fault::new(right.at, format!("this is {}, where an entity is wanted", other.shown())))
            }
            (other, _) => {
                Err(Fault::new(left.at, format!("this is {}, where an entity is wanted", other.shown())))
            }
        }
    }

    /// What is known of the action itself is known before any request.
    fn action_membership(&self, left: &Expr, right: &Expr) -> Typed {
        match (&*left.kind, &*right.kind) {
            (Kind::Variable(Variable::Action), Kind::Literal(Value::Entity(group))) => {
                plain(Type::Only(self.schema.action_is_in(self.name, &group.id)))
            }
            _ => plain(Type::Bool),
        }
    }

    fn shape(&self, kind: &Type, at: usize) -> Result<Arc<Shape>, Fault> {
        match kind {
            Type::Record(shape) => Ok(Arc::clone(shape)),
            Type::Entity(kind) => {
                Ok(self.schema.entities.get(kind).map(|found| Arc::clone(&found.shape)).unwrap_or_default())
            }
            Type::Action => Ok(Arc::default()),
            other => Err(Fault::new(at, format!("this is {}; it has no attributes", other.shown()))),
        }
    }

    fn has(&self, of: &Expr, path: &[Arc<str>], there: &There) -> Typed {
        let mut kind = self.kind(of, there)?.0;
        let mut name = place_of(of);
        let mut more = There::new();
        let mut result = Type::Only(true);
        for part in path {
            let shape = self.shape(&kind, of.at)?;
            let Some((inner, required)) = shape.get(part) else { return plain(Type::Only(false)) };
            name = name.map(|name| format!("{name}\0{part}"));
            more.extend(name.clone());
            // Nothing may be known of an entity, even where its type says what it has.
            if !required || !matches!(kind, Type::Record(_)) {
                result = Type::Bool;
            }
            kind = inner.clone();
        }
        Ok((result, more))
    }

    fn attribute(&self, expr: &Expr, (of, name): (&Expr, &Arc<str>), there: &There) -> Typed {
        let kind = self.kind(of, there)?.0;
        let shape = self.shape(&kind, of.at)?;
        let Some((inner, required)) = shape.get(name) else {
            let known = meant(name, shape.keys().map(|name| &**name));
            let what = format!("{} has no attribute '{name}'{known}", kind.shown());
            return Err(Fault::new(expr.at, what));
        };
        if *required || place_of(expr).is_some_and(|place| there.contains(&place)) {
            return plain(inner.clone());
        }
        let what = format!("'{name}' may be absent: ask with `has {name}` before");
        Err(Fault::new(expr.at, what))
    }

    fn is(&self, of: &Expr, (kind, within): (&Arc<str>, Option<&Expr>), there: &There) -> Typed {
        let found = self.kind(of, there)?.0;
        if let Some(fault) = unknown_kind(self.schema, kind, of.at) {
            return Err(fault);
        }
        let Type::Entity(found) = found else {
            return Err(Fault::new(of.at, format!("this is {}, where an entity is wanted", found.shown())));
        };
        match within {
            _ if found != *kind => plain(Type::Only(false)),
            None => plain(Type::Only(true)),
            Some(within) => self.membership(of, within, there),
        }
    }

    fn call(&self, method: Method, of: &Expr, argument: Option<&Expr>, there: &There) -> Typed {
        let set = self.kind(of, there)?.0;
        let Type::Set(item) = &set else {
            return Err(Fault::new(of.at, format!("this is {}, where a set is wanted", set.shown())));
        };
        let Some(argument) = argument else { return plain(Type::Bool) };
        let other = self.kind(argument, there)?.0;
        let wanted = if method == Method::Contains { &**item } else { &set };
        if both(wanted, &other).is_some() {
            return plain(Type::Bool);
        }
        let what = format!("this is {}, where {} is wanted", other.shown(), wanted.shown());
        Err(Fault::new(argument.at, what))
    }

    fn set(&self, expr: &Expr, items: &[Expr], there: &There) -> Typed {
        let mut of: Option<Type> = None;
        for item in items {
            let kind = widened(self.kind(item, there)?.0);
            of = Some(match of {
                None => kind,
                Some(of) => both(&of, &kind).ok_or_else(|| {
                    let what = format!("a set holds one type, not {} and {}", of.shown(), kind.shown());
                    Fault::new(item.at, what)
                })?,
            });
        }
        match of {
            Some(of) => plain(Type::Set(Box::new(of))),
            None => Err(Fault::new(expr.at, "an empty set has no type: write .isEmpty() instead")),
        }
    }
}

/// A truth that is kept is any truth.
fn widened(kind: Type) -> Type {
    if is_bool(&kind) { Type::Bool } else { kind }
}

/// The type that both are.
fn both(one: &Type, other: &Type) -> Option<Type> {
    match (one, other) {
        _ if one == other => Some(one.clone()),
        _ if is_bool(one) && is_bool(other) => Some(Type::Bool),
        _ => None,
    }
}

/// A path from a variable, such as `resource.owner`: what is known of it holds wherever it stands again.
fn place_of(expr: &Expr) -> Option<String> {
    match &*expr.kind {
        Kind::Variable(variable) => Some(variable.name().to_owned()),
        Kind::Get(of, name) => Some(format!("{}\0{name}", place_of(of)?)),
        _ => None,
    }
}
