//! Codes of an authenticator app (TOTP, RFC 6238: SHA-1, six digits, thirty seconds) as second factor of those with
//! tokens. Pure.
//!
//! A code counts once: the last step that was taken is pinned. One step of drift is allowed either way. After
//! [`MISSES_MOST`] wrong codes in a row none is looked at for [`LOCKED_MS`].

use super::sha1::hmac;
use super::{AccessError, Book, Name};

const STEP_MS: u64 = 30_000;
const DRIFT: u64 = 1;
const DIGITS: usize = 6;
const MISSES_MOST: u32 = 5;
const LOCKED_MS: u64 = 15 * 60_000;
/// RFC 4226 asks for 160 bits.
pub(super) const SECRET_BYTES: usize = 20;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The second factor of one principal.
#[derive(Clone, PartialEq, Eq)]
pub struct Totp {
    secret: [u8; SECRET_BYTES],
    /// The last step of which a code was taken.
    step: u64,
    misses: u32,
    /// Of the last miss.
    missed_ms: u64,
    pub by: String,
    pub at_ms: u64,
}

impl std::fmt::Debug for Totp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Totp(step {}, {} misses)", self.step, self.misses)
    }
}

/// What came of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    Taken,
    Wrong,
    /// Wrong, and none is looked at for a while from now on.
    LockedNow,
    Locked,
}

/// The code of a step.
fn code(secret: &[u8], step: u64) -> u32 {
    let mac = hmac(secret, &step.to_be_bytes());
    let at = usize::from(mac[19] & 15);
    let word = mac.iter().skip(at).take(4).fold(0u32, |word, byte| word << 8 | u32::from(*byte));
    (word & 0x7fff_ffff) % 1_000_000
}

impl Totp {
    #[must_use]
    pub fn new(secret: [u8; SECRET_BYTES], by: &str, now_ms: u64) -> Self {
        Self { secret, step: 0, misses: 0, missed_ms: 0, by: by.to_owned(), at_ms: now_ms }
    }

    /// As it is kept: secret, last step, misses, time of the last one.
    #[must_use]
    pub fn parts(&self) -> ([u8; SECRET_BYTES], u64, u32, u64) {
        (self.secret, self.step, self.misses, self.missed_ms)
    }

    #[must_use]
    pub fn from_parts(
        (secret, step, misses, missed_ms): ([u8; SECRET_BYTES], u64, u32, u64),
        by: String,
        at_ms: u64,
    ) -> Self {
        Self { secret, step, misses, missed_ms, by, at_ms }
    }

    /// Looks at a code. Every step that may be meant is compared in full, whichever fits.
    pub fn check(&mut self, shown: &str, now_ms: u64) -> Checked {
        let locked = self.misses >= MISSES_MOST && now_ms.saturating_sub(self.missed_ms) < LOCKED_MS;
        if locked {
            return Checked::Locked;
        }
        if self.misses >= MISSES_MOST {
            self.misses = 0;
        }
        let fits = shown.len() == DIGITS && shown.bytes().all(|digit| digit.is_ascii_digit());
        let shown = shown.parse().ok().filter(|_| fits).unwrap_or(u32::MAX);
        let now = now_ms / STEP_MS;
        let mut found = 0;
        for step in now.saturating_sub(DRIFT)..=now.saturating_add(DRIFT) {
            let same = u64::from(code(&self.secret, step) ^ shown == 0);
            found = found.max(same * step * u64::from(step > self.step));
        }
        if found > 0 {
            (self.step, self.misses) = (found, 0);
            return Checked::Taken;
        }
        self.misses += 1;
        self.missed_ms = now_ms;
        if self.misses >= MISSES_MOST { Checked::LockedNow } else { Checked::Wrong }
    }

    /// What an authenticator app would show now.
    #[cfg(test)]
    #[must_use]
    pub fn shown(&self, now_ms: u64) -> String {
        format!("{:06}", code(&self.secret, now_ms / STEP_MS))
    }

    /// What an authenticator app reads: as a link, or drawn as a QR code by whoever has a drawer.
    #[must_use]
    pub fn uri(&self, principal: &str) -> String {
        let secret = self.base32();
        format!(
            "otpauth://totp/spud:{principal}?secret={secret}&issuer=spud&algorithm=SHA1&digits=6&period=30"
        )
    }

