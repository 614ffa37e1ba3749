//! Secrets: tokens that say by their beginning what they are, private keys, tokens of JSON, passwords by their name.
//!
//! Forms as their makers document them; what the placeholders of manuals have in common (few different letters) is no
//! secret.

use super::Find;
use super::scan::{Text, is_word, word};

/// Bytes that a rule lets follow.
#[derive(Clone, Copy)]
enum Of {
    Digits,
    /// Lower case.
    Hex,
    Upper,
    Letters,
    Words,
    /// And dashes.
    Dashed,
    /// And points, slashes, signs of base 64.
    Token,
}

impl Of {
    fn fits(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Letters => byte.is_ascii_alphanumeric(),
            Self::Words => is_word(byte),
            Self::Dashed => is_word(byte) || byte == b'-',
            Self::Token => is_word(byte) || b"-.~+/=".contains(&byte),
        }
    }
}

/// Beginning, what follows, how much at least, kind.
type Rule = (&'static str, Of, usize, &'static str);

/// By their first letter.
const RULES: [Rule; 62] = [
    ("AGE-SECRET-KEY-1", Of::Upper, 58, "age-key"),
    ("AIza", Of::Dashed, 35, "google-key"),
    ("ATATT3", Of::Token, 100, "atlassian-token"),
    ("Basic ", Of::Token, 16, "authorization"),
    ("Bearer ", Of::Token, 16, "authorization"),
    ("EAAA", Of::Dashed, 60, "square-token"),
    ("GOCSPX-", Of::Dashed, 28, "google-key"),
    ("GR1348941", Of::Dashed, 20, "gitlab-token"),
    ("PMAK-", Of::Dashed, 40, "postman-key"),
    ("SG.", Of::Token, 66, "sendgrid-key"),
    ("SK", Of::Hex, 32, "twilio-key"),
    ("bearer ", Of::Token, 16, "authorization"),
    ("dapi", Of::Hex, 32, "databricks-token"),
    ("doo_v1_", Of::Hex, 64, "digitalocean-token"),
    ("dop_v1_", Of::Hex, 64, "digitalocean-token"),
    ("dor_v1_", Of::Hex, 64, "digitalocean-token"),
    ("dp.pt.", Of::Letters, 40, "doppler-token"),
    ("dt0c01.", Of::Token, 80, "dynatrace-token"),
    ("figd_", Of::Dashed, 40, "figma-token"),
    ("gho_", Of::Letters, 36, "github-token"),
    ("ghp_", Of::Letters, 36, "github-token"),
    ("ghr_", Of::Letters, 36, "github-token"),
    ("ghs_", Of::Letters, 36, "github-token"),
    ("ghu_", Of::Letters, 36, "github-token"),
    ("github_pat_", Of::Words, 36, "github-token"),
    ("glagent-", Of::Dashed, 50, "gitlab-token"),
    ("glc_", Of::Token, 32, "grafana-token"),
    ("glcbt-", Of::Dashed, 22, "gitlab-token"),
    ("gldt-", Of::Dashed, 20, "gitlab-token"),
    ("glffct-", Of::Dashed, 20, "gitlab-token"),
    ("glft-", Of::Dashed, 20, "gitlab-token"),
    ("glimt-", Of::Dashed, 25, "gitlab-token"),
    ("gloas-", Of::Dashed, 64, "gitlab-token"),
    ("glpat-", Of::Token, 20, "gitlab-token"),
    ("glptt-", Of::Hex, 40, "gitlab-token"),
    ("glrt-", Of::Token, 20, "gitlab-token"),
    ("glsa_", Of::Words, 41, "grafana-token"),
    ("glsoat-", Of::Dashed, 20, "gitlab-token"),
    ("hf_", Of::Letters, 34, "huggingface-token"),
    ("hvb.", Of::Dashed, 130, "vault-token"),
    ("hvs.", Of::Dashed, 90, "vault-token"),
    ("key-", Of::Hex, 32, "mailgun-key"),
    ("lin_api_", Of::Letters, 40, "linear-key"),
    ("npm_", Of::Letters, 36, "npm-token"),
    ("pypi-AgEIcHlwaS5vcmc", Of::Dashed, 50, "pypi-token"),
    ("rk_live_", Of::Letters, 10, "stripe-key"),
    ("rk_prod_", Of::Letters, 10, "stripe-key"),
    ("rk_test_", Of::Letters, 10, "stripe-key"),
    ("shpat_", Of::Words, 32, "shopify-token"),
    ("shpca_", Of::Words, 32, "shopify-token"),
    ("shppa_", Of::Words, 32, "shopify-token"),
    ("shpss_", Of::Words, 32, "shopify-token"),
    ("sk-", Of::Dashed, 40, "openai-key"),
    ("sk_live_", Of::Letters, 10, "stripe-key"),
    ("sk_prod_", Of::Letters, 10, "stripe-key"),
    ("sk_test_", Of::Letters, 10, "stripe-key"),
    ("sq0atp-", Of::Dashed, 22, "square-token"),
    ("sq0csp-", Of::Dashed, 43, "square-token"),
    ("whsec_", Of::Token, 32, "stripe-key"),
    ("xapp-", Of::Dashed, 40, "slack-token"),
    ("xoxe.xox", Of::Dashed, 160, "slack-token"),
    ("spud_", Of::Dashed, 30, "spud-token"),
];
/// Where no rule can begin, none is tried.
const FIRST: &[u8] = b"ABEGPSbdfghklnprswx";
/// Different letters below which something is a placeholder.
const VARIED: usize = 6;
/// A private key that does not end is taken out so far.
const PEM_BYTES: usize = 12 << 10;
const TOKEN_BYTES: usize = 8 << 10;

