//! The parts of an expression with a grammar of their own: selectors, lists of labels, lengths of time.

use super::fault::{MATCHES_ALL, ParseFault, Place};
use super::formula::{Formula, Length};
use super::labels::METRIC_NAME;
use super::lex::Token;
use super::matcher::{MatchOp, Matcher};
use super::parse::{DEEPEST, Parser};
use super::regexp::fault as wrong_pattern;
use super::tree::{Expr, Kind, Reach, Selector, Shift};

/// Words that cannot name a metric.
const RESERVED: [&str; 6] = ["atan2", "bool", "on", "ignoring", "group_left", "group_right"];

impl Parser<'_> {
    /// `name{label="value", …}`, from the name or from the brace.
    pub(super) fn selector(&mut self, name: Option<&str>) -> Result<Expr, ParseFault> {
        let start = self.place();
        let mut matchers = Vec::new();
        if let Some(name) = name {
            if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name)) {
                return Err(self.unexpected("", ""));
            }
            self.advance();
            matchers.push(self.matcher(start, METRIC_NAME, MatchOp::Equal, name)?);
        }
        if self.take_symbol("{") {
            self.matchers(start, name, &mut matchers)?;
        }
        let place = start.to(self.before());
        if matchers.iter().all(|matcher| matcher.accepts("")) {
            return Err(self.fault(place, MATCHES_ALL));
        }
        let selector = Selector { matchers, shift: Shift::default(), reach: Reach::Within };
        Ok(Expr::new(Kind::Selector(selector), place))
    }

    fn matchers(
        &mut self,
        start: Place,
        mut name: Option<&str>,
        matchers: &mut Vec<Matcher>,
    ) -> Result<(), ParseFault> {
        let mut quoted = None;
        while !self.take_symbol("}") {
            let place = self.place();
            let (label, text) = match self.peek().clone() {
                Token::Word(word) => (word, false),
                Token::Text(text) => match text.label_name() {
                    Some(label) => (label.to_owned(), true),
                    None => return Err(self.fault(place, "a label needs a name in UTF-8")),
                },
                _ => return Err(self.unexpected("label matching", "identifier or \"}\"")),
            };
            self.advance();
            let op = self.match_op();
            match op {
                Some(op) => {
                    let Token::Text(value) = self.peek().clone() else {
                        return Err(self.unexpected("label matching", "string"));
                    };
                    self.advance();
                    let is_pattern = matches!(op, MatchOp::Match | MatchOp::NotMatch);
                    if let Some(rest) = value.after_fault().filter(|_| is_pattern) {
                        return Err(self.fault(place, wrong_pattern("invalid UTF-8", &(rest + ")$"))));
                    }
                    matchers.push(self.matcher(place, &label, op, &value.lossy())?);
                }
                None if text => {
                    if name.is_some() || quoted.is_some() {
                        return Err(
                            self.fault(place, format!("metric name must not be set twice: {label:?}"))
                        );
                    }
                    matchers.push(self.matcher(place, METRIC_NAME, MatchOp::Equal, &label)?);
                    quoted = Some(());
                    name = None;
                }
                None => return Err(self.unexpected("label matching", "label matching operator")),
            }
            if !self.is_symbol("}") && !self.take_symbol(",") {
                return Err(self.unexpected("label matching", "\",\" or \"}\""));
            }
        }
        let mut named =
            matchers.iter().filter(|matcher| matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal);
        if let (Some(_), Some(first), Some(second)) = (name, named.next(), named.next()) {
            let what =
                format!("metric name must not be set twice: {:?} or {:?}", first.value(), second.value());
            return Err(self.fault(start, what));
        }
        Ok(())
    }

    fn match_op(&mut self) -> Option<MatchOp> {
        let op = match self.peek() {
            Token::Symbol("=") => MatchOp::Equal,
            Token::Symbol("!=") => MatchOp::NotEqual,
            Token::Symbol("=~") => MatchOp::Match,
            Token::Symbol("!~") => MatchOp::NotMatch,
            _ => return None,
        };
        self.advance();
        Some(op)
    }

    fn matcher(&self, place: Place, name: &str, op: MatchOp, value: &str) -> Result<Matcher, ParseFault> {
        Matcher::new(name, op, value).map_err(|what| self.fault(place, what))
    }

    /// A symbol that no argument begins with.
    pub(super) fn is_stray(&self) -> bool {
        matches!(self.peek(), Token::Symbol(symbol) if !matches!(*symbol, "(" | "{" | "+" | "-"))
    }

    /// `(a, b)`; a comma may end it.
    pub(super) fn label_list(&mut self) -> Result<Vec<String>, ParseFault> {
        self.expect_symbol("(", "grouping opts")?;
        let mut labels = Vec::new();
        while !self.take_symbol(")") {
            let label = match self.peek() {
                Token::Word(word) if !word.contains(':') => Some(word.clone()),
                Token::Text(text) => text.label_name().map(str::to_owned),
                _ => None,
            };
            labels.push(label.ok_or_else(|| self.unexpected("grouping opts", "label"))?);
            self.advance();
            if !self.is_symbol(")") && !self.take_symbol(",") {
                return Err(self.unexpected("grouping opts", "\",\" or \")\""));
            }
        }
        Ok(labels)
    }

    /// A length within brackets.
    pub(super) fn length(&mut self, context: &str) -> Result<Length, ParseFault> {
        let start = self.place();
        let formula = self.formula(0, context)?;
        let place = start.to(self.before());
        Length::new(formula, place, false).map_err(|what| self.fault(place, what))
    }

    /// What follows `offset`: one length with signs; a formula only in parentheses.
    pub(super) fn offset(&mut self) -> Result<Length, ParseFault> {
        let start = self.place();
        let formula = self.formula_atom("offset")?;
        let place = start.to(self.before());
        Length::new(formula, place, true).map_err(|what| self.fault(place, what))
    }

    fn formula(&mut self, loosest: u8, context: &str) -> Result<Formula, ParseFault> {
        self.deeper(|parser| {
            let mut left = parser.formula_atom_or_power(context)?;
            let mut terms = 0;
            loop {
                terms += 1;
                if terms > DEEPEST {
                    return Err(parser.too_deep());
                }
                let (op, power) = match parser.peek() {
                    Token::Symbol("+") => ('+', 1),
                    Token::Symbol("-") => ('-', 1),
                    Token::Symbol("*") => ('*', 2),
                    Token::Symbol("/") => ('/', 2),
                    Token::Symbol("%") => ('%', 2),
                    _ => return Ok(left),
                };
                if power < loosest {
                    return Ok(left);
                }
                parser.advance();
                let right = parser.formula(power + 1, context)?;
                left = Formula::Pair(op, Box::new(left), Box::new(right));
            }
        })
    }

    /// A sign binds looser than a power here too.
    fn formula_atom_or_power(&mut self, context: &str) -> Result<Formula, ParseFault> {
        self.deeper(|parser| {
            if parser.is_symbol("-") || parser.is_symbol("+") {
                let minus = parser.advance() == Token::Symbol("-");
                let inner = parser.formula_atom_or_power(context)?;
                return Ok(if minus { Formula::Negative(Box::new(inner)) } else { inner });
            }
            let base = parser.formula_atom(context)?;
            if !parser.take_symbol("^") {
                return Ok(base);
            }
            let exponent = parser.formula_atom_or_power(context)?;
            Ok(Formula::Pair('^', Box::new(base), Box::new(exponent)))
        })
    }

    fn formula_atom(&mut self, context: &str) -> Result<Formula, ParseFault> {
        if self.is_symbol("-") || self.is_symbol("+") {
            let minus = self.advance() == Token::Symbol("-");
            let inner = self.deeper(|parser| parser.formula_atom(context))?;
            return Ok(if minus { Formula::Negative(Box::new(inner)) } else { inner });
        }
        if self.take_symbol("(") {
            let inner = self.formula(0, context)?;
            self.expect_symbol(")", context)?;
            return Ok(inner);
        }
        for (word, formula) in [("step", Formula::Step), ("range", Formula::Range)] {
            if self.take_word(word) {
                self.expect_symbol("(", context)?;
                self.expect_symbol(")", context)?;
                return Ok(formula);
            }
        }
        for (word, op) in [("min_of", '<'), ("max_of", '>'), ("min", '<'), ("max", '>')] {
            if self.take_word(word) {
                self.expect_symbol("(", context)?;
                let left = self.formula(0, context)?;
                self.expect_symbol(",", context)?;
                let right = self.formula(0, context)?;
                self.expect_symbol(")", context)?;
                return Ok(Formula::Pair(op, Box::new(left), Box::new(right)));
            }
        }
        match self.peek() {
            Token::Number(_) | Token::Duration(_) => {
                Ok(Formula::Seconds(self.signed_number(context, "duration")?))
            }
            _ => Err(self.unexpected(context, "duration")),
        }
    }
}
