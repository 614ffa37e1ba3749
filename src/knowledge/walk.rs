//! Walks folders for files to add.
//!
//! Invariant: symbolic links are never followed, memory holds one folder's names per level, order is by name.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder};

/// A regular file that may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: PathBuf,
    pub size: u64,
    pub mtime_ms: u64,
}

/// Something that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub path: PathBuf,
    pub reason: String,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    pub files: u64,
    pub skipped: u64,
    pub stopped: bool,
}

/// Hands over every regular file below `roots`, by name within each folder.
///
/// `excludes` are patterns in the manner of `.gitignore`; `.gitignore`, `.ignore` and `.spudignore` files
/// are honoured, hidden files are left out silently. `skipped` hears of links that lead out of their root or
/// nowhere, of pipes and devices, of folders that cannot be read, and of patterns that make no sense.
pub fn walk(
    roots: &[PathBuf],
    excludes: &[String],
    entry: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    skipped: &mut dyn FnMut(Skipped),
) -> Summary {
    let mut summary = Summary::default();
    for root in roots {
        let mut miss = |path: &Path, reason: String, summary: &mut Summary| {
            summary.skipped += 1;
            skipped(Skipped { path: path.to_owned(), reason });
        };
        let matcher = match patterns(root, excludes) {
            Ok(matcher) => matcher,
            Err((pattern, error)) => {
                miss(
                    Path::new(&pattern),
                    format!("this exclude pattern makes no sense: {error}"),
                    &mut summary,
                );
                continue;
            }
        };
        for found in walker(root, matcher) {
            let seen = match found {
                Ok(seen) => look(root, &seen),
                Err(error) => Some(Err((named_in(&error, root), reason(&error)))),
            };
            match seen {
                None => {}
                Some(Err((path, reason))) => miss(&path, reason, &mut summary),
                Some(Ok(file)) => {
                    summary.files += 1;
                    if entry(file).is_break() {
                        summary.stopped = true;
                        return summary;
                    }
                }
            }
        }
    }
    summary
}

/// Says which exclude pattern makes no sense, if any.
///
/// # Errors
/// The pattern and why.
pub fn check_patterns(excludes: &[String]) -> Result<(), String> {
    let checked = patterns(Path::new("/"), excludes).map(drop);
    checked.map_err(|(pattern, error)| format!("the pattern '{pattern}' makes no sense: {error}"))
}

fn patterns(root: &Path, excludes: &[String]) -> Result<Gitignore, (String, ignore::Error)> {
    let mut builder = GitignoreBuilder::new(root);
    for pattern in excludes {
        builder.add_line(None, pattern).map_err(|error| (pattern.clone(), error))?;
    }
    builder.build().map_err(|error| (excludes.join(" "), error))
}

fn walker(root: &Path, matcher: Gitignore) -> ignore::Walk {
    WalkBuilder::new(root)
        .follow_links(false)
        .hidden(true)
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .add_custom_ignore_filename(".spudignore")
        .sort_by_file_name(std::cmp::Ord::cmp)
        .filter_entry(move |entry| {
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            entry.depth() == 0 || !matcher.matched(entry.path(), folder).is_ignore()
        })
        .build()
}

type Seen = Option<Result<Entry, (PathBuf, String)>>;

fn look(root: &Path, seen: &DirEntry) -> Seen {
    let path = seen.path();
    let kind = seen.file_type()?;
    if kind.is_dir() {
        return None;
    }
    if kind.is_symlink() && seen.depth() > 0 {
        return link(root, path).map(|reason| Err((path.to_owned(), reason)));
    }
    let about = match std::fs::metadata(path) {
        Ok(about) => about,
        Err(error) => return Some(Err((path.to_owned(), format!("it cannot be read: {error}")))),
    };
    if !about.is_file() {
        return Some(Err((path.to_owned(), "it is a pipe, a socket or a device".to_owned())));
    }
    let since = about.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let mtime_ms = since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0);
    Some(Ok(Entry { path: path.to_owned(), size: about.len(), mtime_ms }))
}

/// A link inside its root is no loss: what it points to is met by itself.
fn link(root: &Path, path: &Path) -> Option<String> {
    let inside = root.canonicalize().ok();
    match path.canonicalize() {
        Err(_) => Some("it is a link that leads nowhere".to_owned()),
        Ok(target) if inside.is_some_and(|root| target.starts_with(root)) => None,
        Ok(target) => Some(format!("it is a link out of this folder, to {}", target.display())),
    }
}

fn named_in(error: &ignore::Error, root: &Path) -> PathBuf {
    match error {
        ignore::Error::WithPath { path, .. } => path.clone(),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            named_in(err, root)
        }
        _ => root.to_owned(),
    }
}

fn reason(error: &ignore::Error) -> String {
    match error.io_error() {
        Some(io) => format!("it cannot be read: {io}"),
        None => error.to_string(),
    }
}
