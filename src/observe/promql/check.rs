//! Types: what may stand where.

use super::catalogue::{Function, More};
use super::fault::{ParseFault, Place};
use super::tree::{Binary, Expr, Group, Kind, Reach, Type};

/// Checks a whole expression.
///
/// # Errors
/// The first thing that does not fit, with its place.
pub(super) fn types(query: &str, expr: &Expr) -> Result<(), ParseFault> {
    let mut fault = None;
    expr.kind.children(&mut |child| {
        if fault.is_none() {
            fault = types(query, child).err();
        }
    });
    if let Some(fault) = fault {
        return Err(fault);
    }
    let refuse = |place: Place, what: String| Err(ParseFault::new(query, place, what));
    match &expr.kind {
        Kind::Unary { inner, .. } if !matches!(inner.kind_of_value(), Type::Scalar | Type::Vector) => {
            let found = inner.kind_of_value().name();
            refuse(
                expr.place,
                format!(
                    "unary expression only allowed on expressions of type scalar or instant vector, got {found:?}"
                ),
            )
        }
        Kind::Subquery(subquery) => match subquery.inner.kind_of_value() {
            Type::Vector => Ok(()),
            other => {
                let found = if other == Type::Matrix { "matrix" } else { other.name() };
                refuse(expr.place, format!("subquery is only allowed on instant vector, got {found} instead"))
            }
        },
        Kind::Aggregate(aggregate) => {
            expect(query, &aggregate.inner, Type::Vector, "aggregation expression")?;
            match (&aggregate.param, aggregate.op.param()) {
                (Some(param), Some(wanted)) => expect(query, param, wanted, "aggregation parameter"),
                _ => Ok(()),
            }
        }
        Kind::Binary(binary) => operands(query, expr.place, binary),
        Kind::Call(function, args) => arguments(query, expr.place, function, args),
        _ => Ok(()),
    }
}

fn expect(query: &str, expr: &Expr, wanted: Type, context: &str) -> Result<(), ParseFault> {
    let found = expr.kind_of_value();
    if found == wanted {
        return Ok(());
    }
    let what = format!("expected type {} in {context}, got {}", wanted.name(), found.name());
    Err(ParseFault::new(query, expr.place, what))
}

fn operands(query: &str, place: Place, binary: &Binary) -> Result<(), ParseFault> {
    let refuse = |what: &str| Err(ParseFault::new(query, place, what));
    let marked = |what: &str| Err(ParseFault::new(query, binary.mark, what));
    let kinds = [binary.left.kind_of_value(), binary.right.kind_of_value()];
    for (side, kind) in [&binary.left, &binary.right].into_iter().zip(kinds) {
        if !matches!(kind, Type::Scalar | Type::Vector) {
            let what = "binary expression must contain only scalar and instant vector types";
            return Err(ParseFault::new(query, side.place, what));
        }
    }
    let (op, matching) = (binary.op, &binary.matching);
    if binary.as_bool && !op.is_comparison() {
        return marked("bool modifier can only be used on comparison operators");
    }
    if op.is_comparison() && !binary.as_bool && kinds == [Type::Scalar; 2] {
        return marked("comparisons between scalars must use BOOL modifier");
    }
    let filled = matching.fill_left.is_some() || matching.fill_right.is_some();
    if kinds != [Type::Vector; 2] {
        if matching.written || filled {
            return refuse("vector matching only allowed between instant vectors");
        }
        if op.is_set() {
            return refuse(&format!("set operator {:?} not allowed in binary scalar expression", op.name()));
        }
    }
    if op.is_set() && (matching.group != Group::OneToOne || filled) {
        let what = if filled { "filling in missing series" } else { "grouping" };
        return refuse(&format!("no {what} allowed for {:?} operation", op.name()));
    }
    if matching.on
        && let Some(label) = matching.include.iter().find(|label| matching.labels.contains(label))
    {
        return marked(&format!("label {label:?} must not occur in ON and GROUP clause at once"));
    }
    Ok(())
}

fn arguments(query: &str, place: Place, function: &Function, args: &[Expr]) -> Result<(), ParseFault> {
    let listed = function.args.len();
    let name = function.name;
    let (least, most) = match function.more {
        More::Exactly => (listed, listed),
        More::Optional => (listed - 1, listed),
        More::Repeated(times) => (listed - 1, listed - 1 + times),
        More::Any => (listed - 1, usize::MAX),
    };
    let refuse = |what: String| Err(ParseFault::new(query, place, what));
    let got = args.len();
    if least == most && got != most {
        return refuse(format!("expected {listed} argument(s) in call to {name:?}, got {got}"));
    }
    if got < least {
        return refuse(format!("expected at least {least} argument(s) in call to {name:?}, got {got}"));
    }
    if got > most {
        return refuse(format!("expected at most {most} argument(s) in call to {name:?}, got {got}"));
    }
    let last = function.args.last().copied();
    for (at, arg) in args.iter().enumerate() {
        if let Some(wanted) = function.args.get(at).copied().or(last) {
            expect(query, arg, wanted, &format!("call to function {name:?}"))?;
        }
    }
    Ok(())
}

/// Functions that take ranges with more than the samples within.
const ANCHORED: [&str; 5] = ["changes", "delta", "increase", "rate", "resets"];
const SMOOTHED: [&str; 3] = ["delta", "increase", "rate"];

/// What is wrong with the reach of a range within a call, if anything.
pub(super) fn reach(function: &str, reach: Reach) -> Option<String> {
    let (word, allowed): (_, &[&str]) = match reach {
        Reach::Within => return None,
        Reach::Anchored => ("anchored", &ANCHORED),
        Reach::Smoothed => ("smoothed", &SMOOTHED),
    };
    (!allowed.contains(&function)).then(|| {
        format!("{word} modifier can only be used with: {} - not with {function}", allowed.join(", "))
    })
}
