//! The key that signs backups, and the keys that are believed.
//!
//! ```text
//! keys/backup.key      Ed25519 seed, 64 hexadecimal digits; readable for the box's user alone; in no backup
//! keys/backup.trusted  public keys, one a line: of the boxes whose backups were restored here
//! ```
//! A backup is proof against a bad card and a careless hand, and against somebody who can write the folder of
//! backups but not the box. Whoever is root on the box can sign as the box.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::BackupError;
use crate::base::{from_hex, to_hex};

/// A public key.
pub type PublicKey = [u8; 32];

/// Signs what the box says: manifests of backups, tree heads of its log.
pub struct Signer(SigningKey);

impl Signer {
    /// The box's key; made from `seed` where there is none.
    ///
    /// # Errors
    /// What the disk says, or a key file that is none.
    pub fn open(data: &Path, seed: impl FnOnce() -> [u8; 32]) -> Result<Self, BackupError> {
        let path = key_path(data);
        match fs::read_to_string(&path) {
            Ok(text) => from_hex(text.trim())
                .map(|seed| Self(SigningKey::from_bytes(&seed)))
                .ok_or_else(|| BackupError::damaged(format!("{} is no key", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let seed = seed();
                put(&path, &format!("{}\n", to_hex(&seed)))?;
                Ok(Self(SigningKey::from_bytes(&seed)))
            }
            Err(error) => Err(BackupError::io(&path, error)),
        }
    }

    /// A key that is kept elsewhere.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.0.verifying_key().to_bytes()
    }

    /// An Ed25519 signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", to_hex(&self.public()))
    }
}

/// True when `key` signed `message`.
#[must_use]
pub fn holds(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

/// Which signatures are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    keys: Vec<PublicKey>,
    any: bool,
}

impl Trust {
    /// Only these keys.
    #[must_use]
    pub fn only(keys: Vec<PublicKey>) -> Self {
        Self { keys, any: false }
    }

    /// Any key: for a box that knows none yet. Still nothing may have changed since it was signed.
    #[must_use]
    pub fn first_seen() -> Self {
        Self { keys: Vec::new(), any: true }
    }

    /// What the data folder knows: its own key, and those whose backups were restored here.
    #[must_use]
    pub fn of_box(data: &Path) -> Self {
        let own = fs::read_to_string(key_path(data)).ok().and_then(|text| from_hex(text.trim()));
        let own = own.map(|seed| SigningKey::from_bytes(&seed).verifying_key().to_bytes());
        let kept = fs::read_to_string(trusted_path(data)).unwrap_or_default();
        Self::only(own.into_iter().chain(kept.lines().filter_map(|line| from_hex(line.trim()))).collect())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.any
    }

    /// Every key that is believed by name.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    #[must_use]
    pub fn believes(&self, key: &PublicKey) -> bool {
        self.any || self.keys.contains(key)
    }
}

/// Lets a box believe a key from now on.
///
/// # Errors
/// What the disk says.
pub fn trust(data: &Path, key: &PublicKey) -> Result<(), BackupError> {
    if Trust::of_box(data).believes(key) {
        return Ok(());
    }
    let path = trusted_path(data);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    put(&path, &format!("{kept}{}\n", to_hex(key)))
}

fn key_path(data: &Path) -> PathBuf {
    data.join("keys").join("backup.key")
}

fn trusted_path(data: &Path) -> PathBuf {
    data.join("keys").join("backup.trusted")
}

/// Written beside, synced and renamed: half a key would be none.
fn put(path: &Path, text: &str) -> Result<(), BackupError> {
    let said = |error| BackupError::io(path, error);
    let part = path.with_extension("part");
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        let mut file: File = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        crate::store::sync_parent(path)
    };
    write().map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_believed_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let one = Signer::open(folder.path(), || [7; 32]).unwrap();
        let again = Signer::open(folder.path(), || [8; 32]).unwrap();
        assert_eq!(one.public(), again.public());
        let signature = one.sign(b"text");
        assert!(holds(&one.public(), b"text", &signature));
        assert!(!holds(&one.public(), b"next", &signature));
        let other = Signer(SigningKey::from_bytes(&[9; 32])).public();
        let known = |key: &PublicKey| Trust::of_box(folder.path()).believes(key);
        assert!(known(&one.public()) && !known(&other));
        trust(folder.path(), &other).unwrap();
        assert!(known(&one.public()) && known(&other));
        assert!(!known(&[1; 32]));
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(key_path(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may not read the key");
    }
}
