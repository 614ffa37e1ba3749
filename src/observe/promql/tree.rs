//! The syntax tree of an expression.

use super::catalogue::Function;
use super::fault::Place;
use super::formula::Length;
use super::literal::Text;
use super::matcher::Matcher;

/// The four kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Scalar,
    Vector,
    Matrix,
    Text,
}

impl Type {
    /// As messages name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::Text => "string",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub(super) kind: Kind,
    pub(super) place: Place,
    /// Nodes on the longest way down from here.
    pub(super) depth: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Number(f64),
    Text(Text),
    Selector(Selector),
    /// A selector over a range.
    Range(Selector, Length),
    Subquery(Box<Subquery>),
    Paren(Box<Expr>),
    Unary {
        minus: bool,
        inner: Box<Expr>,
    },
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(&'static Function, Vec<Expr>),
}

/// Which series, and when.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    pub(super) matchers: Vec<Matcher>,
    pub(super) shift: Shift,
    pub(super) reach: Reach,
}

/// Which samples around the range count (extended range selectors, experimental in Prometheus).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reach {
    /// Those within.
    #[default]
    Within,
    /// The last before it too.
    Anchored,
    /// The last before and the first after, with values in between interpolated.
    Smoothed,
}

/// `offset` and `@`.
#[derive(Debug, Clone, Default)]
pub(super) struct Shift {
    pub(super) offset: Option<Length>,
    pub(super) at: Option<At>,
}