fn varied(bytes: &[u8]) -> bool {
    let mut seen = 0u128;
    for byte in bytes {
        seen |= 1 << (byte & 0x7f);
    }
    seen.count_ones() as usize >= VARIED
}

/// A token that says by its beginning what it is.
pub(super) fn token(text: Text<'_>, at: usize) -> Option<Find> {
    let first = text.at(at);
    if first == b'e' {
        return jwt(text, at);
    }
    if first == b'A'
        && let Some(found) = aws(text, at)
    {
        return Some(found);
    }
    if first == b'x'
        && let Some(found) = slack(text, at)
    {
        return Some(found);
    }
    if !FIRST.contains(&first) {
        return None;
    }
    let (begin, of, least, kind) = RULES.iter().find(|rule| text.starts(at, rule.0.as_bytes()))?;
    let from = at + begin.len();
    let to = text.run(from, TOKEN_BYTES, |byte| of.fits(byte));
    // A sentence may end behind it.
    let to = if text.at(to - 1) == b'.' { to - 1 } else { to };
    let body = text.part(from, to);
    (body.len() >= *least && varied(body) && random(body)).then_some(Find { from: at, to, kind })
}

/// Digits, or letters of both cases: words of a language have neither.
fn random(bytes: &[u8]) -> bool {
    let has = |fits: fn(&u8) -> bool| bytes.iter().any(fits);
    has(u8::is_ascii_digit) || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
}

fn aws(text: Text<'_>, at: usize) -> Option<Find> {
    let known = [b"AKIA", b"ASIA", b"ABIA", b"ACCA"].into_iter().any(|begin| text.starts(at, begin));
    let fits = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7');
    let to = text.run(at, 21, fits);
    let is_it = (known || text.starts(at, b"A3T")) && to - at == 20 && text.ends(to);
    (is_it && varied(text.part(at + 4, to))).then_some(Find { from: at, to, kind: "aws-key" })
}

