//! SHA-1 (RFC 3174) under HMAC (RFC 2104): what authenticator apps speak. Nothing else here trusts SHA-1; under HMAC
//! with a secret key its collisions do not matter.

const BLOCK: usize = 64;

fn digest(parts: [&[u8]; 2]) -> [u8; 20] {
    let mut message = parts.concat();
    let bits = u64::try_from(message.len()).unwrap_or(u64::MAX).wrapping_mul(8);
    message.push(0x80);
    while message.len() % BLOCK != BLOCK - 8 {
        message.push(0);
    }
    message.extend(bits.to_be_bytes());
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in message.as_chunks::<BLOCK>().0 {
        state = mixed(state, block);
    }
    let mut out = [0; 20];
    for (to, word) in out.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    out
}

/// The state after one block.
fn mixed(state: [u32; 5], block: &[u8; BLOCK]) -> [u32; 5] {
    let mut words = [0u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for at in 16..80 {
        words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = state;
    for (at, word) in words.iter().enumerate() {
        let (mix, constant) = match at {
            0..20 => ((b & c) | (!b & d), 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next =
            a.rotate_left(5).wrapping_add(mix).wrapping_add(e).wrapping_add(constant).wrapping_add(*word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    let [v, w, x, y, z] = state;
    [v.wrapping_add(a), w.wrapping_add(b), x.wrapping_add(c), y.wrapping_add(d), z.wrapping_add(e)]
}

/// HMAC with a key of at most one block, which all of ours are.
pub(super) fn hmac(key: &[u8], message: &[u8]) -> [u8; 20] {
    let padded = |with: u8| {
        let mut pad = [with; BLOCK];
        pad.iter_mut().zip(key).for_each(|(pad, byte)| *pad ^= byte);
        pad
    };
    digest([&padded(0x5c), &digest([&padded(0x36), message])])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        crate::base::to_hex(bytes)
    }

    #[test]
    fn the_published_cases() {
        // RFC 3174 section 7.3.
        assert_eq!(hex(&digest([b"a", b"bc"])), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let two = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(&digest([two, b""])), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        assert_eq!(hex(&digest([&vec![b'a'; 1_000_000], b""])), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
        // RFC 2202 section 3, cases 1 and 2.
        assert_eq!(hex(&hmac(&[0x0b; 20], b"Hi There")), "b617318655057264e28bc0b6fb378c8ef146be00");
        let text = b"what do ya want for nothing?";
        assert_eq!(hex(&hmac(b"Jefe", text)), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }
}
