//! Functions of one or two numbers that Rust does not have in this form.

/// The sign; zero and NaN stay what they are.
pub(in super::super) fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

/// The smaller or the larger; NaN if either is.
pub(super) fn extreme(a: f64, b: f64, smallest: bool) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if smallest {
        a.min(b)
    } else {
        a.max(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_contagious() {
        assert!(extreme(f64::NAN, 1.0, true).is_nan() && extreme(1.0, f64::NAN, false).is_nan());
        assert_eq!((extreme(-2.0, -5.0, true), extreme(-2.0, -5.0, false)), (-5.0, -2.0));
        assert_eq!((sign(-3.0), sign(0.0), sign(f64::INFINITY)), (-1.0, 0.0, 1.0));
        assert!(sign(f64::NAN).is_nan());
    }
}
