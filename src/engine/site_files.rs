//! What a site says in files of a folder of its configuration, over what comes with spud.
//!
//! A thing takes the place of one of the same name in a file below. A file that is wrong is told, and what it said
//! before goes on.

use std::path::PathBuf;

use super::alerts::{listed, text};
use super::run::Inner;
use crate::observe::alert::Problem;

/// Where what comes with spud is from.
pub(super) const BUILT_IN: &str = "built in";

/// Things of a file, by its path and text.
type Read<T> = fn(&str, &str) -> Result<Vec<T>, Vec<Problem>>;

/// What stands in files of one folder.
pub(super) struct Kind<T> {
    /// Of each folder of the configuration; also what the things are called, many of them.
    pub(super) folder: &'static str,
    /// Of all files together.
    pub(super) most: usize,
    pub(super) read: Read<T>,
    pub(super) name: fn(&T) -> &str,
}

/// Files with their texts: those of spud, then those of each folder, by name.
fn sources(inner: &Inner, folder: &str, shipped: &[(&str, String)]) -> Vec<(String, Result<String, String>)> {
    let built_in = shipped.iter().map(|(name, text)| ((*name).to_owned(), Ok(text.clone())));
    let paths = inner.settings.config_folders.iter().flat_map(|above| listed(&above.join(folder)));
    let of_site = |path: PathBuf| (path.display().to_string(), text(&path));
    built_in.chain(paths.map(of_site)).collect()
}

/// Everything that holds, with the file of each, and what is wrong as file:line:column: what. `before` is what held
/// until now.
pub(super) fn gather<T: Clone>(
    inner: &Inner,
    kind: &Kind<T>,
    shipped: &[(&str, String)],
    before: &[(String, T)],
) -> (Vec<(String, T)>, Vec<String>) {
    let (mut found, mut problems): (Vec<(String, T)>, Vec<String>) = (Vec::new(), Vec::new());
    for (file, text) in sources(inner, kind.folder, shipped) {
        let read = text.map_err(|what| vec![format!("{file}: {what}")]).and_then(|text| {
            (kind.read)(&file, &text)
                .map_err(|all| all.iter().map(|problem| format!("{file}:{problem}")).collect())
        });
        let all = read.unwrap_or_else(|told| {
            problems.extend(told);
            before.iter().filter(|(known, _)| *known == file).map(|(_, one)| one.clone()).collect()
        });
        for one in all {
            let name = (kind.name)(&one);
            found.retain(|(_, known)| (kind.name)(known) != name);
            if found.len() >= kind.most {
                let (most, what) = (kind.most, kind.folder);
                problems.push(format!("{file}: {name} is left out: a box has at most {most} of {what}"));
            } else {
                found.push((file.clone(), one));
            }
        }
    }
    for problem in &problems {
        tracing::error!(problem, folder = kind.folder, "a file is not taken up; what it said before goes on");
    }
    (found, problems)
}

/// Reads a file; gives how many things it holds.
pub(super) fn check<T>(kind: &Kind<T>, name: &str, text: &str) -> Result<usize, Vec<String>> {
    let told = |all: Vec<Problem>| all.iter().map(ToString::to_string).collect();
    (kind.read)(name, text).map(|all| all.len()).map_err(told)
}

impl Inner {
    /// What stands in files beside the settings is read again.
    pub(super) fn reload_files(&self) {
        self.alerting.reload();
        self.probes.reload();
        self.dashboards.reload();
        self.sla.reload();
        self.violations.reload();
    }
}