impl Shift {
    /// The time that is looked at when it is `now`, both in milliseconds.
    pub(super) fn apply(&self, now: i64) -> i64 {
        let base = if let Some(At::Time(time)) = self.at { time } else { now };
        base.saturating_sub(self.offset.as_ref().map_or(0, |offset| offset.millis))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum At {
    /// Milliseconds.
    Time(i64),
    Start,
    End,
}

#[derive(Debug, Clone)]
pub(super) struct Subquery {
    pub(super) inner: Expr,
    pub(super) range: Length,
    /// Without one, the default of the box.
    pub(super) step: Option<Length>,
    pub(super) shift: Shift,
}

#[derive(Debug, Clone)]
pub(super) struct Binary {
    pub(super) op: Op,
    /// Place of the operator.
    pub(super) mark: Place,
    pub(super) left: Expr,
    pub(super) right: Expr,
    /// Give 0 or 1 in place of filtering.
    pub(super) as_bool: bool,
    pub(super) matching: Matching,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Unless,
}

/// How tightly operators bind, loosest first.
pub(super) const TIGHTEST: u8 = 6;

impl Op {
    pub(super) const ALL: [(&'static str, Self, u8); 16] = [
        ("or", Self::Or, 1),
        ("and", Self::And, 2),
        ("unless", Self::Unless, 2),
        ("==", Self::Equal, 3),
        ("!=", Self::NotEqual, 3),
        ("<", Self::Less, 3),
        ("<=", Self::LessEqual, 3),
        (">", Self::Greater, 3),
        (">=", Self::GreaterEqual, 3),
        ("+", Self::Add, 4),
        ("-", Self::Sub, 4),
        ("*", Self::Mul, 5),
        ("/", Self::Div, 5),
        ("%", Self::Mod, 5),
        ("atan2", Self::Atan2, 5),
        ("^", Self::Pow, TIGHTEST),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, op, _)| *op == self).map_or("", |(name, ..)| name)
    }

    pub(super) fn is_comparison(self) -> bool {
        use Op::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        matches!(self, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
    }

    pub(super) fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

/// Which elements of two vectors belong together.
#[derive(Debug, Clone, Default)]
pub(super) struct Matching {
    /// `on`; otherwise `ignoring`, or neither of them.
    pub(super) on: bool,
    pub(super) labels: Vec<String>,
    pub(super) group: Group,
    /// Labels that are copied from the "one" side.
    pub(super) include: Vec<String>,
    /// What stands for a missing element (experimental in Prometheus).
    pub(super) fill_left: Option<f64>,
    pub(super) fill_right: Option<f64>,
    /// True when `on`, `ignoring` or a group is written there.
    pub(super) written: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Group {
    #[default]
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
}

#[derive(Debug, Clone)]
pub(super) struct Aggregate {
    pub(super) op: AggregateOp,
    pub(super) inner: Expr,
    pub(super) param: Option<Expr>,
    pub(super) without: bool,
    pub(super) labels: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Quantile,
    CountValues,
    TopK,
    BottomK,
    LimitK,
    LimitRatio,
}

impl AggregateOp {
    pub(super) const ALL: [(&'static str, Self); 14] = [
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("count", Self::Count),
        ("min", Self::Min),
        ("max", Self::Max),
        ("group", Self::Group),
        ("stddev", Self::Stddev),
        ("stdvar", Self::Stdvar),
        ("quantile", Self::Quantile),
        ("count_values", Self::CountValues),
        ("topk", Self::TopK),
        ("bottomk", Self::BottomK),
        ("limitk", Self::LimitK),
        ("limit_ratio", Self::LimitRatio),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }

    /// What its parameter has to be, if it has one.
    pub(super) fn param(self) -> Option<Type> {
        match self {
            Self::TopK | Self::BottomK | Self::LimitK | Self::LimitRatio | Self::Quantile => {
                Some(Type::Scalar)
            }
            Self::CountValues => Some(Type::Text),
            _ => None,
        }
    }
}

impl Expr {
    pub(super) fn new(kind: Kind, place: Place) -> Self {
        let mut deepest = 0;
        kind.children(&mut |child| deepest = deepest.max(child.depth));
        Self { kind, place, depth: deepest + 1 }
    }

    /// Without the parentheses around it.
    pub(super) fn unwrapped(&self) -> &Self {
        let mut expr = self;
        while let Kind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }

    pub(super) fn kind_of_value(&self) -> Type {
        match &self.kind {
            Kind::Number(_) => Type::Scalar,
            Kind::Text(_) => Type::Text,
            Kind::Selector(_) | Kind::Aggregate(_) => Type::Vector,
            Kind::Range(..) | Kind::Subquery(_) => Type::Matrix,
            Kind::Paren(inner) | Kind::Unary { inner, .. } => inner.kind_of_value(),
            Kind::Binary(binary) => {
                let scalars =
                    [&binary.left, &binary.right].iter().all(|side| side.kind_of_value() == Type::Scalar);
                if scalars { Type::Scalar } else { Type::Vector }
            }
            Kind::Call(function, _) => function.gives,
        }
    }
}

impl Kind {
    pub(super) fn children<'a>(&'a self, each: &mut impl FnMut(&'a Expr)) {
        match self {
            Self::Number(_) | Self::Text(_) | Self::Selector(_) | Self::Range(..) => {}
            Self::Subquery(subquery) => each(&subquery.inner),
            Self::Paren(inner) | Self::Unary { inner, .. } => each(inner),
            Self::Binary(binary) => [&binary.left, &binary.right].into_iter().for_each(each),
            Self::Aggregate(aggregate) => {
                aggregate.param.iter().for_each(&mut *each);
                each(&aggregate.inner);
            }
            Self::Call(_, args) => args.iter().for_each(each),
        }
    }

    pub(super) fn children_mut(&mut self, each: &mut impl FnMut(&mut Expr)) {
        match self {
            Self::Number(_) | Self::Text(_) | Self::Selector(_) | Self::Range(..) => {}
            Self::Subquery(subquery) => each(&mut subquery.inner),
            Self::Paren(inner) | Self::Unary { inner, .. } => each(inner),
            Self::Binary(binary) => {
                each(&mut binary.left);
                each(&mut binary.right);
            }
            Self::Aggregate(aggregate) => {
                aggregate.param.iter_mut().for_each(&mut *each);
                each(&mut aggregate.inner);
            }
            Self::Call(_, args) => args.iter_mut().for_each(each),
        }
    }
}
