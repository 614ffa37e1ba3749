//! The policies: those in the program, and the site's, in the folder `policies` of each configuration folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::asset;
use crate::base::InOrder;
use crate::governance::policy::{PolicyError, PolicyProblem, PolicySet, Source};

/// Folder of policies beside `spud.toml`.
pub(super) const FOLDER: &str = "policies";
const FILES_MOST: usize = 64;
const BYTES_MOST: u64 = 1 << 20;
const BUILT_IN: &str = "spud.cedar";

/// The schema in the program.
fn schema() -> Source {
    Source { file: "spud.cedarschema".into(), text: asset!("policies/spud.cedarschema") }
}

/// The policies in the program.
fn built_in() -> Source {
    Source { file: BUILT_IN.into(), text: asset!("policies/default.cedar") }
}

/// True for a policy of the program.
pub(super) fn is_built_in(file: &str) -> bool {
    file == BUILT_IN
}

/// The set of these beside the built-in ones.
pub(super) fn load(site: &[Source]) -> Result<PolicySet, PolicyError> {
    let mut files = vec![built_in()];
    files.extend_from_slice(site);
    PolicySet::load(&schema(), &files)
}

/// Reads the site's files, folder by folder, by name.
pub(super) fn read(folders: &[PathBuf]) -> Result<Vec<Source>, PolicyError> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    let mut told = |path: &Path, what: String| {
        problems.push(PolicyProblem { file: path.display().to_string(), line: 1, column: 1, what });
    };
    for folder in folders {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                continue;
            }
            Err(error) => {
                told(folder, format!("the folder cannot be read: {error}"));
                continue;
            }
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "cedar"));
        paths.order();
        for path in paths {
            if found.len() >= FILES_MOST {
                told(&path, format!("a site has at most {FILES_MOST} files of policies"));
                break;
            }
            match text(&path) {
                Ok(text) => found.push(Source { file: path.display().to_string(), text }),
                Err(what) => told(&path, what),
            }
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(PolicyError::Invalid(problems)) }
}

fn text(path: &Path) -> Result<String, String> {
    let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > BYTES_MOST {
        return Err(format!("the file has {bytes} bytes, more than {BYTES_MOST}"));
    }
    fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))
}
