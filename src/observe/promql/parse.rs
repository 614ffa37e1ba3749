//! Reads an expression: operators by how tightly they bind, each operand with what follows it.

use super::catalogue;
use super::check;
use super::expression::Expression;
use super::fault::{ParseFault, Place};
use super::lex::{Placed, Token, lex};
use super::literal::format_float;
use super::tree::TIGHTEST;
use super::tree::{Aggregate, AggregateOp, At, Binary, Expr, Group, Kind, Matching, Op, Reach, Subquery};

/// Nodes on the way from the top of an expression to its deepest: what is deeper would need stack that small
/// boxes do not have.
pub(super) const DEEPEST: usize = 100;
/// Bytes of an expression.
const LONGEST: usize = 64 << 10;

/// Reads an expression and checks its types.
///
/// # Errors
/// The first fault, with its place.
pub fn parse(query: &str) -> Result<Expression, ParseFault> {
    let mut parser = Parser::new(query)?;
    if *parser.peek() == Token::End {
        return Err(parser.fault(Place::new(0, 0), "no expression found in input"));
    }
    let root = parser.expression(0)?;
    if *parser.peek() != Token::End {
        return Err(parser.unexpected("", ""));
    }
    check::types(query, &root)?;
    Ok(Expression { root, query: query.to_owned() })
}

/// A selector and nothing else.
///
/// # Errors
/// The first fault, with its place.
pub(super) fn selector(query: &str) -> Result<Expr, ParseFault> {
    let mut parser = Parser::new(query)?;
    let root = match parser.peek().clone() {
        Token::Word(word) => parser.selector(Some(&word))?,
        Token::Symbol("{") => parser.selector(None)?,
        _ => return Err(parser.unexpected("", "")),
    };
    if *parser.peek() == Token::End { Ok(root) } else { Err(parser.unexpected("", "")) }
}

