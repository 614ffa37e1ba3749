//! Reads the objectives: those that come with spud, and those of the site over them.

use super::{Desk, Live};
use crate::asset;
use crate::engine::alerts::{listed, text};
use crate::engine::run::Inner;
use crate::observe::objective::{Objective, read};

const BUILT_IN: &str = "built in";
/// Objectives of all files together: each costs a dozen questions.
const MOST: usize = 50;

/// Reads a file of objectives; gives how many there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check(text: &str) -> Result<usize, Vec<String>> {
    read(text).map(|all| all.len()).map_err(|all| all.iter().map(ToString::to_string).collect())
}

/// Reads objectives where that was not done yet; what was measured of those that stay as they are is kept.
pub(super) fn ensure(inner: &Inner, desk: &mut Desk) {
    if desk.loaded || inner.settings.scratch {
        return;
    }
    desk.loaded = true;
    let mut before = std::mem::take(&mut desk.all);
    desk.problems.clear();
    let mut found: Vec<(String, Objective)> = Vec::new();
    take(desk, &mut found, BUILT_IN, Ok(asset!("sla/spud.yaml")));
    for path in inner.settings.config_folders.iter().flat_map(|folder| listed(&folder.join("sla"))) {
        take(desk, &mut found, &path.display().to_string(), text(&path));
    }
    for problem in &desk.problems {
        tracing::error!(problem, "a file of objectives is left out");
    }
    for (file, objective) in found {
        let known = before.iter().position(|live| live.objective == objective);
        desk.all.push(match known {
            Some(at) => Live { file, ..before.swap_remove(at) },
            None => Live::new(file, objective),
        });
    }
}

/// Objectives of a file; one takes the place of one of the same name in a file below.
fn take(desk: &mut Desk, found: &mut Vec<(String, Objective)>, file: &str, text: Result<String, String>) {
    let read = text.map_err(|what| vec![format!("{file}: {what}")]).and_then(|text| {
        read(&text).map_err(|all| all.iter().map(|problem| format!("{file}:{problem}")).collect())
    });
    let all = match read {
        Ok(all) => all,
        Err(problems) => return desk.problems.extend(problems),
    };
    for one in all {
        found.retain(|(_, known)| known.name != one.name);
        if found.len() >= MOST {
            desk.problems
                .push(format!("{file}: {} is left out: a box has at most {MOST} objectives", one.name));
        } else {
            found.push((file.to_owned(), one));
        }
    }
}
