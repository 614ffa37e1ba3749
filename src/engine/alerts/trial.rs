//! Rules tried out on series that were written by hand: nothing of a box is needed for it.

use std::path::Path;

use super::load::text;
use crate::api::types::{PromqlFinding, PromqlTestReport};
use crate::observe::alert::{Format, Problem, read, read_trials, try_out};

/// Files of rules that one file of tests may name.
const FILES_MOST: usize = 50;

/// Runs a file of tests, as a box of this tier would.
///
/// # Errors
/// All that is wrong in it or in the files of rules that it names, each as file:line:column: what.
pub fn try_rules(path: &Path, tier: &str) -> Result<PromqlTestReport, Vec<String>> {
    let name = path.display().to_string();
    let plain = |what: String| vec![format!("{name}: {what}")];
    let told = |file: &str, problems: Vec<Problem>| -> Vec<String> {
        problems.iter().map(|problem| format!("{file}:{problem}")).collect()
    };
    let tests = text(path).map_err(plain)?;
    let format = Format::of(&name).unwrap_or(Format::Yaml);
    let file = read_trials(&tests, format).map_err(|problems| told(&name, problems))?;
    if file.rule_files.len() > FILES_MOST {
        return Err(plain(format!("it names more than {FILES_MOST} files of rules")));
    }
    let (mut groups, mut problems) = (Vec::new(), Vec::new());
    for rules in &file.rule_files {
        let path = path.parent().unwrap_or(Path::new(".")).join(rules);
        let name = path.display().to_string();
        let format = Format::of(&name).unwrap_or(Format::Yaml);
        match text(&path)
            .map_err(|what| vec![format!("{name}: {what}")])
            .and_then(|text| read(&text, format, tier).map_err(|problems| told(&name, problems)))
        {
            Ok(file) => groups.extend(file.groups),
            Err(all) => problems.extend(all),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (passed, failed) = try_out(&file, &groups);
    let word =
        |one: crate::observe::alert::Failure| PromqlFinding { line: one.line, query: one.of, what: one.what };
    Ok(PromqlTestReport { passed, failed: failed.into_iter().map(word).collect(), out_of_scope: Vec::new() })
}
