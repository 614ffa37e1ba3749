//! The signature of Standard Webhooks 1.0.0: HMAC-SHA256 (RFC 2104) over id, time and payload.
//!
//! Format: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use sha2::{Digest, Sha256};

use crate::base::{from_base64, to_base64};

/// Block of SHA-256, in bytes.
const BLOCK: usize = 64;
const PREFIX: &str = "whsec_";

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    let short: [u8; 32];
    let key = if key.len() > BLOCK {
        short = Sha256::digest(key).into();
        &short[..]
    } else {
        key
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let mut inner = Sha256::new_with_prefix(padded(0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new_with_prefix(padded(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// The value of `webhook-signature`, for a secret `whsec_...`.
///
/// # Errors
/// Where the secret is none. It is not repeated.
pub(super) fn sign(secret: &str, id: &str, second: u64, body: &[u8]) -> Result<String, &'static str> {
    let key = secret.strip_prefix(PREFIX).and_then(from_base64);
    let key = key.filter(|key| !key.is_empty()).ok_or("the secret is not of the form whsec_BASE64")?;
    let mac = hmac(&key, &[id.as_bytes(), b".", second.to_string().as_bytes(), b".", body]);
    Ok(format!("v1,{}", to_base64(&mac)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::to_hex;

    #[test]
    fn signatures_are_those_of_the_standard() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signed = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned()));
        for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?"] {
            assert!(sign(wrong, "a", 1, b"").is_err(), "{wrong}");
        }
    }

    #[test]
    fn codes_are_those_of_rfc_4231() {
        let code = to_hex(&hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]));
        assert_eq!(code, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let long = to_hex(&hmac(&[0xaa; 131], &[b"Test Using Larger Than Block-Size Key - Hash Key First"]));
        assert_eq!(long, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}
