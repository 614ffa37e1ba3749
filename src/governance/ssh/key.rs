//! A public key as OpenSSH writes it.

use sha2::{Digest, Sha256};

use super::SshError;
use super::wire::Wire;
use crate::base::{from_base64, to_base64};

const PLAIN: &str = "ssh-ed25519";
const TOUCHED: &str = "sk-ssh-ed25519@openssh.com";
/// An Ed25519 key of a security key with a long application has some 200 bytes.
const BLOB_BYTES: usize = 1_024;

/// An Ed25519 key, in a file or in a security key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    blob: Vec<u8>,
    pub(super) point: [u8; 32],
    /// Of a security key: what it was made for, mostly `ssh:`.
    pub(super) application: Option<Vec<u8>>,
}

impl PublicKey {
    /// Reads a line of a `.pub` file; gives the key and its comment. Options before the kind are not taken.
    ///
    /// # Errors
    /// [`SshError`] where it is no key, or of a kind that is not taken.
    pub fn parse(line: &str) -> Result<(Self, String), SshError> {
        let mut words = line.trim().splitn(3, ' ');
        let kind = words.next().unwrap_or_default();
        let Some(text) = words.next() else { return Err(SshError::Key("it has less than two words")) };
        let comment = words.next().unwrap_or_default().trim().to_owned();
        if text.len() > 4 * BLOB_BYTES {
            return Err(SshError::Key("it is too long"));
        }
        // A kind that is refused is named before its bytes are looked at.
        if ![PLAIN, TOUCHED].contains(&kind) {
            return Err(SshError::Kind(kind.chars().filter(|c| !c.is_control()).take(60).collect()));
        }
        let blob = from_base64(text).ok_or(SshError::Key("its second word is not base64"))?;
        let key = Self::from_blob(&blob)?;
        if key.kind() != kind {
            return Err(SshError::Key("its words contradict each other"));
        }
        Ok((key, comment))
    }

    /// Reads the bytes that stand in base64 on the line.
    ///
    /// # Errors
    /// [`SshError`] as [`PublicKey::parse`].
    pub fn from_blob(blob: &[u8]) -> Result<Self, SshError> {
        const SHORT: SshError = SshError::Key("its bytes do not add up");
        if blob.len() > BLOB_BYTES {
            return Err(SshError::Key("it is too long"));
        }
        let mut wire = Wire(blob);
        let kind = wire.string().ok_or(SHORT)?;
        let touched = kind == TOUCHED.as_bytes();
        if !touched && kind != PLAIN.as_bytes() {
            let name = String::from_utf8_lossy(kind).chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(SshError::Kind(name));
        }
        let point = wire.string().and_then(|point| point.try_into().ok()).ok_or(SHORT)?;
        let application = match touched {
            true => Some(wire.string().ok_or(SHORT)?.to_vec()),
            false => None,
        };
        wire.last(Self { blob: blob.to_vec(), point, application }).ok_or(SHORT)
    }

    /// As the first word of a line has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.application.is_some() { TOUCHED } else { PLAIN }
    }

    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// `SHA256:...` as `ssh-keygen -l` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(&self.blob).into();
        format!("SHA256:{}", to_base64(&digest).trim_end_matches('='))
    }

    /// Kind and base64, without a comment.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.kind(), to_base64(&self.blob))
    }
}
