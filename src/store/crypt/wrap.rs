//! The key that wraps the data keys, and where it comes from.
//!
//! Argon2id (RFC 9106) makes one from a passphrase; a file's or a credential's text is long and random by itself
//! and BLAKE3 is enough.

use argon2::{Algorithm, Argon2, Params, Version};
use bincode::{Decode, Encode};
use zeroize::Zeroizing;

use super::CryptError;
use super::random::random;

/// The reference of a passphrase that a person types.
pub const PASSPHRASE: &str = "passphrase";
/// Characters that a key of a file has at least; 32 random bytes in base64 are 44.
const KEY_LEAST: usize = 32;
const PASSPHRASE_LEAST: usize = 10;
const CONTEXT: &str = "spud 2026-11-21 key of keys from a file";
/// A header that asks for more was not written by spud.
const MEMORY_MOST: u32 = 1 << 20;
const PASSES_MOST: u32 = 64;

const OF_A_FILE: u8 = 0;
const OF_A_PASSPHRASE: u8 = 1;

/// What a passphrase costs to try, for Argon2id with one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl Cost {
    /// A quarter of what the process may have, from 19 to 64 MiB, and two passes: not less than OWASP's password
    /// storage cheat sheet asks for (19 MiB, two passes), on the smallest tier, too.
    #[must_use]
    pub fn fitting(memory_total: u64) -> Self {
        let memory_kib = u32::try_from(memory_total / 4 / 1024).unwrap_or(u32::MAX).clamp(19 << 10, 64 << 10);
        Self { memory_kib, passes: 2 }
    }
}

/// What opens a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// `file:/PATH`, `credential:NAME`, `env:NAME` or [`PASSPHRASE`].
    pub reference: String,
    /// The secret is a passphrase, wherever it is kept.
    pub passphrase: bool,
}

/// How the wrapping key is made, as it is kept in the header.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Wrap {
    kind: u8,
    salt: [u8; 16],
    memory_kib: u32,
    passes: u32,
    pub(super) reference: String,
}

pub(super) type Key = Zeroizing<[u8; 32]>;

impl Wrap {
    /// A new one; refuses secrets that can be guessed.
    pub(super) fn new(reference: &str, secret: &str, cost: Cost) -> Result<(Self, Key), CryptError> {
        let passphrase = reference == PASSPHRASE;
        let least = if passphrase { PASSPHRASE_LEAST } else { KEY_LEAST };
        if secret.chars().count() < least {
            let what = if passphrase { "a passphrase" } else { "a key" };
            return Err(CryptError::Weak(format!("{what} has at least {least} characters")));
        }
        let wrap = Self {
            kind: if passphrase { OF_A_PASSPHRASE } else { OF_A_FILE },
            salt: random(),
            memory_kib: if passphrase { cost.memory_kib } else { 0 },
            passes: if passphrase { cost.passes } else { 0 },
            reference: reference.to_owned(),
        };
        let key = wrap.key(secret)?;
        Ok((wrap, key))
    }

    pub(super) fn need(&self) -> Need {
        Need { reference: self.reference.clone(), passphrase: self.kind == OF_A_PASSPHRASE }
    }

    /// Makes the key; for a passphrase that takes its time and memory.
    pub(super) fn key(&self, secret: &str) -> Result<Key, CryptError> {
        let mut key = Zeroizing::new([0; 32]);
        if self.kind != OF_A_PASSPHRASE {
            let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
            hasher.update(&self.salt).update(secret.as_bytes());
            hasher.finalize_xof().fill(&mut key[..]);
            return Ok(key);
        }
        let odd =
            || CryptError::NoKey { why: "the header asks for an Argon2id that spud never writes".into() };
        if self.memory_kib > MEMORY_MOST || self.passes > PASSES_MOST {
            return Err(odd());
        }
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32)).map_err(|_| odd())?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_into(secret.as_bytes(), &self.salt, &mut key[..]).map_err(|_| odd())?;
        Ok(key)
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        match self.kind {
            OF_A_PASSPHRASE => format!("Argon2id, {} MiB, {} passes", self.memory_kib >> 10, self.passes),
            _ => "BLAKE3 of a random key".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_costs_what_the_tier_can_pay_and_never_less_than_owasp_asks_for() {
        assert_eq!(Cost::fitting(48 << 20), Cost { memory_kib: 19 << 10, passes: 2 });
        assert_eq!(Cost::fitting(160 << 20), Cost { memory_kib: 40 << 10, passes: 2 });
        assert_eq!(Cost::fitting(1 << 40), Cost { memory_kib: 64 << 10, passes: 2 });
    }

    #[test]
    fn the_same_secret_gives_the_same_key_and_guessable_ones_are_refused() {
        let cost = Cost { memory_kib: 64, passes: 1 };
        for reference in [PASSPHRASE, "file:/k"] {
            let secret = "a secret of more than thirty-two characters";
            let (wrap, key) = Wrap::new(reference, secret, cost).unwrap();
            assert_eq!(wrap.key(secret).unwrap(), key);
            assert_ne!(wrap.key("another").unwrap(), key);
            assert_ne!(Wrap::new(reference, secret, cost).unwrap().1, key, "salted");
            assert!(matches!(Wrap::new(reference, "short", cost), Err(CryptError::Weak(_))));
        }
    }

    #[test]
    fn a_header_cannot_ask_for_all_memory() {
        let (mut wrap, _) = Wrap::new(PASSPHRASE, "long enough", Cost { memory_kib: 64, passes: 1 }).unwrap();
        wrap.memory_kib = u32::MAX;
        assert!(wrap.key("long enough").is_err());
    }
}
