//! The folder that an auditor verifies without spud: what the box gives as a tar, file by file.
//!
//! Invariant: nothing is written outside of the folder, and nothing is written over, whatever the box names.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use serde_json::json;

use super::context::Context;
use super::error::{CANNOT_CREATE, CliError, DATA_ERROR};
use super::evidence::Range;
use crate::api::types::AuditStatus;
use crate::base::read_tar;

const FOLDERS: [&str; 4] = ["envelopes", "entries", "proofs", "votes"];
const FILES: [&str; 7] =
    ["index.csv", "checkpoint", "key.pem", "key.pub", "README.md", "verify.sh", MANIFEST];
/// The last one: whoever finds it finds all that it names.
const MANIFEST: &str = "SHA256SUMS";

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    statements: usize,
    votes: usize,
    files: usize,
    whole: bool,
}

pub(super) fn write(
    folder: &Path,
    range: &Range,
    size: Option<u64>,
    context: &mut Context,
) -> Result<(), CliError> {
    empty(folder)?;
    let mut link = context.connect_known()?;
    let text = size.map(|size| size.to_string());
    let target = format!("/v1/evidence/bundle?{}", range.query(&[("size", text.as_deref())]));
    if size.is_none() {
        let status: AuditStatus = link.get("/v1/audit")?;
        if status.unsigned > 0 {
            context.remark(&format!("the newest {} entries are under no checkpoint yet", status.unsigned));
        }
    }
    let Written { statements, votes, files, .. } = unpack(&mut link.client().download(&target)?, folder)?;
    if context.json {
        return context.print_json(
            &json!({"statements": statements, "votes": votes, "files": files, "folder": folder}),
        );
    }
    let folder = folder.display();
    let signed = if votes == 0 { String::new() } else { format!(" and {votes} signed votes") };
    context.out.line(&format!(
        "{statements} statements{signed} in {files} files below {folder}: sh {folder}/verify.sh"
    ))
}

/// Nothing is written over.
fn empty(folder: &Path) -> Result<(), CliError> {
    let is_used = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if is_used || folder.is_file() {
        let what = format!("{} is not empty", folder.display());
        return Err(CliError::new(CANNOT_CREATE, what, "name a new folder"));
    }
    Ok(())
}

/// True for a file that a bundle has.
fn is_known(path: &str) -> bool {
    let plain = |name: &str| {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !name.is_empty() && !name.starts_with('.') && name.bytes().all(fine)
    };
    match path.split_once('/') {
        Some((folder, name)) => FOLDERS.contains(&folder) && plain(name),
        None => FILES.contains(&path),
    }
}

fn unpack(tar: &mut dyn Read, folder: &Path) -> Result<Written, CliError> {
    let mut written = Written::default();
    let done = read_tar(tar, &mut |path, bytes| {
        if !is_known(path) || written.whole {
            let shown: String = path.chars().take(100).collect();
            let what = format!("the box named a file that is none of a bundle: {shown}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let path_of_file = folder.join(path);
        fs::create_dir_all(path_of_file.parent().unwrap_or(folder))?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(path_of_file)?;
        io::copy(bytes, &mut file)?;
        written.files += 1;
        written.whole = path == MANIFEST;
        written.statements += usize::from(path.starts_with("envelopes/"));
        written.votes += usize::from(path.ends_with(".sig"));
        Ok(())
    });
    let done = done.and(if written.whole { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) });
    match done {
        Ok(()) => Ok(written),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(CliError::new(DATA_ERROR, error.to_string(), "the daemon may be of another version"))
        }
        Err(error) => {
            let what = format!("{} is not complete: {error}", folder.display());
            Err(CliError::new(CANNOT_CREATE, what, "check the folder, remove what is in it, then once more"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{TAR_END, put_in_tar};

    fn unpacked(names: &[&str], folder: &Path) -> Result<Written, CliError> {
        let mut tar = Vec::new();
        for name in names {
            assert!(put_in_tar(&mut tar, name, 0, b"x"), "{name}");
        }
        tar.extend(TAR_END);
        unpack(&mut tar.as_slice(), folder)
    }

    #[test]
    fn a_hostile_box_writes_nothing_elsewhere() {
        let above = tempfile::tempdir().unwrap();
        let absolute = format!("{}/out", above.path().display());
        for name in [
            "../out",
            absolute.as_str(),
            "envelopes/../../out",
            "envelopes/..",
            "./out",
            "envelopes/a/b",
            "other/out",
            "votes/.hidden",
            "votes/",
            "out",
            "",
        ] {
            let folder = above.path().join("new");
            let error = unpacked(&["checkpoint", name, MANIFEST], &folder).unwrap_err();
            assert_eq!(error.code, DATA_ERROR, "{name}");
            let found = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            assert_eq!(found.collect::<Vec<_>>(), ["checkpoint"], "{name}");
            assert_eq!(fs::read_dir(above.path()).unwrap().count(), 1, "{name}");
            fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn a_bundle_is_whole_with_its_manifest_and_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let fine = unpacked(&["envelopes/1-incident.json", "votes/a.sig", "votes/a", MANIFEST], &at("a"));
        let wanted = Written { statements: 1, votes: 1, files: 4, whole: true };
        assert!(fine.is_ok_and(|written| written == wanted));
        assert_eq!(unpacked(&["checkpoint"], &at("b")).unwrap_err().code, CANNOT_CREATE, "it broke off");
        assert_eq!(
            unpacked(&["key.pem", "key.pem", MANIFEST], &at("c")).unwrap_err().code,
            CANNOT_CREATE,
            "nothing is written over"
        );
        assert_eq!(unpacked(&[MANIFEST, "key.pem"], &at("d")).unwrap_err().code, DATA_ERROR, "after its end");
    }
}
