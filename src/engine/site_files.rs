//! What a site says in files of a folder of its configuration, over what comes with spud.
//!
//! A thing takes the place of one of the same name in a file below. A file that is wrong is told, and what it said
//! before goes on.

use std::path::{Path, PathBuf};

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
    /// Of files in one folder, only one may have a thing of a name; else the later one holds.
    pub(super) unique: bool,
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
    // Of each thing that holds: the line of its name.
    let mut lines: Vec<(String, usize)> = Vec::new();
    for (file, text) in sources(inner, kind.folder, shipped) {
        let whole = text.clone().unwrap_or_default();
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
            let line = line_of(&whole, name);
            let other = found.iter().find(|(known, other)| {
                (kind.name)(other) == name && Path::new(known).parent() == Path::new(&file).parent()
            });
            if let Some((known, _)) = other.filter(|(known, _)| kind.unique && *known != file) {
                let at = lines.iter().find(|(one, _)| one == name).map_or(1, |(_, line)| *line);
                problems.push(format!(
                    "{file}:{line}: {name} is left out: it is in {known}:{at} already; give one another name"
                ));
                continue;
            }
            lines.retain(|(known, _)| known != name);
            lines.push((name.to_owned(), line));
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
        tracing::error!(
            problem,
            folder = kind.folder,
            "a file is not taken up as a whole; what it said before goes on"
        );
    }
    (found, problems)
}

/// The line in which something is given this name, from 1.
fn line_of(text: &str, name: &str) -> usize {
    let names = |line: &str| {
        let value = line.trim_start().trim_start_matches("- ").strip_prefix("name").unwrap_or_default();
        value.trim_start_matches([' ', '=', ':', '"', '\'']).trim_end().trim_end_matches(['"', '\'']) == name
    };
    text.lines().position(names).map_or(1, |at| at + 1)
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
