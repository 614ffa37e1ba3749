//! Rules tried out on series that were written by hand: nothing of a box is needed for it.

use std::path::{Path, PathBuf};

use super::load::text;
use crate::api::types::{PromqlFinding, PromqlTestReport};
use crate::base::InOrder;
use crate::observe::alert::{Format, Problem, read, read_trials, try_out};

/// Files of rules that one file of tests may name.
const FILES_MOST: usize = 50;

/// Why tests cannot be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryFault {
    /// A file is not there.
    pub missing: bool,
    /// All that is wrong, each as file:line:column: what.
    pub problems: Vec<String>,
}

/// Runs a file of tests, as a box of this tier would.
///
/// # Errors
/// All that is wrong in it or in the files of rules that it names.
pub fn try_rules(path: &Path, tier: &str) -> Result<PromqlTestReport, TryFault> {
    let mut fault = TryFault { missing: false, problems: Vec::new() };
    let file = read_file(path, &mut fault, read_trials);
    let Some(file) = file else { return Err(fault) };
    let mut groups = Vec::new();
    let folder = path.parent().unwrap_or(Path::new("."));
    for named in &file.rule_files {
        let paths = globbed(&folder.join(named), FILES_MOST);
        if paths.is_empty() || paths.len() > FILES_MOST {
            fault.missing |= paths.is_empty();
            let what = if paths.is_empty() {
                "there is no such file".to_owned()
            } else {
                format!("these are more than {FILES_MOST} files")
            };
            fault.problems.push(format!("{}: rule_files: {named}: {what}", path.display()));
            continue;
        }
        for path in paths {
            let read = read_file(&path, &mut fault, |text, format| read(text, format, tier));
            let Some(file) = read else { continue };
            let told = file.warnings.iter().map(|warning| format!("{}:{warning}", path.display()));
            fault.problems.extend(told);
            groups.extend(file.groups);
        }
    }
    if !fault.problems.is_empty() {
        return Err(fault);
    }
    let (passed, failed) = try_out(&file, &groups);
    let word =
        |one: crate::observe::alert::Failure| PromqlFinding { line: one.line, query: one.of, what: one.what };
    Ok(PromqlTestReport { passed, failed: failed.into_iter().map(word).collect(), out_of_scope: Vec::new() })
}

/// What a file holds; what is wrong with it is noted.
fn read_file<T>(
    path: &Path,
    fault: &mut TryFault,
    read: impl FnOnce(&str, Format) -> Result<T, Vec<Problem>>,
) -> Option<T> {
    let name = path.display().to_string();
    let format = Format::of(&name).unwrap_or(Format::Yaml);
    let found = text(path).map_err(|what| vec![format!("{name}: {what}")]).and_then(|text| {
        let told =
            |problems: Vec<Problem>| problems.iter().map(|problem| format!("{name}:{problem}")).collect();
        read(&text, format).map_err(told)
    });
    found
        .map_err(|problems| {
            fault.missing |= !path.exists();
            fault.problems.extend(problems);
        })
        .ok()
}

/// Files whose path fits a pattern with `*`, `?` and `[...]`, in order; one more than `most` where there are more.
fn globbed(pattern: &Path, most: usize) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let Some(wanted) = part.as_os_str().to_str().filter(|part| part.contains(['*', '?', '['])) else {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        };
        let mut next = Vec::new();
        for path in &found {
            let folder = if path.as_os_str().is_empty() { Path::new(".") } else { path };
            let names =
                std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
            let fitting = names
                .filter(|name| name.to_str().is_some_and(|name| fits(wanted.as_bytes(), name.as_bytes())));
            next.extend(fitting.map(|name| path.join(name)));
        }
        next.order();
        next.truncate(most + 1);
        found = next;
    }
    found.retain(|path| path.exists());
    found
}

/// True where a name fits a part of a path as Go's `filepath.Match` has it.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on when what follows a star does not fit.
    let (mut at, mut to, mut star) = (0, 0, None);
    loop {
        let step = match (pattern.get(at), name.get(to)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((at, to));
                at += 1;
                continue;
            }
            (Some(b'?'), Some(_)) => Some(1),
            (Some(b'['), Some(byte)) => in_class(pattern.get(at + 1..).unwrap_or_default(), *byte),
            (Some(b'\\'), Some(byte)) => (pattern.get(at + 1) == Some(byte)).then_some(2),
            (Some(one), Some(byte)) => (one == byte).then_some(1),
            _ => None,
        };
        match (step, star) {
            (Some(step), _) => (at, to) = (at + step, to + 1),
            (None, Some((before, from))) if from < name.len() => {
                (at, to, star) = (before + 1, from + 1, Some((before, from + 1)));
            }
            (None, _) => return false,
        }
    }
}

/// How long the class is, brackets and all, where this byte is one of it.
fn in_class(class: &[u8], byte: u8) -> Option<usize> {
    let end = class.iter().skip(1).position(|one| *one == b']')? + 1;
    let inside = class.get(..end)?;
    let (inside, negated) = match inside.split_first() {
        Some((b'^', rest)) => (rest, true),
        _ => (inside, false),
    };
    let mut is_in = false;
    let mut at = 0;
    while let Some(first) = inside.get(at) {
        let range = inside.get(at + 1) == Some(&b'-');
        let last = if range { inside.get(at + 2)? } else { first };
        is_in |= (*first..=*last).contains(&byte);
        at += if range { 3 } else { 1 };
    }
    (is_in != negated).then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names_as_go_has_it() {
        for (pattern, name, wanted) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a.yml", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("r?les", "rules", true),
            ("r?les", "rles", false),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[^a-c]x", "dx", true),
            ("[ab", "a", false),
            ("*", "", true),
            ("\\*", "*", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["one/b.yaml", "two/a.yaml", "two/c.txt"] {
            crate::config::write_file(&folder.path().join(name), "groups: []").unwrap();
        }
        let found = globbed(&folder.path().join("*/*.yaml"), 9);
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["one/b.yaml", "two/a.yaml"]);
        crate::config::write_file(&folder.path().join("t.yaml"), "rule_files: ['*/*.yaml']\n").unwrap();
        assert!(try_rules(&folder.path().join("t.yaml"), "full").is_ok());
        crate::config::write_file(&folder.path().join("t.yaml"), "rule_files: ['none*.yaml']\n").unwrap();
        assert!(try_rules(&folder.path().join("t.yaml"), "full").unwrap_err().missing);
    }
}
