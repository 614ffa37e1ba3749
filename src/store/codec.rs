//! The one form of stored records: bincode 2 `legacy()` (fixed-size integers, byte-compatible with the
//! maintained `wincode`), framed by a version byte and a CRC32C, since redb does not verify what it reads.
//!
//! ```text
//! record = version u8 · CRC32C of the body u32 LE · body
//! ```

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::{Decode, Encode};

/// No record of ours is larger; a length in a damaged record cannot ask for more.
const LIMIT: usize = 16 << 20;
const FRAME: usize = 5;

type Config = Configuration<LittleEndian, Fixint, Limit<LIMIT>>;

fn config() -> Config {
    bincode::config::legacy().with_limit::<LIMIT>()
}

/// Why a record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("the record fails its check")]
    Check,
    #[error("the record has version {found}, this spud reads up to {known}")]
    Version { found: u8, known: u8 },
    #[error("the record cannot be read: {0}")]
    Form(String),
}

/// Frames bytes that are no record: a number, a name, something packed.
#[must_use]
pub fn seal(version: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![version, 0, 0, 0, 0];
    out.extend_from_slice(body);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&[version]), body);
    out[1..FRAME].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Reads [`seal`].
///
/// # Errors
/// [`CodecError`] when it is damaged or of another version.
pub fn unseal(version: u8, bytes: &[u8]) -> Result<&[u8], CodecError> {
    let body = whole(bytes)?;
    match bytes.first() {
        Some(found) if *found == version => Ok(body),
        found => Err(CodecError::Version { found: found.copied().unwrap_or(0), known: version }),
    }
}

/// The body of a framed record of any version, when its check value holds.
///
/// # Errors
/// [`CodecError::Check`].
pub fn whole(bytes: &[u8]) -> Result<&[u8], CodecError> {
    let (frame, body) = bytes.split_first_chunk::<FRAME>().ok_or(CodecError::Check)?;
    let [version, crc @ ..] = *frame;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&[version]), body);
    if sum == u32::from_le_bytes(crc) { Ok(body) } else { Err(CodecError::Check) }
}

/// Plain body without a frame, for records inside block files, which have their own check values.
///
/// # Errors
/// [`CodecError::Form`] when the value is larger than a record may be.
pub fn encode_body(value: &impl Encode) -> Result<Vec<u8>, CodecError> {
    bincode::encode_to_vec(value, config()).map_err(|e| CodecError::Form(e.to_string()))
}

/// Reads [`encode_body`].
///
/// # Errors
/// [`CodecError::Form`] when the bytes are no such record.
pub fn decode_body<T: Decode<()>>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, _) =
        bincode::decode_from_slice(bytes, config()).map_err(|e| CodecError::Form(e.to_string()))?;
    Ok(value)
}

/// A framed record.
///
/// # Errors
/// [`CodecError::Form`] when the value is larger than a record may be.
pub fn encode(version: u8, value: &impl Encode) -> Result<Vec<u8>, CodecError> {
    let mut out = vec![version, 0, 0, 0, 0];
    out.extend_from_slice(&encode_body(value)?);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&[version]), &out[FRAME..]);
    out[1..FRAME].copy_from_slice(&crc.to_le_bytes());
    Ok(out)
}

/// Reads a framed record of exactly `version`.
///
/// # Errors
/// [`CodecError`] when it is damaged, of another version, or of another form.
pub fn decode<T: Decode<()>>(version: u8, bytes: &[u8]) -> Result<T, CodecError> {
    let (frame, body) = bytes.split_at_checked(FRAME).ok_or(CodecError::Check)?;
    let expected = u32::from_le_bytes([frame[1], frame[2], frame[3], frame[4]]);
    if crc32c::crc32c_append(crc32c::crc32c(&frame[..1]), body) != expected {
        return Err(CodecError::Check);
    }
    if frame[0] != version {
        return Err(CodecError::Version { found: frame[0], known: version });
    }
    decode_body(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden() {
        // The stored form must not change without a new version.
        let bytes = encode(1, &(7u32, String::from("ab"))).unwrap();
        assert_eq!(&bytes[5..], [7, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
    }

    proptest! {
        #[test]
        fn records_come_back(number in any::<u64>(), text in ".*", list in prop::collection::vec(any::<u16>(), 0..50)) {
            let value = (number, text, list);
            let bytes = encode(3, &value).unwrap();
            prop_assert_eq!(decode::<(u64, String, Vec<u16>)>(3, &bytes).unwrap(), value);
        }

        #[test]
        fn flipped_bits_are_found(number in any::<u64>(), bit in 0usize..104) {
            let mut bytes = encode(3, &number).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode::<u64>(3, &bytes).is_err());
        }

        #[test]
        fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode_body::<(Vec<String>, u64)>(&bytes);
            prop_assert!(decode::<(Vec<String>, u64)>(1, &bytes).is_err());
        }
    }
}
