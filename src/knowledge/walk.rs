//! Walks folders for files to add.
//!
//! Invariant: symbolic links are never followed, memory holds one folder's names per level, order is by name.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use super::exclude::Excludes;

/// Files of patterns, the one that overrules the others first.
const PATTERN_FILES: [&str; 3] = [".spudignore", ".ignore", ".gitignore"];
/// A file of patterns that is longer is not read.
const PATTERNS_MOST: u64 = 1 << 20;

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
        let mut each = |found: Found| match found {
            Ok(file) => {
                summary.files += 1;
                entry(file)
            }
            Err(miss) => {
                summary.skipped += 1;
                skipped(miss);
                ControlFlow::Continue(())
            }
        };
        if walk_root(root, excludes, &mut each).is_break() {
            summary.stopped = true;
            break;
        }
    }
    summary
}

/// Says which exclude pattern makes no sense, if any.
///
/// # Errors
/// The pattern and why.
pub fn check_patterns(excludes: &[String]) -> Result<(), String> {
    let checked = patterns(excludes).map(drop);
    checked.map_err(|(pattern, error)| format!("the pattern '{pattern}' makes no sense: {error}"))
}

fn patterns(excludes: &[String]) -> Result<Excludes, (String, String)> {
    let mut all = Excludes::default();
    for pattern in excludes {
        all.add(pattern).map_err(|error| (pattern.clone(), error.to_string()))?;
    }
    Ok(all)
}

type Found = Result<Entry, Skipped>;
type Each<'a> = &'a mut dyn FnMut(Found) -> ControlFlow<()>;

fn miss(path: &Path, reason: impl Into<String>) -> Found {
    Err(Skipped { path: path.to_owned(), reason: reason.into() })
}

/// A folder that is being walked.
struct Level {
    path: PathBuf,
    names: IntoIter<(OsString, FileType)>,
    patterns: [Excludes; 3],
}

fn walk_root(root: &Path, excludes: &[String], each: Each<'_>) -> ControlFlow<()> {
    let own = match patterns(excludes) {
        Ok(own) => own,
        Err((pattern, error)) => {
            return each(miss(Path::new(&pattern), format!("this exclude pattern makes no sense: {error}")));
        }
    };
    match fs::metadata(root) {
        Ok(about) if about.is_dir() => {}
        _ => return each(look(root)),
    }
    let mut levels: Vec<Level> = Vec::new();
    open(root.to_owned(), &mut levels, each)?;
    while let Some(level) = levels.last_mut() {
        let Some((name, kind)) = level.names.next() else {
            levels.pop();
            continue;
        };
        let path = level.path.join(&name);
        let taken_in = mentioned(&levels, &path, kind.is_dir());
        let is_hidden = name.as_encoded_bytes().starts_with(b".") && taken_in != Some(false);
        let below_root = path.strip_prefix(root).unwrap_or(&path);
        if taken_in == Some(true) || is_hidden || own.excludes(below_root, kind.is_dir()) == Some(true) {
            continue;
        }
        if kind.is_dir() {
            open(path, &mut levels, each)?;
        } else if kind.is_symlink() {
            if let Some(reason) = link(root, &path) {
                each(miss(&path, reason))?;
            }
        } else {
            each(look(&path))?;
        }
    }
    ControlFlow::Continue(())
}

/// What the files of patterns say of a path, the nearest first: true where it is left out.
fn mentioned(levels: &[Level], path: &Path, is_folder: bool) -> Option<bool> {
    (0..PATTERN_FILES.len()).find_map(|file| {
        levels.iter().rev().find_map(|level| {
            let patterns = level.patterns.get(file).filter(|patterns| !patterns.is_empty())?;
            patterns.excludes(path.strip_prefix(&level.path).ok()?, is_folder)
        })
    })
}

/// Reads a folder's names and patterns, and goes into it.
fn open(path: PathBuf, levels: &mut Vec<Level>, each: Each<'_>) -> ControlFlow<()> {
    let read = || -> io::Result<Vec<(OsString, FileType)>> {
        fs::read_dir(&path)?
            .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))))
            .collect()
    };
    let mut names = match read() {
        Ok(names) => names,
        Err(error) => return each(miss(&path, format!("it cannot be read: {error}"))),
    };
    names.sort_by(|a, b| a.0.cmp(&b.0));
    let mut patterns: [Excludes; 3] = Default::default();
    for (file, patterns) in PATTERN_FILES.into_iter().zip(&mut patterns) {
        if names.binary_search_by(|(name, _)| name.as_os_str().cmp(file.as_ref())).is_ok() {
            read_patterns(&path.join(file), patterns, each)?;
        }
    }
    levels.push(Level { path, names: names.into_iter(), patterns });
    ControlFlow::Continue(())
}

fn read_patterns(file: &Path, patterns: &mut Excludes, each: Each<'_>) -> ControlFlow<()> {
    let short = fs::metadata(file).is_ok_and(|about| about.is_file() && about.len() <= PATTERNS_MOST);
    let Some(text) = short.then(|| fs::read(file).ok()).flatten() else {
        return each(miss(file, "its patterns cannot be read"));
    };
    for (number, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        if let Err(error) = patterns.add(line) {
            each(miss(file, format!("line {}: this pattern makes no sense: {error}", number + 1)))?;
        }
    }
    ControlFlow::Continue(())
}

fn look(path: &Path) -> Found {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) => return miss(path, format!("it cannot be read: {error}")),
    };
    if !about.is_file() {
        return miss(path, "it is a pipe, a socket or a device");
    }
    let since = about.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let mtime_ms = since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0);
    Ok(Entry { path: path.to_owned(), size: about.len(), mtime_ms })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_patterns_and_ours_overrule_others() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put(".gitignore", "*.log\n/build/\n[z-a]\n!.shown\n");
        put("sub/.gitignore", "!keep.log\n");
        put("other/.ignore", "!b.log\n");
        put("other/.spudignore", "b.log\n");
        for name in [
            "a.md",
            "a.log",
            "build/x.md",
            "sub/build/x.md",
            "sub/keep.log",
            "sub/x.log",
            "other/b.log",
            ".hidden",
            ".shown",
            "x.tmp",
        ] {
            put(name, "");
        }
        let (mut found, mut missed) = (Vec::new(), Vec::new());
        let summary = walk(
            &[folder.path().to_owned()],
            &["*.tmp".to_owned()],
            &mut |entry| {
                found.push(entry.path.strip_prefix(folder.path()).unwrap().display().to_string());
                ControlFlow::Continue(())
            },
            &mut |miss| missed.push(miss.reason),
        );
        assert_eq!(found, [".shown", "a.md", "sub/build/x.md", "sub/keep.log"]);
        assert_eq!(missed, ["line 3: this pattern makes no sense: the range z-a runs backwards"]);
        assert_eq!((summary.files, summary.skipped, summary.stopped), (4, 1, false));
    }
}
