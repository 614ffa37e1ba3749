//! Matchers of labels, and the regular expressions of PromQL: anchored at both ends, `.` matches any character.

use regex_lite::{Captures, Regex, RegexBuilder};

use super::labels::Labels;
use super::regexp::{TOO_DEEP, TOO_LARGE, Translation, fault, translate};

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

/// A regular expression: its dots match an end of a line where it has to match a whole text, and not where it may
/// match a part.
#[derive(Debug, Clone)]
pub(in crate::observe) struct Pattern {
    /// What matches where the expression is words with `|` between them: most are, and need no machine.
    words: Option<Vec<String>>,
    regex: Regex,
    names: Vec<(String, usize)>,
}

impl Pattern {
    /// One that has to match a whole text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let mut built = Self::built(&format!("^(?:{pattern})$"), true)?;
        // What closes a group that it did not open is wrong, and only now is that seen.
        translate(pattern, true)?;
        let is_plain = |c: char| matches!(c, '|' | '_' | '-' | ':' | '/') || c.is_alphanumeric();
        built.words = pattern.chars().all(is_plain).then(|| pattern.split('|').map(str::to_owned).collect());
        Ok(built)
    }

    /// One that may match a part.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::observe) fn part(pattern: &str) -> Result<Self, String> {
        Self::built(pattern, false)
    }

    fn built(pattern: &str, dots: bool) -> Result<Self, String> {
        let Translation { pattern: translated, names } = translate(pattern, dots)?;
        let regex = RegexBuilder::new(&translated).size_limit(PATTERN_BYTES).build().map_err(|error| {
            let is_deep = error.to_string().contains("nesting");
            fault(if is_deep { TOO_DEEP } else { TOO_LARGE }, pattern)
        })?;
        Ok(Self { words: None, regex, names })
    }

    pub(in crate::observe) fn matches(&self, text: &str) -> bool {
        match &self.words {
            Some(words) => words.iter().any(|word| word == text),
            None => self.regex.is_match(text),
        }
    }

    /// The template with `$1` and `${name}` filled in; nothing when the text does not match.
    pub(super) fn expand(&self, text: &str, template: &str) -> Option<String> {
        self.regex.captures(text).map(|groups| self.filled(&groups, template))
    }

    /// The text with the template in the place of all that matches.
    pub(in crate::observe) fn replace(&self, text: &str, template: &str) -> String {
        self.regex.replace_all(text, |groups: &Captures<'_>| self.filled(groups, template)).into_owned()
    }

    fn filled(&self, groups: &Captures<'_>, template: &str) -> String {
        let group = |number: usize| groups.get(number).map(|found| found.as_str());
        let (mut out, mut rest) = (String::new(), template);
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let Some((name, after_name)) = variable(after) else {
                // A dollar sign that names nothing is one; two are one.
                out.push('$');
                rest = after.strip_prefix('$').unwrap_or(after);
                continue;
            };
            rest = after_name;
            let is_number = name == "0" || !name.starts_with('0');
            let number = name.parse().ok().filter(|_| is_number && name.bytes().all(|b| b.is_ascii_digit()));
            let mut named = self.names.iter().filter(|(one, _)| one == name);
            let found = match number {
                Some(number) => group(number),
                None => named.find_map(|(_, number)| group(*number)),
            };
            out.push_str(found.unwrap_or_default());
        }
        out.push_str(rest);
        out
    }
}

/// The name of a group after a `$`, as far as it goes or in braces, and what follows.
fn variable(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let name = braced.unwrap_or(text);
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    let (name, rest) = name.split_at_checked(end).filter(|_| end > 0)?;
    Some((name, if braced.is_some() { rest.strip_prefix('}')? } else { rest }))
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
        assert_eq!(said, "error parsing regexp: invalid or unsupported Perl syntax: `(?=`");
        // What Go would take a machine of hundreds of megabytes for, and what recursion would not bear.
        let classes = format!("({}){{10}}", "\\pL{100}".repeat(20));
        for (huge, what) in [
            ("(\\pL{50}){20}", "too large"),
            (&classes, "too large"),
            (&format!("[{}]", "\\pL".repeat(10_000)), "too large"),
            (&"\\pL".repeat(10_000), "too large"),
            (&format!("(?i){}", "[\\x{100}-\\x{ffff}]".repeat(50)), "too large"),
            (&("(".repeat(300) + &")".repeat(300)), "too deep"),
        ] {
            let said = Pattern::new(huge).unwrap_err();
            assert!(said.starts_with("error parsing regexp: expression ") && said.contains(what), "{said}");
        }
    }

    #[test]
    fn groups_fill_templates() {
        let pattern = Pattern::new("(.*)-(?P<tail>.*)").unwrap();
        assert_eq!(pattern.expand("a-b", "$2/${1}x/$tail/$9/$$").unwrap(), "b/ax/b//$");
        assert_eq!(pattern.expand("ab", "$1"), None);
        let pattern = Pattern::new("(?P<n>a)(b)").unwrap();
        for (template, expected) in [
            ("$1x ${1}x", " ax"),
            ("$01 $00 ${00}", "  "),
            ("$0 $9", "ab "),
            ("$ $$ $$1 a$", "$ $ $1 a$"),
            ("${ ${} ${1 ${1 } $-", "${ ${} ${1 ${1 } $-"),
            ("$n ${n} ${n}n $nn $n_", "a a an  "),
            ("$1$2", "ab"),
            ("$\u{e9} ${\u{e9}}", " "),
        ] {
            assert_eq!(pattern.expand("ab", template).unwrap(), expected, "{template}");
        }
        assert_eq!(Pattern::part("(a)(x*)").unwrap().replace("banana", "<$1>$2"), "b<a>n<a>n<a>");
        assert_eq!(Pattern::part("a*").unwrap().replace("baaac", "-"), "-b-c-");
        assert_eq!(Pattern::part("a.").unwrap().replace("a\nab", "-"), "a\n-");
        assert_eq!(Pattern::new("(a)").unwrap().expand("a", "$1x").unwrap(), "");
    }
}
