//! Bearer tokens: made once, shown once, kept as a hash.
//!
//! ```text
//! spud_ · id in hexadecimal · _ · 32 random bytes in hexadecimal
//! ```
//! The secret has 256 bits of its own: a plain SHA-256 is as good as a slow hash, and a potato can afford it.

use sha2::{Digest, Sha256};

use crate::base::{from_hex, to_hex};

/// How a token begins: secret scanners know it by this.
pub const PREFIX: &str = "spud_";
const BYTES: usize = 32;

/// A token as its owner has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    pub id: u64,
    secret: [u8; BYTES],
}

impl Secret {
    #[must_use]
    pub fn new(id: u64, secret: [u8; BYTES]) -> Self {
        Self { id, secret }
    }

    /// Reads what a client sent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let id = u64::from_str_radix(id, 16).ok().filter(|_| id.len() <= 16)?;
        Some(Self { id, secret: from_hex(secret)? })
    }

    /// What is shown to its owner, once.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{PREFIX}{:x}_{}", self.id, to_hex(&self.secret))
    }

    /// Whether this is the token that was hashed; takes the same time whichever byte differs.
    #[must_use]
    pub fn is(&self, hash: &[u8; 32]) -> bool {
        hash_of(self).iter().zip(hash).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }
}

/// What is kept of a token.
#[must_use]
pub fn hash_of(secret: &Secret) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"spud token\0");
    hash.update(secret.id.to_le_bytes());
    hash.update(secret.secret);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tokens_come_back_and_others_are_not_them(id in any::<u64>(), secret in any::<[u8; 32]>(), bit in 0usize..256) {
            let token = Secret::new(id, secret);
            let read = Secret::parse(&token.text()).unwrap();
            prop_assert!(read == token && read.is(&hash_of(&token)));
            let mut other = secret;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!Secret::new(id, other).is(&hash_of(&token)));
            prop_assert!(!Secret::new(id ^ 1, secret).is(&hash_of(&token)));
        }

        #[test]
        fn any_text_is_safe(text in any::<String>(), rest in "[0-9a-f_é]{0,90}") {
            let _ = Secret::parse(&text);
            let _ = Secret::parse(&format!("{PREFIX}{rest}"));
        }
    }
}
