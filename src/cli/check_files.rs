//! Files that are checked without a box: how many things each holds, or all that is wrong with it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::context::Context;
use super::error::{CliError, DATA_ERROR};
use super::output::clean;

/// What a file, by name and text, holds.
type Look<'a> = &'a dyn Fn(&str, &str) -> Result<usize, Vec<String>>;

/// Reads each file and tells what `look` finds: a count of `nouns`, or problems as line:column: what.
pub(super) fn check_files(
    files: &[PathBuf],
    nouns: &str,
    context: &mut Context,
    look: Look<'_>,
) -> Result<u8, CliError> {
    let mut wrong = 0;
    let mut found = BTreeMap::new();
    for file in files {
        let name = file.display().to_string();
        let (text, mut problems) = (super::alert::read(file)?, Vec::new());
        match look(&name, &text) {
            Ok(count) if !context.json => {
                context.out.line(&clean(&format!("{name}: {count} {nouns}, nothing wrong")))?;
            }
            Ok(_) => {}
            Err(all) => problems = all,
        }
        wrong += problems.len();
        for problem in problems.iter().filter(|_| !context.json) {
            let line = context.out.paint.bad(&clean(&format!("{name}:{problem}")));
            context.out.line(&line)?;
        }
        found.insert(name, problems);
    }
    if context.json {
        context.print_json(&found)?;
    }
    Ok(if wrong == 0 { 0 } else { DATA_ERROR })
}