/// `xoxb-` and its relatives: what follows begins with a number.
fn slack(text: Text<'_>, at: usize) -> Option<Find> {
    let letter = text.at(at + 3);
    if !text.starts(at, b"xox") || text.at(at + 4) != b'-' || !b"abeoprs".contains(&letter) {
        return None;
    }
    let from = at + 5;
    let to = text.run(from, TOKEN_BYTES, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let body = text.part(from, to);
    let digits = text.run(from, 20, |byte| Of::Digits.fits(byte)) - from;
    let old = matches!(letter, b'a' | b'e' | b'r');
    let long = if letter == b'a' || letter == b'r' { 12 } else { 18 };
    let is_it =
        body.len() >= long && (old || digits >= 5) && varied(body) && body.iter().any(u8::is_ascii_digit);
    is_it.then_some(Find { from: at, to, kind: "slack-token" })
}

/// Three parts of base 64 (RFC 7519); the last may be missing.
fn jwt(text: Text<'_>, at: usize) -> Option<Find> {
    let fits = |byte: u8| Of::Dashed.fits(byte);
    let head = text.run(at, TOKEN_BYTES, fits);
    let long =
        text.starts(at, b"ey") && head - at >= 15 && text.at(head) == b'.' && text.starts(head + 1, b"ey");
    if !long {
        return None;
    }
    let body = text.run(head + 1, TOKEN_BYTES, fits);
    let to = if text.at(body) == b'.' { text.run(body + 1, TOKEN_BYTES, fits) } else { body };
    (body - head > 15).then_some(Find { from: at, to, kind: "jwt" })
}

/// What begins with a number: the token of a bot of Telegram.
pub(super) fn numbered(text: Text<'_>, at: usize) -> Option<Find> {
    let colon = text.run(at, 17, |byte| byte.is_ascii_digit());
    if !(6..=16).contains(&(colon - at)) || !text.starts(colon, b":A") {
        return None;
    }
    let to = text.run(colon + 1, 64, |byte| Of::Dashed.fits(byte));
    let is_it = to - colon == 36 && varied(text.part(colon + 1, to));
    is_it.then_some(Find { from: at, to, kind: "telegram-token" })
}

/// A private key as PEM, from its first line to its last.
pub(super) fn pem(text: Text<'_>, at: usize) -> Option<Find> {
    if !text.starts(at, b"-----BEGIN ") {
        return None;
    }
    let label =
        text.run(at + 11, 40, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
    let name = text.part(at + 11, label);
    if !name.windows(11).any(|part| part == b"PRIVATE KEY") || !text.starts(label, b"-----") {
        return None;
    }
    let body = text.part(label + 5, label + 5 + PEM_BYTES);
    let end = body.windows(9).position(|part| part == b"-----END ");
    let to = match end.map(|end| label + 5 + end) {
        Some(end) => {
            let after = text.run(end + 9, 60, |byte| byte != b'-' && byte != b'\n');
            text.run(after, 5, |byte| byte == b'-')
        }
        None => label + 5 + body.len(),
    };
    Some(Find { from: at, to, kind: "private-key" })
}

/// The password in `scheme://user:password@host`; the colon of the scheme is at this place.
pub(super) fn in_url(text: Text<'_>, at: usize) -> Option<Find> {
    if !text.starts(at, b"://") {
        return None;
    }
    let from = at + 3;
    let end = text.run(from, 300, |byte| byte > b' ' && !b"/?#\"'<>".contains(&byte));
    let host = from + text.part(from, end).iter().rposition(|byte| *byte == b'@')?;
    let colon = from + text.part(from, host).iter().position(|byte| *byte == b':')?;
    let is_it =
        host > colon + 1 && !text.starts(colon + 1, b"[redacted") && !b"$<{".contains(&text.at(colon + 1));
    is_it.then_some(Find { from: colon + 1, to: host, kind: "url-password" })
}

/// Names behind which a password stands, and such behind which something else stands that is secret where it looks so.
const PASSWORDS: [&str; 4] = ["password", "passwd", "passphrase", "pwd"];
const SECRETS: [&str; 10] = [
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "accesskey",
    "private_key",
    "auth_key",
    "credential",
];

/// `password = ...`; the sign between is at this place.
pub(super) fn keyed(text: Text<'_>, at: usize) -> Option<Find> {
    let mut end = at;
    while end > 0 && at - end < 3 && b" \t\"'\\".contains(&text.at(end - 1)) {
        end -= 1;
    }
    let mut begin = end;
    while begin > 0
        && end - begin < 48
        && (is_word(text.at(begin - 1)) || b"-.".contains(&text.at(begin - 1)))
    {
        begin -= 1;
    }
    if end - begin < 3 {
        return None;
    }
    let name = text.part(begin, end).to_ascii_lowercase();
    let has = |word: &str| name.windows(word.len()).any(|part| part == word.as_bytes());
    let is_password = PASSWORDS.iter().any(|word| has(word));
    if !is_password && !SECRETS.iter().any(|word| has(word)) {
        return None;
    }
    // `:=`, `=>`, `= "`.
    let mut from = text.run(at + 1, 2, |byte| byte == b'=' || byte == b'>');
    from = text.run(from, 4, |byte| byte == b' ' || byte == b'\t');
    // Within JSON, quotes have a backslash before them.
    from += usize::from(text.at(from) == b'\\' && text.at(from + 1) == b'"');
    let quote = text.at(from);
    let to = if quote == b'"' || quote == b'\'' || quote == b'`' {
        from += 1;
        text.run(from, 512, |byte| byte != quote && byte != b'\n' && byte != b'\\')
    } else {
        text.run(from, 512, |byte| byte > b' ' && !b"\"'`,;)}]&<>|\\".contains(&byte))
    };
    let value = text.part(from, to);
    let least = if is_password { 4 } else { 8 };
    let marked = value.windows(9).any(|part| part == b"[redacted");
    let placeholder = marked || value.first().is_none_or(|first| b"[$<{%(*".contains(first));
    let looks_so = is_password || (value.iter().any(u8::is_ascii_digit) && varied(value));
    if value.len() < least || placeholder || !looks_so || text.at(at + 1) == b'/' || text.at(at + 1) == b':' {
        return None;
    }
    // What says more precisely what it is, is found as that.
    if word(text, from).is_some_and(|one| one.to >= to) {
        return None;
    }
    Some(Find { from, to, kind: if is_password { "password" } else { "secret" } })
}
