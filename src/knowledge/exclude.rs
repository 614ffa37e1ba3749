//! What a walk leaves out: patterns as `.gitignore` files hold them (gitignore(5), "PATTERN FORMAT").
//!
//! Invariant: the last pattern that matches decides; a pattern that makes no sense is told and left out.

use std::path::Path;

use super::glob::{Glob, GlobError, Slash};

/// Patterns of one file, or of one list.
#[derive(Debug, Clone, Default)]
pub(super) struct Excludes {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    glob: Glob,
    /// It takes in again what an earlier one left out.
    takes_in: bool,
    folders_only: bool,
}

impl Excludes {
    /// Adds one line; comments and blank lines say nothing.
    pub(super) fn add(&mut self, line: &str) -> Result<(), GlobError> {
        self.rules.extend(rule(line)?);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// True: left out; false: taken in again; nothing: not mentioned. The path is relative to the patterns' folder.
    pub(super) fn excludes(&self, path: &Path, is_folder: bool) -> Option<bool> {
        let last = self
            .rules
            .iter()
            .rev()
            .find(|rule| (is_folder || !rule.folders_only) && rule.glob.is_match(path));
        last.map(|rule| !rule.takes_in)
    }
}

fn rule(line: &str) -> Result<Option<Rule>, GlobError> {
    let line = if line.ends_with("\\ ") { line } else { line.trim_end() };
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (takes_in, line) = match line.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (is_rooted, line) = match line.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (folders_only, line) = match line.strip_suffix('/') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let anywhere = !is_rooted && !line.contains('/');
    let mut pattern = String::with_capacity(line.len() + 5);
    if anywhere && line != "**" {
        pattern.push_str("**/");
    }
    pattern.push_str(line);
    if line.ends_with("/**") {
        // Everything inside, but not the folder.
        pattern.push_str("/*");
    }
    let glob = Glob::new(&pattern, Slash::Kept)?;
    Ok(Some(Rule { glob, takes_in, folders_only }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ignore::gitignore::GitignoreBuilder;
    use proptest::prelude::*;

    /// Patterns of which both have one opinion.
    fn line() -> impl Strategy<Value = String> {
        let any = "[!/#]?([ab.]|\\*|\\?|/|\\*\\*/|/\\*\\*|\\[ab\\]){1,6}[/ ]?";
        any.prop_filter("read in ways of its own", |line| {
            !line.contains("***") && !line.contains("**/**") && !line.contains("//") && !line.ends_with("/ ")
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn excludes_what_the_library_does(lines in prop::collection::vec(line(), 1..4), path in "[ab][ab.]{0,2}(/[ab][ab.]{0,2}){0,3}", folder in any::<bool>()) {
            let (mut ours, mut theirs) = (Excludes::default(), GitignoreBuilder::new(""));
            for line in &lines {
                ours.add(line).unwrap();
                theirs.add_line(None, line).unwrap();
            }
            let theirs = theirs.build().unwrap();
            let theirs = match theirs.matched(&path, folder) {
                ignore::Match::None => None,
                ignore::Match::Ignore(_) => Some(true),
                ignore::Match::Whitelist(_) => Some(false),
            };
            prop_assert_eq!(ours.excludes(Path::new(&path), folder), theirs, "{:?} {}", lines, path);
        }
    }
}
