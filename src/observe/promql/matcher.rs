//! Matchers of labels, and the regular expressions of PromQL: anchored at both ends, `.` matches any character.

use regex_lite::{Regex, RegexBuilder};

use super::labels::Labels;

/// A compiled pattern may take this much memory: what is larger is refused, not compiled.
const PATTERN_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Match,
    NotMatch,
}

/// One condition on one label. An absent label is an empty one.
#[derive(Debug, Clone)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    pattern: Option<Pattern>,
}

impl Matcher {
    /// # Errors
    /// What is wrong with the regular expression.
    pub fn new(name: impl Into<String>, op: MatchOp, value: impl Into<String>) -> Result<Self, String> {
        let (name, value) = (name.into(), value.into());
        let wanted = matches!(op, MatchOp::Match | MatchOp::NotMatch);
        let pattern = wanted.then(|| Pattern::new(&value)).transpose()?;
        Ok(Self { name, op, value, pattern })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn op(&self) -> MatchOp {
        self.op
    }

    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        let found = || self.pattern.as_ref().is_some_and(|pattern| pattern.matches(value));
        match self.op {
            MatchOp::Equal => value == self.value,
            MatchOp::NotEqual => value != self.value,
            MatchOp::Match => found(),
            MatchOp::NotMatch => !found(),
        }
    }

    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.accepts(labels.get(&self.name))
    }
}

/// A regular expression that may match a part, whose dots match no end of a line.
///
/// # Errors
/// What is wrong with it.
pub(in crate::observe) fn pattern(pattern: &str) -> Result<Regex, String> {
    built(pattern, pattern, false)
}

fn built(shown: &str, pattern: &str, dots: bool) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(pattern);
    builder.dot_matches_new_line(dots).size_limit(PATTERN_BYTES);
    builder.build().map_err(|error| format!("invalid regular expression {shown:?}: {error}"))
}

/// What Prometheus says of the common faults of a regular expression; nothing of others.
fn as_prometheus(pattern: &str, whole: &str) -> Option<String> {
    let error = RegexBuilder::new(whole).build().err()?.to_string();
    let (what, place) = match error.as_str() {
        "found open group without closing ')'" => ("missing closing )", whole),
        "found closing ')' without matching '('" => ("unexpected )", whole),
        "uncounted repetition operator must be applied to a sub-expression" => {
            let operator = pattern.find(['*', '+', '?'])?;
            ("missing argument to repetition operator", pattern.get(operator..=operator)?)
        }
        said if said.contains("closing bracket") || said.contains("unclosed character class") => {
            ("missing closing ]", whole.get(whole.rfind('[')?..)?)
        }
        _ => return None,
    };
    Some(format!("error parsing regexp: {what}: `{place}`"))
}

/// A regular expression that has to match a whole text; classes and letter case are those of ASCII.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// What matches where the expression is words with `|` between them: most are, and need no machine.
    words: Option<Vec<String>>,
    regex: Regex,
}

impl Pattern {
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let whole = format!("^(?:{pattern})$");
        let regex =
            built(pattern, &whole, true).map_err(|said| as_prometheus(pattern, &whole).unwrap_or(said))?;
        let is_plain = |c: char| matches!(c, '|' | '_' | '-' | ':' | '/') || c.is_alphanumeric();
        let words = pattern.chars().all(is_plain).then(|| pattern.split('|').map(str::to_owned).collect());
        Ok(Self { words, regex })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match &self.words {
            Some(words) => words.iter().any(|word| word == text),
            None => self.regex.is_match(text),
        }
    }

    /// The template with `$1` and `${name}` filled in; nothing when the text does not match.
    pub(super) fn expand(&self, text: &str, template: &str) -> Option<String> {
        self.regex.captures(text).map(|groups| {
            let mut out = String::new();
            groups.expand(template, &mut out);
            out
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(op: MatchOp, pattern: &str, value: &str) -> bool {
        Matcher::new("a", op, pattern).unwrap().accepts(value)
    }

    #[test]
    fn patterns_are_anchored_and_dots_match_lines() {
        for (pattern, value, expected) in [
            ("a.*", "abc", true),
            ("b", "abc", false),
            ("a|bc", "abc", false),
            (".*", "a\nb", true),
            ("", "", true),
            (".+", "", false),
            ("(?i:PRO).*", "production", true),
            ("((?i)PRO).*", "production", true),
            ("\\d+x", "12x", true),
            ("\u{e4}.", "\u{e4}\u{f6}", true),
        ] {
            assert_eq!(accepts(MatchOp::Match, pattern, value), expected, "{pattern} {value}");
            assert_eq!(accepts(MatchOp::NotMatch, pattern, value), !expected, "{pattern} {value}");
        }
    }

    #[test]
    fn wrong_and_huge_patterns_are_refused() {
        let said = Pattern::new("(.*").unwrap_err();
        assert_eq!(said, "error parsing regexp: missing closing ): `^(?:(.*)$`");
        let said = Pattern::new("a(?=b)").unwrap_err();
        assert!(said.contains("invalid regular expression") && said.contains("look-around"), "{said}");
        assert!(Pattern::new("((a{1000}){1000}){1000}").is_err());
    }

    #[test]
    fn groups_fill_templates() {
        let pattern = Pattern::new("(.*)-(?P<tail>.*)").unwrap();
        assert_eq!(pattern.expand("a-b", "$2/${1}x/$tail/$9/$$").unwrap(), "b/ax/b//$");
        assert_eq!(pattern.expand("ab", "$1"), None);
        assert_eq!(Pattern::new("(a)").unwrap().expand("a", "$1x").unwrap(), "");
    }
}
