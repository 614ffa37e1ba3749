//! A signature as `ssh-keygen -Y sign` writes it (PROTOCOL.sshsig).
//!
//! ```text
//! "SSHSIG" · version · public key · namespace · reserved · hash · signature       in base64, between two lines
//! "SSHSIG" · namespace · reserved · hash · H(document)                            what is signed
//! SHA-256(application) · flags · counter · SHA-256(what is signed)                what a security key signs
//! ```

use sha2::{Digest, Sha256, Sha512};

use super::wire::{Wire, put};
use super::{PublicKey, SshError};
use crate::base::{from_base64, to_base64};
use crate::store::backup::holds;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
/// One of Ed25519 has some 300 bytes.
const TEXT_BYTES: usize = 8 << 10;
/// Of the flags of a security key: somebody was there.
const TOUCH: u8 = 0x01;

/// What a security key says beside its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    pub(super) flags: u8,
    /// Grows with every signature; some keys leave it at 0 for ever.
    pub counter: u32,
}

/// A signature with the key that it says it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    blob: Vec<u8>,
    pub key: PublicKey,
    namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: Vec<u8>,
    bytes: [u8; 64],
    pub(super) presence: Option<Presence>,
}

impl Signature {
    /// Reads the text of a `.sig` file.
    ///
    /// # Errors
    /// [`SshError`] where it is none, or of a key that is not taken.
    pub fn parse(text: &str) -> Result<Self, SshError> {
        if text.len() > TEXT_BYTES {
            return Err(SshError::Signature("it is too long"));
        }
        let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body: String = body
            .ok_or(SshError::Signature("its first or last line is missing"))?
            .split_whitespace()
            .collect();
        let blob = from_base64(&body).ok_or(SshError::Signature("it is not base64"))?;
        Self::from_blob(&blob)
    }

    fn from_blob(blob: &[u8]) -> Result<Self, SshError> {
        const SHORT: SshError = SshError::Signature("its bytes do not add up");
        let mut wire = Wire(blob.strip_prefix(MAGIC).ok_or(SshError::Signature("it does not begin as one"))?);
        if wire.number() != Some(VERSION) {
            return Err(SshError::Signature("it is of another version"));
        }
        let key = PublicKey::from_blob(wire.string().ok_or(SHORT)?)?;
        let mut field = || wire.string().map(<[u8]>::to_vec);
        let (namespace, reserved, hash, inner) = match (field(), field(), field(), field()) {
            (Some(namespace), Some(reserved), Some(hash), Some(inner)) => (namespace, reserved, hash, inner),
            _ => return Err(SHORT),
        };
        wire.last(()).ok_or(SHORT)?;
        let mut wire = Wire(&inner);
        if wire.string() != Some(key.kind().as_bytes()) {
            return Err(SshError::Signature("key and signature are of different kinds"));
        }
        let bytes = wire.string().and_then(|bytes| bytes.try_into().ok()).ok_or(SHORT)?;
        let presence = match &key.application {
            Some(_) => {
                let (flags, counter) = wire.byte().zip(wire.number()).ok_or(SHORT)?;
                Some(Presence { flags, counter })
            }
            None => None,
        };
        let blob = blob.to_vec();
        wire.last(Self { blob, key, namespace, reserved, hash, bytes, presence }).ok_or(SHORT)
    }

    /// As `ssh-keygen` writes it, however it came.
    #[must_use]
    pub fn text(&self) -> String {
        const COLUMNS: usize = 70;
        let mut text = format!("{BEGIN}\n");
        for (at, letter) in to_base64(&self.blob).chars().enumerate() {
            if at > 0 && at % COLUMNS == 0 {
                text.push('\n');
            }
            text.push(letter);
        }
        text + "\n" + END + "\n"
    }

    /// Checks that its key signed this document for this purpose; of a security key, that somebody touched it.
    /// Whether the key may sign at all is for others to say.
    ///
    /// # Errors
    /// [`SshError`] where anything differs.
    pub fn verify(&self, document: &[u8], namespace: &'static str) -> Result<Option<Presence>, SshError> {
        if self.namespace != namespace.as_bytes() {
            let found = String::from_utf8_lossy(&self.namespace);
            let found = found.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(SshError::Namespace { found, wanted: namespace });
        }
        let digest = match self.hash.as_slice() {
            b"sha512" => Sha512::digest(document).to_vec(),
            b"sha256" => Sha256::digest(document).to_vec(),
            _ => return Err(SshError::Signature("its hash is neither sha512 nor sha256")),
        };
        let mut signed = MAGIC.to_vec();
        for part in [&self.namespace, &self.reserved, &self.hash, &digest] {
            put(&mut signed, part);
        }
        if let (Some(application), Some(presence)) = (&self.key.application, self.presence) {
            let mut told = Sha256::digest(application).to_vec();
            told.push(presence.flags);
            told.extend(presence.counter.to_be_bytes());
            told.extend(Sha256::digest(&signed));
            signed = told;
        }
        if !holds(&self.key.point, &signed, &self.bytes) {
            return Err(SshError::Wrong);
        }
        if self.presence.is_some_and(|presence| presence.flags & TOUCH == 0) {
            return Err(SshError::Untouched);
        }
        Ok(self.presence)
    }
}
