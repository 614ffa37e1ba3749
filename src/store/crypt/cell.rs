//! One table's seal.
//!
//! ```text
//! sealed value = e5 · id of the data key u32 LE · nonce (24 bytes) · ciphertext · tag (16 bytes)
//! bound in     = length of the table's name u32 LE · name · key of the row
//! ```
//! XChaCha20-Poly1305 as in draft-irtf-cfrg-xchacha-03. Inside is the record as it would lie in a store that is
//! not encrypted. No version byte of a record is `e5`, so that every row tells by itself how it is kept.

use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305, XNonce};

use super::random::random;

const SEALED: u8 = 0xe5;
const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = 1 + 4 + NONCE;

/// True for a value that was sealed, whatever with.
#[must_use]
pub fn is_sealed(value: &[u8]) -> bool {
    value.first() == Some(&SEALED) && value.len() >= HEAD + TAG
}

/// Seals and opens the values of one table.
pub struct Cell {
    table: String,
    keys: Vec<(u32, XChaCha20Poly1305)>,
    /// The key that seals; 0 where values are kept as they are.
    write_with: u32,
    /// While a box is turned over, rows may still lie there as they were.
    plain_allowed: bool,
}

impl Cell {
    pub(super) fn new(
        table: &str,
        keys: impl Iterator<Item = (u32, [u8; 32])>,
        write_with: u32,
        plain_allowed: bool,
    ) -> Self {
        let keys = keys.map(|(id, key)| (id, XChaCha20Poly1305::new(&key.into()))).collect();
        Self { table: table.to_owned(), keys, write_with, plain_allowed }
    }

    fn cipher(&self, id: u32) -> Option<&XChaCha20Poly1305> {
        self.keys.iter().find(|(known, _)| *known == id).map(|(_, cipher)| cipher)
    }

    fn bound_in(&self, key: &[u8]) -> Vec<u8> {
        let length = u32::try_from(self.table.len()).unwrap_or(u32::MAX).to_le_bytes();
        [&length[..], self.table.as_bytes(), key].concat()
    }

    /// What is kept in place of a value.
    #[must_use]
    pub fn seal(&self, key: &[u8], value: &[u8]) -> Vec<u8> {
        match self.cipher(self.write_with) {
            Some(cipher) => seal_with(cipher, self.write_with, &random(), &self.bound_in(key), value),
            None => value.to_vec(),
        }
    }

    /// The value of a row; `None` where it was changed, moved, or sealed with a key that is gone.
    #[must_use]
    pub fn open(&self, key: &[u8], kept: &[u8]) -> Option<Vec<u8>> {
        if !is_sealed(kept) {
            return self.plain_allowed.then(|| kept.to_vec());
        }
        let (head, rest) = kept.split_first_chunk::<HEAD>()?;
        let (_, head) = head.split_first()?;
        let (id, nonce) = head.split_first_chunk::<4>()?;
        let cipher = self.cipher(u32::from_le_bytes(*id))?;
        open_with(cipher, nonce.first_chunk()?, &self.bound_in(key), rest)
    }

    /// True where a row has the form that holds now.
    #[must_use]
    pub fn is_turned(&self, kept: &[u8]) -> bool {
        if self.write_with == 0 {
            return !is_sealed(kept);
        }
        is_sealed(kept) && kept.get(1..5) == Some(&self.write_with.to_le_bytes()[..])
    }
}

fn seal_with(
    cipher: &XChaCha20Poly1305,
    id: u32,
    nonce: &[u8; NONCE],
    bound_in: &[u8],
    value: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + value.len() + TAG);
    out.push(SEALED);
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(nonce);
    out.extend_from_slice(&encrypt(cipher, nonce, bound_in, value));
    out
}

/// Ciphertext and tag.
pub(super) fn encrypt(
    cipher: &XChaCha20Poly1305,
    nonce: &[u8; NONCE],
    bound_in: &[u8],
    value: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + TAG);
    out.extend_from_slice(value);
    match cipher.encrypt_inout_detached(&XNonce::from(*nonce), bound_in, out.as_mut_slice().into()) {
        Ok(tag) => out.extend_from_slice(&tag),
        // More than 256 GiB in one value: redb takes 3 GiB at most.
        Err(_) => std::process::abort(),
    }
    out
}

/// Reads [`encrypt`].
pub(super) fn open_with(
    cipher: &XChaCha20Poly1305,
    nonce: &[u8; NONCE],
    bound_in: &[u8],
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let (body, tag) = sealed.split_last_chunk::<TAG>()?;
    let mut out = body.to_vec();
    let nonce = XNonce::from(*nonce);
    let opened = cipher.decrypt_inout_detached(&nonce, bound_in, out.as_mut_slice().into(), &(*tag).into());
    opened.ok().map(|()| out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cell(table: &str, write_with: u32, plain_allowed: bool) -> Cell {
        Cell::new(table, [(7, [1; 32]), (9, [2; 32])].into_iter(), write_with, plain_allowed)
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
    }

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    #[test]
    fn the_published_vector_holds() {
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let bound_in = bytes("50515253c0c1c2c3c4c5c6c7");
        let key: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
        let nonce: [u8; 24] = std::array::from_fn(|i| 0x40 + i as u8);
        let cipher = XChaCha20Poly1305::new(&key.into());
        let sealed = encrypt(&cipher, &nonce, &bound_in, text);
        let expected = bytes(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39
             ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
             21f9664c97637da9768812f615c68b13b52e c0875924c1c7987947deafd8780acf49",
        );
        assert_eq!(sealed, expected);
        assert_eq!(open_with(&cipher, &nonce, &bound_in, &sealed).unwrap(), text);
    }

    #[test]
    fn the_form_is_golden() {
        let cipher = XChaCha20Poly1305::new(&[3; 32].into());
        let sealed = seal_with(&cipher, 7, &[4; NONCE], b"t", b"value");
        assert_eq!(&sealed[..6], [SEALED, 7, 0, 0, 0, 4]);
        assert_eq!(sealed.len(), HEAD + 5 + TAG);
    }

    #[test]
    fn rows_tell_how_they_are_kept() {
        let (sealing, plain) = (cell("t", 9, true), cell("t", 0, true));
        let kept = sealing.seal(b"k", b"\x01value");
        assert!(sealing.is_turned(&kept) && !plain.is_turned(&kept) && !cell("t", 7, true).is_turned(&kept));
        assert_eq!(plain.open(b"k", &kept).unwrap(), b"\x01value");
        assert_eq!(plain.seal(b"k", b"\x01value"), b"\x01value");
        assert!(plain.is_turned(b"\x01value") && !sealing.is_turned(b"\x01value"));
        assert_eq!(cell("t", 9, false).open(b"k", b"\x01value"), None, "nobody slips a plain row in");
    }

    proptest! {
        #[test]
        fn values_come_back_only_where_they_were_put(key in prop::collection::vec(any::<u8>(), 0..40), other in prop::collection::vec(any::<u8>(), 0..40), value in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let cell = cell("documents", 7, false);
            let mut kept = cell.seal(&key, &value);
            prop_assert_eq!(cell.open(&key, &kept).unwrap(), value);
            prop_assert_eq!(super::tests::cell("paths", 7, false).open(&key, &kept), None);
            if other != key {
                prop_assert_eq!(cell.open(&other, &kept), None);
            }
            let at = at.index(kept.len());
            kept[at] ^= 1 << bit;
            prop_assert_eq!(cell.open(&key, &kept), None);
        }

        #[test]
        fn garbage_does_not_open(kept in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(cell("t", 7, false).open(b"k", &kept), None);
        }
    }
}
