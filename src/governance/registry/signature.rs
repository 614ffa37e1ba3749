//! Signatures of models as OpenSSF Model Signing v1.0 has them, made with a key: a Sigstore bundle around a DSSE envelope
//! around an in-toto statement that names every file with its SHA-256.
//!
//! Whose key counts is said by this box; what a bundle says of its key is not believed. A certificate stands for its
//! key: neither who issued it nor its dates are looked at. Signatures of a Sigstore identity (keyless) need a public log,
//! and are not verified. Pure.

use bincode::{Decode, Encode};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Gate, GateState};
use crate::audit::{PAYLOAD_TYPE, pae};
use crate::base::{from_base64, from_hex, to_base64, to_hex};

/// A bundle is read up to here.
pub const BUNDLE_BYTES: u64 = 1 << 20;
const RESOURCES_MOST: usize = 1_000;
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://model_signing/signature/v1.0";
const NAME: &str = "signature";
/// Name of the model in place of a file's, where it is one file.
pub const ONE_FILE: &str = ".";
/// How a SubjectPublicKeyInfo of each kind begins; the key itself follows.
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P384: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
const EDWARDS: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const KINDS: [(&[u8], &dyn VerificationAlgorithm); 3] =
    [(P256, &ECDSA_P256_SHA256_ASN1), (P384, &ECDSA_P384_SHA384_ASN1), (EDWARDS, &ED25519)];

/// A file's name in the signed folder (`.` for a model that is one file), and its SHA-256.
pub type File = (String, [u8; 32]);

/// What came with a model when it was registered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Signed {
    /// The bundle as it was given.
    pub bundle: String,
    /// The files that the model was made of, as this box read them.
    pub files: Vec<File>,
}

/// A key that may sign models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// SubjectPublicKeyInfo.
    der: Vec<u8>,
}

impl SigningKey {
    /// SHA-256 over its PEM, as bundles hint at it.
    #[must_use]
    pub fn id(&self) -> String {
        let mut pem = "-----BEGIN PUBLIC KEY-----".to_owned();
        for (at, letter) in to_base64(&self.der).chars().enumerate() {
            if at % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        to_hex(&Sha256::digest(pem + "\n-----END PUBLIC KEY-----\n"))
    }

    fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        KINDS.iter().any(|(begin, kind)| {
            let point = self.der.strip_prefix(*begin);
            point.is_some_and(|point| UnparsedPublicKey::new(*kind, point).verify(bytes, signature).is_ok())
        })
    }

    /// Reads the public keys and certificates of a PEM file.
    ///
    /// # Errors
    /// What is none of them.
    pub fn read(pem: &str) -> Result<Vec<Self>, String> {
        const DASHES: &str = "-----";
        let mut keys = Vec::new();
        let mut block: Option<(&str, String)> = None;
        for line in pem.lines().map(str::trim) {
            let mark = line.strip_prefix(DASHES).and_then(|rest| rest.strip_suffix(DASHES));
            if let Some(label) = mark.and_then(|mark| mark.strip_prefix("BEGIN ")) {
                block = Some((label, String::new()));
            } else if mark.is_some() {
                let Some((label, text)) = block.take() else { continue };
                let der = from_base64(&text).ok_or_else(|| format!("the {label} is not base64"))?;
                let der = match label {
                    "PUBLIC KEY" => Some(der),
                    "CERTIFICATE" => key_of(&der).map(<[u8]>::to_vec),
                    other => {
                        return Err(format!("it has a {other}; public keys and certificates are wanted"));
                    }
                };
                let known = |der: &Vec<u8>| KINDS.iter().any(|(begin, _)| der.starts_with(begin));
                let der = der.filter(known).ok_or_else(|| {
                    format!("the {label} has no key of a known kind: ECDSA P-256, P-384 or Ed25519")
                })?;
                keys.push(Self { der });
            } else if let Some((_, text)) = &mut block {
                text.push_str(line);
            }
        }
        if keys.is_empty() { Err("it has no public key and no certificate".to_owned()) } else { Ok(keys) }
    }
}

/// One value of DER: its tag, its content, and what follows it.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), rest.get(2..)?),
        _ => return None,
    };
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

/// The key of an X.509 certificate, as it stands there.
fn key_of(der: &[u8]) -> Option<&[u8]> {
    const VERSION: u8 = 0xa0;
    let (_, certificate, _) = value(der)?;
    let (_, mut rest, _) = value(certificate)?;
    if let (VERSION, _, after) = value(rest)? {
        rest = after;
    }
    // Serial number, algorithm, issuer, dates, subject.
    for _ in 0..5 {
        rest = value(rest)?.2;
    }
    let after = value(rest)?.2;
    rest.get(..rest.len() - after.len())
}

/// A bundle that was read; nothing of it is verified by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    payload: Vec<u8>,
    signatures: Vec<Vec<u8>>,
    /// What its signer says of the key.
    hint: String,
    keyless: bool,
    pub resources: Vec<File>,
}

