//! Names of metrics and labels: which are allowed.

/// A metric that cannot be described or taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    #[error("'{0}' is no name of a metric: letters, digits, '_' and ':', not beginning with a digit")]
    Name(String),
    #[error("'{0}' is no name of a label: letters, digits and '_', not beginning with a digit or '__'")]
    Label(String),
    #[error("there is a metric '{0}' already")]
    Known(String),
}

/// True for `[a-zA-Z_:][a-zA-Z0-9_:]*`, the names that every reader of the text formats knows.
#[must_use]
pub fn is_metric_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    !name.is_empty() && name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// True for `[a-zA-Z_][a-zA-Z0-9_]*` without the prefix `__`, which Prometheus keeps for itself.
#[must_use]
pub fn is_label_name(name: &str) -> bool {
    is_metric_name(name) && !name.contains(':') && !name.starts_with("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_prometheus() {
        for good in ["a", "_x", "a:b_c9", "http_requests_total"] {
            assert!(is_metric_name(good), "{good}");
        }
        for bad in ["", "9a", "a-b", "a b", "\u{e4}", "a.b"] {
            assert!(!is_metric_name(bad), "{bad}");
        }
        assert!(is_label_name("le") && is_label_name("_x"));
        assert!(!is_label_name("__name__") && !is_label_name("a:b") && !is_label_name("0"));
    }
}