    /// The secret as it is typed (RFC 4648, without padding: 160 bits need none).
    #[must_use]
    pub fn base32(&self) -> String {
        let letter = |at: usize| {
            let value = (0..5).fold(0, |value, bit| {
                let place = at * 5 + bit;
                let byte = self.secret.get(place / 8).copied().unwrap_or(0);
                value << 1 | usize::from(byte >> (7 - place % 8) & 1)
            });
            ALPHABET.get(value).copied().map_or('A', char::from)
        };
        (0..SECRET_BYTES * 8 / 5).map(letter).collect()
    }
}

impl Book {
    /// Gives somebody with tokens a second factor, in place of the one that there was.
    ///
    /// # Errors
    /// [`AccessError`] where there is no such principal, or one that the kernel knows.
    pub fn enrol_totp(&mut self, name: &Name, totp: Totp) -> Result<(), AccessError> {
        let Name::Own(name) = name else {
            let what = format!("{name} has no tokens: the kernel says who it is");
            return Err(AccessError::Refused { what, advice: "codes are for principals with tokens" });
        };
        if !self.principals.contains_key(name) {
            return Err(AccessError::Missing { noun: "principal", name: name.clone() });
        }
        self.totp.insert(name.clone(), totp);
        Ok(())
    }

    /// # Errors
    /// [`AccessError::Missing`] where it has none.
    pub fn remove_totp(&mut self, name: &Name) -> Result<(), AccessError> {
        let name = name.to_string();
        self.totp.remove(&name).map(drop).ok_or(AccessError::Missing { noun: "second factor of", name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: [u8; 20] = *b"12345678901234567890";

    #[test]
    fn the_published_cases() {
        // RFC 6238 appendix B, the last six of its eight digits.
        let cases = [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ];
        for (second, wanted) in cases {
            assert_eq!(code(&SECRET, second / 30), wanted, "{second}");
        }
        let totp = Totp::new(SECRET, "uid:1", 0);
        assert_eq!(totp.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(totp.uri("grafana").starts_with("otpauth://totp/spud:grafana?secret=GEZDGNBV"));
        assert!(!format!("{totp:?}").contains("GEZD"));
    }

    fn shown(step: u64) -> String {
        format!("{:06}", code(&SECRET, step))
    }

    #[test]
    fn a_code_counts_once_in_its_time_and_guessing_ends() {
        let mut totp = Totp::new(SECRET, "uid:1", 0);
        let now = 1_000_000 * STEP_MS + 5;
        assert_eq!(totp.check(&shown(999_998), now), Checked::Wrong, "too old");
        assert_eq!(totp.check(&shown(1_000_002), now), Checked::Wrong, "too early");
        assert_eq!(totp.check(&shown(999_999), now), Checked::Taken);
        assert_eq!(totp.check(&shown(999_999), now), Checked::Wrong, "once");
        assert_eq!(totp.check(&shown(1_000_001), now), Checked::Taken);
        assert_eq!(totp.check(&shown(1_000_000), now), Checked::Wrong, "none before the pinned one");
        for odd in ["", "12345", "1234567", "+12345"] {
            assert_ne!(totp.check(odd, now), Checked::Taken, "{odd}");
        }
        let later = now + LOCKED_MS - 1;
        assert_eq!(totp.check(&shown(later / STEP_MS), later), Checked::Locked);
        let over = now + LOCKED_MS;
        assert_eq!(totp.check(&shown(over / STEP_MS), over), Checked::Taken);
    }

    proptest! {
        /// However one guesses: at most so many looks in a quarter of an hour, and no step is taken twice.
        #[test]
        fn guesses_are_bounded(tries in prop::collection::vec((0u64..4, 0u64..60_000), 1..200)) {
            let mut totp = Totp::new(SECRET, "uid:1", 0);
            let mut now = 40_000_000;
            let mut taken = Vec::new();
            let mut wrong = Vec::new();
            for (which, wait) in tries {
                now += wait;
                let step = (now / STEP_MS).saturating_sub(1) + which;
                let text = if which == 3 { "x".to_owned() } else { shown(step) };
                match totp.check(&text, now) {
                    Checked::Taken => {
                        prop_assert!(which < 3 && !taken.contains(&step));
                        taken.push(step);
                        wrong.clear();
                    }
                    Checked::Wrong | Checked::LockedNow => wrong.push(now),
                    Checked::Locked => {}
                }
                let lately = wrong.iter().filter(|at| now - **at < LOCKED_MS).count();
                prop_assert!(lately <= 2 * MISSES_MOST as usize);
            }
        }
    }
}