impl Bundle {
    /// Reads a `model.sig`.
    ///
    /// # Errors
    /// What makes it none that could be verified here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let of_bundle = |what: &str| format!("it is no bundle of OpenSSF Model Signing: {what}");
        let json: Value = serde_json::from_str(text).map_err(|error| of_bundle(&error.to_string()))?;
        let at = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if !at("/mediaType").starts_with("application/vnd.dev.sigstore.bundle") {
            return Err(of_bundle("its mediaType is another one"));
        }
        if at("/dsseEnvelope/payloadType") != PAYLOAD_TYPE {
            return Err(of_bundle("it has no DSSE envelope around a statement of in-toto"));
        }
        let payload =
            from_base64(at("/dsseEnvelope/payload")).ok_or_else(|| of_bundle("its payload is not base64"))?;
        let signatures = json.pointer("/dsseEnvelope/signatures").and_then(Value::as_array);
        let bytes = |one: &Value| from_base64(one.get("sig")?.as_str()?);
        let signatures: Vec<Vec<u8>> = signatures.into_iter().flatten().filter_map(bytes).take(8).collect();
        let hint =
            at("/verificationMaterial/publicKey/hint").chars().filter(char::is_ascii_hexdigit).take(64);
        let keyless = json.pointer("/verificationMaterial/certificate").is_some()
            || json
                .pointer("/verificationMaterial/tlogEntries")
                .and_then(Value::as_array)
                .is_some_and(|all| !all.is_empty());
        let resources = resources(&payload)?;
        Ok(Self { hint: hint.collect(), payload, signatures, keyless, resources })
    }

    /// The key among these that signed.
    ///
    /// # Errors
    /// Why none did.
    fn signer<'a>(&self, keys: &'a [SigningKey]) -> Result<&'a SigningKey, String> {
        let bytes = pae(PAYLOAD_TYPE, &self.payload);
        let did = |key: &&SigningKey| self.signatures.iter().any(|one| key.signed(&bytes, one));
        keys.iter().find(did).ok_or_else(|| match self.keyless {
            true => {
                "a Sigstore identity made it (keyless); that needs a public log and is not verified on a box \
                     without a network: sign with a key (model_signing sign key)"
                    .to_owned()
            }
            false if self.hint.is_empty() => format!("none of the {} trusted keys made it", keys.len()),
            false => {
                format!("none of the {} trusted keys made it; its key says it is {}", keys.len(), self.hint)
            }
        })
    }
}

/// The files of a statement, which must be one of a model and agree with itself.
fn resources(payload: &[u8]) -> Result<Vec<File>, String> {
    let json: Value =
        serde_json::from_slice(payload).map_err(|error| format!("its statement cannot be read: {error}"))?;
    let at = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if at("/_type") != STATEMENT || at("/predicateType") != PREDICATE {
        return Err(format!("its statement is another one than {PREDICATE}"));
    }
    if at("/predicate/serialization/method") != "files" {
        return Err("it was signed by shards; sign it by files, which is what model_signing does".to_owned());
    }
    let all = json.pointer("/predicate/resources").and_then(Value::as_array);
    let all = all.filter(|all| (1..=RESOURCES_MOST).contains(&all.len()));
    let all = all.ok_or_else(|| format!("its statement names no file, or more than {RESOURCES_MOST}"))?;
    let mut found: Vec<File> = Vec::with_capacity(all.len());
    let mut root = Sha256::new();
    for one in all {
        let field = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        let name: String = field("name").chars().take(400).collect();
        if field("algorithm") != "sha256" {
            return Err(format!("{name} is named by another hash than sha256"));
        }
        let digest = from_hex(field("digest")).ok_or_else(|| format!("the digest of {name} is none"))?;
        if found.iter().any(|(known, _)| *known == name) {
            return Err(format!("{name} is named twice"));
        }
        root.update(digest);
        found.push((name, digest));
    }
    let subjects = json.pointer("/subject").and_then(Value::as_array).map_or(0, Vec::len);
    if subjects != 1 || from_hex(at("/subject/0/digest/sha256")) != Some(root.finalize().into()) {
        return Err("its subject is not the digest over its files".to_owned());
    }
    Ok(found)
}

/// The files are those that were signed; a model that is one file may bear any name, and lie among others.
fn same_files(signed: &[File], files: &[File]) -> Result<(), String> {
    if let [(name, digest)] = files
        && name == ONE_FILE
    {
        let is_signed = signed.iter().any(|(_, known)| known == digest);
        let what = || format!("{} is not among what was signed", to_hex(digest));
        return if is_signed { Ok(()) } else { Err(what()) };
    }
    for (name, digest) in files {
        match signed.iter().find(|(known, _)| known == name) {
            None => return Err(format!("{name} is not among what was signed")),
            Some((_, known)) if known != digest => return Err(format!("{name} is not what was signed")),
            Some(_) => {}
        }
    }
    let missing = signed.iter().find(|(name, _)| !files.iter().any(|(known, _)| known == name));
    missing.map_or(Ok(()), |(name, _)| Err(format!("{name} was signed, and is not there")))
}

fn verified(signed: &Signed, keys: Result<Vec<SigningKey>, String>) -> Result<String, String> {
    let bundle = Bundle::parse(&signed.bundle)?;
    let keys = keys?;
    let key = bundle.signer(&keys)?;
    same_files(&bundle.resources, &signed.files)?;
    Ok(format!("the key {} signed it; files: {}", key.id(), signed.files.len()))
}

/// What was signed is what was registered, by a key that this box trusts. `asked` is `off`, `if-present` or
/// `required`.
#[must_use]
pub fn signature(asked: &str, signed: Option<&Signed>, keys: Result<Vec<SigningKey>, String>) -> Gate {
    let gate = |state, what: &str| Gate { name: NAME.to_owned(), state, what: what.to_owned() };
    match (asked, signed) {
        ("if-present" | "required", Some(signed)) => match verified(signed, keys) {
            Ok(what) => gate(GateState::Passed, &what),
            Err(why) => gate(GateState::Failed, &why),
        },
        ("required", None) => {
            gate(GateState::Failed, "no signature came with it: spud model register --signature")
        }
        ("if-present", None) => gate(GateState::NotMeasured, "no signature came with it"),
        (_, Some(_)) => {
            gate(GateState::NotConfigured, "promotion.signature is off: what came with it is not verified")
        }
        _ => gate(GateState::NotConfigured, "promotion.signature is off"),
    }
}

#[cfg(test)]
mod tests;
