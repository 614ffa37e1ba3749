//! Until when a certificate is valid: the one field of X.509 that is read here.
//!
//! Format: RFC 5280, section 4.1; times as in 4.1.2.5.

use std::path::Path;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::base::parse_time;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Milliseconds since 1970 after which the first certificate of a file (PEM) is over.
pub(super) fn of_file(path: &Path) -> Result<u64, String> {
    let told = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let certificate = CertificateDer::from_pem_file(path).map_err(|error| told(&error))?;
    ends(&certificate).map_err(|what| told(&what))
}

/// The same of a certificate as it is.
pub(super) fn ends(der: &[u8]) -> Result<u64, String> {
    not_after(der).ok_or_else(|| "this is no certificate".to_owned())
}

/// Tag, content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
            (length.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The content of an element of this kind, and what follows.
fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

fn not_after(der: &[u8]) -> Option<u64> {
    let (certificate, _) = expect(SEQUENCE, der)?;
    let (mut rest, _) = expect(SEQUENCE, certificate)?;
    if let Some((_, after)) = expect(VERSION, rest) {
        rest = after;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (validity, _) = expect(SEQUENCE, rest)?;
    let (_, _, second) = element(validity)?;
    let (tag, text, _) = element(second)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| text.get(from..to);
    let (date, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    parse_time(&format!("{date}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
    }

    #[test]
    fn the_end_is_read() {
        // As openssl x509 -enddate says.
        assert_eq!(of_file(&file("expired.pem")).map(|ms| ms < 1_790_000_000_000), Ok(true));
        assert_eq!(of_file(&file("server.pem")).map(|ms| ms > 1_790_000_000_000), Ok(true));
        assert!(of_file(&file("server.key")).is_err());
        assert!(of_file(Path::new("/nonexistent")).unwrap_err().starts_with("/nonexistent"));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut der = CertificateDer::from_pem_file(file("server.pem")).unwrap().to_vec();
            let place = at.index(der.len());
            der[place] = byte;
            der.truncate(cut.index(der.len() + 1));
            let _ = ends(&der);
        }
    }
}