pub(super) struct Parser<'a> {
    pub(super) query: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(query: &'a str) -> Result<Self, ParseFault> {
        if query.len() > LONGEST {
            let what = format!("expression is longer than {LONGEST} bytes");
            return Err(ParseFault::new(query, Place::new(0, 0), what));
        }
        Ok(Self { query, tokens: lex(query), at: 0, depth: 0 })
    }

    pub(super) fn peek(&self) -> &Token {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, count: usize) -> &Token {
        self.tokens.get(self.at + count).map_or(&Token::End, |placed| &placed.token)
    }

    pub(super) fn place(&self) -> Place {
        let end = Place::new(self.query.len(), self.query.len());
        self.tokens.get(self.at).map_or(end, |placed| placed.place)
    }

    /// The place of the token before this one.
    pub(super) fn before(&self) -> Place {
        self.at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map(|placed| placed.place)
            .unwrap_or_default()
    }

    pub(super) fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str, context: &str) -> Result<(), ParseFault> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        Err(self.unexpected(context, &format!("{symbol:?}")))
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn fault(&self, place: Place, what: impl Into<String>) -> ParseFault {
        ParseFault::new(self.query, place, what)
    }

    pub(super) fn unexpected(&self, context: &str, expected: &str) -> ParseFault {
        let written = self.query.get(self.place().start..self.place().end).unwrap_or_default();
        if let Token::Wrong(what) = self.peek() {
            return self.fault(self.place(), what);
        }
        let mut what = format!("unexpected {}", self.peek().describe(written));
        if !context.is_empty() {
            what += &format!(" in {context}");
        }
        if !expected.is_empty() {
            what += &format!(", expected {expected}");
        }
        self.fault(self.place(), what)
    }

    fn node(&self, kind: Kind, place: Place) -> Result<Expr, ParseFault> {
        let expr = Expr::new(kind, place);
        if expr.depth > DEEPEST {
            return Err(self.too_deep());
        }
        Ok(expr)
    }

    pub(super) fn too_deep(&self) -> ParseFault {
        self.fault(self.place(), format!("expression is nested more than {DEEPEST} levels deep"))
    }

    /// One level further down; a fault where that is too deep.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ParseFault>,
    ) -> Result<T, ParseFault> {
        self.depth += 1;
        let result = if self.depth > DEEPEST { Err(self.too_deep()) } else { read(self) };
        self.depth -= 1;
        result
    }

    fn expression(&mut self, loosest: u8) -> Result<Expr, ParseFault> {
        self.deeper(|parser| parser.operators(loosest))
    }

    fn operators(&mut self, loosest: u8) -> Result<Expr, ParseFault> {
        let mut left = self.operand()?;
        while let Some((op, power)) = self.operator().filter(|(_, power)| *power >= loosest) {
            let mark = self.place();
            self.advance();
            let (as_bool, matching) = self.modifiers()?;
            // Powers are computed from the right.
            let right = self.expression(if power == TIGHTEST { power } else { power + 1 })?;
            let place = left.place.to(right.place);
            left = self
                .node(Kind::Binary(Box::new(Binary { op, mark, left, right, as_bool, matching })), place)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Op, u8)> {
        let name = match self.peek() {
            Token::Symbol(symbol) => symbol,
            Token::Word(word) => word.as_str(),
            _ => return None,
        };
        let found = Op::ALL.iter().find(|(op, ..)| op.eq_ignore_ascii_case(name));
        found.map(|(_, op, power)| (*op, *power))
    }

    /// `bool`, `on` and `ignoring`, `group_left` and `group_right`, `fill`.
    fn modifiers(&mut self) -> Result<(bool, Matching), ParseFault> {
        let as_bool = self.take_word("bool");
        let mut matching = Matching::default();
        if self.is_word("on") || self.is_word("ignoring") {
            matching.on = self.take_word("on") || !self.take_word("ignoring");
            matching.labels = self.label_list()?;
            matching.written = true;
            let left = self.take_word("group_left");
            if left || self.take_word("group_right") {
                matching.group = if left { Group::ManyToOne } else { Group::OneToMany };
                if self.is_symbol("(") {
                    matching.include = self.label_list()?;
                }
            }
        }
        self.fills(&mut matching)?;
        Ok((as_bool, matching))
    }

    /// `fill(v)`, `fill_left(v)`, `fill_right(v)`: words that may be names of metrics too.
    fn fills(&mut self, matching: &mut Matching) -> Result<(), ParseFault> {
        while matches!(self.ahead(1), Token::Symbol("(")) {
            let (left, right) = (self.is_word("fill_left"), self.is_word("fill_right"));
            let both = self.is_word("fill");
            if !(left || right || both) {
                break;
            }
            self.advance();
            self.advance();
            let value = self.signed_number("fill modifier", "number")?;
            self.expect_symbol(")", "fill modifier")?;
            if left || both {
                matching.fill_left = Some(value);
            }
            if right || both {
                matching.fill_right = Some(value);
            }
        }
        Ok(())
    }

    pub(super) fn signed_number(&mut self, context: &str, expected: &str) -> Result<f64, ParseFault> {
        let minus = self.take_symbol("-");
        if !minus {
            self.take_symbol("+");
        }
        let value = match *self.peek() {
            Token::Number(value) => value,
            #[allow(clippy::cast_precision_loss)] // at most 292 years of milliseconds
            Token::Duration(millis) => millis as f64 / 1000.0,
            _ => return Err(self.unexpected(context, expected)),
        };
        self.advance();
        Ok(if minus { -value } else { value })
    }

    fn operand(&mut self) -> Result<Expr, ParseFault> {
        let start = self.place();
        if self.is_symbol("-") || self.is_symbol("+") {
            let minus = self.advance() == Token::Symbol("-");
            // A sign binds looser than a power, tighter than a product.
            let inner = self.expression(TIGHTEST)?;
            let place = start.to(inner.place);
            if let Kind::Number(value) = inner.kind {
                return self.node(Kind::Number(if minus { -value } else { value }), place);
            }
            return self.node(Kind::Unary { minus, inner: Box::new(inner) }, place);
        }
        let primary = self.primary()?;
        self.followed(primary)
    }

    fn primary(&mut self) -> Result<Expr, ParseFault> {
        let start = self.place();
        match self.peek().clone() {
            Token::Number(value) => {
                self.advance();
                self.node(Kind::Number(value), start)
            }
            Token::Duration(_) => {
                let value = self.signed_number("", "number")?;
                self.node(Kind::Number(value), start)
            }
            Token::Text(text) => {
                self.advance();
                self.node(Kind::Text(text), start)
            }
            Token::Symbol("(") => {
                self.advance();
                let inner = self.expression(0)?;
                if !self.take_symbol(")") {
                    return Err(self.unexpected("", ""));
                }
                let place = start.to(self.before());
                self.node(Kind::Paren(Box::new(inner)), place)
            }
            Token::Symbol("{") => self.selector(None),
            Token::Word(word) => self.word(&word),
            _ => Err(self.unexpected("", "")),
        }
    }

    fn word(&mut self, word: &str) -> Result<Expr, ParseFault> {
        let aggregate = AggregateOp::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        let parenthesis = matches!(self.ahead(1), Token::Symbol("("));
        let grouped = matches!(self.ahead(1), Token::Word(next) if ["by", "without"].iter().any(|word| word.eq_ignore_ascii_case(next)));
        match aggregate {
            Some((_, op)) if parenthesis || grouped => self.aggregate(*op),
            _ if parenthesis => self.call(word),
            _ => self.selector(Some(word)),
        }
    }

    fn call(&mut self, name: &str) -> Result<Expr, ParseFault> {
        let start = self.place();
        self.advance();
        let args = self.arguments("")?;
        let function = catalogue::find(name)
            .ok_or_else(|| self.fault(start, format!("unknown function with name {name:?}")))?;
        let place = start.to(self.before());
        self.node(Kind::Call(function, args), place)
    }

    fn arguments(&mut self, context: &str) -> Result<Vec<Expr>, ParseFault> {
        if !self.take_symbol("(") {
            return Err(self.unexpected(context, ""));
        }
        let mut args = Vec::new();
        if self.take_symbol(")") {
            return Ok(args);
        }
        loop {
            if !context.is_empty() && self.is_stray() {
                return Err(self.unexpected(context, ""));
            }
            args.push(self.expression(0)?);
            if self.take_symbol(")") {
                return Ok(args);
            }
            if !self.take_symbol(",") {
                return Err(self.unexpected(context, ""));
            }
            if self.is_stray() {
                return Err(self.fault(self.before(), "trailing commas not allowed in function call args"));
            }
        }
    }

    fn aggregate(&mut self, op: AggregateOp) -> Result<Expr, ParseFault> {
        let start = self.place();
        self.advance();
        let mut grouping = self.grouping()?;
        let mut args = self.arguments("aggregation")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let place = start.to(self.before());
        let wanted = 1 + usize::from(op.param().is_some());
        if args.len() != wanted {
            let what = if args.is_empty() {
                "no arguments for aggregate expression provided".to_owned()
            } else {
                format!(
                    "wrong number of arguments for aggregate expression provided, expected {wanted}, got {}",
                    args.len()
                )
            };
            return Err(self.fault(place, what));
        }
        let Some(inner) = args.pop() else { return Err(self.unexpected("aggregation", "")) };
        let (without, labels) = grouping.unwrap_or_default();
        self.node(
            Kind::Aggregate(Box::new(Aggregate { op, inner, param: args.pop(), without, labels })),
            place,
        )
    }

    /// `by (…)` or `without (…)`.
    fn grouping(&mut self) -> Result<Option<(bool, Vec<String>)>, ParseFault> {
        let without = self.is_word("without");
        if !(without || self.is_word("by")) {
            return Ok(None);
        }
        self.advance();
        Ok(Some((without, self.label_list()?)))
    }

    /// Ranges, `offset`, `@` and the reach after an operand.
    fn followed(&mut self, mut expr: Expr) -> Result<Expr, ParseFault> {
        loop {
            if self.is_symbol("[") {
                expr = self.range(expr)?;
            } else if self.take_word("offset") {
                let length = self.offset()?;
                let (whole, place) = (expr.place, self.before());
                let shift = self.shift(&mut expr, "offset modifier")?;
                if shift.offset.is_some() {
                    return Err(self.fault(whole, "offset may not be set multiple times"));
                }
                shift.offset = Some(length);
                expr.place = expr.place.to(place);
            } else if self.take_symbol("@") {
                let at = self.at_time(expr.place)?;
                let (whole, place) = (expr.place, self.before());
                let shift = self.shift(&mut expr, "@ modifier")?;
                if shift.at.is_some() {
                    return Err(self.fault(whole, "@ <timestamp> may not be set multiple times"));
                }
                shift.at = Some(at);
                expr.place = expr.place.to(place);
            } else if self.is_word("anchored") || self.is_word("smoothed") {
                let reach = if self.is_word("anchored") { Reach::Anchored } else { Reach::Smoothed };
                self.advance();
                match &mut expr.kind {
                    Kind::Selector(selector) | Kind::Range(selector, _)
                        if selector.reach == Reach::Within =>
                    {
                        selector.reach = reach;
                    }
                    _ => {
                        return Err(
                            self.fault(self.before(), "anchored and smoothed stand after one selector, once")
                        );
                    }
                }
                expr.place = expr.place.to(self.before());
            } else {
                return Ok(expr);
            }
        }
    }

    fn shift<'e>(
        &self,
        expr: &'e mut Expr,
        modifier: &str,
    ) -> Result<&'e mut super::tree::Shift, ParseFault> {
        let place = expr.place;
        match &mut expr.kind {
            Kind::Selector(selector) | Kind::Range(selector, _) => Ok(&mut selector.shift),
            Kind::Subquery(subquery) => Ok(&mut subquery.shift),
            _ => {
                let what =
                    "must be preceded by an instant vector selector or range vector selector or a subquery";
                Err(self.fault(place, format!("{modifier} {what}")))
            }
        }
    }

    fn at_time(&mut self, whole: Place) -> Result<At, ParseFault> {
        for (word, at) in [("start", At::Start), ("end", At::End)] {
            if self.take_word(word) {
                for symbol in ["(", ")"] {
                    if !self.take_symbol(symbol) {
                        return Err(self.unexpected("@", "timestamp"));
                    }
                }
                return Ok(at);
            }
        }
        let seconds = self.signed_number("@", "timestamp")?;
        let millis = (seconds * 1000.0).round();
        if millis.is_nan() || millis.abs() > 9.2e15 {
            let shown = match seconds {
                seconds if seconds.is_finite() => format!("{seconds:.6}"),
                seconds => format_float(seconds),
            };
            return Err(self.fault(whole, format!("timestamp out of bounds for @ modifier: {shown}")));
        }
        #[allow(clippy::cast_possible_truncation)] // checked just above
        Ok(At::Time(millis as i64))
    }

    fn range(&mut self, expr: Expr) -> Result<Expr, ParseFault> {
        let bracket = self.place();
        self.expect_symbol("[", "")?;
        let range = self.length("subquery or range selector")?;
        let place = expr.place;
        if self.take_symbol(":") {
            let step = if self.is_symbol("]") { None } else { Some(self.length("subquery selector")?) };
            self.expect_symbol("]", "subquery selector")?;
            let place = place.to(self.before());
            let subquery = Subquery { inner: expr, range, step, shift: super::tree::Shift::default() };
            return self.node(Kind::Subquery(Box::new(subquery)), place);
        }
        if !self.take_symbol("]") {
            return Err(self.unexpected("subquery or range", "\":\" or \"]\""));
        }
        let Kind::Selector(selector) = expr.kind else {
            return Err(self.fault(bracket, "ranges only allowed for vector selectors"));
        };
        let problem = if selector.shift.offset.is_some() {
            Some("no offset modifiers allowed before range")
        } else if selector.shift.at.is_some() {
            Some("no @ modifiers allowed before range")
        } else {
            None
        };
        let place = place.to(self.before());
        match problem {
            Some(what) => Err(self.fault(bracket, what)),
            None => self.node(Kind::Range(selector, range), place),
        }
    }
}
