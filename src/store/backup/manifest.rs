//! What a backup is made of: one signed record, which names everything else by its content.
//!
//! ```text
//! manifests/<id> = framed record (store::codec) of Signed { body, public key, signature of the body }
//! body           = framed record of Manifest
//! ```

use bincode::{Decode, Encode};

use super::chunk::Id;
use super::sign::{PublicKey, Signer, holds};
use super::{BackupError, Trust};
use crate::base::to_hex;
use crate::store::codec;

const VERSION: u8 = 1;

/// What kind of thing an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Kind {
    /// A file of the data folder.
    File,
    /// A table of a store: `corpus.redb/documents`.
    Table,
}

/// One file or table.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    pub kind: Kind,
    /// Below the data folder.
    pub name: String,
    /// Of the file, or of the rows with their lengths.
    pub bytes: u64,
    pub rows: u64,
    pub pieces: u64,
    /// The piece that lists the others: 32 bytes each.
    pub list: Id,
    /// Tells an immutable file from any other of its name without reading it; zeros where there is no telling.
    pub stamp: Id,
}

/// A collection as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct CollectionMark {
    pub name: String,
    pub generation: u64,
    pub documents: u64,
}

/// What a box tells of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Head {
    /// Milliseconds since the Unix epoch.
    pub made_ms: u64,
    /// Version of the program.
    pub spud: String,
    pub host: String,
    /// SHA-256 of the model that answered.
    pub model: String,
    pub collections: Vec<CollectionMark>,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    pub head: Head,
    pub entries: Vec<Entry>,
    /// What this backup added to the repository.
    pub new_bytes: u64,
    pub new_pieces: u64,
}

impl Manifest {
    /// Bytes before packing.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }

    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.entries.iter().map(|entry| entry.pieces).sum()
    }
}

#[derive(Encode, Decode)]
struct Signed {
    body: Vec<u8>,
    key: PublicKey,
    signature: [u8; 64],
}

/// A manifest that was read, with who signed it. The signature holds; whether the key is believed is another
/// question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    pub id: String,
    pub manifest: Manifest,
    pub key: PublicKey,
}

impl Backup {
    /// Refuses a key that is not believed.
    ///
    /// # Errors
    /// [`BackupError::Unknown`].
    pub fn believed(self, trust: &Trust) -> Result<Self, BackupError> {
        if trust.believes(&self.key) {
            return Ok(self);
        }
        Err(BackupError::Unknown { id: self.id, key: to_hex(&self.key) })
    }
}

pub(super) fn seal(manifest: &Manifest, signer: &Signer) -> Result<Vec<u8>, BackupError> {
    let body = codec::encode(VERSION, manifest)?;
    let signature = signer.sign(&body);
    Ok(codec::encode(VERSION, &Signed { body, key: signer.public(), signature })?)
}

pub(super) fn open(id: &str, bytes: &[u8]) -> Result<Backup, BackupError> {
    let bad = |what: String| BackupError::damaged(format!("manifest {id}: {what}"));
    let signed: Signed = codec::decode(VERSION, bytes).map_err(|error| bad(error.to_string()))?;
    if !holds(&signed.key, &signed.body, &signed.signature) {
        return Err(bad("its signature does not hold".to_owned()));
    }
    let manifest: Manifest = codec::decode(VERSION, &signed.body).map_err(|error| bad(error.to_string()))?;
    Ok(Backup { id: id.to_owned(), manifest, key: signed.key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest() -> Manifest {
        let entry = |kind, name: &str| Entry {
            kind,
            name: name.to_owned(),
            bytes: 5,
            rows: 2,
            pieces: 1,
            list: [3; 32],
            stamp: [0; 32],
        };
        let mark = CollectionMark { name: "manuals".into(), generation: 4, documents: 2 };
        Manifest {
            head: Head {
                made_ms: 1_700_000_000_000,
                spud: "0.1.0".into(),
                host: "box".into(),
                model: "ab".into(),
                collections: vec![mark],
            },
            entries: vec![entry(Kind::Table, "corpus.redb/paths"), entry(Kind::File, "models/active")],
            new_bytes: 9,
            new_pieces: 2,
        }
    }

    fn signer(seed: u8) -> Signer {
        let folder = tempfile::tempdir().unwrap();
        Signer::open(folder.path(), || [seed; 32]).unwrap()
    }

    /// The form on disk: a change of it needs a new version.
    #[test]
    fn the_form_is_golden() {
        let bytes = seal(&manifest(), &signer(1)).unwrap();
        assert_eq!(
            (bytes.len(), super::super::chunk::id_of(&bytes)[..4].to_vec()),
            (GOLDEN.0, GOLDEN.1.to_vec())
        );
    }
    const GOLDEN: (usize, [u8; 4]) = (449, [9, 16, 49, 180]);

    #[test]
    fn another_key_is_not_believed() {
        let sealed = seal(&manifest(), &signer(1)).unwrap();
        let backup = open("x", &sealed).unwrap();
        assert_eq!(backup.manifest, manifest());
        let only = |seed| Trust::only(vec![signer(seed).public()]);
        assert!(backup.clone().believed(&only(1)).is_ok());
        assert!(matches!(backup.believed(&only(2)), Err(BackupError::Unknown { .. })));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_seen(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut sealed = seal(&manifest(), &signer(1)).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(open("x", &sealed).is_err());
        }

        #[test]
        fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(open("x", &bytes).is_err());
        }
    }
}
