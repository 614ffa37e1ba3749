//! Puts a file of settings on the disk, whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::error::ConfigError;

/// Writes beside, syncs, renames; what a link points to is replaced, not the link. The mode of an old file stays.
///
/// # Errors
/// [`ConfigError::Write`] with the path; the old file is untouched then.
pub fn write_file(path: &Path, text: &str) -> Result<(), ConfigError> {
    // A link that leads nowhere is replaced itself.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    put(&target, text).map_err(|error| ConfigError::Write { path: target.display().to_string(), error })
}

/// Makes a folder of settings where it is not there. Everybody may look into it: whoever could not would not even know
/// that there are no settings for them, and be refused. Files have modes of their own.
///
/// # Errors
/// What the system says.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mode = fs::metadata(path).map_or(0o640, |meta| meta.permissions().mode());
    let mut beside = tempfile::Builder::new().prefix(".spud.toml.").tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().set_permissions(Permissions::from_mode(mode & 0o777))?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    // The name itself must survive a power cut, too.
    File::open(folder)?.sync_all()
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_links_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("etc/spud/spud.toml");
        write_file(&path, "a").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_file(&link, "b").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "b");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        let of_folder = fs::metadata(path.parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(of_folder & 0o777, 0o755, "others see whether there are settings");
        let blocked = path.join("spud.toml");
        assert!(write_file(&blocked, "c").unwrap_err().to_string().contains("cannot be written"));
    }
}
