//! The labels of one series: sorted by name, shared, cheap to clone.

use std::fmt;
use std::sync::Arc;

use super::literal::quote;
use crate::base::InOrder;

/// The label that holds the name of the metric.
pub const METRIC_NAME: &str = "__name__";
/// The upper bound of a bucket of a classic histogram.
pub(super) const BUCKET_BOUND: &str = "le";

type Pair = (Box<str>, Box<str>);

/// Names and values, sorted by name; no value is empty, for an empty label is an absent one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[Pair]>);

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

/// Labels that say what a metric is, not which series: they go when a value is no longer of that metric.
fn is_metadata(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

impl Labels {
    /// Of two pairs with one name, the later holds.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut pairs: Vec<Pair> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        pairs.reverse();
        pairs.order_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        pairs.retain(|(_, value)| !value.is_empty());
        Self(pairs.into())
    }

    /// The value of a label; empty when there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.binary_search_by(|pair| (*pair.0).cmp(name)).ok();
        found.and_then(|at| self.0.get(at)).map_or("", |pair| &pair.1)
    }

    /// The name of the metric; empty when there is none.
    #[must_use]
    pub fn metric(&self) -> &str {
        self.get(METRIC_NAME)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        if self.0.iter().all(|(name, _)| keep(name)) {
            return self.clone();
        }
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// Without what only says which metric it was.
    pub(super) fn bare(&self) -> Self {
        self.filtered(|name| !is_metadata(name))
    }

    pub(super) fn only(&self, names: &[String]) -> Self {
        self.filtered(|name| names.iter().any(|one| one == name))
    }

    pub(super) fn without(&self, names: &[String]) -> Self {
        self.filtered(|name| names.iter().all(|one| one != name))
    }

    pub(super) fn without_one(&self, gone: &str) -> Self {
        self.filtered(|name| name != gone)
    }

    /// As grouping without some labels has it: the metric goes too.
    pub(super) fn bare_without(&self, names: &[String]) -> Self {
        self.filtered(|name| !is_metadata(name) && names.iter().all(|one| one != name))
    }

    /// With one label set; an empty value removes it.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut pairs: Vec<Pair> = self.0.iter().filter(|pair| &*pair.0 != name).cloned().collect();
        if !value.is_empty() {
            let at = pairs.partition_point(|pair| *pair.0 < *name);
            pairs.insert(at, (name.into(), value.into()));
        }
        Self(pairs.into())
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            if is_plain_name(name) {
                write!(out, "{comma}{name}={}", quote(value.as_bytes()))?;
            } else {
                write!(out, "{comma}{}={}", quote(name.as_bytes()), quote(value.as_bytes()))?;
            }
        }
        out.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// True for names that need no quotes in an expression.
fn is_plain_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Labels {
        Labels::new([("job", "a"), (METRIC_NAME, "up"), ("zone", ""), ("job", "b")])
    }

    #[test]
    fn labels_are_sorted_and_the_later_value_holds() {
        assert_eq!(sample().to_string(), r#"{__name__="up", job="b"}"#);
        assert_eq!((sample().get("job"), sample().get("zone"), sample().metric()), ("b", "", "up"));
    }

    #[test]
    fn labels_are_set_and_removed() {
        assert_eq!(sample().bare().to_string(), r#"{job="b"}"#);
        assert_eq!(sample().with("a", "1").to_string(), r#"{__name__="up", a="1", job="b"}"#);
        assert_eq!(sample().with("job", "").to_string(), r#"{__name__="up"}"#);
        assert_eq!(sample().only(&["job".to_owned()]), sample().bare());
        assert_eq!(sample().bare_without(&["job".to_owned()]), Labels::default());
    }

    #[test]
    fn odd_names_and_values_are_quoted() {
        let odd = Labels::new([("a.b", "x\"y\n")]);
        assert_eq!(odd.to_string(), r#"{"a.b"="x\"y\n"}"#);
    }
}
