//! The header of an encrypted box: its data keys, wrapped, and how the wrapping key is made. Whoever loses it and
//! its copy loses everything; whoever has it and the secret can read everything.
//!
//! ```text
//! store.seal, keys/store.seal = framed record (store::codec) of Header
//! wrapped key                 = XChaCha20-Poly1305 of the data key; bound in: "data key" · id u32 LE
//! mark                        = keyed BLAKE3 of the record with a mark of zeros
//! ```
//! The frame tells damage, the mark tells a wrong key: both whole and the mark not holding is another key.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bincode::{Decode, Encode};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use zeroize::Zeroizing;

use super::CryptError;
use super::cell::{encrypt, open_with};
use super::random::random;
use super::wrap::{Key, Wrap};
use crate::store::codec::{self, CodecError};
use crate::store::sync_parent;

/// Below the data folder.
pub const HEADER: &str = "store.seal";
pub const COPY: &str = "keys/store.seal";
const VERSION: u8 = 1;
const MARK: &str = "spud 2026-11-21 mark of a header";
/// A header is smaller by far.
const LARGEST: u64 = 64 << 10;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct WrappedKey {
    pub(super) id: u32,
    nonce: [u8; 24],
    sealed: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Header {
    pub(super) wrap: Wrap,
    pub(super) keys: Vec<WrappedKey>,
    /// The key that seals new values; 0 where values are written as they are.
    pub(super) write_with: u32,
    pub(super) plain_allowed: bool,
    mark: [u8; 32],
}

/// A data key.
#[derive(Clone)]
pub(super) struct DataKey {
    pub(super) id: u32,
    pub(super) key: Key,
}

impl DataKey {
    pub(super) fn new() -> Self {
        let id = u32::from_le_bytes(random()).max(1);
        Self { id, key: Zeroizing::new(random()) }
    }
}

fn bound_in(id: u32) -> Vec<u8> {
    [&b"data key"[..], &id.to_le_bytes()].concat()
}

impl Header {
    pub(super) fn new(
        wrap: Wrap,
        with: &Key,
        keys: &[DataKey],
        write_with: u32,
        plain_allowed: bool,
    ) -> Self {
        let cipher = XChaCha20Poly1305::new(&(**with).into());
        let wrapped = |key: &DataKey| {
            let nonce = random();
            let sealed = encrypt(&cipher, &nonce, &bound_in(key.id), &key.key[..]);
            WrappedKey { id: key.id, nonce, sealed }
        };
        let keys = keys.iter().map(wrapped).collect();
        let mut header = Self { wrap, keys, write_with, plain_allowed, mark: [0; 32] };
        header.mark = header.marked(with);
        header
    }

    fn marked(&self, with: &Key) -> [u8; 32] {
        let bare = Self { mark: [0; 32], ..self.clone() };
        let bytes = codec::encode_body(&bare).unwrap_or_default();
        *blake3::keyed_hash(&blake3::derive_key(MARK, &with[..]), &bytes).as_bytes()
    }

    /// The data keys; `None` where this is not the key that wrapped them.
    pub(super) fn unwrap(&self, with: &Key) -> Option<Vec<DataKey>> {
        if blake3::Hash::from(self.marked(with)) != blake3::Hash::from(self.mark) {
            return None;
        }
        let cipher = XChaCha20Poly1305::new(&(**with).into());
        let open = |key: &WrappedKey| {
            let bytes = Zeroizing::new(open_with(&cipher, &key.nonce, &bound_in(key.id), &key.sealed)?);
            Some(DataKey { id: key.id, key: Zeroizing::new(bytes.as_slice().try_into().ok()?) })
        };
        self.keys.iter().map(open).collect()
    }

    /// Writes both copies, one after the other, each whole or not at all.
    pub(super) fn save(&self, folder: &Path) -> Result<(), CryptError> {
        let bytes = self.bytes();
        for name in [HEADER, COPY] {
            let path = folder.join(name);
            put(&path, &bytes).map_err(|error| CryptError::io(&path, error))?;
        }
        Ok(())
    }

    fn bytes(&self) -> Vec<u8> {
        codec::encode(VERSION, self).unwrap_or_default()
    }

    /// Reads the header, or its copy where that is all there is; the other one is then made whole again. `None`
    /// where there is neither.
    pub(super) fn load(folder: &Path) -> Result<Option<Self>, CryptError> {
        let [first, second] = [HEADER, COPY].map(|name| read(&folder.join(name)));
        let (first, second) = (first?, second?);
        let found = match (&first, &second) {
            (Some(Ok(header)), _) | (_, Some(Ok(header))) => header.clone(),
            (None, None) => return Ok(None),
            (Some(Err(CodecError::Version { .. })), _) | (_, Some(Err(CodecError::Version { .. }))) => {
                return Err(CryptError::Newer { path: folder.join(HEADER) });
            }
            _ => return Err(CryptError::Damaged { path: folder.join(HEADER) }),
        };
        for (name, was) in [(HEADER, first), (COPY, second)] {
            if was.and_then(Result::ok).as_ref() != Some(&found) {
                tracing::warn!(name, "the header of the encrypted store is written again from its copy");
                let path = folder.join(name);
                if let Err(error) = put(&path, &found.bytes()) {
                    tracing::error!(%error, name, "the header cannot be written: there is only one of it");
                }
            }
        }
        Ok(Some(found))
    }

    /// Removes both, the copy first.
    pub(super) fn remove(folder: &Path) -> Result<(), CryptError> {
        for name in [COPY, HEADER] {
            let path = folder.join(name);
            let removed = match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => sync_parent(&path),
            };
            removed.map_err(|error| CryptError::io(&path, error))?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<Result<Header, CodecError>>, CryptError> {
    match fs::metadata(path) {
        Ok(meta) if meta.len() > LARGEST => return Ok(Some(Err(CodecError::Check))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CryptError::io(path, error)),
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(|error| CryptError::io(path, error))?;
    Ok(Some(codec::decode(VERSION, &bytes)))
}

/// A file is its old self or its new one after a power cut.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("seal.new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_parent(path)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::store::crypt::Cost;
    use proptest::prelude::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn header() -> (Header, Key) {
        let (wrap, with) = Wrap::new("file:/k", SECRET, Cost::fitting(0)).unwrap();
        let keys = [DataKey::new(), DataKey::new()];
        (Header::new(wrap, &with, &keys, keys[1].id, false), with)
    }

    #[test]
    fn one_of_two_is_enough_and_the_other_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        assert_eq!(Header::load(folder.path()).unwrap(), None);
        let (header, _) = header();
        header.save(folder.path()).unwrap();
        for name in [HEADER, COPY] {
            for damage in [Some(&b"torn"[..]), None] {
                match damage {
                    Some(bytes) => fs::write(path(name), bytes).unwrap(),
                    None => fs::remove_file(path(name)).unwrap(),
                }
                assert_eq!(Header::load(folder.path()).unwrap().unwrap(), header);
                assert_eq!(fs::read(path(name)).unwrap(), header.bytes());
            }
        }
        for name in [HEADER, COPY] {
            fs::write(path(name), b"torn").unwrap();
        }
        assert!(matches!(Header::load(folder.path()), Err(CryptError::Damaged { .. })));
        Header::remove(folder.path()).unwrap();
        assert_eq!(Header::load(folder.path()).unwrap(), None);
    }

    #[test]
    fn a_wrong_key_is_told_from_damage_and_nothing_in_it_can_be_changed() {
        let (header, with) = header();
        assert_eq!(header.unwrap(&with).unwrap().len(), 2);
        let (_, other) = Wrap::new("file:/k", SECRET, Cost::fitting(0)).unwrap();
        assert!(header.unwrap(&other).is_none());
        let weaker = Header { plain_allowed: true, ..header.clone() };
        assert!(weaker.unwrap(&with).is_none(), "no plain rows slip in by a changed header");
        let fewer = Header { write_with: 0, ..header };
        assert!(fewer.unwrap(&with).is_none());
    }

    /// The form on disk: a change of it needs a new version.
    #[test]
    fn the_form_is_golden() {
        let (header, _) = header();
        let bytes = header.bytes();
        assert_eq!((bytes.len(), bytes[0]), (258, 1));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_damage(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = header().0.bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(codec::decode::<Header>(VERSION, &bytes).is_err());
        }
    }
}
