//! A file that only takes space, so that there is some to give up when the disk is full.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::hardware::BALLAST;

const BLOCK: usize = 64 << 10;

/// The ballast of one data folder.
#[derive(Debug)]
pub struct Ballast {
    path: PathBuf,
    held: bool,
}

impl Ballast {
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        let path = data_dir.join("ballast");
        let held = fs::metadata(&path).is_ok_and(|meta| meta.len() == BALLAST);
        Self { path, held }
    }

    /// True while the space is taken.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Takes the space.
    ///
    /// # Errors
    /// What the file system says; nothing is left behind then.
    pub fn take(&mut self) -> io::Result<()> {
        let written = self.write();
        if written.is_err() {
            let _ = fs::remove_file(&self.path);
        }
        self.held = written.is_ok();
        written
    }

    /// Bytes that no file system compresses away or leaves out.
    fn write(&self) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        let mut block = Vec::with_capacity(BLOCK);
        for _ in 0..BALLAST / BLOCK as u64 {
            block.clear();
            while block.len() < BLOCK {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                block.extend_from_slice(&seed.to_le_bytes());
            }
            file.write_all(&block)?;
        }
        file.sync_all()
    }

    /// Gives the space up; true when there was any.
    ///
    /// # Errors
    /// What the file system says.
    pub fn release(&mut self) -> io::Result<bool> {
        self.held = false;
        match fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_taken_and_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut ballast = Ballast::new(folder.path());
        assert!(!ballast.is_held());
        ballast.take().unwrap();
        assert_eq!(fs::metadata(folder.path().join("ballast")).unwrap().len(), BALLAST);
        let mut again = Ballast::new(folder.path());
        assert!(again.is_held() && again.release().unwrap());
        assert!(!again.release().unwrap(), "there is nothing any more");
        fs::write(folder.path().join("ballast"), "cut short").unwrap();
        assert!(!Ballast::new(folder.path()).is_held());
        let mut nowhere = Ballast::new(Path::new("/no/such/folder"));
        assert!(nowhere.take().is_err() && !nowhere.is_held());
    }
}
