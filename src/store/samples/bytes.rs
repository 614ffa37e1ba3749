//! Whole numbers in as few bytes as they need, and a reader that never goes beyond its end.

/// What was read is no block of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a block of samples cannot be read")]
pub struct Malformed;

/// Seven bits a byte, the lowest first; the eighth says that more follow.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

/// Small numbers of either sign become small ones.
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, zigzag(value));
}

#[allow(clippy::cast_sign_loss)] // the bits are meant
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[allow(clippy::cast_possible_wrap)] // the bits are meant
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Reads what was put.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    #[inline]
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        let mut value = u64::from(first & 0x7f);
        let (mut more, mut shift) = (first & 0x80 != 0, 7);
        while more {
            let (byte, rest) = self.0.split_first().filter(|_| shift < 64).ok_or(Malformed)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            (more, shift) = (byte & 0x80 != 0, shift + 7);
        }
        Ok(value)
    }

    pub fn signed(&mut self) -> Result<i64, Malformed> {
        self.number().map(unzigzag)
    }

    /// A number that is to be a count of things: no more than `most`.
    pub fn count(&mut self, most: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        if count <= most { Ok(count) } else { Err(Malformed) }
    }

    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub fn bits(&mut self) -> Result<u64, Malformed> {
        let bytes = self.bytes(8)?;
        bytes.try_into().map(u64::from_le_bytes).map_err(|_| Malformed)
    }

    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.count(self.0.len())?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(a in any::<u64>(), b in any::<i64>(), text in ".{0,20}") {
            let mut out = Vec::new();
            put(&mut out, a);
            put_signed(&mut out, b);
            put_text(&mut out, &text);
            let mut reader = Reader(&out);
            prop_assert_eq!(reader.number().unwrap(), a);
            prop_assert_eq!(reader.signed().unwrap(), b);
            prop_assert_eq!(reader.text().unwrap(), text);
            prop_assert!(reader.number().is_err());
        }
    }

    #[test]
    fn endless_numbers_are_refused() {
        assert!(Reader(&[0x80; 20]).number().is_err());
        assert!(Reader(&[0xff, 0x7f]).count(100).is_err());
    }
}
