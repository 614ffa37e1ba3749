//! Lengths of time in brackets and after `offset`: fixed, or computed from the step and the range of the query
//! (duration expressions, experimental in Prometheus).

use super::fault::Place;
use super::literal::format_duration;

#[derive(Debug, Clone)]
pub(super) struct Length {
    /// Milliseconds; of a formula, only after [`Length::resolve`].
    pub(super) millis: i64,
    formula: Option<Box<Formula>>,
    place: Place,
}

/// Seconds.
#[derive(Debug, Clone)]
pub(super) enum Formula {
    Seconds(f64),
    /// `step()`
    Step,
    /// `range()`
    Range,
    Negative(Box<Formula>),
    Pair(char, Box<Formula>, Box<Formula>),
}

/// The query a formula stands in, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) step: i64,
}

impl Formula {
    fn value(&self, frame: Frame) -> f64 {
        #[allow(clippy::cast_precision_loss)] // milliseconds of a century have 42 bits
        let seconds = |millis: i64| millis as f64 / 1000.0;
        match self {
            Self::Seconds(seconds) => *seconds,
            Self::Step => seconds(frame.step),
            Self::Range => seconds(frame.end.saturating_sub(frame.start)),
            Self::Negative(inner) => -inner.value(frame),
            Self::Pair(op, left, right) => {
                let (left, right) = (left.value(frame), right.value(frame));
                match op {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    '/' => left / right,
                    '%' => left % right,
                    '^' => left.powf(right),
                    '<' => left.min(right),
                    _ => left.max(right),
                }
            }
        }
    }

    fn is_constant(&self) -> bool {
        match self {
            Self::Seconds(_) => true,
            Self::Step | Self::Range => false,
            Self::Negative(inner) => inner.is_constant(),
            Self::Pair(_, left, right) => left.is_constant() && right.is_constant(),
        }
    }
}

impl Length {
    /// # Errors
    /// The message, when it is fixed and no length.
    pub(super) fn new(formula: Formula, place: Place, may_be_negative: bool) -> Result<Self, String> {
        let constant = formula.is_constant();
        let mut length = Self { millis: 0, formula: Some(Box::new(formula)), place };
        if constant {
            length.resolve(Frame { start: 0, end: 0, step: 0 }, may_be_negative)?;
            length.formula = None;
        }
        Ok(length)
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Computes the formula, if there is one.
    ///
    /// # Errors
    /// The message, when the result is no length.
    pub(super) fn resolve(&mut self, frame: Frame, may_be_negative: bool) -> Result<(), String> {
        let Some(formula) = &self.formula else { return Ok(()) };
        let millis = (formula.value(frame) * 1000.0).round();
        // As for literals: some 292 years.
        if millis.is_nan() || millis.abs() > 9.2e12 {
            return Err("duration out of range".to_owned());
        }
        #[allow(clippy::cast_possible_truncation)] // checked just above
        let millis = millis as i64;
        if millis <= 0 && !may_be_negative {
            return Err(format!("duration must be greater than 0, got {}", format_duration(millis)));
        }
        self.millis = millis;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_know_the_query() {
        let twice = Formula::Pair('*', Box::new(Formula::Step), Box::new(Formula::Seconds(2.0)));
        let mut length = Length::new(twice, Place::default(), false).unwrap();
        length.resolve(Frame { start: 0, end: 60_000, step: 15_000 }, false).unwrap();
        assert_eq!(length.millis, 30_000);
        let nothing = Length::new(Formula::Seconds(0.0), Place::default(), false);
        assert!(nothing.unwrap_err().contains("greater than 0"));
        assert!(Length::new(Formula::Seconds(f64::NAN), Place::default(), true).is_err());
        assert_eq!(Length::new(Formula::Seconds(-5.0), Place::default(), true).unwrap().millis, -5000);
    }
}
